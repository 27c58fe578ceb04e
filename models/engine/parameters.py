"""Levels, couplings and rates of the engine, and the kets it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from nanojunction.models.errors import ModelError

__all__ = [
    "KETS",
    "OCCUPATIONS",
    "Array",
    "Engine",
    "Flags",
    "Values",
    "check_populations",
    "kets_of",
    "populations_of",
]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Values = float | Array

KETS = ("00", "0d", "u0", "ud", "d0", "dd", "20", "2d")
"""The paper's |0…7⟩ = |L R⟩, Eq. (14): left 0, up, down or both (2), right 0 or down."""

OCCUPATIONS: NDArray[np.int64] = np.array(
    [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1], [1, 1, 0], [1, 1, 1]]
)
"""n↑ and n↓ of the left dot, and n_R, of each of the `KETS`."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Engine:
    """The parameters of H (Eq. 9) and of the master equation (Eq. 12) of Lamblin & Bowen 2024.

    All in meV, with ħ = 1; each a number, or an array, and arrays are broadcast against each other.
    U is that of Eq. (3), half of the Coulomb repulsion of Eq. (2), with the levels lowered by it.
    As printed, T⁻ (`tl_minus_meV`, `tr_minus_meV`) brings electrons into a dot and T⁺ takes them
    out; Λ⁺ turns ↓ into ↑, which is relaxation where ε↓ > ε↑, and Λ⁻ turns ↑ into ↓.

    Raises ModelError for what is not finite, a negative rate, or arrays that do not go together.
    """

    eps_up_meV: Values
    eps_down_meV: Values
    eps_r_meV: Values
    u_meV: Values
    j_meV: Values
    gamma_meV: Values
    tl_plus_meV: Values
    tl_minus_meV: Values
    tr_plus_meV: Values
    tr_minus_meV: Values
    lambda_plus_meV: Values = 0.0
    lambda_minus_meV: Values = 0.0

    def __post_init__(self) -> None:
        for name, value in self.as_mapping().items():
            if not np.all(np.isfinite(value)):
                raise ModelError(name, "is not finite everywhere")
            if name.startswith(("tl_", "tr_", "lambda_")) and np.any(np.less(value, 0.0)):
                raise ModelError(name, f"{np.min(value):g} is no rate: give 0 meV or more")
        try:
            np.broadcast_shapes(*map(np.shape, self.as_mapping().values()))
        except ValueError as error:
            raise ModelError("engine", f"arrays of parameters do not match: {error}") from None

    def as_mapping(self) -> Mapping[str, Values]:
        """Return the parameters by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the parameters have together; () for a single engine."""
        return np.broadcast_shapes(*map(np.shape, self.as_mapping().values()))


def kets_of(initial: str) -> tuple[int, ...]:
    """Return the numbers of the kets in "ud", or in a mixture "ud,dd".

    Raises ModelError for an unknown ket, and for one that is there twice.
    """
    names = [name.strip() for name in initial.split(",")]
    if unknown := [name for name in names if name not in KETS]:
        raise ModelError("initial", f"no ket {unknown[0]!r}; there are {' '.join(KETS)}")
    if len(set(names)) < len(names):
        raise ModelError("initial", f"{initial!r} has a ket twice; a mixture has each once")
    return tuple(KETS.index(name) for name in names)


def populations_of(initial: str) -> Array:
    """Return the eight populations of a ket, or of an equal mixture such as "ud,dd".

    Raises ModelError as `kets_of`.
    """
    chosen = kets_of(initial)
    populations = np.zeros(len(KETS))
    populations[list(chosen)] = 1.0 / len(chosen)
    return populations


def check_populations(populations: Array) -> None:
    """Raise ModelError unless these are eight populations that sum to 1."""
    if populations.shape != (len(KETS),):
        raise ModelError("initial", f"has the shape {populations.shape}; give {len(KETS)} numbers")
    if not np.all(populations >= 0.0) or abs(float(populations.sum()) - 1.0) > 1e-9:
        raise ModelError("initial", "these are no populations: give none below 0, with the sum 1")
