"""One regime or two: the rule, and the choice in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nanojunction.analysis.notation import NO_BREAK, measured, symbol_of

if TYPE_CHECKING:
    from nanojunction.analysis.temperature.activation import Arrhenius, Regimes
    from nanojunction.analysis.temperature.piecewise import LineFit

DELTA_AICC = 10.0
"""Two regimes are preferred only if their AICc is lower by more than this."""


def delta_aicc(one: LineFit | None, two: LineFit | None) -> float | None:
    """Return AICc(one) − AICc(two), None where there is no second fit or too few points for it."""
    if one is None or two is None:
        return None
    delta = one.aicc - two.aicc
    return delta if math.isfinite(delta) else None


def prefers_two(one: LineFit | None, two: LineFit | None) -> bool:
    """Return whether two regimes are preferred to one."""
    return (delta_aicc(one, two) or 0.0) > DELTA_AICC


def explained(found: Arrhenius) -> str:
    """Return why one or two regimes are preferred, and what the rejected fit would have given."""
    if found.best is None:
        return found.note or "no fit was possible"
    if found.delta_aicc is None:
        why = found.note or found.two.quantities["t_cross_K"].note
        return f"one regime: {why}"
    by = f"{abs(found.delta_aicc):.3g}"
    less = "lowers" if found.delta_aicc > 0 else "raises"
    if found.best == "two-regime":
        return (
            f"two regimes: a second one {less} AICc by {by}, more than {DELTA_AICC:g}; one regime "
            f"would give {_energies(found.one)} and leave points up to {_off(found.one)} off"
        )
    return (
        f"one regime: a second one {less} AICc by {by}, and more than {DELTA_AICC:g} less is asked "
        f"for; two regimes would give {_energies(found.two)}"
    )


def _energies(regimes: Regimes) -> str:
    parts = [
        f"{symbol_of(key).plain} = {measured(item, symbol_of(key).unit) or '?'}"
        for key, item in regimes.quantities.items()
        if not key.startswith("x0")
    ]
    return ", ".join(parts).replace(NO_BREAK, " ")


def _off(regimes: Regimes) -> str:
    worst = 0.0 if regimes.fit is None else float(np.max(np.abs(regimes.fit.residuals)))
    return f"{100.0 * (math.exp(min(worst, 700.0)) - 1.0):.2g} %"
