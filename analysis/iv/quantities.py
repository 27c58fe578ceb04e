"""The quantities of one I(V) run, each with an honest standard error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nanojunction.analysis.iv.curves import Measured, curves_of, unexplained
from nanojunction.analysis.iv.derivative import differentiate
from nanojunction.analysis.iv.expansion import CurveModel
from nanojunction.analysis.iv.features import Direction, find_features
from nanojunction.analysis.iv.grid import grids_of
from nanojunction.analysis.iv.local_fit import LocalModel
from nanojunction.analysis.iv.lone_rows import describing
from nanojunction.analysis.iv.scalars import Described, scalars_of
from nanojunction.analysis.iv.swept import NOT_SWEPT, reasons_against
from nanojunction.analysis.iv.traces import named, traces_of_all
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import Feature, Result, RunResult
from nanojunction.analysis.settings import DEFAULTS, IVSettings
from nanojunction.analysis.together import Analysis, ask, ask_each, together
from nanojunction.analysis.values import Quantity

_BENT = 0.5  # a smooth description leaves so much less than differences between neighbours do
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
    reason = yield from ask(reasons_against, traces)
    if reason == NOT_SWEPT and run.in_compliance.any():
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
    described = Described(traces, len(grid.voltage_V), model, settings)
    quantities: dict[str, Result] = {**(yield from ask(scalars_of, described))}
    derivatives = yield from ask(differentiate, (traces, grid))
    measured = Measured(traces, grid, derivatives, smooth)
    quantities.update((yield from ask(curves_of, measured)))
    rest = yield from ask(unexplained, measured)
    kelvin = run.conditions.temperature_K
    found = yield from ask_each(
        find_features,
        [
            Direction(grid, derivative.to_curve(), direction, kelvin, rest.get(direction))
            for direction, derivative in derivatives.items()
        ],
    )
    features: list[Feature] = [one for each in found for one in each]
    quantities["features"] = features
    return RunResult(run, quantities, (*run.warnings, *warnings))
