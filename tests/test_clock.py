"""The laboratory's clock: true at speed 1, and patient with the computer where it is faster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock, PatientClock
from nanojunction.instruments.station import Station
from nanojunction.procedures.at_fixed import CurrentOverTime
from nanojunction.procedures.runner import run_procedure
from tests.run_rows import rows_of

SPEED = 1000.0
GAP = PatientClock.GAP_S * SPEED


def compute(wall_s: float) -> None:
    """Keep this thread busy, without a look at any clock of the laboratory."""
    until = time.monotonic() + wall_s
    while time.monotonic() < until:
        pass


@pytest.mark.parametrize("speed", [0.5, 10_001.0, float("nan")])
def test_a_speed_that_cannot_be_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="between 1 and 10000"):
        PatientClock(speed)


def test_a_clock_goes_on_with_the_wall_and_a_patient_one_waits() -> None:
    clock, patient = Clock(SPEED), PatientClock(SPEED)
    before, before_patient = clock.now(), patient.now()
    compute(0.02)
    assert clock.now() - before >= 20.0
    assert 0.0 < patient.now() - before_patient <= GAP


def test_a_patient_clock_counts_what_was_slept() -> None:
    clock = PatientClock(SPEED)
    before = clock.now()
    assert clock.sleep(30.0)
    assert 30.0 <= clock.now() - before <= 30.0 + 2 * GAP


def test_a_nap_that_ends_late_was_as_long_as_it_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a computer that is too busy to wake up whom it should."""
    clock, sleep = PatientClock(SPEED), time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds + 0.02))
    before = clock.now()
    assert clock.sleep(5.0)
    assert 5.0 <= clock.now() - before <= 5.0 + 2 * GAP


def test_everybody_sleeps_as_long_as_wanted() -> None:
    clock = PatientClock(SPEED)
    woken: list[float] = []

    def sleep_until(moment: float) -> None:
        clock.sleep_until(moment)
        woken.append(clock.now() - moment)

    now = clock.now()
    sleepers = [threading.Thread(target=sleep_until, args=(now + s,)) for s in (10.0, 25.0, 40.0)]
    for one in sleepers:
        one.start()
    for one in sleepers:
        one.join()
    assert len(woken) == 3
    assert min(woken) >= 0.0


def test_it_can_be_told_to_stop() -> None:
    assert not PatientClock(SPEED).sleep(1e9, lambda: True)


def test_a_busy_computer_costs_no_reading_and_no_minutes(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    """Half a minute of virtual time and more is taken away at every reading, and is not missing."""

    def be_busy(_progress: Any) -> None:
        compute(0.03)

    with virtual_station(virtual={"junction": "A", "speed": SPEED}) as station:
        run = CurrentOverTime(sample="A", interval="20s", duration="400s")
        outcome = run_procedure(run, station, tmp_path, on_progress=be_busy)
    times = [row["Time (s)"] for row in rows_of(outcome.file)]
    assert len(times) == run.planned_rows() == 21
    assert times[-1] - times[0] == pytest.approx(400.0, abs=60.0)
