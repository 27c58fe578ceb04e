"""The spin engine over its parameters, which are given by name or by a figure of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanojunction.analysis.theory.axes import Axis, key_of
from nanojunction.analysis.theory.document import document_of
from nanojunction.analysis.theory.sweeps import over
from nanojunction.analysis.values import Array
from nanojunction.analysis.work.hands import Hands
from nanojunction.models.errors import ModelError
from nanojunction.models.transport import ANTIPARALLEL, PARALLEL, SpinEngine, spin_engine, tmr

__all__ = [
    "PRESETS",
    "STATES",
    "UNITS",
    "Given",
    "StateName",
    "TmrPeak",
    "TransportFound",
    "TransportSweep",
    "found_by",
    "tmr_peaks",
    "transport_sweep",
]

StateName = Literal["P", "AP"]
Given = Mapping[str, float | tuple[float, float]]
"""Parameters given by hand: one value, or those of P and of AP."""

STATES: Mapping[StateName, SpinEngine] = {"P": PARALLEL, "AP": ANTIPARALLEL}
_MEV = ("sp", "SP", "E0", "e0", "asym", "delta1", "delta2", "t1", "t2", "t3", "broadening", "kt")
UNITS = {
    "bias": "mV",
    **dict.fromkeys(("ap", "p_left", "p_right", "scale"), ""),
    **dict.fromkeys(_MEV, "meV"),
}
"""Parameters that can be given and swept, and their units."""
_OF_A_STATE = ("ap", "p_right", "e0", "asym", "delta1", "delta2")
_SPLIT: Given = {"delta1": (-0.2, -0.2), "delta2": (-0.2, 0.2)}
PRESETS: Mapping[str, Given] = {
    "fig3b": {},
    "fig3c": {},
    "fig3b-split": _SPLIT,
    "fig3c-split": _SPLIT,
}
"""Katcko 2019, Fig. 3b (currents of both spins) and 3c (currents, TMR), as the Methods have it; and
with the centres split, which gives the paper's shape."""
_AXIS = Axis("bias", "mV", np.linspace(-10.0, 10.0, 401))
_POINTS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class TransportSweep:
    """What is swept, and the parameters of each state that is asked for."""

    axes: tuple[Axis, ...]
    engines: Mapping[StateName, SpinEngine]
    bias_mV: float = 0.0
    preset: str = ""

    def parameters(self) -> dict[str, Any]:
        """Return all parameters that are not swept; {"P": …, "AP": …} where the states differ."""
        state = "both" if len(self.engines) > 1 else next(iter(self.engines))
        found: dict[str, Any] = {"state": state}
        swept = {axis.name for axis in self.axes}
        for name, unit in UNITS.items():
            key = key_of(name, unit)
            if name in swept:
                continue
            if name == "bias":
                found[key] = self.bias_mV
                continue
            values = {state: getattr(engine, key) for state, engine in self.engines.items()}
            both = len(values) > 1 and name in _OF_A_STATE
            found[key] = values if both else next(iter(values.values()))
        return found

    def at(self, points: Mapping[str, Array]) -> dict[str, Array]:
        """Return the results at points of the swept parameters, as "P i_A", …, and "tmr"."""
        swept = {key_of(name, UNITS[name]): values for name, values in points.items()}
        found: dict[str, Array] = {}
        for state, engine in self.engines.items():
            fixed = {key: getattr(engine, key) for key in SpinEngine.__dataclass_fields__}
            one = spin_engine(**{"bias_mV": self.bias_mV, **fixed, **swept})
            size = np.broadcast_shapes(*(values.shape for values in points.values()))
            found |= {
                f"{state} i_up_A": one.up_A,
                f"{state} i_down_A": one.down_A,
                f"{state} i_A": one.total_A,
                f"{state} p_W": np.broadcast_to(one.power_W, size),
            }
        return found


@dataclass(frozen=True, slots=True, eq=False)
class TransportFound:
    """Currents and powers of each state over the axes, and TMR where both are there."""

    sweep: TransportSweep
    states: Mapping[StateName, Mapping[str, Array]]
    tmr: Array | None

    def document(self) -> dict[str, Any]:
        """Return what was found as a document."""
        results: dict[str, Any] = dict(self.states.items())
        if self.tmr is not None:
            results["tmr"] = self.tmr
        return document_of("transport", self.sweep.parameters(), self.sweep.axes, results)


def transport_sweep(
    given: Given,
    axes: Sequence[Axis] = (),
    *,
    state: str = "both",
    preset: str = "",
) -> TransportSweep:
    """Return what parameters, axes, states and a preset ask for.

    The state sets ap, p_right, e0 and asym; what is given by hand wins, in every state that is
    asked for, or as a pair for P and AP. Without an axis the bias goes from -10 to 10 mV; beside
    other axes it is 0 where it is not given. Raises ModelError for a state, a preset or a name
    that there is not, and for a parameter that is both given and swept.
    """
    if state not in (*STATES, "both"):
        raise ModelError("state", f"no {state!r}; there are P, AP and both")
    if preset and preset not in PRESETS:
        raise ModelError("preset", f"no {preset!r}; there are {', '.join(PRESETS)}")
    values: dict[str, float | tuple[float, float]] = {**PRESETS.get(preset, {}), **given}
    swept = tuple(axes) or (() if "bias" in given else (_AXIS,))
    for axis in swept:
        if axis.name in given:
            raise ModelError(axis.name, "is given and swept: leave one of both out")
    bias_mV = values.pop("bias", 0.0)
    if isinstance(bias_mV, tuple):
        raise ModelError("bias", "is the same for both states: give one number")
    names: list[StateName] = ["P", "AP"] if state == "both" else ["P" if state == "P" else "AP"]
    engines = {one: _engine(one, values) for one in names}
    return TransportSweep(swept, engines, bias_mV, preset)


def _engine(state: StateName, values: Given) -> SpinEngine:
    """Return a state with what was given."""
    from dataclasses import replace

    chosen: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, tuple) and name not in _OF_A_STATE:
            raise ModelError(name, "is the same for both states: give one number")
        one = value[0 if state == "P" else 1] if isinstance(value, tuple) else value
        chosen[key_of(name, UNITS[name])] = one
    return replace(STATES[state], **chosen)


def found_by(
    sweep: TransportSweep,
    *,
    hands: Hands | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TransportFound:
    """Evaluate a sweep; who does it and what is raised: `over`."""
    if sweep.axes:
        flat = over(sweep.axes, sweep.at, hands=hands, points=_POINTS, progress=progress)
    else:
        axis = Axis("bias", "mV", np.array([sweep.bias_mV]))
        flat = sweep.at({"bias": axis.values})
        sweep = TransportSweep((axis,), sweep.engines, sweep.bias_mV, sweep.preset)
    states: dict[StateName, Mapping[str, Array]] = {
        state: {
            name.split()[1]: values for name, values in flat.items() if name.split()[0] == state
        }
        for state in sweep.engines
    }
    ratio = tmr(states["P"]["i_A"], states["AP"]["i_A"]) if len(states) == 2 else None
    return TransportFound(sweep, states, ratio)


@dataclass(frozen=True, slots=True)
class TmrPeak:
    """A maximum of TMR away from the zeros of I_AP, and its full width at half height."""

    bias_mV: float
    tmr: float
    fwhm_mV: float | None


def tmr_peaks(bias_mV: Array, parallel_A: Array, antiparallel_A: Array) -> list[TmrPeak]:
    """Return the maxima of TMR above 0 in rising voltage, those beside a zero of I_AP left out.

    The width is None where TMR does not fall to half of the peak on both sides before I_AP
    changes its sign or the curve ends.
    """
    ratio = tmr(parallel_A, antiparallel_A)
    with np.errstate(invalid="ignore"):
        top = (ratio[1:-1] > ratio[:-2]) & (ratio[1:-1] >= ratio[2:]) & (ratio[1:-1] > 0)
    found = []
    for k in (np.flatnonzero(top) + 1).tolist():
        same = np.sign(antiparallel_A) == np.sign(antiparallel_A[k])
        if not same[max(k - 2, 0) : k + 3].all():
            continue
        sides = [_half(bias_mV, ratio, same, k, step) for step in (-1, +1)]
        width = None if None in sides else abs(sum(s for s in sides if s is not None))
        found.append(TmrPeak(float(bias_mV[k]), float(ratio[k]), width))
    return found


def _half(bias_mV: Array, ratio: Array, same: Array, k: int, step: int) -> float | None:
    """Return how far from a peak the ratio is half of it, on one side; None if nowhere."""
    half, i = ratio[k] / 2, k
    while 0 <= i + step < len(ratio) and same[i + step] and np.isfinite(ratio[i + step]):
        i += step
        if ratio[i] <= half:
            share = (ratio[i - step] - half) / (ratio[i - step] - ratio[i])
            place = bias_mV[i - step] + share * (bias_mV[i] - bias_mV[i - step])
            return float(abs(place - bias_mV[k]))
    return None
