"""The quantities of one I(V) run, each with an honest standard error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from nanojunction.analysis.iv.curves import Measured, curves_of, unexplained
from nanojunction.analysis.iv.derivative import differentiate
from nanojunction.analysis.iv.expansion import CurveModel, Expansion, joint_error
from nanojunction.analysis.iv.features import Direction, find_features
from nanojunction.analysis.iv.global_fit import fit_globally
from nanojunction.analysis.iv.grid import Grid, grid_of, grids_of
from nanojunction.analysis.iv.local_fit import LocalModel
from nanojunction.analysis.iv.lone_rows import describing
from nanojunction.analysis.iv.offsets import (
    Crossing,
    blocks_of,
    fill_factor,
    find_crossings,
    find_maximum,
    v_off,
)
from nanojunction.analysis.iv.traces import Traces, named, traces_of_all
from nanojunction.analysis.legs import white_noise
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import Feature, Result, RunResult
from nanojunction.analysis.settings import DEFAULTS, IVSettings, SlopeConvention
from nanojunction.analysis.together import Analysis, ask, together
from nanojunction.analysis.values import Quantity

_CHORD_V = 0.01  # Chowrira 2020 takes A's R_s between ±10 mV
_LEAST_A = 1e-100
_NOT_SWEPT = "the voltage was not swept"
_BENT = 0.5  # a smooth description leaves so much less than differences between neighbours do
_ROUNDING = 1e-12  # of a value, or of the largest current or voltage
_SCALARS = (
    "i_off_A",
    "v_off_V",
    "r_s_ohm",
    "r_s_local_zero_ohm",
    "r_s_chord_ohm",
    "r_s_local_offset_ohm",
    "p_max_W",
    "v_at_p_max_V",
    "fill_factor",
)


def analyse_iv(run: Run, settings: IVSettings = DEFAULTS) -> RunResult:
    """Return the quantities of an I(V) run.

    Offsets, slopes and power come from fits that use all legs, both directions weighing the same;
    the sensed voltage is the abscissa. What cannot be determined is null with the reason.
    """
    return analyse_ivs([run], settings)[0]


def analyse_ivs(runs: Iterable[Run], settings: IVSettings = DEFAULTS) -> list[RunResult]:
    """Return what `analyse_iv` does for each run, much faster where runs share their setpoints."""
    return together(iv_analysis(run, settings) for run in runs)


def iv_analysis(run: Run, settings: IVSettings) -> Analysis[RunResult]:
    """Return what `analyse_iv` does, as the steps of an analysis beside others."""
    traces, warnings = yield from ask(traces_of_all, run)
    reason = _not_an_iv(traces)
    if reason == _NOT_SWEPT and run.in_compliance.any():
        reason = f"compliance left only {len(traces)} of {len(run)} rows, at about one voltage"
    if reason is not None:
        empty = {key: Quantity(None, note=reason) for key in _SCALARS}
        return RunResult(run, empty, (*run.warnings, *warnings))
    smooth, traces, lone = yield from describing(traces)
    if lone:
        warnings.append(named(lone))
    grid = yield from ask(grids_of, traces)
    model: CurveModel = smooth or LocalModel(traces, grid)
    if smooth is not None and traces.noise_A and smooth.noise_A < _BENT * traces.noise_A:
        # In a coarse sweep the bending between neighbours was taken for noise.
        traces = replace(traces, noise_A=smooth.noise_A)
    blocks = blocks_of(traces)
    low, high = _covered(traces, grid)
    zero = model.at(0.0, 0) if low <= 0.0 <= high else None
    crossings = find_crossings(traces, blocks, model)
    nearest = min(crossings, key=lambda c: abs(c.voltage_V)) if crossings else None
    maximum = find_maximum(traces, blocks, model, nearest)
    slopes = _slopes(traces, model, nearest, settings, covers_zero=zero is not None)
    quantities: dict[str, Result] = {
        "i_off_A": _i_off(zero),
        "v_off_V": v_off(crossings, blocks),
        "r_s_ohm": slopes[settings.slope_convention],
        **{f"r_s_{name}_ohm": value for name, value in slopes.items()},
        "p_max_W": maximum.power,
        "v_at_p_max_V": maximum.voltage,
        "fill_factor": fill_factor(maximum, nearest, zero),
    }
    quantities = {key: _beyond_rounding(key, item, traces) for key, item in quantities.items()}
    derivatives = yield from ask(differentiate, (traces, grid))
    measured = Measured(traces, grid, derivatives, smooth)
    quantities.update((yield from ask(curves_of, measured)))
    rest = yield from ask(unexplained, measured)
    features: list[Feature] = []
    for direction, derivative in derivatives.items():
        kelvin = run.conditions.temperature_K
        where = Direction(grid, derivative.to_curve(), direction, kelvin, rest.get(direction))
        features += yield from ask(find_features, where)
    quantities["features"] = features
    return RunResult(run, quantities, (*run.warnings, *warnings))


def _covered(traces: Traces, grid: Grid) -> tuple[float, float]:
    """Return the range (V) that the sweep covers: half a step more than its outermost points.

    A sweep that starts at 0 V has its first sensed voltage a few µV beside it.
    """
    low, high = float(traces.voltage_V.min()), float(traces.voltage_V.max())
    half_a_step = (high - low) / max(len(grid.voltage_V) - 1, 1) / 2.0
    return low - half_a_step, high + half_a_step


def _not_an_iv(traces: Traces) -> str | None:
    """Return why rows are no I(V), None if they are one."""
    if len(traces) == 0:
        return "no row has numbers outside of compliance"
    v = traces.voltage_V
    s = traces.setpoint_V
    if s is not None and float(np.ptp(s)) <= 1e-9 * float(np.max(np.abs(s))):
        return _NOT_SWEPT
    if float(np.ptp(v)) == 0.0:
        return _NOT_SWEPT
    if 0.0 < float(np.max(np.abs(traces.current_A))) < _LEAST_A:
        return f"no current reaches {_LEAST_A:g} A: is the unit of the column right?"
    ordered = v[np.argsort(traces.row)]
    if len(v) > 20 and float(np.ptp(v)) < 12.0 * white_noise(ordered):
        correlation = (
            float(np.corrcoef(v, traces.current_A)[0, 1]) if np.ptp(traces.current_A) else 0
        )
        if correlation**2 < 0.5:
            return _NOT_SWEPT
    return None


def _i_off(zero: Expansion | None) -> Quantity:
    if zero is None:
        return Quantity(None, note="0 V is outside the swept range")
    return _with_error(float(zero.c[0]), zero.error((1, 0, 0)), zero)


def _with_error(value: float, stderr: float, curve: Expansion, **extra: Any) -> Quantity:
    """Return a quantity; a standard error that the data cannot give is null with a note."""
    extra = {"window_V": curve.window_V, "model": curve.model, **extra}
    if not np.isfinite(stderr) or stderr == 0.0:
        return Quantity(value, None, "too few points for a standard error", extra=extra)
    return Quantity(value, stderr, extra=extra)


def _beyond_rounding(key: str, item: Result, traces: Traces) -> Result:
    """Return a quantity, its standard error null where it is that of rounding."""
    if not isinstance(item, Quantity) or item.value is None:
        return item
    size = abs(item.value)
    if key == "i_off_A":
        size = max(size, float(np.max(np.abs(traces.current_A))))
    elif key in ("v_off_V", "v_at_p_max_V"):
        size = max(size, float(np.max(np.abs(traces.voltage_V))))
    calculated = traces.noise_A == 0.0 and not item.stderr and item.extra.get("model") is not None
    if not calculated and (item.stderr is None or item.stderr > _ROUNDING * size):
        return item
    exact = "calculated values: nothing but rounding scatters"
    few = item.note is None or item.note.startswith("too few points")
    return replace(item, stderr=None, note=exact if few else f"{item.note}; {exact}")


def _slopes(
    traces: Traces,
    model: CurveModel,
    crossing: Crossing | None,
    settings: IVSettings,
    *,
    covers_zero: bool,
) -> dict[str, Quantity]:
    """Return the slope resistance in every convention."""
    low, high = float(traces.voltage_V.min()), float(traces.voltage_V.max())
    zero = Quantity(None, note="0 V is outside the swept range", extra=_stated("local_zero"))
    if covers_zero:
        zero = _local_slope(traces, model, 0.0, "local_zero", settings)
    offset = Quantity(None, note="there is no V_off", extra=_stated("local_offset"))
    if crossing is not None:
        offset = _local_slope(traces, model, crossing.voltage_V, "local_offset", settings)
    return {"local_zero": zero, "chord": _chord(model, low, high, settings), "local_offset": offset}


def _stated(convention: SlopeConvention) -> dict[str, Any]:
    return {"convention": convention, "window_V": None}


def _local_slope(
    traces: Traces,
    model: CurveModel,
    at_V: float,
    convention: SlopeConvention,
    settings: IVSettings,
) -> Quantity:
    """Return dV/dI at one voltage."""
    if settings.window_V is not None:
        near = traces.where(np.abs(traces.voltage_V - at_V) <= settings.window_V)
        if len(near) < 3 or float(np.ptp(near.voltage_V)) == 0.0:
            reason = f"fewer than three points within {settings.window_V:g} V"
            return Quantity(None, note=reason, extra=_stated(convention))
        model = fit_globally(near) or LocalModel(near, grid_of(near))
    curve = model.at(at_V, 1)
    slope = float(curve.c[1])
    # The slope at V_off changes with V_off, which is known from the same rows.
    follows = -2.0 * float(curve.c[2]) / slope if convention == "local_offset" and slope else 0.0
    error = curve.error((follows, 1, 0))
    if slope == 0.0 or abs(slope) <= 3.0 * error:
        return _no_slope(slope, error, convention, curve.window_V)
    found = _with_error(1.0 / slope, error / abs(slope) / abs(slope), curve, convention=convention)
    return found if curve.note is None else replace(found, note=found.note or curve.note)


def _no_slope(slope: float, error: float, convention: SlopeConvention, window_V: float) -> Quantity:
    note = "dI/dV is exactly zero"
    extra: dict[str, Any] = {"convention": convention, "window_V": window_V}
    if abs(slope) + 3.0 * error > 0.0:
        extra["above_ohm"] = least = 1.0 / (abs(slope) + 3.0 * error)
        note = f"dI/dV is zero within its error (|R| is above {least:.2g} ohm)"
    return Quantity(None, note=note, extra=extra)


def _chord(model: CurveModel, low: float, high: float, settings: IVSettings) -> Quantity:
    """Return 2·V_w / (I(+V_w) − I(−V_w))."""
    reach = min(-low, high)
    wanted = settings.chord_V if settings.chord_V is not None else _CHORD_V
    # The sensed end of a sweep may lie a little inside the setpoint's.
    v_w = reach if settings.chord_V is None or wanted <= 1.01 * reach else wanted
    v_w = min(v_w, wanted)
    if reach <= 0.0 or v_w > reach:
        return Quantity(
            None,
            note=f"the sweep does not reach both ends of a chord of ±{wanted:g} V",
            extra=_stated("chord"),
        )
    up, down = model.at(v_w, 0), model.at(-v_w, 0)
    difference = float(up.c[0] - down.c[0])
    error = joint_error([(1.0, 0, up), (-1.0, 0, down)])
    if difference == 0.0 or abs(difference) <= 3.0 * error:
        return _no_slope(difference / (2 * v_w), error / (2 * v_w), "chord", v_w)
    value = 2.0 * v_w / difference
    quantity = _with_error(value, abs(value * error / difference), up, convention="chord")
    extra = {**quantity.extra, "window_V": v_w}
    return Quantity(quantity.value, quantity.stderr, quantity.note, extra=extra)
