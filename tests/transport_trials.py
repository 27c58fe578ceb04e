"""Pairs of I(V) that the spin engine itself has made, with noise, for fits that know the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from nanojunction.analysis.reading.loading import run_from_arrays
from nanojunction.analysis.theory.transport_data import (
    MeasuredPair,
    measured_pair,
    measured_state,
)
from nanojunction.analysis.theory.transport_fit import TransportFit, fit_transport
from nanojunction.analysis.theory.transport_parameters import PARAMETERS, engines_of, parameters_of

#: As published, and with split centres; and one that differs from them in everything.
PUBLISHED = {name: one.start for name, one in PARAMETERS.items()} | {"scale": 25.0}
SPLIT = PUBLISHED | {"delta1_meV": -0.2, "delta2_meV": -0.2}
OTHER = PUBLISHED | {
    "scale": 31.0, "sp_meV": 6.5, "SP_meV": 3.2, "ap": 0.45, "p_left": 0.5, "p_right": 0.2,
    "e0_P_meV": -1.5, "e0_AP_meV": 1.8, "asym_P_meV": 0.9, "asym_AP_meV": -0.3,
    "delta1_meV": 0.25, "delta2_meV": 0.1,
}  # fmt: skip

Noise = Literal["of the largest", "of each"]
NOISE = 0.02


def pair_of(
    truth: Mapping[str, float], seed: int, noise: Noise = "of the largest", points: int = 81
) -> MeasuredPair:
    """Return one sweep from -10 to +10 mV in either state, with 2 % of noise in the current."""
    rng = np.random.default_rng(seed)
    bias_mV = np.linspace(-10.0, 10.0, points)
    states = []
    for label, engine in zip(("P", "AP"), engines_of(truth), strict=True):
        current_A = engine.currents(bias_mV).total_A
        size = np.abs(current_A) if noise == "of each" else np.abs(current_A).max()
        noisy_A = current_A + NOISE * size * rng.standard_normal(points)
        run = run_from_arrays(voltage_V=1e-3 * bias_mV, current_A=noisy_A)
        states.append(measured_state([run], label))
    return measured_pair(*states)


def off_by(fit: TransportFit, truth: Mapping[str, float]) -> dict[str, float]:
    """Return how far each identified parameter is from the truth, in its standard errors."""
    return {
        name: (one.value - truth[name]) / one.stderr
        for name, one in fit.parameters.items()
        if one.identified and one.stderr is not None
    }


def trial(
    truth: Mapping[str, float], seed: int, noise: Noise = "of the largest", starts: int = 3
) -> TransportFit:
    return fit_transport(pair_of(truth, seed, noise), parameters_of({}), starts=starts, seed=seed)
