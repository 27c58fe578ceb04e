"""ΔE against cycle where the outcomes of the measurements are not read."""

from __future__ import annotations

import numpy as np

from nanojunction.models.engine.cycle import Cycle, delta_e_limit_meV, limit_populations
from nanojunction.models.engine.parameters import Array, check_populations
from nanojunction.models.errors import ModelError

__all__ = ["delta_e_meV", "delta_e_of_cycle_meV", "populations_after"]


def delta_e_meV(cycle: Cycle, populations: Array, cycles: int) -> Array:
    """Return ΔE of the cycles 1 … n (meV), shape (cycles,), from the `populations` (8,) at first.

    The cycle is that of a single engine. ΔE_k = w·M^(k−1)·p in blocks: the rows w·M^j of one block
    times the states at the beginnings of all blocks, as one product of matrices. Raises ModelError
    for less than one cycle, or what are no populations.
    """
    _check(populations, cycles)
    limit, at_limit = _limit(cycle)
    row_count = 1 << (max(cycles - 1, 1).bit_length() + 1) // 2
    rows, step = _powers(cycle.weights[None, :], cycle.stochastic, row_count)
    blocks = -(-cycles // row_count)
    states, _ = _powers((populations - limit)[None, :], step.T, blocks)
    found: Array = (states[:blocks] @ rows.T).ravel()[:cycles]
    return at_limit + found


def _powers(row: Array, matrix: Array, count: int) -> tuple[Array, Array]:
    """Return row·matrix^j for j < n, and matrix^n; n is the power of two not below `count`."""
    rows, power = row, matrix
    while len(rows) < count:
        rows, power = np.concatenate([rows, rows @ power]), power @ power
    return rows, power


def populations_after(cycle: Cycle, populations: Array, cycles: int) -> Array:
    """Return the populations after so many cycles, shape (…, 8)."""
    power = np.linalg.matrix_power(cycle.stochastic, cycles)
    after: Array = np.einsum("...ij,...j->...i", power, populations)
    return after


def delta_e_of_cycle_meV(cycle: Cycle, populations: Array, number: int) -> Array:
    """Return ΔE of cycle `number` alone (meV), shape (…) of the engine's arrays.

    The first cycle is 1. Raises ModelError as `delta_e_meV`.
    """
    _check(populations, number)
    before = populations_after(cycle, populations, number - 1)
    found: Array = np.einsum("...i,...i->...", cycle.weights, before)
    return found


def _limit(cycle: Cycle) -> tuple[Array, Array]:
    """Return the limit and its ΔE, from which deviations are counted; zeros if there is not one."""
    limit = limit_populations(cycle)
    if np.isnan(limit).any():
        return np.zeros_like(limit), np.array(0.0)
    return limit, delta_e_limit_meV(cycle)


def _check(populations: Array, cycles: int) -> None:
    check_populations(populations)
    if cycles < 1:
        raise ModelError("cycles", f"{cycles} are none: give 1 or more")
