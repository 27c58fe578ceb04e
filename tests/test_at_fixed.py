"""I(t) and V(t): how often, how long, and what ends them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.instruments.errors import LimitError
from nanojunction.instruments.station import Station
from nanojunction.procedures.at_fixed import CurrentOverTime, OffsetOverTime
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.runner import run_procedure
from nanojunction.procedures.stopping import StopRequest
from tests.run_rows import rows_of

Make = Callable[..., Station]


def test_the_spontaneous_current_of_a_spin_engine(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        procedure = CurrentOverTime(sample="A", interval="20s", duration="600s")
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.ok
    assert outcome.rows == procedure.planned_rows() == 31
    times = [row["Time (s)"] for row in rows_of(outcome.file)]
    assert times[-1] - times[0] == pytest.approx(600.0, abs=60.0)
    (run,) = analyse([outcome.file]).run_results
    assert run.run.kind == "it"
    assert run.quantities["i_mean_A"].value == pytest.approx(-26e-6, rel=0.05)


def test_v_off_at_zero_current(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        procedure = OffsetOverTime(sample="A", interval="1s", duration="20s", compliance="50mV")
        outcome = run_procedure(procedure, station, tmp_path)
        settings = station.source_meter.snapshot()
    assert outcome.ok
    assert settings["source"] == "current"
    assert settings["compliance"] == pytest.approx(0.05)
    found = rows_of(outcome.file)
    assert {row["Setpoint (A)"] for row in found} == {0.0}
    assert max(abs(row["Current (A)"]) for row in found) < 1e-8
    (run,) = analyse([outcome.file]).run_results
    assert run.run.kind == "vt"
    assert run.quantities["v_mean_V"].value == pytest.approx(4.05e-3, rel=0.05)


def test_it_ends_once_the_readings_are_steady(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station(virtual={"junction": "resistor-1k", "speed": 100}) as station:
        procedure = CurrentOverTime(
            voltage="1mV", interval="1s", steady_for="10s", steady_within="10nA"
        )
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.ok
    assert 11 <= outcome.rows <= 14
    assert procedure.planned_rows() is None


def test_an_open_ended_run_is_finished_by_a_stop(virtual_station: Make, tmp_path: Path) -> None:
    stop = StopRequest()

    def after_five(progress: Any) -> None:
        if progress.rows == 5:
            stop.ask("Ctrl-C")

    with virtual_station(virtual={"junction": "resistor-1k", "speed": 100}) as station:
        outcome = run_procedure(
            CurrentOverTime(interval="1s"), station, tmp_path, stop=stop, on_progress=after_five
        )
        assert not station.source_meter.is_output_on()
    assert outcome.ok
    assert outcome.rows == 5


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"steady_for": "10s"}, ProcedureError, "give both or none"),
        ({"steady_for": "1s", "steady_within": "1nA", "interval": "1s"}, ProcedureError, "shorter"),
        ({"voltage": "1 V"}, LimitError, "voltage 1 V"),
    ],
)
def test_what_makes_no_sense_is_refused(
    settings: dict[str, str],
    error: type[Exception],
    words: str,
    virtual_station: Make,
    tmp_path: Path,
) -> None:
    with virtual_station() as station, pytest.raises(error, match=words):
        run_procedure(CurrentOverTime(**settings), station, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_current_beyond_the_limit_is_refused(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station() as station, pytest.raises(LimitError, match="the current"):
        run_procedure(OffsetOverTime(current="0.5 A"), station, tmp_path)
