"""A run in parts: it goes on at the first missing row, with the history that junctions remember."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanojunction.instruments.station import Station
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.procedures.at_fixed import CurrentOverTime
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.partial import Partial
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.runner import Outcome, run_procedure
from nanojunction.procedures.stopping import StopRequest
from nanojunction.procedures.temperature_series import TemperatureSeries
from tests.run_rows import header_of, rows_of
from tests.virtual_bench import unhurried

Make = Callable[..., Station]
Row = dict[str, float]


def stopped_after(
    count: int, procedure: JunctionProcedure, station: Station, folder: Path, **more: Any
) -> Outcome:
    """Run until `count` rows are written."""
    stop = StopRequest()

    def at_row(progress: Any) -> None:
        if progress.rows >= count:
            stop.ask("test")

    return run_procedure(procedure, station, folder, stop=stop, on_progress=at_row, **more)


def part(*outcomes: Outcome) -> Partial:
    found = [row for one in outcomes for row in rows_of(one.file)]
    return Partial(tuple(one.file for one in outcomes), len(found), found[-1] if found else {})


def planned(rows: list[Row], *columns: str) -> list[tuple[float, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


@given(first=st.integers(1, 40), second=st.integers(1, 20))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_iv_in_three_parts_has_each_point_once(
    first: int, second: int, virtual_station: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    sweep = {"turning_points": "0, 2mV, -2mV, 0", "step": "0.2mV", "repeats": 2}
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        one = stopped_after(first, IVSweep(sample="A", **sweep), station, folder)
        two = stopped_after(
            second, IVSweep(sample="A", **sweep), station, folder, continues=part(one)
        )
        three = run_procedure(
            IVSweep(sample="A", **sweep), station, folder, continues=part(one, two)
        )
    assert three.ok
    assert three.file.stem == f"{one.file.stem}_part3"
    found = [row for outcome in (one, two, three) for row in rows_of(outcome.file)]
    expected = [(float(p.leg), p.setpoint) for p in IVSweep(**sweep).sweep().points()]
    assert planned(found, "Leg", "Setpoint (V)") == expected


def test_the_header_says_what_a_part_goes_on_after(virtual_station: Make, tmp_path: Path) -> None:
    sweep = {"turning_points": "0, 2mV", "step": "1mV"}
    with virtual_station() as station:
        one = stopped_after(1, IVSweep(**sweep), station, tmp_path, name="first")
        two = run_procedure(IVSweep(**sweep), station, tmp_path, continues=part(one))
    assert header_of(one.file, "Part") == "1"
    assert header_of(two.file, "Part") == "2, after 1 rows in first.csv"


def test_a_continued_leg_is_approached_along_itself(virtual_station: Make, tmp_path: Path) -> None:
    """A point in the middle of a leg is reached from the leg's start, not from zero."""
    sweep = {"turning_points": "3mV, -3mV", "step": "1mV"}
    with virtual_station() as station:
        one = stopped_after(3, IVSweep(**sweep), station, tmp_path)
        station.bench.mount("resistor-1k")
        two = run_procedure(IVSweep(**sweep), station, tmp_path, continues=part(one))
        assert station.bench.world.largest_voltage_V == pytest.approx(3e-3, rel=0.02)
    assert [row["Setpoint (V)"] for row in rows_of(two.file)] == [0.0, -1e-3, -2e-3, -3e-3]


def test_a_series_goes_on_at_the_temperature_where_it_stopped(
    virtual_station: Make, tmp_path: Path
) -> None:
    series = {
        "temperatures": "290, 280, 270 K", "turning_points": "0, 2mV, 0", "step": "1mV",
        "window": "10s",
    }  # fmt: skip
    with virtual_station(virtual={"junction": "A", "speed": 5000}) as station:
        one = stopped_after(9, TemperatureSeries(**series), station, tmp_path)
        two = run_procedure(TemperatureSeries(**series), station, tmp_path, continues=part(one))
    assert two.ok
    found = rows_of(one.file) + rows_of(two.file)
    assert planned(found, "Temperature setpoint (K)", "Leg") == [
        (target, float(2 * index + leg))
        for index, target in enumerate((290.0, 280.0, 270.0))
        for leg in (0, 0, 0, 1, 1, 1)
    ]
    assert one.rows == 9
    for row in found:
        assert row["Temperature (K)"] == pytest.approx(row["Temperature setpoint (K)"], abs=0.5)


def test_a_loop_goes_on_at_its_field_with_the_history_behind_it(tmp_path: Path) -> None:
    loop = {
        "fields": "-0.3, 0.3, -0.3 T", "field_rate": "0.5T/min", "interval": "2s",
        "voltage": "2.5mV",
    }  # fmt: skip
    with unhurried(VirtualCryostat("C")) as station, station:
        whole = run_procedure(IHSweep(**loop), station, tmp_path, name="whole")
    with unhurried(VirtualCryostat("C")) as station, station:
        one = stopped_after(30, IHSweep(**loop), station, tmp_path, name="cut")
        two = run_procedure(IHSweep(**loop), station, tmp_path, continues=part(one))
    assert two.ok
    found, undisturbed = rows_of(one.file) + rows_of(two.file), rows_of(whole.file)
    for leg, (start, stop) in enumerate(((-0.3, 0.3), (0.3, -0.3))):
        fields = [row["Field (T)"] for row in found if row["Leg"] == leg]
        assert fields == sorted(fields, reverse=start > stop)
        assert fields[0] == pytest.approx(start, abs=0.05)
        assert fields[-1] == pytest.approx(stop, abs=0.05)
    down = [row for row in found if row["Leg"] == 1 and -0.2 < row["Field (T)"] < 0.2]
    for row in down:  # the branch that the whole loop has, not the other one
        near = min(
            (one for one in undisturbed if one["Leg"] == 1),
            key=lambda one, here=row["Field (T)"]: abs(one["Field (T)"] - here),
        )
        assert row["Current (A)"] == pytest.approx(near["Current (A)"], rel=0.1, abs=1e-6)


def test_readings_over_time_are_completed(virtual_station: Make, tmp_path: Path) -> None:
    procedure = {"interval": "1s", "duration": "20s"}
    with virtual_station(virtual={"junction": "resistor-1k", "speed": 1000}) as station:
        one = stopped_after(8, CurrentOverTime(**procedure), station, tmp_path)
        two = run_procedure(CurrentOverTime(**procedure), station, tmp_path, continues=part(one))
    assert (one.rows, two.rows) == (8, 13)


def test_nothing_is_left_to_do(virtual_station: Make, tmp_path: Path) -> None:
    sweep = {"turning_points": "0, 2mV", "step": "1mV"}
    with virtual_station() as station:
        one = run_procedure(IVSweep(**sweep), station, tmp_path)
        two = run_procedure(IVSweep(**sweep), station, tmp_path, continues=part(one))
    assert two.ok
    assert two.rows == 0


def test_rows_of_another_run_are_refused(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station() as station:
        one = run_procedure(IVSweep(turning_points="0, 2mV", step="1mV"), station, tmp_path)
        with pytest.raises(ProcedureError, match="belong to another run"):
            run_procedure(
                IVSweep(turning_points="0, 1mV", step="1mV"), station, tmp_path,
                continues=part(one),
            )  # fmt: skip
