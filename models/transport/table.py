"""I(V, k_B T) of a spin engine from a table: for a junction that is asked again and again."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, lru_cache
from math import asinh, cos, log, pi

import numpy as np
from numpy.typing import NDArray

from nanojunction.models.transport.spin_engine import SpinEngine, spin_engine

__all__ = ["CurrentTable"]

Array = NDArray[np.float64]

_REACH_MV, _STRAIGHT_MV = 200.0, 4.0
"""The table ends at ± the first; voltages are spaced evenly up to the second, and wider beyond."""
_STEPS = 400
_COLDEST_MEV, _HOTTEST_MEV, _WARMTHS = 0.25, 45.0, 24
"""k_B T of about 3 K and 500 K, between which the table stands at Chebyshev's points of its log."""


class CurrentTable:
    """The current of one magnetic state at any voltage and warmth, in a few microseconds.

    A cubic spline in the voltage (asinh-spaced) times a polynomial in log k_B T stands for the
    model within 10⁻⁵ of its largest current for the published parameters; outside of the table
    (±200 mV, 0.25 to 45 meV) the model itself answers. The table is made when it is first asked.
    """

    def __init__(self, engine: SpinEngine) -> None:
        self.engine = engine

    def current_A(self, bias_mV: float, kt_meV: float) -> float:
        """Return the current of both spins; the engine's own k_B T is not used."""
        if abs(bias_mV) > _REACH_MV or not _COLDEST_MEV <= kt_meV <= _HOTTEST_MEV:
            return float(replace(self.engine, kt_meV=kt_meV).currents(bias_mV).total_A)
        place = (asinh(bias_mV / _STRAIGHT_MV) / _LAST + 1.0) * (_STEPS / 2)
        interval = min(int(place), _STEPS - 1)
        s = place - interval
        a, b, c, d = (_weights(kt_meV) @ self._pieces[interval]).tolist()
        return float(((a * s + b) * s + c) * s + d)

    @cached_property
    def _pieces(self) -> Array:
        """The coefficients of each interval of the voltage at each warmth: (steps, warmths, 4)."""
        from scipy.interpolate import CubicSpline

        steps = np.arange(_STEPS + 1)
        bias_mV = _STRAIGHT_MV * np.sinh((2.0 * steps / _STEPS - 1.0) * _LAST)
        same = {name: getattr(self.engine, name) for name in self.engine.__dataclass_fields__}
        table = spin_engine(bias_mV[:, None], **{**same, "kt_meV": np.array(_WARMTHS_MEV)}).total_A
        return np.ascontiguousarray(np.moveaxis(CubicSpline(steps, table).c, 0, -1))


_LAST = asinh(_REACH_MV / _STRAIGHT_MV)
_MIDDLE = (log(_HOTTEST_MEV) + log(_COLDEST_MEV)) / 2
_HALF = (log(_HOTTEST_MEV) - log(_COLDEST_MEV)) / 2
_NODES = tuple(cos((2 * k + 1) * pi / (2 * _WARMTHS)) for k in range(_WARMTHS))
_WARMTHS_MEV = tuple(float(np.exp(_MIDDLE + _HALF * node)) for node in _NODES)


@lru_cache(64)
def _weights(kt_meV: float) -> Array:
    """Return the weights of the table's warmths at k_B T (Lagrange's polynomials)."""
    x = (log(kt_meV) - _MIDDLE) / _HALF
    T = np.cos(np.arange(_WARMTHS) * np.arccos(np.clip(x, -1.0, 1.0)))
    at_nodes = np.cos(np.outer(np.arange(_WARMTHS), np.arccos(np.array(_NODES))))
    series = 2.0 * T
    series[0] = 1.0
    return np.asarray(series @ at_nodes / _WARMTHS)
