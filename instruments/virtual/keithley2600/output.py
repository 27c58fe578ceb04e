"""How a 2600 writes numbers: `format`, `print`, `printnumber` and `printbuffer`.

Source: Series 2600B Reference Manual (2600BS-901-01), section 7, `format.…` and `print…()`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from nanojunction.instruments.virtual.keithley2600.buffer_commands import cells
from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.interpreter import Stopped
from nanojunction.instruments.virtual.keithley2600.tree import (
    Attribute,
    Entry,
    Function,
    Group,
    number,
)

ASCII, REAL32, REAL64 = 1, 2, 3
#: Most characters that one message may print: a choice.
_MOST = 8_000_000

_NAMES: dict[str, Entry] = {
    "ASCII": ASCII, "SREAL": REAL32, "REAL32": REAL32,
    "REAL": REAL64, "REAL64": REAL64, "DREAL": REAL64,
    "NORMAL": 0, "NETWORK": 0, "BIGENDIAN": 0, "SWAPPED": 1, "LITTLEENDIAN": 1,
}  # fmt: skip


class Output:
    """What the running message prints, in the format that is set."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._length = 0
        self.reset()

    def reset(self) -> None:
        """Go to the defaults: six digits, ASCII, the least significant byte first."""
        self.precision, self.data, self.byteorder = 6, ASCII, 1

    def take(self) -> str | None:
        """Return what was printed, None if nothing was."""
        lines, self.lines, self._length = self.lines, [], 0
        return "\n".join(lines) if lines else None

    def line(self, words: str) -> None:
        """Print a line."""
        self._length += len(words) + 1
        if self._length > _MOST:
            raise Stopped("output queue is full")
        self.lines.append(words)

    def show(self, value: Any) -> str:
        """Return a value as `print` writes it."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return f"{value:.{self.precision - 1}e}"
        return "nil" if value is None else str(value)

    def group(self) -> Group:
        """Return `format`."""
        return Group(
            asciiprecision=Attribute(lambda: self.precision, self._set_precision),
            data=Attribute(lambda: self.data, self._set_data),
            byteorder=Attribute(lambda: self.byteorder, self._set_byteorder),
            **_NAMES,
        )

    def functions(self) -> dict[str, Entry]:
        """Return the functions that print."""
        return {
            "print": Function(self._print),
            "printnumber": Function(self._print_numbers),
            "printbuffer": Function(self._print_buffer),
        }

    def _set_precision(self, value: Any) -> None:
        digits = int(number()(value))
        if not 1 <= digits <= 16:
            raise TspError(1405)
        self.precision = digits

    def _set_data(self, value: Any) -> None:
        if number()(value) not in (ASCII, REAL32, REAL64):
            raise TspError(1406)
        self.data = int(value)

    def _set_byteorder(self, value: Any) -> None:
        if number()(value) not in (0, 1):
            raise TspError(1404)
        self.byteorder = int(value)

    def _print(self, *values: Any) -> None:
        self.line("\t".join(map(self.show, values)))

    def _print_numbers(self, *values: Any) -> None:
        self._block([number()(value) for value in values])

    def _print_buffer(self, start: Any = None, end: Any = None, *sources: Any) -> None:
        if not sources:
            raise TspError(1400)
        self._block(cells(start, end, sources))

    def _block(self, values: Sequence[float | str]) -> None:
        if self.data == ASCII:
            self.line(", ".join(map(self.show, values)))
            return
        numbers = [value for value in values if not isinstance(value, str)]
        code = ("<" if self.byteorder else ">") + str(len(numbers))
        packed = struct.pack(code + ("f" if self.data == REAL32 else "d"), *numbers)
        self.line("#0" + packed.decode("latin-1"))
