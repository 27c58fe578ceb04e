"""The exchange model over its parameters, which are given by name or by a panel of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nanojunction.analysis.theory.axes import Axis, key_of, parse_axis
from nanojunction.analysis.theory.document import document_of
from nanojunction.analysis.theory.sweeps import over
from nanojunction.analysis.values import Array
from nanojunction.analysis.work.hands import Hands
from nanojunction.models.errors import ModelError
from nanojunction.models.exchange import exchange
from nanojunction.models.exchange.panels import FIGURES, PANELS, POLARISATIONS, Panel

__all__ = ["DEFAULTS", "UNITS", "ExchangeFound", "ExchangeSweep", "exchange_sweeps", "found_by"]

UNITS = {
    "mu": "meV",
    "bias": "meV",
    "t_left": "K",
    "delta_t": "K",
    "p_left": "",
    "p_right": "",
    "gamma": "meV",
    "tc": "meV",
    "eps0": "meV",
    "j1": "meV",
    "j2": "meV",
}
"""Parameters that can be given and swept, and their units."""
DEFAULTS = {
    **dict.fromkeys(("mu", "bias", "delta_t", "p_left", "p_right", "eps0"), 0.0),
    **dict.fromkeys(("t_left", "tc", "j1", "j2"), 1.0),
    "gamma": 1 / 3,
}
"""Those of the paper's figures."""

_POLARISATIONS = ("p_left", "p_right")
_COSTLY = (*_POLARISATIONS, "gamma", "tc")  # each value has kernels of its own
_FEW, _MANY = 1024, 1 << 16
"""Points of a block: a costly axis takes 0.4 ms a value; over others a map costs as its axes do."""


@dataclass(frozen=True, slots=True, eq=False)
class ExchangeSweep:
    """What is swept, what is held (the others have their defaults), and which equations.

    A `panel` of the paper has a curve for each of `pairs`, (p_L, p_R).
    """

    axes: tuple[Axis, ...]
    held: Mapping[str, float]
    printed: bool = False
    panel: Panel | None = None
    pairs: tuple[tuple[float, float], ...] = ()

    def parameters(self) -> dict[str, Any]:
        """Return all parameters that are not swept, with units in their names."""
        swept = {axis.name for axis in self.axes}
        values: dict[str, Any] = {**DEFAULTS, **self.held}
        if self.pairs:
            values["p_left"], values["p_right"] = map(list, zip(*self.pairs, strict=True))
        named = {key_of(name, UNITS[name]): values[name] for name in UNITS if name not in swept}
        return {**named, "printed": self.printed}

    def at(self, points: Mapping[str, Array]) -> dict[str, Array]:
        """Return j_meV, i_meV and d_meV at points of the swept parameters, shape (points,)."""
        values: dict[str, float | Array] = {**DEFAULTS, **self.held, **points}
        given = {key_of(name, UNITS[name]): value for name, value in values.items()}
        found = exchange(**given, printed=self.printed)
        return {"j_meV": found.j_meV, "i_meV": found.i_meV, "d_meV": found.d_meV}


@dataclass(frozen=True, slots=True, eq=False)
class ExchangeFound:
    """j_meV, i_meV and d_meV over the axes of a sweep; those of a panel first over its pairs."""

    sweep: ExchangeSweep
    axes: tuple[Axis, ...]
    results: Mapping[str, Array]

    def document(self) -> dict[str, Any]:
        """Return what was found as a document; a number is one over an axis of one value."""
        return document_of("exchange", self.sweep.parameters(), self.axes, self.results)


def exchange_sweeps(
    given: Mapping[str, float],
    axes: Sequence[Axis] = (),
    *,
    preset: str = "",
    printed: bool = False,
) -> list[ExchangeSweep]:
    """Return what parameters, axes and a preset ask for: three sweeps for fig2, one otherwise.

    What is given or swept by hand wins over the preset. Raises ModelError for a preset that there
    is not, and a parameter that is both given and swept.
    """
    for axis in axes:
        if axis.name in given:
            raise ModelError(axis.name, "is given and swept: leave one of both out")
    if not preset:
        return [ExchangeSweep(tuple(axes), given, printed)]
    panels = FIGURES.get(preset) or ([PANELS[preset]] if preset in PANELS else None)
    if panels is None:
        raise ModelError("preset", f"no {preset!r}; there are {', '.join((*FIGURES, *PANELS))}")
    by_hand = {*given, *(axis.name for axis in axes)}
    return [_of_panel(panel, given, axes, by_hand, printed) for panel in panels]


def _of_panel(
    panel: Panel, given: Mapping[str, float], axes: Sequence[Axis], by_hand: set[str], printed: bool
) -> ExchangeSweep:
    swept = tuple(axes) or (parse_axis(panel.sweep, UNITS),)
    names = {axis.name for axis in swept}
    held = {name: value for name, value in panel.held.items() if name not in names}
    if clash := names & given.keys():
        name = clash.pop()
        raise ModelError(name, "is what the preset sweeps: give another --sweep, or leave it out")
    pairs = () if by_hand & set(_POLARISATIONS) else POLARISATIONS
    return ExchangeSweep(swept, {**held, **given}, printed, panel, pairs)


def found_by(
    sweep: ExchangeSweep,
    *,
    hands: Hands | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ExchangeFound:
    """Evaluate a sweep; who does it and what is raised: `over`."""
    if not sweep.axes:
        mu = np.array([sweep.held.get("mu", DEFAULTS["mu"])])
        return ExchangeFound(sweep, (Axis("mu", "meV", mu),), sweep.at({"mu": mu}))
    points = _FEW if any(axis.name in _COSTLY for axis in sweep.axes) else _MANY

    def evaluated(one: ExchangeSweep) -> dict[str, Array]:
        return over(one.axes, one.at, hands=hands, costly=_COSTLY, points=points, progress=progress)

    if not sweep.pairs:
        return ExchangeFound(sweep, sweep.axes, evaluated(sweep))
    each = [
        evaluated(replace(sweep, held={**sweep.held, "p_left": left, "p_right": right}))
        for left, right in sweep.pairs
    ]
    curves = Axis("curve", "", np.arange(len(each), dtype=np.float64))
    results = {name: np.stack([one[name] for one in each]) for name in each[0]}
    return ExchangeFound(sweep, (curves, *sweep.axes), results)
