"""One run as the analysis sees it: columns in SI, conditions, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nanojunction.analysis.geometry import Area
from nanojunction.analysis.values import Array

if TYPE_CHECKING:
    from pandas import DataFrame

RunKind = Literal["iv", "ih", "it", "vt", "calibration", "unknown"]
State = Literal["P", "AP"]
Polarity = Literal["normal", "reversed"]
Wires = Literal[2, 4]
Heater = Literal["on", "off"]
Output = Literal["on", "off"]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was held while a run was measured; None where it is not known.

    `polarity` is how the junction was connected, `wires` 2 senses at the source-meter and 4 at
    the junction, `heater` is the sample's, `output` the source-meter's while the junction rested
    before the run, `position` that of the station's switch.
    """

    temperature_K: float | None = None
    field_T: float | None = None
    voltage_V: float | None = None
    current_A: float | None = None
    state: State | None = None
    polarity: Polarity | None = None
    wires: Wires | None = None
    heater: Heater | None = None
    output: Output | None = None
    position: str | None = None

    def to_json(self) -> dict[str, float | str | None]:
        """Return the JSON object of the results' `conditions`.

        How the junction was connected is there only where it is known.
        """
        connected = {
            "polarity": self.polarity,
            "wires": self.wires,
            "heater": self.heater,
            "output": self.output,
            "position": self.position,
        }
        return {
            "temperature_K": self.temperature_K,
            "field_T": self.field_T,
            "voltage_V": self.voltage_V,
            "current_A": self.current_A,
            "state": self.state,
            **{key: value for key, value in connected.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Corrected:
    """What notes corrected, and what stood there before (None: nothing), in words."""

    what: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """Rows that notes exclude, as pairs (first, last) counted from 1, and why."""

    reason: str
    count: int
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RunNotes:
    """What the notes beside a run file say, as far as it is about this run.

    `zero_V` and `zero_A` were subtracted from the sensed voltage and from the current, for the
    reason `why_zero` (None: nothing was).
    """

    file: Path
    comment: str = ""
    stars: int | None = None
    corrected: tuple[Corrected, ...] = ()
    why_corrected: str = ""
    excluded: tuple[Excluded, ...] = ()
    zero_V: float = 0.0
    zero_A: float = 0.0
    why_zero: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the results' `notes`."""
        zero = {"voltage_V": self.zero_V, "current_A": self.zero_A, "reason": self.why_zero}
        return {
            "file": self.file.as_posix(),
            "comment": self.comment,
            "stars": self.stars,
            "corrected": [asdict(one) for one in self.corrected],
            "why_corrected": self.why_corrected,
            "excluded": [
                {"reason": one.reason, "count": one.count, "rows": [list(s) for s in one.rows]}
                for one in self.excluded
            ],
            "zero": None if self.why_zero is None else zero,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A measured run, or one plateau of a run file that holds a series.

    All arrays have one entry a row, in SI. `voltage_V` is the sensed voltage, or the setpoint
    where a file has nothing else (a warning says so). `leg` counts from 0, a new one at each
    turning point. Columns that the file does not have are None; `in_compliance` is then all
    False. `segment` counts the plateaus of a series, or the tables of a
    file, from 0 and is None for a file of one run.
    `file` is the first part's where a run is in parts, and `parts` names the others in order.
    `header` holds the file's parameters and metadata as text. `status` is that of the `# End:`
    line, None where there is none (the run was cut off, or the file is not ours). `notes` are
    those beside the file, already followed, None where there are none. `area` is the junction's as
    header or notes state it, None where they do not.
    """

    file: Path
    device: str
    kind: RunKind
    time_s: Array | None
    leg: np.ndarray[tuple[int], np.dtype[np.int64]]
    setpoint_V: Array | None
    setpoint_A: Array | None
    voltage_V: Array
    current_A: Array
    field_T: Array | None
    temperature_K: Array | None
    in_compliance: np.ndarray[tuple[int], np.dtype[np.bool_]]
    conditions: Conditions = field(default_factory=Conditions)
    segment: int | None = None
    parts: tuple[Path, ...] = ()
    header: Mapping[str, str] = field(default_factory=dict)
    status: str | None = None
    warnings: tuple[str, ...] = ()
    notes: RunNotes | None = None
    area: Area | None = None

    def __len__(self) -> int:
        return len(self.current_A)

    def __repr__(self) -> str:
        part = "" if self.segment is None else f"#{self.segment}"
        return f"Run({self.file.name}{part}: {self.kind} of {self.device}, {len(self)} rows)"

    def to_frame(self) -> DataFrame:
        """Return the rows as a table (pandas), its columns named as in our run files."""
        from pandas import DataFrame

        return DataFrame(columns_of(self))


def columns_of(run: Run) -> dict[str, Any]:
    """Return a run's columns by the names of our run files, those that it has."""
    columns = {
        "Time (s)": run.time_s,
        "Leg": run.leg,
        "Setpoint (V)": run.setpoint_V,
        "Setpoint (A)": run.setpoint_A,
        "Voltage (V)": run.voltage_V,
        "Current (A)": run.current_A,
        "Field (T)": run.field_T,
        "Temperature (K)": run.temperature_K,
        "In compliance": run.in_compliance,
    }
    return {name: values for name, values in columns.items() if values is not None}


def cut(run: Run, part: slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Run:
    """Return a stretch of a run's rows, or those where `part` is True."""

    def of(values: Array | None) -> Array | None:
        return None if values is None else values[part]

    return replace(
        run,
        time_s=of(run.time_s),
        leg=run.leg[part],
        setpoint_V=of(run.setpoint_V),
        setpoint_A=of(run.setpoint_A),
        voltage_V=run.voltage_V[part],
        current_A=run.current_A[part],
        field_T=of(run.field_T),
        temperature_K=of(run.temperature_K),
        in_compliance=run.in_compliance[part],
    )
