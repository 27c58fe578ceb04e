"""Reading buffers of a 2600: what they keep of each reading, and when they may be changed.

Source: Series 2600B Reference Manual, section 3, "Reading buffers", and `bufferVar` in section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nanojunction.instruments.virtual.keithley2600.errors import TspError

#: Readings that a dedicated buffer holds.
DEDICATED_CAPACITY = 60_000

#: Bits of a reading's status.
AUTORANGED, SOURCE_AUTORANGED, REMOTE_SENSE = 0x04, 0x08, 0x10
RELATIVE, COMPLIANCE, FILTERED = 0x20, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one function, with what was true when it was taken (V, A, Ω, W, s)."""

    value: float
    time_s: float
    source_value: float
    status: int
    measure_range: float
    source_range: float
    source_function: int
    output: int
    function: str


@dataclass(slots=True)
class Buffer:
    """A reading buffer; settings that shape the rows can change only while it is empty."""

    capacity: int
    readings: list[Reading] = field(default_factory=list)
    appendmode: int = 0
    cachemode: int = 1
    collectsourcevalues: int = 0
    collecttimestamps: int = 0
    timestampresolution: float = 1e-6
    fillmode: int = 0
    fillcount: int = 0
    next: int = 1

    #: Columns that can be read back by number.
    COLUMNS = (
        "readings",
        "timestamps",
        "sourcevalues",
        "statuses",
        "measureranges",
        "sourceranges",
        "measurefunctions",
        "sourcefunctions",
        "sourceoutputstates",
    )

    def start(self) -> None:
        """Make ready for new readings: without append mode the old ones go."""
        if not self.appendmode:
            self.clear()

    def clear(self) -> None:
        """Forget all readings."""
        self.readings.clear()
        self.next = 1

    def store(self, reading: Reading) -> None:
        """Keep a reading; a full buffer discards it, or starts again where it is a window."""
        room = min(self.fillcount or self.capacity, self.capacity)
        if len(self.readings) < room:
            self.readings.append(reading)
        elif self.fillmode:
            self.readings[self.next - 1] = reading
        else:
            return
        self.next = self.next % room + 1 if self.fillmode else len(self.readings) + 1

    def change(self, name: str, value: float) -> None:
        """Change a setting; raises TspError 5032 for one that needs an empty buffer."""
        needs_empty = ("appendmode", "collectsourcevalues", "collecttimestamps",
                       "timestampresolution")  # fmt: skip
        if name in needs_empty and self.readings and getattr(self, name) != value:
            raise TspError(5032)
        setattr(self, name, value)

    def cell(self, column: str, index: int) -> float | str | None:
        """Return one entry of a column, numbered from 1; None where there is none."""
        if not 1 <= index <= len(self.readings):
            return None
        r = self.readings[index - 1]
        if column == "timestamps":
            return r.time_s - self.readings[0].time_s if self.collecttimestamps else None
        if column == "sourcevalues":
            return r.source_value if self.collectsourcevalues else None
        kept: dict[str, float | str] = {
            "readings": r.value,
            "statuses": float(r.status),
            "measureranges": r.measure_range,
            "sourceranges": r.source_range,
            "measurefunctions": {"v": "Volts", "i": "Amps", "r": "Ohms", "p": "Watts"}[r.function],
            "sourcefunctions": "Volts" if r.source_function else "Amps",
            "sourceoutputstates": "On" if r.output == 1 else "Off",
        }
        return kept[column]
