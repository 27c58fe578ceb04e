"""Measured I(V) of the parallel and the antiparallel state, as a model is fitted to them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nanojunction.analysis.iv.traces import traces_of
from nanojunction.analysis.reading.loading import load_runs
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array
from nanojunction.models.errors import ModelError

__all__ = ["MeasuredPair", "MeasuredState", "measured_pair", "measured_state", "read_pair"]

_FEWEST = 10
_UNKNOWN_NOISE = 0.02
_LEAST_NOISE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredState:
    """Rows of one state in rising voltage: V in volt, I and its standard deviation in ampere.

    `noise_known` says whether the noise was found in the rows; else it is what a fit leaves.
    """

    label: str
    voltage_V: Array
    current_A: Array
    sigma_A: Array
    noise_known: bool = True
    temperature_K: float | None = None
    warnings: tuple[str, ...] = ()

    def scaled(self, factor: float) -> MeasuredState:
        """Return the state with another noise."""
        return replace(self, sigma_A=self.sigma_A * factor)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPair:
    """Both states of a junction."""

    parallel: MeasuredState
    antiparallel: MeasuredState

    @property
    def states(self) -> tuple[MeasuredState, MeasuredState]:
        """Return P and AP."""
        return self.parallel, self.antiparallel

    @property
    def temperature_K(self) -> float | None:
        """Return the mean temperature of both, None where one is not known."""
        known = [one.temperature_K for one in self.states if one.temperature_K is not None]
        return sum(known) / 2 if len(known) == 2 else None

    @property
    def range_mV(self) -> tuple[float, float]:
        """Return the least and the largest voltage of both."""
        ends = [1e3 * float(end) for one in self.states for end in one.voltage_V[[0, -1]]]
        return min(ends), max(ends)


def read_pair(parallel: Path, antiparallel: Path, *, pattern: str | None = None) -> MeasuredPair:
    """Return the pair in two files or folders, ours or others'; a state's runs count together.

    Raises ReadError for what cannot be read, ModelError for what cannot be fitted.
    """
    states = []
    for label, path in (("P", parallel), ("AP", antiparallel)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            runs = load_runs(path, pattern=pattern)
        if not runs:
            raise ModelError("fit", f"{path}: holds no run")
        state = measured_state(runs, label)
        doubts = [str(one.message) for one in caught] + [
            f"{run.file}: {text}" for run in runs for text in run.warnings
        ]
        states.append(replace(state, warnings=(*doubts, *state.warnings)))
    return measured_pair(*states)


def measured_pair(parallel: MeasuredState, antiparallel: MeasuredState) -> MeasuredPair:
    """Return a pair; raises ModelError where one of them has no current at all."""
    for one in (parallel, antiparallel):
        if not np.any(one.current_A):
            raise ModelError("fit", f"{one.label}: all currents are 0")
    return MeasuredPair(parallel, antiparallel)


def measured_state(runs: Sequence[Run], label: str) -> MeasuredState:
    """Return the rows of a state's runs that count: none in compliance, no lone outliers.

    The noise is that found between neighbouring rows, in proportion to the current or the slope
    where it goes with them. Raises ModelError for fewer than ten rows, and for no span of voltage.
    """
    parts = [traces_of(run) for run in runs]
    doubts = [f"{label}: {text}" for _, texts in parts for text in texts]
    traces = [one for one, _ in parts if len(one)]
    rows = sum(len(one) for one in traces)
    voltage, current = (
        np.concatenate([getattr(one, name) for one in traces]) if traces else np.empty(0)
        for name in ("voltage_V", "current_A")
    )
    if rows < _FEWEST or np.ptp(voltage) == 0:
        where = ", ".join(str(run.file) for run in runs)
        raise ModelError("fit", f"{where}: {rows} rows of {label} are no I(V) to fit: give ten")
    largest = float(np.abs(current).max())
    noises = [one.noise_A for one in traces]
    known = all(noise is not None for noise in noises)
    sigma = np.concatenate(
        [
            np.ones(len(one))
            * (one.noise_A if known and one.noise_A else _UNKNOWN_NOISE * largest)
            * (one.relative_noise if known and one.relative_noise is not None else 1.0)
            for one in traces
        ]
    )
    order = np.argsort(voltage, kind="stable")
    temperatures = [run.conditions.temperature_K for run in runs]
    warm = [one for one in temperatures if one is not None]
    return MeasuredState(
        label,
        voltage[order],
        current[order],
        np.maximum(sigma[order], _LEAST_NOISE * largest),
        known,
        sum(warm) / len(warm) if len(warm) == len(runs) else None,
        tuple(doubts),
    )
