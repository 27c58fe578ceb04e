"""What an I(V) gives as numbers: offsets, slopes and power; of many runs at a time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.expansion import CurveModel, Curves, Expansions
from nanojunction.analysis.iv.global_fit import fit_globally
from nanojunction.analysis.iv.grid import grid_of
from nanojunction.analysis.iv.local_fit import LocalModel
from nanojunction.analysis.iv.offsets import blocks_of, find_crossings, v_offs
from nanojunction.analysis.iv.outliers import Flags
from nanojunction.analysis.iv.power import fill_factors, find_maxima
from nanojunction.analysis.iv.resistance import chords, local_slopes, stated, with_error
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.settings import IVSettings, SlopeConvention
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array, Quantity

_NOT_ZERO = "0 V is outside the swept range"
_NO_V_OFF = "there is no V_off"
_ROUNDING = 1e-12  # of a value, or of the largest current or voltage


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """The rows of a run, at how many voltages they lie, and a description of their I(V)."""

    traces: Traces
    points: int
    model: CurveModel
    settings: IVSettings


def scalars_of(many: Sequence[Described]) -> list[dict[str, Quantity]]:
    """Return the offsets, slopes and power of runs, by the keys of the results."""
    return in_groups(many, _alike, _scalars_of_alike)


def _alike(one: Described) -> Hashable:
    return one.model.kind(), len(one.traces), one.settings


def _scalars_of_alike(many: Sequence[Described]) -> list[dict[str, Quantity]]:
    traces = [one.traces for one in many]
    curves = many[0].model.curves([one.model for one in many])
    settings = many[0].settings
    voltage, current = (
        np.array([getattr(one, name) for one in traces]) for name in ("voltage_V", "current_A")
    )
    low, high = voltage.min(axis=1), voltage.max(axis=1)
    # A sweep that starts at 0 V has its first sensed voltage a few µV beside it.
    half_a_step = (high - low) / np.array([max(one.points - 1, 1) for one in many]) / 2.0
    covers_zero = (low - half_a_step <= 0.0) & (high + half_a_step >= 0.0)
    zero, zero_at = _at_zero(curves, covers_zero)
    blocks = blocks_of(traces)
    crossings = find_crossings(blocks, curves, low, high)
    maxima = find_maxima(blocks, curves, crossings)
    origin = np.where(covers_zero, 0.0, np.nan)
    offset = np.full(len(many), np.nan)
    if crossings is not None:
        crosses = crossings.nearest >= 0
        offset[crosses] = crossings.voltage_V[crossings.nearest[crosses]]
    slopes: dict[SlopeConvention, list[Quantity]] = {
        "local_zero": _slopes(many, curves, origin, "local_zero", _NOT_ZERO),
        "chord": chords(curves, low, high, settings.chord_V),
        "local_offset": _slopes(many, curves, offset, "local_offset", _NO_V_OFF),
    }
    columns = {
        "i_off_A": _i_offs(zero, zero_at),
        "v_off_V": v_offs(crossings, blocks),
        "r_s_ohm": slopes[settings.slope_convention],
        **{f"r_s_{name}_ohm": values for name, values in slopes.items()},
        "p_max_W": maxima.power,
        "v_at_p_max_V": maxima.voltage,
        "fill_factor": fill_factors(maxima, crossings, zero, zero_at),
    }
    most_V, most_A = (_ROUNDING * np.abs(values).max(axis=1) for values in (voltage, current))
    rounding = {"i_off_A": most_A, "v_off_V": most_V, "v_at_p_max_V": most_V}
    is_exact = [one.noise_A == 0.0 for one in traces]
    kept = {
        key: _beyond_rounding(values, rounding.get(key, 0.0 * most_V).tolist(), is_exact)
        for key, values in columns.items()
    }
    return [{key: values[k] for key, values in kept.items()} for k in range(len(many))]


def _at_zero(curves: Curves, covers_zero: Flags) -> tuple[Expansions | None, IntArray]:
    """Return expansions at 0 V of the runs that cover it, and which is each run's, −1 for none."""
    some = np.flatnonzero(covers_zero)
    at = np.full(len(curves), -1)
    at[some] = np.arange(len(some))
    return (curves.at(some, np.zeros(len(some)), 0) if len(some) > 0 else None), at


def _i_offs(zero: Expansions | None, zero_at: IntArray) -> list[Quantity]:
    if zero is None:
        return [Quantity(None, note=_NOT_ZERO)] * len(zero_at)
    errors = zero.value_errors().tolist()
    values, windows = zero.c[:, 0].tolist(), zero.window_V.tolist()
    found = []
    for at in zero_at.tolist():
        if at < 0:
            found.append(Quantity(None, note=_NOT_ZERO))
        else:
            extra = {"window_V": windows[at], "model": zero.model[at]}
            found.append(with_error(values[at], errors[at], None, extra))
    return found


def _slopes(
    many: Sequence[Described],
    curves: Curves,
    at_V: Array,
    convention: SlopeConvention,
    missing: str,
) -> list[Quantity]:
    """Return dV/dI of runs at their voltages, `missing` being why one has none (NaN)."""
    found = [Quantity(None, note=missing, extra=stated(convention))] * len(many)
    some = np.flatnonzero(~np.isnan(at_V))
    if len(some) == 0:
        return found
    if many[0].settings.window_V is None:
        slopes = local_slopes(curves, some, at_V[some], convention)
    else:
        slopes = [_slope_near(many[k], at_V[k : k + 1], convention) for k in some.tolist()]
    for k, slope in zip(some.tolist(), slopes, strict=True):
        found[k] = slope
    return found


def _slope_near(one: Described, at_V: Array, convention: SlopeConvention) -> Quantity:
    """Return dV/dI of a run at one voltage from the rows in the window that was asked for."""
    window_V, traces = one.settings.window_V, one.traces
    near = traces.where(np.abs(traces.voltage_V - at_V) <= window_V)
    if len(near) < 3 or float(np.ptp(near.voltage_V)) == 0.0:
        reason = f"fewer than three points within {window_V:g} V"
        return Quantity(None, note=reason, extra=stated(convention))
    model: CurveModel = fit_globally(near) or LocalModel(near, grid_of(near))
    return local_slopes(model.curves([model]), np.zeros(1, dtype=np.int64), at_V, convention)[0]


def _beyond_rounding(
    values: Sequence[Quantity], rounding: Sequence[float], is_exact: Sequence[bool]
) -> list[Quantity]:
    """Return a quantity of runs, its standard error null where it is that of rounding.

    `rounding` is that of what it is made of, `is_exact` tells that the rows have no noise.
    """
    found = []
    for item, least, exactly in zip(values, rounding, is_exact, strict=True):
        if item.value is not None:
            calculated = exactly and not item.stderr and item.extra.get("model") is not None
            is_sure = item.stderr is None or item.stderr > max(least, _ROUNDING * abs(item.value))
            found.append(item if is_sure and not calculated else _calculated(item))
        else:
            found.append(item)
    return found


def _calculated(item: Quantity) -> Quantity:
    """Return a quantity without the standard error that rounding alone gives it."""
    exact = "calculated values: nothing but rounding scatters"
    few = item.note is None or item.note.startswith("too few points")
    return replace(item, stderr=None, note=exact if few else f"{item.note}; {exact}")
