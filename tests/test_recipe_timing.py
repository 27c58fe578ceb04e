"""The dry run's time against the clock of the virtual cryostat, within ten percent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.station import Station
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.estimate import Cost, timed
from nanojunction.procedures.recipes.resume import checked_runs, remaining
from nanojunction.procedures.recipes.show import clock_words
from nanojunction.procedures.recipes.timing import (
    SAMPLE_LAG_S,
    Place,
    Settling,
    pace_of,
    settling_of,
    start_of,
)
from tests.recipes import Night
from tests.virtual_bench import SteppedClock, unhurried

SLOW = 'vmax = "4 mV", step = "1 mV", nplc = 10'
RECIPES = {
    "I(V) at several T and H": f"""
[[steps]]
over = {{ temperature = "292, 271 K, 4.5 K", field = "0.05, -0.5 T" }}
steps = [{{ measure = "iv", set = {{ {SLOW}, measure_range = "100 uA" }} }}]
""",
    "I(V) with autorange and settling, I(t)": f"""
[[steps]]
measure = "iv"
set = {{ {SLOW}, settle = "0.5 s" }}
[[steps]]
measure = "it"
set = {{ duration = "60 s", interval = "2 s" }}
""",
    "fast points, many of them": """
[[steps]]
over = { nplc = "0.01, 0.1, 1", measure_range = "0 A, 100 uA" }
steps = [{ measure = "iv", set = { vmax = "10 mV", step = "100 uV", autozero = false } }]
""",
    "I(H) loops": """
[[steps]]
over = { voltage = "2 mV, 4 mV" }
steps = [{ measure = "ih", set = { fields = "-0.2, 0.7, -0.2 T" } }]
""",
    "rests, the output open or on": f"""
[[steps]]
over = {{ rest_output = "off, on" }}
steps = [
  {{ measure = "iv", set = {{ {SLOW}, rest = "5 min", measure_range = "100 uA" }} }},
  {{ measure = "it", set = {{ duration = "10 s", interval = "2 s", rest = "30 s" }} }},
]
[[steps]]
measure = "ih"
set = {{ fields = "0, 0.02 T", rest = "1 min" }}
[[steps]]
measure = "temperature-series"
set = {{ temperatures = "293, 291 K", {SLOW}, rest = "2 min", window = "0 s" }}
""",
    "a series of temperatures": f"""
[[steps]]
measure = "temperature-series"
set = {{ temperatures = "293, 191, 250 K", {SLOW}, measure_range = "100 uA", window = "30 s" }}
""",
}


@pytest.fixture
def unhurried_station() -> Iterator[Station]:
    """A virtual station whose clock stands still while computers compute: speed 1, in no time."""
    with unhurried(VirtualCryostat("A")) as station:
        yield station


@pytest.mark.parametrize("name", RECIPES)
def test_the_dry_run_is_right_within_ten_percent(
    unhurried_station: Station, tmp_path: Path, name: str
) -> None:
    station, night = unhurried_station, Night(RECIPES[name], tmp_path)
    paper = on_paper(station.config, "station.toml")
    todo = remaining(night.plan, checked_runs(night.plan, paper), None)
    pace, start = pace_of(station.config), start_of(station.config)
    pace = replace(pace, speed=0.0)  # the computer's own work takes no time on this clock
    costs, _ = timed([one.procedure for one in todo], start, pace)
    total = sum(costs, Cost())
    with station:
        began = station.clock.now()
        assert night.on(station)
        took = station.clock.now() - began
    assert total.total_s == pytest.approx(took, rel=0.1)
    with night.journal() as journal:
        for run, cost in zip(journal.runs(), costs, strict=True):
            assert run.took_s == pytest.approx(cost.total_s, rel=0.1)
            assert run.rows == pytest.approx(cost.rows, rel=0.05)


def test_settling_is_the_station_files_else_learnt_else_assumed(
    virtual_station: Callable[..., Station],
) -> None:
    known = virtual_station(temperature={"settling_s": 600}).config
    unknown = virtual_station().config
    assert settling_of(known, (100.0,)) == Settling(600.0, "station file")
    assert settling_of(unknown, (90.0, 300.0, 100.0)).known_s == 100.0
    assert settling_of(unknown).known_s is None
    assert settling_of(known).seconds(0.1, 5.0, 0.2) == 0.0, "it is there already"
    assumed = settling_of(unknown)
    halved = assumed.seconds(100.0, 5.0, 0.1) - assumed.seconds(100.0, 5.0, 0.2)
    assert halved == pytest.approx(SAMPLE_LAG_S * 0.6931, rel=1e-3)


def test_a_real_station_is_timed_by_its_interfaces(virtual_station: Callable[..., Station]) -> None:
    station = virtual_station(
        virtual=None,
        source_meter={"address": "GPIB0::24::INSTR"},
        magnet={"address": "ASRL3::INSTR"},
        temperature={"address": "TCPIP0::10.0.0.7::7777::SOCKET"},
    )
    pace = pace_of(station.config)
    assert pace.of("magnet") > pace.of("source_meter") > pace.of("temperature") > 0.0
    assert start_of(station.config) == Place(295.0, 0.0, False)


def test_a_run_that_goes_on_costs_what_is_left(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    night = Night(f'[[steps]]\nmeasure = "iv"\nset = {{ {SLOW}, rest = "7 s" }}', tmp_path)

    def stop_half_way(progress: Progress) -> None:
        if progress.rows == 18:
            night.stop.ask("test")

    night.on_progress = stop_half_way
    with virtual_station() as station:
        assert not night.on(station)
    paper = on_paper(station.config, "station.toml")
    with night.journal() as journal:
        (whole,) = remaining(night.plan, checked_runs(night.plan, paper), None)
        (left,) = remaining(night.plan, checked_runs(night.plan, paper), journal)
    costs = [
        timed([one.procedure], Place(), pace_of(station.config))[0][0] for one in (whole, left)
    ]
    assert [cost.rows for cost in costs] == [37, 19]
    assert costs[1].measuring_s == pytest.approx(costs[0].measuring_s * 19 / 37)
    assert costs[1].resting_s == costs[0].resting_s == 7.0, "it rests again"


def test_the_time_left_counts_down_to_zero() -> None:
    clock = SteppedClock()
    run = Cost(settling_s=60.0, measuring_s=40.0)
    countdown = Countdown({"a": run, "b": run, "c": run}, clock)
    countdown.begin("a")
    assert countdown.now(0.0) == pytest.approx((0.0, 300.0))
    clock.sleep(30.0)
    assert countdown.now(0.0) == pytest.approx((10.0, 270.0))
    assert countdown.now(50.0) == pytest.approx((100.0 * 80 / 300, 220.0))
    countdown.drop("c")
    countdown.begin("b")
    assert countdown.now(100.0) == pytest.approx((100.0, 0.0))
    countdown.end()
    assert countdown.now(0.0) == pytest.approx((100.0, 0.0))


@given(st.lists(st.floats(0.0, 1e6), min_size=1), st.randoms())
def test_whatever_is_begun_or_dropped_the_countdown_rises_to_100(
    seconds: list[float], random: Random
) -> None:
    costs = {str(k): Cost(measuring_s=one) for k, one in enumerate(seconds)}
    countdown, shares = Countdown(costs, SteppedClock()), [0.0]
    for key in costs:
        if random.random() < 0.3:
            countdown.drop(key)
        else:
            countdown.begin(key)
            shares += [countdown.now(percent)[0] for percent in (0.0, 30.0, 100.0)]
        left = sum(one for k, one in enumerate(seconds) if k > int(key))
        assert countdown.now(100.0)[1] == pytest.approx(left, abs=1e-6)
    assert all(later >= one - 1e-6 for one, later in pairwise(shares))
    countdown.end()
    assert countdown.now(0.0)[1] == 0.0


def test_durations_read_as_a_person_says_them() -> None:
    words = {0.825: "0.825 s", 42.4: "42 s", 125.0: "2 min 05 s", 7620.0: "2 h 07 min",
             172800.0 + 7200.0: "2 d 2 h", 59.97: "60 s", 3599.9: "1 h 00 min"}  # fmt: skip
    assert {seconds: clock_words(seconds) for seconds in words} == words
