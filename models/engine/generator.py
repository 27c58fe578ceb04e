"""The master equation as a real matrix on eight populations and two coherences.

Published: H (Eq. 9), the Lindblad equation (12), and that ρ keeps the form below Eq. (14). Derived:
the matrix. What a diagonal ρ can reach are its populations and the coherences ρ₄₁ and ρ₆₃ of one
electron that hops between |0↓⟩ and |↓0⟩, |↑↓⟩ and |20⟩. J and ε↑ do not split these pairs: they
move energies, but no population.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

from nanojunction.models.engine.parameters import OCCUPATIONS, Array, Engine, Flags

__all__ = [
    "DIMENSION",
    "KET_COUNT",
    "coherence_operator",
    "electrons",
    "energies_meV",
    "energy_operator",
    "generator",
    "hopping",
]

KET_COUNT = len(OCCUPATIONS)
PAIRS = ((4, 1), (6, 3))
"""The coherences ρ₄₁ and ρ₆₃; each has a real and an imaginary place behind the populations."""
DIMENSION = KET_COUNT + 2 * len(PAIRS)
Part = Literal["hamiltonian", "left", "right", "boson"]
PARTS: tuple[Part, ...] = ("hamiltonian", "left", "right", "boson")

UP, DOWN, RIGHT = range(3)


def _real(pair: int) -> int:
    return KET_COUNT + 2 * pair


def _imaginary(pair: int) -> int:
    return KET_COUNT + 2 * pair + 1


def _moved(ket: int, taken: int | None, put: int | None) -> int | None:
    """Return the ket after an electron is taken from one level and put on another, if it can be."""
    occupied = list(OCCUPATIONS[ket])
    if (taken is not None and not occupied[taken]) or (put is not None and occupied[put]):
        return None
    if taken is not None:
        occupied[taken] = 0
    if put is not None:
        occupied[put] = 1
    return int(np.flatnonzero(np.all(np.equal(OCCUPATIONS, occupied), axis=1))[0])


def _jump(taken: int | None = None, put: int | None = None) -> Array:
    """Return 𝒟[A] of Eq. (12) as a matrix, for A that moves one electron.

    A coherence is carried over only if A acts on both of its kets. In the order (↑, ↓, R) of the
    fermions both then take the same sign, as both hopping elements of H have the sign of γ; any
    other order changes the signs of H and A together.
    """
    after = [_moved(ket, taken, put) for ket in range(KET_COUNT)]
    matrix = np.zeros((DIMENSION, DIMENSION))
    for before, ket in enumerate(after):
        if ket is not None:
            matrix[ket, before] += 1.0
            matrix[before, before] -= 1.0
    for pair, (one, other) in enumerate(PAIRS):
        loss = 0.5 * sum(after[ket] is not None for ket in (one, other))
        reached = (after[one], after[other])
        for place in (_real, _imaginary):
            matrix[place(pair), place(pair)] -= loss
            if reached in PAIRS:
                matrix[place(PAIRS.index(reached)), place(pair)] += 1.0
    return matrix


def _rotation(pairs: Iterable[int]) -> Array:
    """Return dρ/dt = −iωρ of these coherences, for ω = 1."""
    matrix = np.zeros((DIMENSION, DIMENSION))
    for pair in pairs:
        matrix[_real(pair), _imaginary(pair)] = 1.0
        matrix[_imaginary(pair), _real(pair)] = -1.0
    return matrix


def _hopping() -> Array:
    """Return −i[c↓†c_R + h.c., ρ] between the populations and the coherences."""
    matrix = np.zeros((DIMENSION, DIMENSION))
    for pair, (left, right) in enumerate(PAIRS):
        at = _imaginary(pair)
        matrix[at, right], matrix[at, left] = -1.0, 1.0
        matrix[right, at], matrix[left, at] = 2.0, -2.0
    return matrix


_DETUNING, _CHARGING, _HOPPING = _rotation((0, 1)), _rotation((1,)), _hopping()
_TERMS: dict[Part, tuple[tuple[Array, Callable[[Engine], Array]], ...]] = {
    "hamiltonian": (
        (_DETUNING, lambda engine: np.subtract(engine.eps_down_meV, engine.eps_r_meV)),
        (_CHARGING, lambda engine: np.asarray(engine.u_meV)),
        (_HOPPING, lambda engine: np.asarray(engine.gamma_meV)),
    ),
    "left": (
        (_jump(put=UP), lambda engine: np.asarray(engine.tl_minus_meV)),
        (_jump(taken=UP), lambda engine: np.asarray(engine.tl_plus_meV)),
    ),
    "right": (
        (_jump(put=RIGHT), lambda engine: np.asarray(engine.tr_minus_meV)),
        (_jump(taken=RIGHT), lambda engine: np.asarray(engine.tr_plus_meV)),
    ),
    "boson": (
        (_jump(taken=UP, put=DOWN), lambda engine: np.asarray(engine.lambda_minus_meV)),
        (_jump(taken=DOWN, put=UP), lambda engine: np.asarray(engine.lambda_plus_meV)),
    ),
}


def generator(engine: Engine, parts: Iterable[Part] = PARTS) -> Array:
    """Return G (meV) with d/dt s = G s, shape (…, 12, 12): all of Eq. (12), or some of its parts.

    s has the populations of the `KETS`, then Re and Im of ρ₄₁ and of ρ₆₃.
    """
    total = np.zeros((*engine.shape, DIMENSION, DIMENSION))
    for part in parts:
        for matrix, value in _TERMS[part]:
            total += np.asarray(value(engine), dtype=float)[..., None, None] * matrix
    return total


def hopping(engine: Engine) -> Flags:
    """Tell which ket a state can get to from which, in one step: booleans, shape (…, to, from)."""
    steps = generator(engine, ("left", "right", "boson"))[..., :KET_COUNT, :KET_COUNT] > 0.0
    coherent = np.zeros((KET_COUNT, KET_COUNT), dtype=bool)
    for one, other in PAIRS:
        coherent[one, other] = coherent[other, one] = True
    tunnels = np.broadcast_to(np.asarray(engine.gamma_meV) != 0.0, engine.shape)
    reached: Flags = steps | (coherent & tunnels[..., None, None]) | np.eye(KET_COUNT, dtype=bool)
    return reached


def energies_meV(engine: Engine) -> Array:
    """Return ⟨i|H|i⟩ of the kets (meV), shape (…, 8)."""
    up, down, right = OCCUPATIONS.T
    terms = (
        (engine.eps_up_meV, up),
        (engine.eps_down_meV, down),
        (engine.eps_r_meV, right),
        (engine.j_meV, down * right),
        (engine.u_meV, up * down),
    )
    total = np.zeros((*engine.shape, KET_COUNT))
    for value, count in terms:
        total += np.asarray(value)[..., None] * count
    return total


def coherence_operator(engine: Engine) -> Array:
    """Return the row c with Tr[Cρ] = c·s (meV), shape (…, 12); C is the hopping of Eq. (16)."""
    row = np.zeros((*engine.shape, DIMENSION))
    for pair in range(len(PAIRS)):
        row[..., _real(pair)] = 2.0 * np.asarray(engine.gamma_meV)
    return row


def energy_operator(engine: Engine) -> Array:
    """Return the row h with Tr[Hρ] = h·s (meV), shape (…, 12)."""
    row = coherence_operator(engine)
    row[..., :KET_COUNT] += energies_meV(engine)
    return row


def electrons() -> Array:
    """Return the row n with Tr[Nρ] = n·s, shape (12,): the electrons on both dots."""
    row = np.zeros(DIMENSION)
    row[:KET_COUNT] = OCCUPATIONS.sum(axis=1)
    return row
