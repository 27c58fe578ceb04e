"""The time left of a screening: the estimate at first, then what its junctions took."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nanojunction.procedures.screening.countdown import TimeLeft
from nanojunction.procedures.screening.estimate import Estimate

ESTIMATE = Estimate(
    open_s=8.0, worth_a_look_s=8.0, candidate_s=100.0, resistors_s=60.0, junctions=10
)


@dataclass
class Watch:
    """A clock that is set by hand (s)."""

    now_s: float = 0.0

    def now(self) -> float:
        return self.now_s


def test_before_the_first_junction_it_is_that_of_the_estimate() -> None:
    left = TimeLeft(ESTIMATE, Watch().now, speed=1.0)
    assert left.left_s() == 10 * 8.0 + 30.0
    assert left.percent == 0.0


def test_junctions_that_take_longer_teach_it() -> None:
    watch = Watch()
    left = TimeLeft(ESTIMATE, watch.now, speed=1.0)
    for _ in range(9):
        left.measures()
        watch.now_s += 100.0
        left.measures()
        left.judged()
    assert left.percent == 90.0
    assert left.left_s() == pytest.approx((8.0 + 900.0) / 10.0 + 30.0)
    left.measures()
    watch.now_s += 1000.0
    assert left.left_s() == 30.0


def test_what_an_earlier_part_has_measured_teaches_nothing() -> None:
    left = TimeLeft(ESTIMATE, Watch().now, speed=2.0)
    for _ in range(5):
        left.judged()
    assert left.percent == 50.0
    assert left.left_s() == (5 * 8.0 + 30.0) / 2.0


def test_of_what_follows_all_junctions_nobody_knows_how_long_it_takes() -> None:
    left = TimeLeft(ESTIMATE, Watch().now, speed=1.0)
    for _ in range(10):
        left.judged()
    assert left.left_s() is None
