"""The time left of a screening: the estimate at first, then what its junctions took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.timing import pace_of
from nanojunction.procedures.screening.countdown import TimeLeft
from nanojunction.procedures.screening.estimate import Estimate, estimate
from tests.screenings import Evening, chip_text, station_of

#: What was measured with the virtual instruments of `station_of` at speed 1, from one junction's
#: first run to the next one's: 1 kΩ took 8.3 s and 10 kΩ 7.4 s; the candidate is A.
MEASURED = {"short_s": 3.9, "open_s": 6.5, "worth_a_look_s": 7.8, "candidate_s": 109.4}
ESTIMATE = Estimate(
    short_s=8.0, open_s=8.0, worth_a_look_s=8.0, candidate_s=100.0, resistors_s=60.0, junctions=10
)


@dataclass
class Watch:
    """A clock that is set by hand (s)."""

    now_s: float = 0.0

    def now(self) -> float:
        return self.now_s


def test_the_estimate_is_what_was_measured_within_ten_percent() -> None:
    config = station_of({"J1": "A"}, speed=1)
    plan = Evening(chip_text({"J1": ""}), config, Path("nowhere")).plan
    found = estimate(plan, on_paper(config, "test station"), pace_of(config))
    assert {name: getattr(found, name) for name in MEASURED} == pytest.approx(MEASURED, rel=0.1)


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
