"""The tree of commands that a script sees: groups of attributes, functions and constants.

A group stands behind a Lua table such as `smua.source`. Reading what it does not have gives nil,
as in any Lua table; writing it ends the script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from nanojunction.instruments.virtual.keithley2600.errors import ScriptFault, TspError

Value = float | str | None
Parse = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that is read, and written if it has a `write`."""

    read: Callable[[], Value]
    write: Callable[[Any], None] | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """Something that is called; one that `waits` is called without the world's lock."""

    call: Callable[..., Any]
    waits: bool = False


Entry: TypeAlias = "Attribute | Function | Group | float | str"


class Group:
    """Named or numbered entries; `channel` names the SMU that an error belongs to."""

    #: What the metatable of its Lua table says that it is, where clients ask for it.
    luatype: str = ""

    def __init__(self, channel: str = "", /, **entries: Entry) -> None:
        self.channel = channel
        self.entries: dict[str | int, Entry] = {}
        self.entries.update(entries)

    def find(self, key: str | int) -> Entry | None:
        """Return an entry, None if there is none."""
        return self.entries.get(key)

    def described(self) -> Iterator[str | int]:
        """Yield kind and key of each entry: `setting` (read and written), `reading`, `object`."""
        for key, entry in self.entries.items():
            if isinstance(entry, Attribute):
                yield "reading" if entry.write is None else "setting"
            else:
                yield "object"
            yield key

    def write(self, key: str | int, value: Any) -> None:
        """Write an attribute; raises ScriptFault for what is none."""
        entry = self.find(key)
        if not isinstance(entry, Attribute):
            raise ScriptFault(f"attempt to write to unknown attribute `{key}'")
        if entry.write is None:
            raise ScriptFault(f"attempt to write to read-only attribute `{key}'")
        entry.write(value)


def number(low: float = -math.inf, high: float = math.inf) -> Parse:
    """Return what takes a number from `low` to `high`.

    It raises TspError 1101 or 1102 beyond that, -104 for what is no number.
    """

    def parse(value: Any) -> float:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise TspError(-104) from None
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise TspError(-104)
        if value > high:
            raise TspError(1101)
        if value < low:
            raise TspError(1102)
        return float(value)

    return parse


def whole(low: float = 0, high: float = math.inf) -> Parse:
    """Return what takes a whole number; what comes after the point is cut, as in C."""
    bounded = number(low, high)

    def parse(value: Any) -> int:
        taken = bounded(value)
        if math.isinf(taken):
            raise TspError(1101)
        return int(taken)

    return parse


def flag(value: Any) -> bool:
    """Take a truth value, or a number other than 0 for true."""
    return value if isinstance(value, bool) else bool(number()(value))


def text(value: Any) -> str:
    """Take a string; a number is written out, nothing else is taken."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TspError(-104)
    return str(value)


def held(keeper: Any, name: str, parse: Parse) -> Attribute:
    """Return the attribute `name` of a Python object, written through `parse`."""

    def write(value: Any) -> None:
        setattr(keeper, name, parse(value))

    return Attribute(lambda: getattr(keeper, name), write)


def kept(initial: Value, parse: Parse) -> Attribute:
    """Return an attribute that nothing else looks at."""
    cell = [initial]

    def write(value: Any) -> None:
        cell[0] = parse(value)

    return Attribute(lambda: cell[0], write)
