"""The measurement engine the plain way: operators of fermions, and all 64 elements of ρ."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from nanojunction.models.engine import Engine

#: Where the paper's kets stand among the products |n↑ n↓ n_R⟩.
_ORDER = [0, 1, 4, 5, 2, 3, 6, 7]


def annihilators() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """c↑, c↓ and c_R after Jordan and Wigner, in the basis of the paper."""
    sign, lower, one = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [0.0, 0.0]]), np.eye(2)
    strings = ((lower, one, one), (sign, lower, one), (sign, sign, lower))
    up, down, right = (
        np.kron(np.kron(a, b), c)[np.ix_(_ORDER, _ORDER)] for a, b, c in strings
    )  # fmt: skip
    return up, down, right


def coherence(engine: Engine) -> np.ndarray:
    """C of Eq. (16)."""
    _, down, right = annihilators()
    hop = engine.gamma_meV * down.T @ right
    return hop + hop.T


def hamiltonian(engine: Engine) -> np.ndarray:
    """H of Eq. (9)."""
    n_up, n_down, n_right = (c.T @ c for c in annihilators())
    levels = engine.eps_up_meV * n_up + engine.eps_down_meV * n_down + engine.eps_r_meV * n_right
    pairs = engine.j_meV * n_down @ n_right + engine.u_meV * n_up @ n_down
    return levels + pairs + coherence(engine)


def jumps(engine: Engine) -> list[np.ndarray]:
    """The operators of Eq. (12), each times the root of its rate."""
    up, down, right = annihilators()
    terms = (
        (engine.tl_minus_meV, up.T),
        (engine.tl_plus_meV, up),
        (engine.tr_minus_meV, right.T),
        (engine.tr_plus_meV, right),
        (engine.lambda_minus_meV, down.T @ up),
        (engine.lambda_plus_meV, up.T @ down),
    )
    return [np.sqrt(rate) * operator for rate, operator in terms]


def after_a_stroke(engine: Engine, populations: np.ndarray, tau: float) -> np.ndarray:
    """ρ after a stroke, from diagonal populations."""
    h, one = hamiltonian(engine), np.eye(8)
    liouvillian = -1j * (np.kron(h, one) - np.kron(one, h.T))
    for jump in jumps(engine):
        loss = jump.T @ jump
        liouvillian += np.kron(jump, jump) - 0.5 * (np.kron(loss, one) + np.kron(one, loss.T))
    rho = np.diag(populations).astype(complex).ravel()
    return (expm(liouvillian * tau) @ rho).reshape(8, 8)
