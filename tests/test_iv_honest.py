"""Standard errors of the I(V) quantities mean what they say, in repeated simulated runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from nanojunction.analysis.iv import analyse_iv
from tests.iv_simulation import (
    KATCKO,
    PAIR,
    Law,
    barrier,
    diode,
    junction_b,
    line,
    noisy_run,
    quantity,
    sweep,
    truth_of,
)


@dataclass(frozen=True)
class Campaign:
    """One kind of run, to be repeated with other noise."""

    law: Law
    span_V: float
    step_V: float
    turning: tuple[float, ...]
    noise_A: float
    voltage_noise_V: float = 4e-7
    extra: Mapping[str, float] = field(default_factory=dict)


CAMPAIGNS = {
    "line, Katcko's legs": Campaign(line, 0.01, 5e-4, KATCKO, 0.5e-9),
    "line, noisy": Campaign(line, 0.01, 5e-4, PAIR, 5e-9),
    "line, quarter legs": Campaign(line, 0.01, 5e-4, (0, 1, 0, -1, 0), 1e-9),
    "line, one leg": Campaign(line, 0.01, 5e-4, (-1, 1), 1e-9),
    "line, hysteresis and drift": Campaign(
        line, 0.01, 2.5e-4, PAIR, 1e-9, extra={"hysteresis_A": 2e-8, "drift_A": 2e-8}
    ),
    "B, 41 points a leg": Campaign(junction_b, 0.1, 5e-3, PAIR, 0.5e-9),
    "B, 401 points a leg": Campaign(junction_b, 0.1, 5e-4, PAIR, 0.5e-9),
    "B, low noise": Campaign(junction_b, 0.1, 2e-3, KATCKO, 5e-11, 4e-8),
    "B, high noise": Campaign(junction_b, 0.1, 2e-3, KATCKO, 2e-8),
    "B, hysteresis and drift": Campaign(
        junction_b, 0.1, 2e-3, KATCKO, 0.5e-9, extra={"hysteresis_A": 5e-9, "drift_A": 2e-9}
    ),
    "diode": Campaign(diode, 0.1, 2e-3, PAIR, 0.5e-9),
    "barrier": Campaign(barrier, 0.1, 2e-3, PAIR, 0.5e-9),
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_errors_are_honest(name: str) -> None:
    """In 55–80 % of 200 runs ±1 stderr holds the true value; it is at most 1.5× the scatter."""
    c = CAMPAIGNS[name]
    truth = truth_of(c.law, c.span_V)
    path = sweep([c.span_V * t for t in c.turning], c.step_V)
    rng = np.random.default_rng(20260)
    found: dict[str, list[tuple[float, float]]] = {key: [] for key in truth}
    for _ in range(200):
        run = noisy_run(c.law, path, rng, c.noise_A, voltage_noise_V=c.voltage_noise_V, **c.extra)
        result = analyse_iv(run)
        for key, pairs in found.items():
            one = quantity(result, key)
            assert one.value is not None
            assert one.stderr is not None
            pairs.append((one.value, one.stderr))
    verdict = {}
    for key, pairs in found.items():
        value, stderr = np.array(pairs).T
        coverage = float(np.mean(np.abs(value - truth[key]) <= stderr))
        ratio = float(np.median(stderr) / np.std(value))
        if not (0.55 <= coverage <= 0.80 and ratio <= 1.5):
            verdict[key] = (coverage, ratio)
    assert verdict == {}
