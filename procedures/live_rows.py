"""The rows of the present run and of the one before, for a look at them while it goes on."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from numbers import Real
from typing import Any

#: How many rows are kept.
ROWS = 4000


class KeptRows:
    """The last rows of a run, where it was suspended, and what the last run before it had."""

    def __init__(self) -> None:
        self._rows: deque[dict[str, Any]] = deque(maxlen=ROWS)
        self._count = 0  # of the rows of this run, more than are kept
        self._gaps: list[int] = []  # numbers of the rows that follow a suspension
        #: The last run that had rows: `procedure`, `sample`, `gaps` and `columns`; None: none.
        self.before: dict[str, Any] | None = None

    def begin(self, procedure: str | None, sample: str | None) -> None:
        """Start a new run; that of `procedure` on `sample`, if it had rows, is the one before."""
        if self._rows:
            self.before = self.beyond(0) | {"procedure": procedure, "sample": sample}
        self._rows.clear()
        self._gaps.clear()
        self._count = 0

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        self._rows.append(row)
        self._count += 1

    def interrupt(self) -> None:
        """Note that the next row does not continue the last one."""
        if self._count and self._count not in self._gaps:
            self._gaps.append(self._count)

    def beyond(self, after: int) -> dict[str, Any]:
        """Return the kept rows beyond the first `after` by column, `total`, and all `gaps`.

        A gap is the number (from 0) of a row that follows a suspension.
        """
        kept = list(self._rows)
        new = kept[max(0, after - (self._count - len(kept))) :]
        columns = {name: [plain(row.get(name)) for row in new] for name in (kept or [{}])[-1]}
        return {"total": self._count, "gaps": list(self._gaps), "columns": columns}


def plain(value: Any) -> Any:
    """Return what JSON can carry: numpy's numbers as Python's, None for what is not finite.

    What is neither number, text, list nor mapping becomes its words.
    """
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if value is None or kind in (int, str, bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return plain(value.tolist())
    return plain(float(value)) if isinstance(value, Real) else str(value)
