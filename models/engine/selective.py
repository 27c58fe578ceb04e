"""Trajectories of an engine whose measurements are read: each outcome changes what is known."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nanojunction.models.engine.cycle import Cycle
from nanojunction.models.engine.generator import KET_COUNT, energies_meV
from nanojunction.models.engine.parameters import OCCUPATIONS, Array, check_populations
from nanojunction.models.errors import ModelError

__all__ = ["Observable", "Trajectory", "selective_trajectory"]

Observable = Literal["right", "left"]
"""n_R, or the charge of the left dot (the paper's Fig. 5)."""
_READ: dict[Observable, NDArray[np.int64]] = {
    "right": OCCUPATIONS[:, 2],
    "left": OCCUPATIONS[:, 0] + OCCUPATIONS[:, 1],
}


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """What a reader of the outcomes knows, cycle by cycle; all arrays have shape (cycles,).

    `outcome` is what was read. `delta_e_meV` is −⟨C⟩ before the measurement, given all outcomes
    before; its mean over trajectories is the ΔE of unread ones. `energy_change_meV` is the whole
    Tr[Hρ⁺] − Tr[Hρ⁻] of this outcome: it also holds what the reader learns about electrons that are
    there or not, up to the size of U, of mean 0.
    """

    outcome: NDArray[np.int64]
    delta_e_meV: Array
    energy_change_meV: Array


def selective_trajectory(
    cycle: Cycle,
    populations: Array,
    cycles: int,
    *,
    seed: int,
    observable: Observable = "right",
) -> Trajectory:
    """Return one trajectory of a single engine; the same seed gives the same outcomes.

    What a measurement leaves is diagonal, a mixture of kets. So the outcomes are those of the
    Markov chain M between kets, and what a reader knows is its filter, p ← Π·M·p/Tr: exact, and
    much faster than to integrate Eq. (12). Raises ModelError for less than one cycle, or what are
    no populations.
    """
    if cycles < 1:
        raise ModelError("cycles", f"{cycles} are none: give 1 or more")
    check_populations(populations)
    outcome = _READ[observable][_chain(cycle.stochastic, populations, cycles, seed)]
    delta_e, change = _filtered(cycle, populations, outcome, _READ[observable])
    return Trajectory(outcome, delta_e, change)


def _chain(stochastic: Array, populations: Array, cycles: int, seed: int) -> NDArray[np.int64]:
    """Return a ket after each cycle, drawn from the map."""
    drawn = np.random.default_rng(seed).random(cycles + 1).tolist()
    bounds = np.cumsum(stochastic, axis=0)[:-1].T.tolist()
    ket = bisect_right(np.cumsum(populations)[:-1].tolist(), drawn[0])
    kets = []
    for value in drawn[1:]:
        ket = bisect_right(bounds[ket], value)
        kets.append(ket)
    return np.array(kets)


def _filtered(
    cycle: Cycle, populations: Array, outcome: NDArray[np.int64], read: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Return −⟨C⟩ and the change of energy of each cycle, given these outcomes.

    All blocks of the trajectory go side by side: first as products of matrices, from which follows
    with which populations each block begins, then with these.
    """
    cycles = len(outcome)
    length = max(1, int(np.sqrt(cycles)))
    blocks = -(-cycles // length)
    padded = np.concatenate([outcome, np.full(blocks * length - cycles, outcome[-1])])
    # Shape (step, ket, block): whether a ket has the outcome of this step of this block.
    agrees = (padded.reshape(blocks, length).T[:, None, :] == read[:, None]).astype(float)
    known = _beginnings(cycle.stochastic, populations, agrees)
    energies = energies_meV(cycle.engine)
    delta_e, change = np.empty((length, blocks)), np.empty((length, blocks))
    for step in range(length):
        delta_e[step] = cycle.weights @ known
        found = cycle.stochastic @ known
        known = found * agrees[step]
        known /= known.sum(axis=0)
        # Apart from the coherences, which the first term holds, only populations have changed.
        change[step] = delta_e[step] + energies @ (known - found)
    return delta_e.T.ravel()[:cycles], change.T.ravel()[:cycles]


def _beginnings(stochastic: Array, populations: Array, agrees: Array) -> Array:
    """Return what is known at the beginning of each block, shape (8, blocks)."""
    blocks = agrees.shape[-1]
    product = np.repeat(np.eye(KET_COUNT)[:, None, :], blocks, axis=1)  # (to, block, from)
    for agreeing in agrees:
        product = (stochastic @ product.reshape(KET_COUNT, -1)).reshape(product.shape)
        product *= agreeing[..., None]
        product /= product.sum(axis=(0, 2))[:, None]
    known = np.empty((blocks, KET_COUNT))
    known[0] = populations
    for block in range(1, blocks):
        reached = product[:, block - 1] @ known[block - 1]
        known[block] = reached / reached.sum()
    return known.T
