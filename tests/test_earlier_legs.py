"""A junction that broke between two runs, or two parts of one, is found in the first leg."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.station import Station
from nanojunction.models.junction import JunctionLaw, load_junction
from nanojunction.procedures.environment import FIELD, TEMPERATURE
from nanojunction.procedures.protection import JunctionBroken, Protection
from nanojunction.procedures.recipes.earlier import legs_in
from nanojunction.procedures.reference_leg import EarlierLeg
from nanojunction.procedures.rows import COMPLIANCE, CURRENT, LEG, SETPOINT
from nanojunction.procedures.sweep import Sweep
from tests.recipes import Night, rows_in

Make = Callable[..., Station]
Row = dict[str, float]
LEGS = Sweep((0.0, 0.12, -0.12, 0.12, -0.12, 0.0), step=0.002)
JUNCTIONS = ["A", "B", "C", "MTJ", "resistor-100", "resistor-10k", "open"]
NOW = datetime.now().astimezone()


# On paper: noise, drift, hysteresis, magnetic states


def swept(
    law: JunctionLaw, noise: random.Random, *, from_T: float, noise_A: float, scale: float = 1.0,
    shift_V: float = 0.0, shift_A: float = 0.0, kelvin: float = 40.0,
) -> Iterator[Row]:  # fmt: skip
    """Yield the rows of a sweep at 0 T, which the field reaches from `from_T`."""
    memory = law.apply_field(law.apply_field(law.at_rest(), from_T), 0.0)
    for point in LEGS.points():
        volts = point.setpoint + shift_V
        memory = law.apply_voltage(memory, volts)
        amps = scale * law.current_A(volts, kelvin, memory) + shift_A + noise.gauss(0.0, noise_A)
        yield {
            LEG: point.leg, SETPOINT["voltage"]: point.setpoint, CURRENT: amps, COMPLIANCE: 0,
            TEMPERATURE: kelvin, FIELD: 0.0,
        }  # fmt: skip


def looked_at(rows: Iterator[Row], earlier: tuple[EarlierLeg, ...]) -> int | None:
    """Return after how many rows of a run a breakdown is seen, None if it is not."""
    protection = Protection(dwell_s=0.0, breakdown=True, earlier=earlier)
    for index, row in enumerate(rows):
        try:
            protection.look(
                0.1 * index, int(row[LEG]), row[SETPOINT["voltage"]], row[CURRENT], False,
                temperature_K=row[TEMPERATURE], field_T=row[FIELD],
            )  # fmt: skip
        except JunctionBroken:
            return index + 1
    return None


def legs_of(rows: Iterator[Row]) -> tuple[EarlierLeg, ...]:
    return tuple(legs_in(list(rows), SETPOINT["voltage"], "001_iv", NOW))


@pytest.mark.parametrize("name", JUNCTIONS)
@given(
    seed=st.integers(0, 10_000), from_T=st.sampled_from([-0.5, 0.5]),
    drift=st.floats(0.75, 1.3), shift_V=st.floats(-4e-5, 4e-5), shift_A=st.floats(-5e-10, 5e-10),
)  # fmt: skip
def test_a_sound_junction_that_has_drifted_is_no_alarm(
    name: str, *, seed: int, from_T: float, drift: float, shift_V: float, shift_A: float
) -> None:
    """A night's drift: of the junction by a quarter, of the line by all that Chowrira's shows."""
    law, noise = load_junction(name), random.Random(seed)
    before = legs_of(swept(law, noise, from_T=from_T, noise_A=5e-9))
    again = swept(law, noise, from_T=from_T, noise_A=5e-9, scale=drift, shift_V=shift_V,
                  shift_A=shift_A)  # fmt: skip
    assert looked_at(again, before) is None


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("B", "B-degraded"), ("B", "open"), ("A", "open"), ("C", "open"), ("C", "resistor-10k"),
     ("resistor-10k", "resistor-100"), ("B", "resistor-100"), ("MTJ", "open")],
)  # fmt: skip
@given(seed=st.integers(0, 10_000))
def test_one_that_broke_in_between_is_found_in_the_first_leg(
    was: str, becomes: str, seed: int
) -> None:
    noise = random.Random(seed)
    before = legs_of(swept(load_junction(was), noise, from_T=0.5, noise_A=1e-10))
    after = swept(load_junction(becomes), noise, from_T=0.5, noise_A=1e-10)
    seen = looked_at(after, before)
    assert seen is not None and seen <= 61, "the first leg has 61 points"


@given(seed=st.integers(0, 10_000), opening_A=st.floats(0.1, 0.6))
def test_the_branches_of_a_hysteresis_are_no_alarm_on_either(seed: int, opening_A: float) -> None:
    """A junction that switches between two branches, whichever the first leg of a run is on."""
    noise = random.Random(seed)

    def sweep(branch_at_start: int) -> Iterator[Row]:
        branch = branch_at_start
        for point in LEGS.points():
            if abs(point.setpoint) == 0.12:
                branch = 1 if point.setpoint > 0 else -1
            amps = 1e-4 * point.setpoint / 0.12 * (1.0 + branch * opening_A)
            yield {
                LEG: point.leg, SETPOINT["voltage"]: point.setpoint, COMPLIANCE: 0,
                CURRENT: amps + noise.gauss(0.0, 1e-9), TEMPERATURE: 4.2, FIELD: 0.0,
            }  # fmt: skip

    before = legs_of(sweep(1))
    protection = Protection(dwell_s=0.0, breakdown=True, earlier=before)
    for row in sweep(-1):
        if int(row[LEG]) > 0:
            break
        protection.look(
            0.0, 0, row[SETPOINT["voltage"]], row[CURRENT], False,
            temperature_K=row[TEMPERATURE], field_T=row[FIELD],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "can_tell"),
    [
        ({TEMPERATURE: 40.5}, True),
        ({TEMPERATURE: 42.0}, False),
        ({FIELD: 1e-3}, True),
        ({FIELD: 5e-3}, False),
    ],
)
def test_only_what_was_measured_in_the_same_conditions_is_compared(
    changes: Row, can_tell: bool
) -> None:
    noise = random.Random(1)
    before = legs_of(swept(load_junction("B"), noise, from_T=0.0, noise_A=1e-10))
    short = (
        row | changes
        for row in swept(load_junction("resistor-100"), noise, from_T=0.0, noise_A=1e-10)
        if row[LEG] == 0
    )
    assert (looked_at(short, before) is not None) == can_tell


def test_without_a_thermometer_nothing_is_compared() -> None:
    (leg, *_) = legs_of(swept(load_junction("B"), random.Random(1), from_T=0.0, noise_A=1e-10))
    assert leg.is_comparable(40.0, 0.0)
    assert not leg.is_comparable(None, 0.0)
    assert not leg.is_comparable(40.0, None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (2400, "40 min"), (7200, "2 h"), (3e5, "3 d")],
)
def test_the_age_of_a_leg_is_said_in_words(seconds: float, words: str) -> None:
    rows = swept(load_junction("A"), random.Random(1), from_T=0.0, noise_A=1e-9)
    ended = datetime.now().astimezone() - timedelta(seconds=seconds)
    (leg, *_) = legs_in(list(rows), SETPOINT["voltage"], "012_iv", ended)
    assert leg.words() == f"in run 012_iv, {words} ago"


def test_of_many_legs_the_first_and_the_last_are_kept() -> None:
    rows = [
        {LEG: leg, SETPOINT["voltage"]: volts / 100, CURRENT: leg * 1e-3, COMPLIANCE: 0}
        for leg in range(100) for volts in range(6)
    ]  # fmt: skip
    kept = [round(leg.leg.largest_A * 1e3) for leg in legs_in(rows, SETPOINT["voltage"], "", NOW)]
    assert kept == [0, 1, 96, 97, 98, 99]


# In a recipe on the virtual cryostat

#: At a speed of 1000 the longest time in compliance is 60 ms of the computer's.
SWEEP = 'vmax = "60 mV", step = "4 mV", nplc = 0.1, compliance_dwell = 0'
#: Its points, and those of its first leg.
POINTS, FIRST_LEG = 125, 16
SATURATED = f'{SWEEP}, field = "10 mT", saturate = "-20 mT"'


def repeated(folder: Path, settings: str = SWEEP, between: str = "") -> Night:
    """Return a recipe that measures B three times."""
    curve = f'{{ measure = "iv", sample = "B", set = {{ {settings} }} }}'
    return Night(f"[[steps]]\nover = {{ repeat = 3 }}\nsteps = [{between}{curve}]", folder)


def statuses(night: Night) -> list[tuple[str, str]]:
    with night.journal() as journal:
        return [(run.key, run.status) for run in journal.runs()]


def error_of(night: Night, key: str) -> str:
    with night.journal() as journal:
        return journal.parts(key)[-1].error or ""


B = {"junction": "B", "speed": 1000}


@pytest.mark.parametrize("becomes", ["B-degraded", "short", "open"])
def test_a_junction_that_broke_between_two_runs_is_marked_in_the_first_leg(
    virtual_station: Make, tmp_path: Path, becomes: str
) -> None:
    night = repeated(tmp_path)
    with virtual_station(virtual=B) as station:
        night.at("repeat=1", POINTS, lambda: station.bench.mount(becomes))
        assert night.on(station)
    assert statuses(night) == [
        ("repeat=1/iv", "finished"),
        ("repeat=2/iv", "broken"),
        ("repeat=3/iv", "finished"),  # it is marked: what it is now is measured
    ]
    words = error_of(night, "repeat=2/iv")
    assert re.search(r"A flowed in run 001_repeat=1_iv, \d+ s ago; the bias was taken", words)
    with night.journal() as journal:
        assert len(rows_in(journal, "repeat=2/iv")) <= FIRST_LEG
        assert "repeat=2/iv: the junction has changed" in journal.marks("B")["broken"]


def test_a_sound_junction_is_measured_again_and_again(
    virtual_station: Make, tmp_path: Path
) -> None:
    night = repeated(tmp_path)
    with virtual_station(virtual=B) as station:
        assert night.on(station)
    assert {status for _, status in statuses(night)} == {"finished"}


def test_breakdown_stop_false_compares_with_no_earlier_run(
    virtual_station: Make, tmp_path: Path
) -> None:
    night = repeated(tmp_path, f"{SWEEP}, breakdown_stop = false")
    with virtual_station(virtual=B) as station:
        night.at("repeat=1", POINTS, lambda: station.bench.mount("B-degraded"))
        assert night.on(station)
    assert {status for _, status in statuses(night)} == {"finished"}


@pytest.mark.parametrize("rows", [FIRST_LEG // 2, 40])
def test_one_that_broke_between_two_parts_is_found_when_the_run_goes_on(
    virtual_station: Make, tmp_path: Path, rows: int
) -> None:
    """In the middle of the first leg what was measured of it must do."""
    night = repeated(tmp_path)
    night.stop_at("repeat=1", rows)
    with virtual_station(virtual=B) as station:
        assert not night.on(station)
    night.go_on()
    with virtual_station(virtual={**B, "junction": "short"}) as station:
        night.on(station, resume=True)
    assert statuses(night)[:2] == [("repeat=1/iv", "aborted"), ("repeat=1/iv", "broken")]
    assert "flowed in run 001_repeat=1_iv, " in error_of(night, "repeat=1/iv")


@pytest.mark.parametrize(
    ("settings", "magnet", "is_seen"),
    [
        (SATURATED, {}, True),
        (f'{SWEEP}, field = "10 mT"', {}, False),
        (SWEEP, None, True),
    ],
    ids=["saturated", "at a field", "no magnet"],
)
def test_after_a_resume_the_last_run_is_compared_with_where_the_field_cannot_matter(
    virtual_station: Make, tmp_path: Path, settings: str, magnet: dict[str, str] | None,
    is_seen: bool,
) -> None:  # fmt: skip
    """Nobody knows where the field has been meanwhile."""
    night = repeated(tmp_path, settings)
    night.stop_at("repeat=1", POINTS)
    with virtual_station(virtual=B, magnet=magnet) as station:
        assert not night.on(station)
    night.go_on()
    with virtual_station(virtual={**B, "junction": "B-degraded"}, magnet=magnet) as station:
        night.on(station, resume=True)
    assert (dict(statuses(night))["repeat=2/iv"] == "broken") == is_seen


def test_a_magnetic_junction_is_not_taken_for_broken_when_the_field_comes_back(
    virtual_station: Make, tmp_path: Path
) -> None:
    """C at 0.3 T on its way to 0.5 T, and on its way back with a third of the current."""
    curve = '{ measure = "iv", sample = "C", set = { vmax = "3 mV", step = "200 uV", nplc = 0.1 } }'
    night = Night(f'[[steps]]\nover = {{ field = "0.3, 0.5, 0.3 T" }}\nsteps = [{curve}]', tmp_path)
    with virtual_station(virtual={"junction": "C", "speed": 1000}) as station:
        assert night.on(station)
    assert {status for _, status in statuses(night)} == {"finished"}


@pytest.mark.parametrize("magnet", [{}, None], ids=["magnet", "no magnet"])
def test_at_a_pause_the_operator_may_have_changed_anything(
    virtual_station: Make, tmp_path: Path, magnet: dict[str, str] | None
) -> None:
    night = repeated(tmp_path, between='{ pause = "turn the permanent magnet" }, ')
    with virtual_station(virtual=B, magnet=magnet) as station:
        night.at("repeat=1", POINTS, lambda: station.bench.mount("B-degraded"))
        assert night.on(station)
    assert "broken" not in dict(statuses(night)).values()


def test_what_was_measured_before_a_pause_is_not_compared_with_after_a_resume_either(
    virtual_station: Make, tmp_path: Path
) -> None:
    night = repeated(tmp_path, between='{ pause = "turn the permanent magnet" }, ')
    night.stop_at("repeat=2/iv", 2)
    with virtual_station(virtual=B, magnet=None) as station:
        assert not night.on(station)
    night.go_on()
    with virtual_station(virtual={**B, "junction": "B-degraded"}, magnet=None) as station:
        assert night.on(station, resume=True)
    assert "broken" not in dict(statuses(night)).values()


def test_more_bias_in_between_may_have_switched_the_junction(
    virtual_station: Make, tmp_path: Path
) -> None:
    strong = '{ measure = "it", sample = "B", set = { voltage = "200 mV", duration = "3 s" } }, '
    night = repeated(tmp_path, between=strong)
    with virtual_station(virtual=B) as station:
        night.at("repeat=2/it", 2, lambda: station.bench.mount("B-degraded"))
        assert night.on(station)
    assert "broken" not in dict(statuses(night)).values()


def test_a_file_that_cannot_be_read_ends_nothing(virtual_station: Make, tmp_path: Path) -> None:
    night = repeated(tmp_path)
    night.stop_at("repeat=2", FIRST_LEG + 2)
    with virtual_station(virtual=B, magnet=None) as station:
        assert not night.on(station)
        (file,) = tmp_path.glob("001_*.csv")
        whole = file.read_text(encoding="utf-8")
        file.write_text(whole.replace("# End: ", "garbage\n# End: "), encoding="utf-8")
        night.go_on()
        assert night.on(station, resume=True)
    with night.journal() as journal:
        (words,) = [words for _, key, words in journal.events()
                    if key == "repeat=2/iv" and "is not compared" in words]  # fmt: skip
        assert len(rows_in(journal, "repeat=2/iv")) == POINTS
    assert "not compared with repeat=1/iv" in words and "is no row of numbers" in words
