"""What a fit of the spin engine varies: names, where it starts, how far it may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

from nanojunction.analysis.values import Array
from nanojunction.models.errors import ModelError
from nanojunction.models.transport import Sites, SpinEngine, spin_engine

__all__ = ["PARAMETERS", "Parameter", "both_states_A", "engines_of", "parameters_of"]

_MEV_PER_K = 26.0 / 295.0
"""k_B T of the paper, 26 meV for 295 K, in meV/K: 2 % above Boltzmann's constant."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a pair of states: where it starts, how far off it may be, its bounds.

    `width` is what is known of it beforehand: a Gaussian of this standard deviation about `start`
    is part of the fit, so that what the curves say nothing about stays within it. None: nothing
    is known. `varied` says whether the fit changes it.
    """

    name: str
    unit: str
    start: float
    width: float | None
    least: float
    most: float
    varied: bool = True

    def distance(self, value: float) -> float:
        """Return how far a value is from the start, in widths; 0 where nothing is known."""
        return 0.0 if self.width is None else (value - self.start) / self.width


_E, _POSITIVE = "meV", 0.05
_KNOWN = (
    Parameter("scale", "", 1.0, None, 0.0, inf),
    Parameter("sp_meV", _E, 8.4, 6.0, 0.0, 60.0),
    Parameter("SP_meV", _E, 2.0, 2.0, -30.0, 30.0),
    Parameter("ap", "", 0.3, 0.25, 0.0, 1.0),
    Parameter("p_left", "", 0.35, 0.25, -0.99, 0.99),
    Parameter("p_right", "", 0.35, 0.25, -0.99, 0.99),
    Parameter("e0_P_meV", _E, -2.5, 2.5, -50.0, 50.0),
    Parameter("e0_AP_meV", _E, 0.85, 2.5, -50.0, 50.0),
    Parameter("asym_P_meV", _E, 0.5, 1.5, -30.0, 30.0),
    Parameter("asym_AP_meV", _E, -0.75, 1.5, -30.0, 30.0),
    Parameter("delta1_meV", _E, 0.0, 0.5, -10.0, 10.0),
    Parameter("delta2_meV", _E, 0.0, 0.5, -10.0, 10.0),
    Parameter("line_mV", "mV", 0.0, 0.02, -1.0, 1.0),
    Parameter("line_nA", "nA", 0.0, 0.5, -100.0, 100.0),
    Parameter("E0_meV", _E, 0.0, 2.0, -50.0, 50.0, varied=False),
    Parameter("t1_meV", _E, 1.0, 0.5, _POSITIVE, 20.0, varied=False),
    Parameter("t2_meV", _E, 1.0, 0.5, _POSITIVE, 20.0, varied=False),
    Parameter("t3_meV", _E, 1.0, 0.5, _POSITIVE, 20.0, varied=False),
    Parameter("broadening_meV", _E, 10.0, 5.0, 0.5, 100.0, varied=False),
    Parameter("kt_meV", _E, 26.0, 10.0, 0.1, 100.0, varied=False),
)
PARAMETERS: Mapping[str, Parameter] = {one.name: one for one in _KNOWN}
"""Those of both states: ap, p_right and delta2 are those of P and change their sign in AP.

`line_mV` and `line_nA` are what the voltmeter and the ammeter read too much: 500 pA at most in
Katcko 2019, tens of µV in Chowrira 2020.
"""


def parameters_of(
    start: Mapping[str, float],
    *,
    hold: Sequence[str] = (),
    vary: Sequence[str] = (),
    temperature_K: float | None = None,
) -> dict[str, Parameter]:
    """Return all parameters with their starts, and which are varied.

    Without a start of its own k_B T is the paper's 26 meV at 295 K, in proportion to the
    temperature where that is known. Raises ModelError for a name that there is not, a start that
    is not within the bounds, and a parameter that is both held and varied.
    """
    for option, names in (("start", start), ("hold", hold), ("vary", vary)):
        for name in names:
            if name not in PARAMETERS:
                raise ModelError(
                    option, f"no parameter {name!r}; there are {', '.join(PARAMETERS)}"
                )
    if both := set(hold) & set(vary):
        raise ModelError("vary", f"{both.pop()} is held and varied: leave one of both out")
    given = dict(start)
    if temperature_K is not None and "kt_meV" not in given:
        given["kt_meV"] = _MEV_PER_K * temperature_K
    found = {}
    for name, one in PARAMETERS.items():
        value = given.get(name, one.start)
        if not (isfinite(value) and one.least <= value <= one.most):
            raise ModelError(name, f"{value:g} is no start: give {one.least:g} to {one.most:g}")
        varied = name in vary or (one.varied and name not in hold)
        found[name] = replace(one, start=value, varied=varied)
    return found


def _of_states(values: Mapping[str, float]) -> list[dict[str, float]]:
    """Return the arguments of the model for P and for AP."""
    shared = ("scale", "sp_meV", "SP_meV", "p_left", "delta1_meV", "E0_meV", "t1_meV", "t2_meV",
              "t3_meV", "broadening_meV", "kt_meV")  # fmt: skip
    return [
        {
            **{name: values[name] for name in shared},
            **{name: side * values[name] for name in ("ap", "p_right", "delta2_meV")},
            "e0_meV": values[f"e0_{state}_meV"],
            "asym_meV": values[f"asym_{state}_meV"],
        }
        for state, side in (("P", 1.0), ("AP", -1.0))
    ]


def engines_of(values: Mapping[str, float]) -> tuple[SpinEngine, SpinEngine]:
    """Return the models of P and AP with these values of all parameters."""
    parallel, antiparallel = (SpinEngine(**one) for one in _of_states(values))
    return parallel, antiparallel


def both_states_A(bias_mV: Array, values: Mapping[str, float], sites: Sites = 4) -> Array:
    """Return the currents of P and AP as they are read at the same voltages, (2, voltages)."""
    import numpy as np

    parallel, antiparallel = _of_states(values)
    arguments = {
        name: np.array([[value], [antiparallel[name]]]) for name, value in parallel.items()
    }
    found = spin_engine(bias_mV - values["line_mV"], **arguments, sites=sites)
    return found.total_A + 1e-9 * values["line_nA"]
