"""A run's results on their way to a shelf: what is asked for often at hand, the rest in bytes."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from nanojunction.analysis.geometry import Area
from nanojunction.analysis.provenance import Provenance
from nanojunction.analysis.run import Conditions, Run, RunKind
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Curve, Quantity

ARRAYS = (
    "time_s",
    "leg",
    "setpoint_V",
    "setpoint_A",
    "voltage_V",
    "current_A",
    "field_T",
    "temperature_K",
    "in_compliance",
)
AT_HAND = ("file", "device", "kind", "conditions", "segment", "parts", "status", "area")
_OTHERS = tuple(
    one.name for one in fields(Run) if one.name not in ARRAYS and one.name not in AT_HAND
)


@dataclass(frozen=True, slots=True)
class Packed:
    """A run's results on their way to a shelf, maybe from another process.

    `keys` are those of the quantities, `rows` the arrays of the run, `curves` the quantities that
    are curves; `rest` is everything else that is not at hand. The last three are pickled.
    """

    file: Path
    device: str
    kind: RunKind
    conditions: Conditions
    segment: int | None
    parts: tuple[Path, ...]
    status: str | None
    area: Area | None
    provenance: Provenance | None
    keys: tuple[str, ...]
    rest: bytes
    curves: bytes
    rows: bytes

    @classmethod
    def of(cls, result: RunResult) -> Packed:
        """Pack the results of a run."""
        run = result.run
        rest, curves = quantities_of(result)
        return cls(
            run.file,
            run.device,
            run.kind,
            run.conditions,
            run.segment,
            run.parts,
            run.status,
            run.area,
            result.provenance,
            tuple(result.quantities),
            rest,
            curves,
            _pickled({name: getattr(run, name) for name in ARRAYS}),
        )

    def named_as(self, files: Sequence[Path]) -> Packed:
        """Return the same with the paths that are at hand already, in place of equal ones."""
        own = {path: path for path in files}
        parts = tuple(own.get(path, path) for path in self.parts)
        return replace(self, file=own.get(self.file, self.file), parts=parts)

    def renamed(self, names: Mapping[Path, Path]) -> Packed:
        """Return the same with other paths of its files, and of the notes beside the first."""
        rest = pickle.loads(self.rest)
        if (notes := rest["run"]["notes"]) is not None:
            beside = names[self.file].parent / notes.file.name
            rest["run"]["notes"] = replace(notes, file=beside)
        parts = tuple(names[path] for path in self.parts)
        return replace(self, file=names[self.file], parts=parts, rest=_pickled(rest))


def quantities_of(result: RunResult) -> tuple[bytes, bytes]:
    """Return what of a run is neither at hand nor an array: the rest, and the curves."""
    held = result.quantities
    curves = {key: value for key, value in held.items() if isinstance(value, Curve)}
    rest = {
        "run": {name: getattr(result.run, name) for name in _OTHERS},
        "values": {key: value for key, value in held.items() if key not in curves},
        "warnings": result.warnings,
    }
    return _pickled(rest), _pickled(curves)


def _pickled(value: object) -> bytes:
    return pickle.dumps(value, protocol=5)


def _quickly_pickled(kind: type[Any]) -> None:
    """Let a dataclass be pickled by its fields in order; else it asks for their names each time."""
    values = attrgetter(*(one.name for one in fields(kind)))
    copyreg.pickle(kind, lambda one: (kind, values(one)))


for _kind in (Quantity, Curve, Conditions, Provenance, Packed):
    _quickly_pickled(_kind)
