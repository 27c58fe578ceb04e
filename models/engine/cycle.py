"""One cycle of the engine, a stroke of thermalisation and a measurement, as an 8×8 map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanojunction.models.engine.generator import (
    DIMENSION,
    KET_COUNT,
    coherence_operator,
    generator,
    hopping,
)
from nanojunction.models.engine.parameters import OCCUPATIONS, Array, Engine, Flags, Values
from nanojunction.models.engine.propagation import averaged, propagated
from nanojunction.models.errors import ModelError

__all__ = ["Cycle", "cycle_of", "delta_e_limit_meV", "limit_populations", "relaxation_cycles"]


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """What a cycle does to the populations p after a measurement; … is the shape of the engine.

    A measurement of n_R, or of the left charge, leaves a diagonal ρ (below Eq. 14): the next one
    finds p + `change`·p, and ΔE = −Tr[Cρ(τ⁻)] = `weights`·p (Eq. 16). `change` is M − 1 of the
    column-stochastic map M; its columns sum to zero.

    `reference` are populations that leads and hopping alone would leave as they are, and `drift` is
    what a cycle adds to them, shape (…, 12): zero without bosons. `residence`, shape (…, 12, 8), is
    ∫ρ dt over a stroke (meV⁻¹); None for strokes without end.
    """

    engine: Engine
    tau_per_meV: Values
    change: Array
    weights: Array
    reference: Array
    drift: Array
    residence: Array | None

    @property
    def stochastic(self) -> Array:
        """M, shape (…, to, from)."""
        return self.change + np.eye(KET_COUNT)


def cycle_of(engine: Engine, tau_per_meV: Values, spread: float = 0.0) -> Cycle:
    """Return the cycle of a stroke of τ (1/meV, that is 0.658 ps) and a measurement.

    With a `spread` each stroke takes a time of its own, uniform in τ·(1 ± spread), and the map is
    the mean: it keeps what does not hang on where in a turn of the coherence τ lies. τ = inf is a
    stroke that ends in the steady state of Eq. (12).

    Raises ModelError unless τ > 0 and 0 ≤ spread ≤ 1, and where a single engine has not one steady
    state to end in.
    """
    tau = np.asarray(tau_per_meV, dtype=float)
    if not np.all(tau > 0.0):
        raise ModelError("tau_per_meV", f"{np.min(tau):g} is no duration: give more than 0")
    if not 0.0 <= spread <= 1.0:
        raise ModelError("tau_spread", f"{spread:g} is no spread: give 0 to 1")
    if np.any(np.isinf(tau)):
        if not np.all(np.isinf(tau)):
            raise ModelError("tau_per_meV", "has finite and infinite values: evaluate them apart")
        return _thermalised(engine)
    rates = generator(engine)
    change, integral = averaged(rates, tau, spread) if spread else propagated(rates, tau)
    residence = integral[..., :KET_COUNT]
    reference = _reference(engine)
    imbalance = generator(engine, ("boson",))[..., :KET_COUNT, :KET_COUNT] @ reference[..., None]
    return Cycle(
        engine,
        tau_per_meV,
        _conserving(change[..., :KET_COUNT, :KET_COUNT]),
        -np.einsum("...i,...ij->...j", coherence_operator(engine), change[..., :KET_COUNT]),
        reference,
        (residence @ imbalance)[..., 0],
        residence,
    )


def _thermalised(engine: Engine) -> Cycle:
    """Return the cycle whose strokes last until the steady state; NaN where there is not one."""
    rates, reference = generator(engine), _reference(engine)
    imbalance = np.zeros((*engine.shape, DIMENSION))
    imbalance[..., :KET_COUNT] = np.einsum(
        "...ij,...j->...i", generator(engine, ("boson",))[..., :KET_COUNT, :KET_COUNT], reference
    )
    one = _has_one_limit(engine)
    if not engine.shape and not one:
        raise ModelError("tau_per_meV", "without end leads to no single state: set more rates")
    drift = _balanced(rates, -imbalance, one)
    steady = reference + drift[..., :KET_COUNT]
    row = coherence_operator(engine)
    delta_e = -np.einsum("...i,...i->...", row, drift)
    shape = (*engine.shape, KET_COUNT)
    return Cycle(
        engine,
        np.inf,
        _conserving(np.broadcast_to(steady[..., None], (*shape, KET_COUNT)) - np.eye(KET_COUNT)),
        np.broadcast_to(delta_e[..., None], shape),
        reference,
        drift,
        None,
    )


def _reference(engine: Engine) -> Array:
    """Return the product state whose ↓ and R are as full as the right lead makes R, ↑ as the left.

    Leads keep it, and so does hopping between two equally full levels.
    """
    up = _filling(engine.tl_minus_meV, engine.tl_plus_meV, engine.shape)
    right = _filling(engine.tr_minus_meV, engine.tr_plus_meV, engine.shape)
    full = np.stack([up, right, right], axis=-1)[..., None, :]
    product: Array = np.where(OCCUPATIONS == 1, full, 1.0 - full).prod(axis=-1)
    return product


def _filling(gain: Values, loss: Values, shape: tuple[int, ...]) -> Array:
    """Return gain/(gain + loss); one half where a level has no lead."""
    into, both = np.broadcast_to(gain, shape), np.broadcast_to(np.add(gain, loss), shape)
    filling: Array = np.divide(into, both, out=np.full(shape, 0.5), where=both > 0.0)
    return filling


def _conserving(change: Array) -> Array:
    """Return M − 1 with its diagonal such that each column sums to zero."""
    ket = np.arange(KET_COUNT)
    kept = change.copy()
    kept[..., ket, ket] -= change.sum(axis=-2)
    return kept


def _has_one_limit(engine: Engine) -> Flags:
    """Tell where the engine forgets its initial state: one ket can be reached from all."""
    reached = hopping(engine)
    for _ in range(3):  # paths of up to eight steps
        reached = reached @ reached
    one: Flags = np.any(reached.all(axis=-1), axis=-1)
    return one


def _balanced(rates: Array, inflow: Array, solvable: Flags) -> Array:
    """Return x with rates·x = inflow whose populations sum to zero; NaN where not `solvable`."""
    size = rates.shape[-1]
    matrix, right = rates.copy(), inflow.copy()
    # The populations' rows sum to zero: one of them says nothing, and makes room for the sum.
    scale = np.abs(rates).max(axis=(-2, -1))
    matrix[..., 0, :] = 0.0
    matrix[..., 0, :KET_COUNT] = scale[..., None]
    right[..., 0] = 0.0
    matrix = np.where(solvable[..., None, None], matrix, np.eye(size))
    found = np.linalg.solve(matrix, right[..., None])[..., 0]
    return np.where(solvable[..., None], found, np.nan)


def _from_reference(cycle: Cycle) -> Array:
    """Return how far the limit is from the reference, shape (…, 8)."""
    shape = cycle.change.shape[:-2]
    solvable = np.broadcast_to(_has_one_limit(cycle.engine), shape)
    return _balanced(cycle.change, -cycle.drift[..., :KET_COUNT], solvable)


def limit_populations(cycle: Cycle) -> Array:
    """Return p with (M − 1)p = 0, shape (…, 8): what many cycles lead to.

    Solved as a deviation from the reference, so that it is as exact as its small quantities are.
    NaN where what is left after many cycles depends on the initial state.
    """
    return cycle.reference + _from_reference(cycle)


def delta_e_limit_meV(cycle: Cycle) -> Array:
    """Return ΔE per cycle after many of them (meV), shape (…); NaN as for `limit_populations`.

    Without bosons the reference is the limit, and has no coherence: exactly 0.
    """
    first = -np.einsum("...i,...i->...", coherence_operator(cycle.engine), cycle.drift)
    far: Array = first + np.einsum("...i,...i->...", cycle.weights, _from_reference(cycle))
    return far


def relaxation_cycles(cycle: Cycle) -> Array:
    """Return in how many cycles the slowest deviation from the limit falls by 1/e, shape (…)."""
    eigenvalues = np.linalg.eigvals(cycle.stochastic)
    slowest = np.sort(np.abs(eigenvalues), axis=-1)[..., -2]
    with np.errstate(divide="ignore"):
        cycles: Array = -1.0 / np.log(slowest)
    return cycles
