"""The commands of a reading buffer, and how its columns are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nanojunction.instruments.virtual.keithley2600.buffers import Buffer
from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.tree import (
    Attribute,
    Entry,
    Function,
    Group,
    Parse,
    number,
    whole,
)

_SWITCH = whole(0, 1)


class Column(Group):
    """One column of a buffer, read by number: `buffer.timestamps[3]`."""

    luatype = "synchronous_table"

    def __init__(self, buffer: Buffer, name: str) -> None:
        # Not in the manual; Python's package keithley2600 reads columns with it.
        super().__init__(getreading=Function(lambda n=None: buffer.cell(name, whole(1)(n))))
        self.buffer, self.name = buffer, name

    def find(self, key: str | int) -> Entry | None:
        """Return one entry of the column."""
        if not isinstance(key, int):
            return super().find(key)
        return Attribute(lambda: self.buffer.cell(self.name, key))


class BufferGroup(Group):
    """A reading buffer: `buffer.n`, `buffer.readings[3]`, or `buffer[3]` for the same."""

    luatype = "reading_buffer"

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        super().__init__(
            n=Attribute(lambda: len(buffer.readings)),
            next=Attribute(lambda: buffer.next),
            capacity=Attribute(lambda: buffer.capacity),
            basetimestamp=Attribute(lambda: buffer.readings[0].time_s if buffer.readings else 0.0),
            appendmode=self._setting("appendmode", _SWITCH),
            cachemode=self._setting("cachemode", _SWITCH),
            collectsourcevalues=self._setting("collectsourcevalues", _SWITCH),
            collecttimestamps=self._setting("collecttimestamps", _SWITCH),
            timestampresolution=self._setting("timestampresolution", number(1e-6)),
            fillmode=self._setting("fillmode", _SWITCH),
            fillcount=self._setting("fillcount", whole(0, buffer.capacity)),
            clear=Function(buffer.clear),
            clearcache=Function(lambda: None),
            FILL_ONCE=0,
            FILL_WINDOW=1,
            **{name: Column(buffer, name) for name in Buffer.COLUMNS},
        )
        self.readings = Column(buffer, "readings")

    def find(self, key: str | int) -> Entry | None:
        """Return an entry; a number is one of the readings."""
        return self.readings.find(key) if isinstance(key, int) else super().find(key)

    def _setting(self, name: str, parse: Parse) -> Attribute:
        return Attribute(
            lambda: getattr(self.buffer, name),
            lambda value: self.buffer.change(name, parse(value)),
        )


def buffers_of(arguments: Sequence[Any]) -> list[Buffer]:
    """Return the buffers among a function's arguments; raises TspError 5033 for anything else."""
    found = []
    for argument in arguments:
        if argument is None:
            continue
        if not isinstance(argument, BufferGroup):
            raise TspError(5033)
        found.append(argument.buffer)
    return found


def cells(start: Any, end: Any, sources: Sequence[Any]) -> list[float | str]:
    """Return entries `start` to `end` of columns, buffers or lists, row by row.

    Raises TspError 4900 for an index where there is nothing, 5033 for what is no buffer.
    """
    first, last = whole(1)(start), whole(0, 10_000_000)(end)
    rows: list[float | str] = []
    for index in range(first, last + 1):
        for source in sources:
            rows.append(_cell(source, index))
    return rows


def _cell(source: Any, index: int) -> float | str:
    found: float | str | None
    if isinstance(source, list):
        found = source[index - 1] if index <= len(source) else None
    elif isinstance(source, Column):
        found = source.buffer.cell(source.name, index)
    elif isinstance(source, BufferGroup):
        found = source.buffer.cell("readings", index)
    else:
        raise TspError(5033)
    if found is None:
        raise TspError(4900)
    return found
