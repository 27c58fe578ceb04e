"""What a constant generator does in a time: changes and integrals without loss of digits.

A stroke may be so short that it changes populations by 1e-9, or so long that a coherence turns ten
thousand times. Both need e^{Gt} − 1 rather than e^{Gt}, and its integral, for many G at once: a
Taylor series over a step t/2ⁿ, then n doublings.
"""

from __future__ import annotations

import numpy as np

from nanojunction.models.engine.parameters import Array, Values

__all__ = ["averaged", "propagated"]

STEP = 0.25
"""‖G‖·h of the first step; with `ORDER` terms of the series the rest is below 1e-17."""
ORDER = 11


def propagated(generator: Array, time: Values) -> tuple[Array, Array]:
    """Return e^{Gt} − 1 and ∫₀ᵗ e^{Gs} ds, shapes (…, n, n), for generators and times t ≥ 0."""
    change, integral, _ = _doubled(generator, time, twice=False)
    return change, integral


def averaged(generator: Array, time: Values, spread: float) -> tuple[Array, Array]:
    """Return the same as `propagated`, averaged over times that are uniform in t·(1 ± spread).

    `spread` lies above 0 and not above 1.
    """
    shortest, longest = np.asarray(time) * (1.0 - spread), np.asarray(time) * (1.0 + spread)
    twice = [_doubled(generator, one, twice=True)[2] for one in (shortest, longest)]
    integral = (twice[1] - twice[0]) / (longest - shortest)[..., None, None]
    return generator @ integral, integral


def _doubled(generator: Array, time: Values, *, twice: bool) -> tuple[Array, Array, Array]:
    """Return e^{Gt} − 1, ∫e^{Gs} ds, and with `twice` the integral of the integral (else zeros)."""
    largest = float(np.max(np.abs(generator).sum(axis=-2).max(axis=-1) * time, initial=0.0))
    doublings = max(0, int(np.ceil(np.log2(largest / STEP)))) if largest > 0.0 else 0
    step = (np.asarray(time, dtype=float) / 2.0**doublings)[..., None, None]
    scaled = generator * step
    one = np.eye(generator.shape[-1])
    # Horner's scheme: Σ (Gh)^k/(k+1)! and Σ (Gh)^k/(k+2)!
    mean = one + scaled / (ORDER + 1)
    for term in range(ORDER, 1, -1):
        mean = one + scaled @ mean / term
    integral, change = step * mean, scaled @ mean
    second = np.zeros_like(integral)
    if twice:
        half = one + scaled / (ORDER + 2)
        for term in range(ORDER + 1, 2, -1):
            half = one + scaled @ half / term
        second = 0.5 * step**2 * half
    for _ in range(doublings):
        if twice:
            second = 2.0 * second + step * integral + change @ second
            step = 2.0 * step
        integral = 2.0 * integral + change @ integral
        change = 2.0 * change + change @ change
    return change, integral, second
