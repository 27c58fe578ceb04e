"""Temperature series of known truth on which the standard errors of E_a and T* are tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.temperature.activation import (
    SIDE_POINTS,
    K_B_meV_per_K,
    ThermalPoint,
    fit_arrhenius,
)
from tests.coverage_cells import Found
from tests.coverage_nulls import TEMPERATURES_K

T_CROSS_K = 120.0


@dataclass(frozen=True)
class Series:
    """One kind of temperature series, to be repeated with other scatter."""

    energies_meV: tuple[float, ...]  # one, or those below and above the crossover
    temperature_K: np.ndarray
    scatter: float
    stated: float | None  # relative standard error of the points; None: not stated

    def exact(self) -> np.ndarray:
        """X over temperature, without noise."""
        t = self.temperature_K
        low, high = self.energies_meV[0], self.energies_meV[-1]
        below = low * (1.0 / np.minimum(t, T_CROSS_K) - 1.0 / 40.0)
        above = high * (1.0 / np.maximum(t, T_CROSS_K) - 1.0 / T_CROSS_K)
        return 25.9e3 * np.exp((below + above) / K_B_meV_per_K)

    def truths(self) -> dict[str, float]:
        """The parameters by their keys."""
        if len(self.energies_meV) == 1:
            return {"e_a_meV": self.energies_meV[0]}
        low, high = self.energies_meV
        return {"e_a_low_meV": low, "e_a_high_meV": high, "t_cross_K": T_CROSS_K}


SERIES = {
    f"{law}, {len(t)} points ± {scatter:.1%}{note}": Series(energies, t, scatter, stated)
    for law, energies in (("one regime", (12.43,)), ("two regimes", (6.3, 14.0)))
    for t in TEMPERATURES_K
    for scatter, stated, note in (
        (1e-3, 1e-3, ""),
        (0.02, 0.02, ""),
        (0.01, 0.005, " stated half of it"),
        (0.01, 1e-5, " stated far too small"),
        (0.01, None, " not stated"),
    )
    if len(t) >= len(energies) * SIDE_POINTS
}


def repeat_series(series: Series, repeats: int, seed: int) -> dict[str, Found]:
    """Return what so many simulated series gave."""
    rng = np.random.default_rng(seed)
    exact, truth = series.exact(), series.truths()
    pairs: dict[str, list[tuple[float, float]]] = {key: [] for key in truth}
    for _ in range(repeats):
        value = exact * (1.0 + series.scatter * rng.normal(size=len(exact)))
        points = [
            ThermalPoint(f"{t:g} K", t, x, None if series.stated is None else series.stated * x)
            for t, x in zip(series.temperature_K.tolist(), value.tolist(), strict=True)
        ]
        fit = fit_arrhenius(points, intervals=False, single_points=False)
        quantities = {**fit.one.quantities, **fit.two.quantities}
        for key, found in pairs.items():
            one = quantities[key]
            if one.value is not None and one.stderr is not None:
                found.append((one.value, one.stderr))
    return {
        key: Found(truth[key], *np.array(found).reshape(-1, 2).T, repeats)
        for key, found in pairs.items()
    }
