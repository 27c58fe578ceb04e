"""A run whose conditions leave it is suspended, the output open, and goes on once they return."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nanojunction.instruments.station import Station
from nanojunction.procedures.at_fixed import CurrentOverTime
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.runner import run_procedure
from tests.run_rows import rows_of

Make = Callable[..., Station]
#: Once the source-meter is set up and has measured some points.
DRIFT = {
    "kind": "drift", "role": "source_meter", "after_exchanges": 90, "kelvin": 30.0,
    "seconds": 300.0,
}  # fmt: skip


def events_of(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    start = "# Event: "
    return [json.loads(line.removeprefix(start))["what"] for line in lines if line[:9] == start]


@pytest.mark.parametrize(("buffered", "repeats"), [("off", 20), ("on", 60)])
def test_a_temperature_that_runs_away_suspends_the_run(
    buffered: str, repeats: int, virtual_station: Make, tmp_path: Path
) -> None:
    procedure = IVSweep(
        temperature="290 K", window="20 s", step="0.1mV", nplc=0.5, autozero=False, repeats=repeats,
        measure_range="10uA", buffered=buffered,
    )  # fmt: skip
    virtual = {"junction": "resistor-1k", "speed": 500, "faults": [DRIFT]}
    seen: list[tuple[str, bool]] = []
    with virtual_station(virtual=virtual) as station:

        def note(progress: Progress) -> None:
            seen.append((progress.words, station.bench.world.output_on))

        outcome = run_procedure(procedure, station, tmp_path, on_progress=note)
    assert outcome.ok, outcome.error
    found = rows_of(outcome.file)
    planned = [(point.leg, point.setpoint) for point in procedure.sweep().points()]
    assert [(row["Leg"], row["Setpoint (V)"]) for row in found] == planned
    suspended, back, *_again = events_of(outcome.file)
    assert "suspended: the temperature is 29" in suspended
    assert back == "the conditions are back: goes on"
    assert max(abs(row["Temperature (K)"] - 290.0) for row in found) <= 2.0
    waiting = [on for words, on in seen if words.startswith(("waiting", "ramping"))]
    assert waiting
    assert not any(waiting)


def quench_then_reset(station: Station) -> Callable[[Progress], None]:
    """Return what a person does who looks in now and then: after a quench, clears it."""

    def look(_progress: Progress) -> None:
        world = station.bench.world
        with world.lock:
            now = world.sync()
            if world.magnet.quenched:
                world.magnet.clear_quench(now)

    return look


@pytest.mark.parametrize(
    "procedure",
    [
        IVSweep(field="0.4 T", step="0.1mV", repeats=10, nplc=0.5, autozero=False),
        CurrentOverTime(field="0.4 T", duration="120 s", interval="1 s"),
        IHSweep(fields="-0.4, 0.4 T, -0.4 T", field_rate="0.3T/min", interval="1s"),
    ],
    ids=["iv", "it", "ih"],
)
def test_a_quench_suspends_the_run_until_somebody_has_cleared_it(
    procedure: JunctionProcedure, virtual_station: Make, tmp_path: Path
) -> None:
    fault = {"kind": "quench", "role": "source_meter", "after_exchanges": 70}
    virtual = {"junction": "resistor-1k", "speed": 200, "faults": [fault]}
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(
            procedure, station, tmp_path, on_progress=quench_then_reset(station)
        )
    assert outcome.ok, outcome.error
    assert any("quenched" in event for event in events_of(outcome.file))
    planned = procedure.planned_rows()
    assert planned in (None, outcome.rows)
    if procedure.KIND != "ih":
        for row in rows_of(outcome.file):
            assert row["Field (T)"] == pytest.approx(0.4, abs=1e-3)
    else:
        up = [row["Field (T)"] for row in rows_of(outcome.file) if row["Leg"] == 0]
        assert up == sorted(up)


def test_a_quench_before_the_first_row_suspends_the_run_too(
    virtual_station: Make, tmp_path: Path
) -> None:
    output_on = {"role": "source_meter", "on_command": r"(?i)outp\w* (on|1)"}
    fault = {"kind": "quench", **output_on}  # the field has arrived by then
    virtual = {"junction": "resistor-1k", "speed": 500, "faults": [fault]}
    procedure = IVSweep(field="0.4 T", nplc=0.1)
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(
            procedure, station, tmp_path, on_progress=quench_then_reset(station)
        )
    assert outcome.ok, outcome.error
    assert all(row["Field (T)"] == pytest.approx(0.4, abs=1e-3) for row in rows_of(outcome.file))


def test_a_quench_that_nobody_clears_ends_the_run(virtual_station: Make, tmp_path: Path) -> None:
    fault = {"kind": "quench", "role": "source_meter", "after_exchanges": 70}
    virtual = {"junction": "resistor-1k", "speed": 500, "faults": [fault]}
    procedure = IVSweep(field="0.4 T", repeats=100, patience="60 s")
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path)
        assert not station.bench.world.output_on
        assert station.bench.world.magnet.quenched
    assert outcome.status == "failed"
    assert "still quenched after 60 s" in (outcome.error or "")
    assert outcome.rows == len(rows_of(outcome.file)) > 0


def test_a_quench_on_the_way_is_waited_for(virtual_station: Make, tmp_path: Path) -> None:
    fault = {"kind": "quench", "at_s": 150.0}
    virtual = {"junction": "resistor-1k", "speed": 200, "faults": [fault]}
    procedure = IVSweep(field="0.4 T", field_rate="0.1 T/min", vmax="1mV", step="1mV")
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(
            procedure, station, tmp_path, on_progress=quench_then_reset(station)
        )
    assert outcome.ok, outcome.error
    assert outcome.rows == procedure.planned_rows()
    (event,) = events_of(outcome.file)
    assert "waits: the magnet does not ramp" in event


def test_an_excursion_of_the_temperature_leaves_the_magnet_alone(
    virtual_station: Make, tmp_path: Path
) -> None:
    virtual = {"junction": "resistor-1k", "speed": 500, "faults": [DRIFT]}
    procedure = IVSweep(temperature="290 K", window="20 s", step="0.1mV", repeats=20, nplc=0.5,
                        autozero=False)  # fmt: skip
    with virtual_station(virtual=virtual) as station:
        before = station.magnet.status()
        outcome = run_procedure(procedure, station, tmp_path)
        assert outcome.ok, outcome.error
        assert events_of(outcome.file)
        assert station.magnet.status() == before
        assert not station.magnet_in_use


def test_conditions_that_never_come_back_for_a_row_end_the_run(
    virtual_station: Make, tmp_path: Path
) -> None:
    """A sample that stays 3 K off its setpoint is stable for a wide tolerance, and never at it."""
    fault = {"kind": "drift", "at_s": 0.0, "kelvin": 40.0, "seconds": 20_000.0}
    virtual = {"junction": "resistor-1k", "speed": 1000, "faults": [fault]}
    procedure = IVSweep(
        temperature="290 K", tolerance="9.9 K", excursion="9.95 K", window="0 s", repeats=1000
    )
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.status == "failed"
    assert len(events_of(outcome.file)) < 50


def test_after_a_fixed_wait_the_temperature_found_is_what_is_expected(
    virtual_station: Make, tmp_path: Path
) -> None:
    fault = {"kind": "drift", "at_s": 0.0, "kelvin": 40.0, "seconds": 40_000.0}
    virtual = {"junction": "resistor-1k", "speed": 1000, "faults": [fault]}
    procedure = IVSweep(
        temperature="290 K", fixed_wait="10 s", vmax="1mV", step="1mV", excursion="5"
    )
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.ok, outcome.error
    assert events_of(outcome.file) == []


def test_an_excursion_within_the_tolerance_makes_no_sense(
    virtual_station: Make, tmp_path: Path
) -> None:
    procedure = IVSweep(temperature="290 K", tolerance="3 K")
    with virtual_station() as station, pytest.raises(ProcedureError, match="as soon as it began"):
        run_procedure(procedure, station, tmp_path)


def test_a_quench_that_was_cleared_between_two_looks_is_noticed_by_its_field(
    virtual_station: Make, tmp_path: Path
) -> None:
    procedure = IVSweep(field="0.1 T", vmax="1mV", step="0.1mV", repeats=4, nplc=0.1)
    done: list[int] = []

    def quench_and_clear(progress: Progress) -> None:
        if progress.rows < 20 or done:
            return
        done.append(progress.rows)
        world = station.bench.world
        with world.lock:
            world.magnet.quench(world.sync())
        station.clock.sleep(30.0)
        with world.lock:
            world.magnet.clear_quench(world.sync())

    with virtual_station(virtual={"junction": "resistor-1k", "speed": 200}) as station:
        outcome = run_procedure(procedure, station, tmp_path, on_progress=quench_and_clear)
    assert outcome.ok, outcome.error
    assert "suspended: the field is 0.0000 T, not 0.1 T" in events_of(outcome.file)
    found = rows_of(outcome.file)
    assert len(found) == procedure.planned_rows()
    assert all(abs(row["Field (T)"] - 0.1) < 6e-3 for row in found)
