"""Results on a shelf: the first ones in memory, the rest on disk until they are asked for.

A run's rows and curves take some 50 kB. Results of this process stay as they are until they are
too many. Later ones, and those of other processes, go to a temporary file that has no name and is
gone with the process. Nobody else can write to it, which is why its pieces may be pickles.
"""

from __future__ import annotations

import pickle
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from sys import intern
from typing import Any

from nanojunction.analysis.provenance import Provenance
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import Result, RunResult
from nanojunction.analysis.values import Curve
from nanojunction.analysis.work.packed import ARRAYS, AT_HAND, Packed, quantities_of

IN_MEMORY_BYTES = 48 << 20
"""Results of this process that take more than these are in the file."""
PACKED_BYTES = 24 << 20
"""The file is in memory, too, until it is larger than these."""
READ_BYTES = 4 << 20
"""So much of what was read last is at hand; as objects it is some times as large."""


class Shelf:
    """Where the results of an analysis are; they live as long as anybody has one of them."""

    def __init__(self, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._free = in_memory_bytes
        # Named by nobody: it is unlinked at once, or deleted by Windows when it is closed.
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=min(in_memory_bytes, PACKED_BYTES)
        )
        weakref.finalize(self, self._file.close)  # as long as any result reads from it
        self._keys: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._end = 0
        self._read: OrderedDict[int, tuple[int, Any]] = OrderedDict()
        self._read_bytes = 0
        self._lock = threading.Lock()

    def put(self, result: RunResult | Packed) -> RunResult:
        """Put a run's results on the shelf; what is returned has them, or reads them there.

        Raises OSError where the disk is full.
        """
        if isinstance(result, RunResult):
            if (size := _bytes_of(result)) <= self._free:
                self._free -= size
                return result
            result = Packed.of(result)
        place = _Place(
            self,
            self._keys.setdefault(result.keys, result.keys),
            self._write(result.rest),
            self._write(result.curves),
            self._write(result.rows),
        )
        return _ResultOnShelf.at(place, _RunOnShelf.at(place, result), result.provenance)

    def put_again(self, result: RunResult, changed: RunResult) -> RunResult:
        """Put other quantities of a run beside its rows, which stay where they are."""
        if not isinstance(result, _ResultOnShelf):
            return changed
        if changed.run is not result.run:
            return self.put(Packed.of(changed))
        rest, curves = quantities_of(changed)
        keys = tuple(changed.quantities)
        place = _Place(
            self,
            self._keys.setdefault(keys, keys),
            self._write(rest),
            self._write(curves),
            result.place.of_rows,
        )
        return _ResultOnShelf.at(place, result.run, changed.provenance)

    def _write(self, piece: bytes) -> tuple[int, int]:
        """Write at the end; return where the piece begins and how long it is."""
        with self._lock:
            self._file.seek(self._end)
            self._file.write(piece)
            begin, self._end = self._end, self._end + len(piece)
        return begin, len(piece)

    def read(self, begin: int, size: int) -> Any:
        """Return what was written there; what was asked for last is at hand."""
        with self._lock:
            if (known := self._read.get(begin)) is not None:
                self._read.move_to_end(begin)
                return known[1]
            self._file.seek(begin)
            piece = self._file.read(size)
        value = pickle.loads(piece)
        with self._lock:
            if begin not in self._read:
                self._read[begin] = size, value
                self._read_bytes += size
            while self._read_bytes > READ_BYTES and len(self._read) > 1:
                _, (gone, _) = self._read.popitem(last=False)
                self._read_bytes -= gone
        return value


def _bytes_of(result: RunResult) -> int:
    """Return about how much memory the results of a run take."""
    points = sum(len(one) for one in result.quantities.values() if isinstance(one, Curve))
    return 8 * (len(ARRAYS) * len(result.run) + 4 * points) + 8192


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """The keys of a run's quantities, and where its pieces are: begin and size of each."""

    shelf: Shelf
    keys: tuple[str, ...]
    of_rest: tuple[int, int]
    of_curves: tuple[int, int]
    of_rows: tuple[int, int]

    @property
    def rest(self) -> Any:
        return self.shelf.read(*self.of_rest)

    @property
    def curves(self) -> Any:
        return self.shelf.read(*self.of_curves)

    @property
    def rows(self) -> Any:
        return self.shelf.read(*self.of_rows)


class _Quantities(Mapping[str, Result]):
    """The quantities of a run on a shelf, in their order."""

    __slots__ = ("_place",)

    def __init__(self, place: _Place) -> None:
        self._place = place

    def __getitem__(self, key: str) -> Result:
        if key not in self._place.keys:  # found out without reading
            raise KeyError(key)
        values = self._place.rest["values"]
        found: Result = values[key] if key in values else self._place.curves[key]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._place.keys)

    def __len__(self) -> int:
        return len(self._place.keys)

    def __contains__(self, key: object) -> bool:
        return key in self._place.keys


class _FromShelf:
    """A field that is read at its owner's place, unless a copy was given a value of its own."""

    def __init__(self, read: Callable[[_Place, str], Any]) -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, item: Any, owner: type) -> Any:
        return self._read(item.place, self._name)


def _row() -> Any:
    return _FromShelf(lambda place, name: place.rows[name])


def _of_run() -> Any:
    return _FromShelf(lambda place, name: place.rest["run"][name])


def _of_result() -> Any:
    return _FromShelf(lambda place, name: place.rest[name])


class _RunOnShelf(Run):
    """A run whose rows, header, warnings and notes are read when they are asked for."""

    place: _Place
    time_s = _row()
    leg = _row()
    setpoint_V = _row()
    setpoint_A = _row()
    voltage_V = _row()
    current_A = _row()
    field_T = _row()
    temperature_K = _row()
    in_compliance = _row()
    header = _of_run()
    warnings = _of_run()
    notes = _of_run()

    @classmethod
    def at(cls, place: _Place, packed: Packed) -> _RunOnShelf:
        run = object.__new__(cls)
        _fill(run, ((name, getattr(packed, name)) for name in AT_HAND))
        # The same few words come from many files.
        words = (
            intern(packed.device),
            intern(packed.kind),
            packed.status and intern(packed.status),
        )
        _fill(run, zip(("device", "kind", "status"), words, strict=True))
        _fill(run, [("place", place)])
        return run

    def __reduce__(self) -> tuple[type[Run], tuple[Any, ...]]:
        return Run, tuple(getattr(self, one.name) for one in fields(Run))


class _ResultOnShelf(RunResult):
    """Results whose quantities and warnings are read when they are asked for."""

    place: _Place
    quantities = _FromShelf(lambda place, _: _Quantities(place))
    warnings = _of_result()

    @classmethod
    def at(cls, place: _Place, run: Run, provenance: Provenance | None) -> _ResultOnShelf:
        result = object.__new__(cls)
        # At hand, since all runs are asked for their hash: are two of them copies?
        _fill(result, (("run", run), ("place", place), ("provenance", provenance)))
        return result

    def __reduce__(self) -> tuple[type[RunResult], tuple[Any, ...]]:
        return RunResult, (self.run, dict(self.quantities), self.warnings, self.provenance)


def _fill(item: object, values: Iterable[tuple[str, Any]]) -> None:
    """Give fields of a frozen value that is being made their values."""
    for name, value in values:
        object.__setattr__(item, name, value)
