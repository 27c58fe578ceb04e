"""The parameter sets of the figures of Lamblin & Bowen 2024."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from nanojunction.models.engine.parameters import Engine
from nanojunction.models.engine.selective import Observable
from nanojunction.models.errors import ModelError

__all__ = ["PRESETS", "Measurement", "Preset", "preset"]

Measurement = Literal["unselective", "selective"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Preset:
    """What a figure shows: an engine, its strokes, where it starts, and what is swept.

    `sweeps` are axes as the command takes them. `ours` says what the paper leaves open.
    """

    engine: Engine
    shows: str
    initial: str = "ud"
    tau_per_meV: float = 1.0
    tau_spread: float = 0.0
    cycles: int = 1_000_000
    measurement: Measurement = "unselective"
    observable: Observable = "right"
    sweeps: tuple[str, ...] = ()
    ours: str = ""


def _engine(
    gamma: float,
    left: tuple[float, float],
    right: tuple[float, float],
    bosons: tuple[float, float] = (0.0, 0.0),
) -> Engine:
    """Return an engine with the levels of all figures and these γ and (T⁺, T⁻), (Λ⁺, Λ⁻)."""
    return Engine(
        eps_up_meV=-3.0,
        eps_down_meV=8.0,
        eps_r_meV=1.0,
        u_meV=1000.0,
        j_meV=8.0,
        gamma_meV=gamma,
        tl_plus_meV=left[0],
        tl_minus_meV=left[1],
        tr_plus_meV=right[0],
        tr_minus_meV=right[1],
        lambda_plus_meV=bosons[0],
        lambda_minus_meV=bosons[1],
    )


_FIG3 = _engine(0.1, (0.1, 0.1), (0.01, 0.01))
_FIG4 = _engine(1000.0, (0.1, 0.1), (0.1, 0.1))
_FIG6 = _engine(1000.0, (0.1, 0.1), (0.1, 0.1), (0.01, 0.005))
_FIG7 = _engine(1000.0, (0.2, 0.1), (0.1, 0.1), (0.01, 0.0101))
_RANGES = "ranges of the axes"
_ALIASED = (
    "ranges of the axes; strokes of τ·(1 ± 0.5), as one τ sees no more of a turn of the coherence "
    "than where in it the clock stops"
)
_RATES = "=0.001:1000:61:log"
_NEAR = "=0.01:1:61:log"


def _map(shows: str, *sweeps: str) -> Preset:
    return Preset(engine=_FIG4, shows=shows, cycles=1, tau_spread=0.5, sweeps=sweeps, ours=_ALIASED)


def _steady(shows: str, *sweeps: str) -> Preset:
    return Preset(engine=_FIG7, shows=shows, cycles=1, tau_per_meV=inf, sweeps=sweeps, ours=_RANGES)


_SPIN_BIAS = Preset(
    engine=_FIG7,
    shows="ΔE with bosons and a spin bias",
    tau_per_meV=2e-3,
    ours="τ and where it starts: the paper's 1.4 µeV is what the model gives at τ = 0.002",
)

PRESETS: dict[str, Preset] = {
    "fig3a": Preset(engine=_FIG3, shows="ΔE from |↓↓⟩", initial="dd"),
    "fig3b": Preset(engine=_FIG3, shows="ΔE from (|↑↓⟩ + |↓↓⟩)/2 mixed", initial="ud,dd"),
    "fig4a": _map("−⟨C⟩ after a stroke: T_L against U", f"tl{_RATES}", "u=1:10000:61:log"),
    "fig4b": _map("−⟨C⟩ after a stroke: T_L against T_R", f"tl{_RATES}", f"tr{_RATES}"),
    "fig4c": _map("−⟨C⟩ after a stroke: T_R⁻, T_R⁺", f"tr-minus{_RATES}", f"tr-plus{_RATES}"),
    "fig4d": _map("−⟨C⟩ after a stroke: U against γ", "u=1:10000:61:log", "gamma=0.1:10000:61:log"),
    "fig5a": Preset(engine=_FIG4, shows="ΔE, left charge not read", observable="left"),
    "fig5b": Preset(
        engine=_FIG4,
        shows="ΔE, left charge read",
        observable="left",
        measurement="selective",
        ours="the seed",
    ),
    "fig6a": Preset(engine=_FIG6, shows="ΔE with a pump of bosons", ours="where it starts"),
    "fig6b": Preset(
        engine=_FIG6,
        shows="−⟨C⟩ against Λ⁺ and Λ⁻",
        cycles=1,
        tau_per_meV=1e-3,
        sweeps=(f"lambda-plus{_NEAR}", f"lambda-minus{_NEAR}"),
        ours=_RANGES,
    ),
    "fig7a": _SPIN_BIAS,
    "fig7b": _SPIN_BIAS,
    "fig7c": _steady("−⟨C⟩ of the steady state: T_L⁻, T_L⁺", f"tl-minus{_NEAR}", f"tl-plus{_NEAR}"),
    "fig7d": _steady("−⟨C⟩ of the steady state: T_R⁻, T_R⁺", f"tr-minus{_NEAR}", f"tr-plus{_NEAR}"),
}


def preset(name: str) -> Preset:
    """Return the preset of a figure, such as "fig7a"; raises ModelError for an unknown one."""
    if name not in PRESETS:
        raise ModelError("preset", f"no figure {name!r}; there are {' '.join(PRESETS)}")
    return PRESETS[name]
