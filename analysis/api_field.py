"""Two magnetic states compared: ratios of resistances and currents, R_s(H), spin polarisation.

Chowrira 2020, Fig. 3; Katcko 2019, Fig. 2; Jullière 1975. Ratios are fractions; as text they are
written in percent. What is P and what the reference is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from nanojunction.analysis.averages import ratio_of, weighted_mean
from nanojunction.analysis.calibration import number
from nanojunction.analysis.field import current_ratios, magneto
from nanojunction.analysis.field.current_ratios import (
    CurrentPair,
    current_pair,
    ratio_curve,
    ratio_peak,
)
from nanojunction.analysis.field.field_resistance import (
    Loop,
    loops_by_voltage,
    resistance_curves,
    resistance_level,
    widest_pair,
)
from nanojunction.analysis.field.loops import Direction, field_legs
from nanojunction.analysis.lookup import with_units
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Curve, Quantity

Resistance = Quantity | RunResult | Sequence[RunResult]
"""A slope resistance, or the run (or the repeats) with it."""

Measured = Run | RunResult | Sequence[Run] | Sequence[RunResult]
"""A run, with or without its results, or several that are repeats."""


def magnetoresistance(
    *, parallel: Resistance, reference: Resistance, optimistic: bool = False
) -> Quantity:
    """Return MR = R_s(reference)/R_s(parallel) − 1; `optimistic` is the inverse ratio, less 1.

    The reference of Chowrira 2020 is the state at 0 T. Null, with the reason, where a resistance
    is missing or the denominator is zero within its error.

    >>> from nanojunction.analysis import Quantity
    >>> at_0_T, at_half_T = Quantity(63.0, 0.1), Quantity(550.0, 2.0)
    >>> print(magnetoresistance(parallel=at_half_T, reference=at_0_T))
    -88.55(5) %
    >>> print(magnetoresistance(parallel=at_half_T, reference=at_0_T, optimistic=True))
    773.0(3.5) %
    """
    pair = _resistance(parallel), _resistance(reference)
    top, bottom = pair if optimistic else pair[::-1]
    return replace(ratio_of(top, bottom), unit="%")


def _resistance(state: Resistance) -> Quantity:
    if isinstance(state, Quantity):
        return state
    results = [state] if isinstance(state, RunResult) else state
    return weighted_mean([number(result.quantities, "r_s_ohm") for result in results])


def tmr(*, parallel: Measured, reference: Measured, syst_A: float = 0.0) -> Curve:
    """Return TMR(V) = I_P/I_AP − 1 of I(V) in two states, as fractions over V.

    Masked (NaN) where the reference's current is zero within three standard errors, and within
    `syst_A` (A), the current that the line's offset drives. Raises ValueError where the two have
    no voltages in common.

    >>> curve = tmr(
    ...     parallel=load_run(campaign / "MTJ_295K_P_6mV.csv"),
    ...     reference=load_run(campaign / "MTJ_295K_AP_6mV.csv"),
    ... )
    >>> curve
    Curve(121 points, x from -0.00599... to 0.0060...)
    """
    return ratio_curve(_pair(parallel, reference, syst_A))


def magnetocurrent(*, parallel: Measured, reference: Measured, syst_A: float = 0.0) -> Curve:
    """Return MC(V) = I(H_P)/I(0 T) − 1 of I(V) at two fields, as fractions over V.

    Masked, and raises, as `tmr` does. A note says so where the reference was not measured at 0 T.

    >>> p, zero = (load_run(campaign / f"C_40K_{field}.csv") for field in ("-0.5T", "0T"))
    >>> print(magnetocurrent(parallel=zero, reference=p).note)
    the reference was measured at -500 mT, not at 0 T
    """
    curve = tmr(parallel=parallel, reference=reference, syst_A=syst_A)
    fields = [run.conditions.field_T for run in _runs(reference)]
    known = [field for field in fields if field is not None]
    mean_T = sum(known) / len(known) if len(known) == len(fields) else None
    return replace(curve, note=magneto.reference_note(curve.note, mean_T))


def tmr_peak(
    *, parallel: Measured, reference: Measured, syst_A: float = 0.0
) -> dict[str, Quantity]:
    """Return the highest peak of TMR(V) above zero: `height`, `position_V` and two full widths.

    `fwhm_V` is taken at half of the height above TMR = 0, `fwhm_local_V` above the line through
    the feet of the peak. Null, with the reason, where there is none.

    >>> p, ap = (load_run(campaign / f"MTJ_295K_{state}_6mV.csv") for state in ("P", "AP"))
    >>> peak = tmr_peak(parallel=p, reference=ap)
    >>> print(peak["height"], peak["position_V"], sep=" at ")
    300...(...) % at -3.49...(...) mV
    """
    pair = _pair(parallel, reference, syst_A)
    peak = ratio_peak(pair, ratio_curve(pair))
    return {**with_units(peak), "height": replace(peak["height"], unit="%")}


def sign_reversals(
    *, parallel: Measured, reference: Measured, syst_A: float = 0.0
) -> list[dict[str, Any]]:
    """Return the windows of V in which the two states' currents have opposite signs for sure.

    There the field switches the direction of the current. Each has `from_V`, `to_V`,
    `largest_difference_A` and which state `delivers` power (docs/field.md).

    >>> p, zero = (load_run(campaign / f"C_40K_{field}.csv") for field in ("-0.5T", "0T"))
    >>> [window["delivers"] for window in sign_reversals(parallel=p, reference=zero)]
    ['reference']
    """
    windows = current_ratios.sign_reversals(_pair(parallel, reference, syst_A))
    return [with_units(window) for window in windows]


def spin_polarisation(ratio: Quantity, *, same_sign: bool) -> Quantity:
    """Return |P| = sqrt(x/(x + 2)) from a ratio x above zero, two equal electrodes assumed.

    `same_sign` is the sign of P1·P2: True where P is the state of low resistance. Null, with the
    reason, where x is not above zero beyond its error.

    >>> from nanojunction.analysis import Quantity
    >>> print(spin_polarisation(Quantity(7.73, 0.035), same_sign=False))
    89.13(4) %
    """
    found = current_ratios.julliere(ratio, same_sign=same_sign, source="the ratio that was given")
    return replace(found, unit="%")


def slope_resistance_of_field(loops: Sequence[Run] | Sequence[RunResult]) -> list[Curve]:
    """Return R_s(H) = ΔV/ΔI of I(H) loops at two voltages, one curve (T, Ω) a sweep direction.

    Of more voltages the lowest and the highest serve; `extra` has the direction and both voltages.
    Masked (NaN) where ΔI is zero within its error, and where a loop switches. Raises ValueError
    for fewer than two voltages.

    >>> loops = [load_run(campaign / f"C_40K_IH_{v}mV.csv") for v in ("2.13", "2.76")]
    >>> [curve.extra["direction"] for curve in slope_resistance_of_field(loops)]
    ['up', 'down']
    """
    return resistance_curves(_loops(loops))


def slope_resistance_at_field(
    loops: Sequence[Run] | Sequence[RunResult],
    field_T: float,
    *,
    approach: Literal["up", "down"] | None = None,
) -> Quantity:
    """Return R_s (Ω) of I(H) loops at two voltages, at a field.

    The mean of both sweep directions, or of the one that `approach` names. Null, with the reason,
    where the two differ or the loops do not reach the field; raises as `slope_resistance_of_field`.

    >>> loops = [load_run(campaign / f"C_40K_IH_{v}mV.csv") for v in ("2.13", "2.76")]
    >>> at_0_T = slope_resistance_at_field(loops, 0.0)
    >>> print(f"{at_0_T.value:.1f} ohm")
    63.0 ohm
    """
    side: Direction | None = approach
    return replace(resistance_level(_loops(loops), field_T, side), unit="Ω")


def _loops(loops: Sequence[Run] | Sequence[RunResult]) -> tuple[Loop, Loop]:
    legs = [leg for run in _runs(loops) for leg in field_legs(run)]
    return widest_pair(loops_by_voltage(legs))


def _pair(parallel: Measured, reference: Measured, syst_A: float) -> CurrentPair:
    return current_pair(_runs(parallel), _runs(reference), syst_A=syst_A)


def _runs(measured: Measured) -> list[Run]:
    items = [measured] if isinstance(measured, Run | RunResult) else measured
    return [item.run if isinstance(item, RunResult) else item for item in items]
