"""The panels of Figs. 2–4 of Fransson, Ren & Zhu 2014: what is swept in each, and what is held.

Published are the panels' axes, Tc = 3Γ = J1 = J2 = 1 meV, T_L = 1 K, ε0 = 0, the gate μ = −2 meV of
the panels over V and ΔT, and V = 0.1 mV of Fig. 4(a). The ranges and the polarisations are choices:
the colours that stand for (p_L, p_R) are named in the figures only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FIGURES", "PANELS", "POLARISATIONS", "Panel"]

POLARISATIONS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, -0.5))
"""(p_L, p_R) of the curves: none, one lead, the other, both parallel, both antiparallel."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One interaction ("j", "i", "d") over one parameter, from where to where, what is held."""

    interaction: str
    swept: str
    first: float
    last: float
    held: Mapping[str, float] = field(default_factory=dict)

    @property
    def sweep(self) -> str:
        """The axis as it is written for a sweep."""
        return f"{self.swept}={self.first:g}:{self.last:g}:{_VALUES}"


_VALUES = 641
_GATED = {"mu": -2.0}


def _three(interaction: str, held: Mapping[str, float]) -> tuple[Panel, Panel, Panel]:
    return (
        Panel(interaction, "mu", -4.0, 4.0, held),
        Panel(interaction, "bias", -8.0, 8.0, _GATED),
        Panel(interaction, "delta_t", 0.0, 100.0, _GATED),
    )


FIGURES = {"fig2": _three("j", {}), "fig3": _three("i", {}), "fig4": _three("d", {"bias": 0.1})}
PANELS = {
    f"{name}{letter}": panel
    for name, panels in FIGURES.items()
    for letter, panel in zip("abc", panels, strict=True)
}
