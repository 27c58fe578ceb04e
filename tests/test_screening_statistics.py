"""Statistics of chips of known truth: intervals that hold as often as they say, honest p values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, spearmanr

from nanojunction.analysis.screening.chip import Chip, Junction
from nanojunction.analysis.screening.comparison import (
    Compared,
    compare_yields_and_resistances,
    hodges_lehmann,
)
from nanojunction.analysis.screening.intervals import next_batch, wilson
from nanojunction.analysis.screening.places import PlaceTest, holm, place_tests
from nanojunction.analysis.screening.statistics import statistics_of
from nanojunction.analysis.screening.verdicts import JunctionVerdict, Verdict
from nanojunction.analysis.values import Quantity

Make = Callable[[int, int, np.random.Generator], tuple[Verdict, float]]
"""Verdict and resistance of the junction in a column and a row."""


def a_chip(
    make: Make, seed: int, columns: int = 12, rows: int = 12
) -> tuple[Chip, list[JunctionVerdict]]:
    """A chip whose verdicts and resistances are drawn by their place."""
    rng = np.random.default_rng(seed)
    junctions, verdicts = [], []
    for row, column in itertools.product(range(rows), range(columns)):
        name = f"J{row:02d}{column:02d}"
        junctions.append(Junction(name, 0.1, 1e-3, x_m=column * 1e-3, y_m=row * 1e-3))
        verdict, ohm = make(column, row, rng)
        numbers = {"resistance_ohm": Quantity(ohm, 1e-3 * ohm)}
        verdicts.append(JunctionVerdict(name, verdict, ("drawn",), numbers=numbers))
    return Chip("drawn", tuple(junctions)), verdicts


def alike(column: int, row: int, rng: np.random.Generator) -> tuple[Verdict, float]:
    verdicts: tuple[Verdict, ...] = ("open", "short", "ohmic", "candidate")
    verdict = verdicts[int(rng.choice(4, p=[0.4, 0.2, 0.3, 0.1]))]
    return verdict, 4395.0 * math.exp(0.5 * rng.normal())


def better_inside(column: int, row: int, rng: np.random.Generator) -> tuple[Verdict, float]:
    away = math.hypot(column - 5.5, row - 5.5) / 7.8
    is_open = rng.random() < 0.2 + 0.7 * away**2
    return ("open" if is_open else "ohmic"), 4395.0 * math.exp(0.3 * rng.normal() + away)


def drawn_tests(make: Make, seed: int) -> dict[tuple[str, str, str], PlaceTest]:
    chip, verdicts = a_chip(make, seed)
    found = place_tests(list(zip(chip.junctions, verdicts, strict=True)))
    return {(one.what, one.against, one.test): one for one in found}


def test_an_edge_gradient_is_found_in_the_yield_and_in_the_resistance() -> None:
    found = drawn_tests(better_inside, 1)
    opens = found["open", "edge", "fisher"]
    assert opens.value is not None
    assert opens.value > 2.0
    assert opens.p_corrected < 0.01
    assert "at the edge" in opens.words
    outward = found["resistance_ohm", "distance", "spearman"]
    assert outward.value is not None
    assert outward.value > 0.4
    assert outward.p_corrected < 0.01
    at_edge = found["resistance_ohm", "edge", "mann-whitney"]
    assert at_edge.value is not None
    assert at_edge.value > 0.6
    assert at_edge.p_corrected < 0.01
    # Nothing goes from left to right.
    assert found["resistance_ohm", "x", "spearman"].p_corrected > 0.05


def test_chips_without_a_gradient_hardly_ever_show_one() -> None:
    """With Holm's correction one chip of twenty at most has any test below 0.05."""
    least = [min(one.p_corrected for one in drawn_tests(alike, n).values()) for n in range(30)]
    alarms = sum(p < 0.05 for p in least)
    # 1.5 are expected at most; more than five of 30 would be one seed in two hundred.
    assert alarms <= 5


def test_the_permutation_p_of_a_rank_correlation_is_uniform_without_one() -> None:
    p = [drawn_tests(alike, seed)["resistance_ohm", "distance", "spearman"].p for seed in range(30)]
    assert kstest(p, "uniform").pvalue > 1e-3


def test_the_rank_correlation_is_spearmans() -> None:
    chip, verdicts = a_chip(better_inside, 3)
    pairs = list(zip(chip.junctions, verdicts, strict=True))
    (found,) = (one for one in place_tests(pairs) if one.against == "x")
    known = [
        (one.x_m, v.numbers["resistance_ohm"].value) for one, v in pairs if v.verdict != "open"
    ]
    theirs = spearmanr(*zip(*known, strict=True))
    assert found.value == pytest.approx(theirs.statistic)
    assert found.p == pytest.approx(theirs.pvalue, abs=0.02)


def test_columns_and_rows_are_a_place_and_without_one_there_is_no_test() -> None:
    _, verdicts = a_chip(better_inside, 1)
    cells = itertools.product(range(12), range(12))
    gridded = [
        Junction(one.junction, 0.1, 1e-3, column=column, row=row)
        for one, (row, column) in zip(verdicts, cells, strict=True)
    ]
    found = place_tests(list(zip(gridded, verdicts, strict=True)))
    assert {one.what: one.p for one in found}["open"] < 0.01
    placeless = [Junction(one.junction, 0.1, 1e-3) for one in verdicts]
    assert place_tests(list(zip(placeless, verdicts, strict=True))) == ()


@given(st.lists(st.floats(0, 1), max_size=12))
def test_corrected_p_values_keep_their_order_and_are_no_smaller(p: list[float]) -> None:
    corrected = holm(p)
    assert all(0 <= one <= after <= 1 for one, after in zip(p, corrected, strict=True))
    assert sorted(corrected) == [corrected[n] for n in sorted(range(len(p)), key=lambda n: p[n])]


# Yields and the next batch


@pytest.mark.parametrize("truth", [0.005, 0.05, 0.5])
def test_the_interval_of_a_yield_holds_the_truth_as_often_as_it_says(truth: float) -> None:
    counts = np.random.default_rng(7).binomial(193, truth, 400)
    held = np.mean([one.low <= truth <= one.high for one in (wilson(int(n), 193) for n in counts)])
    # Wilson's 95 % interval covers 92 to 98 % at these yields; 400 draws scatter by another 1 %.
    assert 0.90 < held <= 0.995


@pytest.mark.parametrize(("truth", "next_of"), [(0.05, 193), (0.2, 40), (0.01, 2000)])
def test_the_next_batch_falls_into_its_interval_as_often_as_it_says(
    truth: float, next_of: int
) -> None:
    rng = np.random.default_rng(8)
    held = []
    for _ in range(400):
        count, later = rng.binomial(193, truth), rng.binomial(next_of, truth)
        expected = next_batch(int(count), 193, next_of)
        held.append(expected.low <= later <= expected.high)
    assert 0.91 < np.mean(held) <= 1.0


def test_nine_of_193_promise_some_nine_more() -> None:
    """Chowrira 2020: 9 of 193; the next 193 have 9 on average, 3 to 19 in 95 % of the cases."""
    expected = next_batch(9, 193, 193)
    assert expected.mean == pytest.approx(9.45, abs=0.1)
    assert (expected.low, expected.high) == (3, 19)
    with pytest.raises(ValueError, match="says nothing of"):
        next_batch(9, 193, 0)


# Two chips


def compared(
    first: tuple[int, int],
    second: tuple[int, int],
    ohms: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> dict[str, Compared]:
    """The tests of two chips with so many candidates of so many junctions."""

    def yields(candidates: int, of: int) -> dict[str, object]:
        names = ("open", "short", "neither_open_nor_short", "generating")
        return {
            **{name: wilson(of // 4, of) for name in names},
            "candidate": wilson(candidates, of),
        }

    found = compare_yields_and_resistances(yields(*first), yields(*second), ohms, ((), ()))
    return {one.what: one for one in found}


def test_a_better_process_is_told_from_luck() -> None:
    clear = compared((9, 193), (40, 193))["candidate"]
    assert clear.p_corrected < 0.01
    assert clear.interval is not None
    assert clear.value is not None
    assert 0 < clear.interval[0] < clear.value < clear.interval[1]
    assert (clear.first, clear.second) == ("9 of 193", "40 of 193")
    luck = compared((9, 193), (13, 193))["candidate"]
    assert luck.p_corrected == 1.0
    assert luck.interval is not None
    assert luck.interval[0] < 0 < luck.interval[1]


def test_the_interval_of_a_difference_of_yields_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(200):
        one = compared((int(rng.binomial(193, 0.05)), 193), (int(rng.binomial(150, 0.12)), 150))
        interval = one["candidate"].interval
        assert interval is not None
        held.append(interval[0] <= 0.07 <= interval[1])
    assert 0.90 < np.mean(held) < 0.995


def test_the_ratio_of_resistances_is_found_with_its_interval() -> None:
    rng = np.random.default_rng(4)
    held, p = [], []
    for _ in range(120):
        first = 4395.0 * np.exp(0.5 * rng.normal(size=30))
        second = 1.5 * 4395.0 * np.exp(0.5 * rng.normal(size=45))
        one = compared((9, 193), (9, 193), (first.tolist(), second.tolist()))["resistance_ohm"]
        assert one.interval is not None
        held.append(one.interval[0] <= 1.5 <= one.interval[1])
        p.append(one.p)
    assert 0.89 < np.mean(held) < 0.995
    assert np.median(p) < 0.01


def test_too_few_resistances_have_no_interval_and_many_take_no_gigabytes() -> None:
    shift, interval = hodges_lehmann(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 0.95)
    assert shift == pytest.approx(2.0)
    assert interval is None
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=30_000), 0.1 + rng.normal(size=30_000)
    shift, interval = hodges_lehmann(a, b, 0.95)
    assert shift == pytest.approx(0.1, abs=0.03)
    assert interval is not None
    # The standard error is 0.0084, as of all 30 000.
    assert interval[1] - interval[0] == pytest.approx(2 * 1.96 * 0.0084, rel=0.15)


# All together


def test_groups_histograms_and_the_next_batch_count_the_same_junctions() -> None:
    chip, verdicts = a_chip(alike, 2)
    found = statistics_of(chip, verdicts)
    every = found.groups[0]
    assert every.by == ""
    assert sum(every.yields[name].count for name in ("open", "short", "ohmic", "candidate")) == 144
    counted = every.yields["ohmic"].count + every.yields["candidate"].count
    (histogram,) = found.histograms
    assert sum(histogram.counts) == counted
    assert np.all(np.diff(histogram.edges) > 0)
    low, high = every.resistance_ohm.extra["interval"]
    assert low < 4395.0 < high
    assert found.next_batch.of == 144


@given(st.lists(st.floats(1.0, 1e9), min_size=1, max_size=30))
def test_every_value_is_in_one_bin(ohms: list[float]) -> None:
    junctions = tuple(Junction(f"J{n}", 0.1, 1e-3) for n in range(len(ohms)))
    verdicts = [
        JunctionVerdict(f"J{n}", "ohmic", ("drawn",), numbers={"resistance_ohm": Quantity(ohm)})
        for n, ohm in enumerate(ohms)
    ]
    (histogram,) = statistics_of(Chip("drawn", junctions), verdicts).histograms
    assert sum(histogram.counts) == len(ohms)
    assert histogram.edges[0] <= min(ohms) * (1 + 1e-9)
    assert max(ohms) <= histogram.edges[-1] * (1 + 1e-9)
