"""Runs analysed together: the same results as one by one, and failures that stay with their run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nanojunction.analysis.iv.quantities import analyse_iv, analyse_ivs
from nanojunction.analysis.run import Run
from nanojunction.analysis.together import Analysis, ask, ask_each, together
from nanojunction.analysis.values import Curve, Quantity
from tests.iv_simulation import (
    KATCKO,
    PAIR,
    Law,
    barrier,
    diode,
    junction_b,
    line,
    noisy_run,
    structured,
    sweep,
    with_peaks,
)

PEAKS = ((-0.006, 3.6e-3, 5.1e-4), (0.005, 3e-3, 7.6e-4))


def of_each_kind() -> list[Run]:
    """Runs that share setpoints and runs that do not, with all that may be unusual about one."""
    rng = np.random.default_rng(8)
    laws: list[tuple[Law, float]] = [
        (line, 0.01),
        (junction_b, 0.1),
        (diode, 0.1),
        (barrier, 0.06),
        (structured, 0.01),
        (with_peaks(1 / 157.0, -26e-6, PEAKS), 0.02),
    ]
    runs = []
    for law, largest in laws:
        for turning_points in (KATCKO, PAIR):
            path = sweep([largest * v for v in turning_points], largest / 33)
            runs += [noisy_run(law, path, rng, noise) for noise in (2e-10, 1e-9, 4e-9)]
            runs.append(noisy_run(law, path, rng, 1e-9, drift_A=5e-8, hysteresis_A=2e-8))
            runs.append(noisy_run(law, path, rng, 1e-9, relative_noise=1e-2))
            runs.append(noisy_run(law, path, rng, 1e-9, source_noise_V=1e-5))
        one_sign = sweep([0.0, largest, 0.0], largest / 40)
        runs += [noisy_run(law, one_sign, rng, noise) for noise in (1e-9, 4e-9)]
    one = noisy_run(line, sweep([-0.01, 0.01, -0.01], 5e-4), rng, 1e-9)
    spike = one.current_A.copy()
    spike[30] += 1e-6
    missing = one.voltage_V.copy()
    missing[7] = np.nan
    runs += [
        one,
        replace(one, current_A=spike),
        replace(one, voltage_V=missing),
        replace(one, in_compliance=one.voltage_V > 0.008),
        replace(one, setpoint_V=None),
        replace(one, voltage_V=np.round(one.voltage_V, 3)),
        replace(one, current_A=np.zeros(len(one))),
        replace(one, in_compliance=np.ones(len(one), dtype=bool)),
        noisy_run(line, (np.empty(0), np.empty(0, dtype=np.int64)), rng, 1e-9),
        noisy_run(line, sweep([-0.01, 0.01], 5e-3), rng, 1e-9),
    ]
    return runs


def test_runs_together_have_the_results_of_each_alone() -> None:
    runs = of_each_kind()
    for alone, among_others in zip(map(analyse_iv, runs), analyse_ivs(runs), strict=True):
        assert among_others.run is alone.run
        assert among_others.warnings == alone.warnings
        same(among_others.quantities, alone.quantities)


def same(found: Any, expected: Any) -> None:
    """Check that results are the same to the last bit."""
    if isinstance(expected, Quantity):
        same(
            [found.value, found.stderr, found.note, found.extra],
            [expected.value, expected.stderr, expected.note, expected.extra],
        )
    elif isinstance(expected, Curve):
        same(
            [found.x, found.y, found.stderr, found.extra],
            [expected.x, expected.y, expected.stderr, expected.extra],
        )
    elif isinstance(expected, Mapping):
        assert list(found) == list(expected)
        same(list(found.values()), list(expected.values()))
    elif isinstance(expected, np.ndarray):
        assert np.array_equal(found, expected, equal_nan=True)
    elif isinstance(expected, Sequence) and not isinstance(expected, str):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        assert found == expected


def halves(numbers: Sequence[int]) -> list[float]:
    """Work that cannot be done for a negative number."""
    if any(number < 0 for number in numbers):
        raise ValueError(f"{min(numbers)} is negative")
    return [0.5 * number for number in numbers]


def halved(number: int) -> Analysis[float | str]:
    try:
        return (yield from ask(halves, number))
    except ValueError as error:
        return str(error)


def test_what_fails_for_one_run_fails_for_it_alone() -> None:
    assert together(map(halved, [4, -2, 6])) == [2.0, "-2 is negative", 3.0]


def test_what_an_analysis_does_not_catch_is_raised() -> None:
    def quarter(number: int) -> Analysis[float]:
        found = yield from ask_each(halves, [number, number])
        return 0.5 * found[1]

    assert together(map(quarter, [4, 6])) == [1.0, 1.5]
    with pytest.raises(ValueError, match="-2 is negative"):
        together(map(quarter, [4, -2]))


def test_runs_that_fall_behind_are_waited_for() -> None:
    """Work is done once for all, however many steps an analysis takes before it."""
    shares: list[int] = []

    def last(numbers: Sequence[int]) -> Sequence[int]:
        shares.append(len(numbers))
        return numbers

    def steps(number: int) -> Analysis[int]:
        for _ in range(number):
            yield from ask(halves, number)
        return (yield from ask(last, number))

    assert together(map(steps, [1, 2, 5])) == [1, 2, 5]
    assert shares == [3]
