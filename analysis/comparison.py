"""Measured against published, row by row: a value, a bound, or a choice of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nanojunction.analysis.values import Quantity, plain

RowKind = Literal["value", "bound", "choice"]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One number of a paper beside the one that was measured; SI inside, `unit` at the edges.

    kind *value*: the deviation must lie within `tolerance` (a fraction of the published value, or
    in the unit where `absolute`), and the standard error within half of it, so that the agreement
    means something. kind *bound*: `low` < measured < `high`, each by at least two standard errors.
    kind *choice*: a parameter that the papers do not fix; it is shown and not judged. `scale`
    converts from SI to `unit`; `published` is the paper's own text.
    """

    device: str
    condition: str
    quantity: str
    published: str
    kind: RowKind
    measured: Quantity
    unit: str = ""
    scale: float = 1.0
    expected: float | None = None
    tolerance: float | None = None
    absolute: bool = False
    low: float | None = None
    high: float | None = None
    source: str = ""
    note: str = ""

    @property
    def shown(self) -> float | None:
        """The measured value in `unit`."""
        return None if self.measured.value is None else self.measured.value * self.scale

    @property
    def shown_stderr(self) -> float | None:
        """The standard error in `unit`."""
        return None if self.measured.stderr is None else self.measured.stderr * abs(self.scale)

    @property
    def deviation(self) -> float | None:
        """Measured less published: a fraction, or in `unit` where the tolerance is absolute."""
        if self.shown is None or self.expected is None:
            return None
        difference = self.shown - self.expected
        return difference if self.absolute else difference / abs(self.expected)

    @property
    def problem(self) -> str | None:
        """Why the row does not hold, in a few words; None if it holds."""
        if self.kind == "choice":
            return None
        if self.shown is None:
            return f"not measured: {self.measured.note or 'no run for it'}"
        if self.shown_stderr is None:
            return f"no standard error: {self.measured.note or 'unknown'}"
        return self._value_problem() if self.kind == "value" else self._bound_problem()

    def _value_problem(self) -> str | None:
        if self.expected is None or self.tolerance is None or self.deviation is None:
            return "the row states no tolerance"
        allowed = self.tolerance if self.absolute else self.tolerance * abs(self.expected)
        if abs(self.deviation) > self.tolerance:
            return "deviates by more than the tolerance"
        if self.shown_stderr is None or self.shown_stderr > allowed / 2.0:
            return "the standard error is more than half the tolerance"
        return None

    def _bound_problem(self) -> str | None:
        assert self.shown is not None and self.shown_stderr is not None  # problem() has asked
        if self.low is not None and not self.shown - 2.0 * self.shown_stderr > self.low:
            return f"not above {self.low:g} {self.unit}".rstrip()
        if self.high is not None and not self.shown + 2.0 * self.shown_stderr < self.high:
            return f"not below {self.high:g} {self.unit}".rstrip()
        return None

    @property
    def ok(self) -> bool:
        """Tell whether the row holds."""
        return self.problem is None

    def limits_text(self) -> str:
        """Return the tolerance or the bounds in words; a choice has none."""
        if self.kind == "choice":
            return ""
        if self.kind == "value" and self.tolerance is not None:
            if self.absolute:
                return f"± {self.tolerance:g} {self.unit}".rstrip()
            return f"± {100.0 * self.tolerance:g} %"
        parts = [f"> {self.low:g}"] if self.low is not None else []
        parts += [f"< {self.high:g}"] if self.high is not None else []
        return f"{' and '.join(parts)} {self.unit}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one row; numbers in `unit`."""
        row = {
            "device": self.device,
            "condition": self.condition,
            "quantity": self.quantity,
            "unit": self.unit,
            "published": self.published,
            "kind": self.kind,
            "measured": self.shown,
            "stderr": self.shown_stderr,
            "deviation": self.deviation,
            "limits": self.limits_text(),
            "ok": self.ok,
            "problem": self.problem,
            "source": self.source,
            "note": self.note,
        }
        return {key: plain(value) for key, value in row.items()}
