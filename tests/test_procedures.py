"""Procedures on the virtual cryostat: what is measured, in which order, and what fails loudly."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station import Station
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import Calibration, IVSweep
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.runner import Outcome, run_procedure
from nanojunction.procedures.temperature_series import TemperatureSeries
from tests.virtual_bench import unhurried

Make = Callable[..., Station]


def rows(outcome: Outcome) -> list[dict[str, float]]:
    assert outcome.ok, outcome.error
    lines = outcome.file.read_text(encoding="utf-8").splitlines()
    table = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [{name: float(value) for name, value in row.items()} for row in table]


def header(outcome: Outcome, key: str) -> str:
    start = f"#\t{key}: "
    lines = outcome.file.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix(start) for line in lines if line.startswith(start))


def test_iv_measures_its_sweep(virtual_station: Make, tmp_path: Path) -> None:
    procedure = IVSweep(sample="A", turning_points="0, 2 mV, -2 mV, 0", step="1mV", nplc=0.1)
    with virtual_station(virtual={"junction": "resistor-1k"}) as station:
        found = rows(run_procedure(procedure, station, tmp_path))
    assert [(row["Leg"], row["Setpoint (V)"]) for row in found] == [
        (0, 0.0), (0, 0.001), (0, 0.002),
        (1, 0.002), (1, 0.001), (1, 0.0), (1, -0.001), (1, -0.002),
        (2, -0.002), (2, -0.001), (2, 0.0),
    ]  # fmt: skip
    for row in found:
        assert row["Voltage (V)"] == pytest.approx(row["Setpoint (V)"], abs=2e-5)
        assert row["Current (A)"] == pytest.approx(row["Voltage (V)"] / 1000, abs=2e-8)
        assert row["Temperature (K)"] == pytest.approx(295.0, abs=0.1)
    times = [row["Time (s)"] for row in found]
    assert times == sorted(times)


def test_the_run_file_says_what_was_done(virtual_station: Make, tmp_path: Path) -> None:
    procedure = Calibration(sample="R1k", vmax="2mV", step="1mV", nominal="1 kohm")
    with virtual_station(virtual={"junction": "resistor-1k"}) as station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert header(outcome, "Kind") == "calibration"
    assert header(outcome, "Nominal resistance") == "1000.0 ohm"
    assert header(outcome, "Sample") == "R1k"
    assert header(outcome, "Clock speed") == "1000"
    snapshot = json.loads(header(outcome, "Station"))
    assert snapshot["simulated"] is True
    assert snapshot["config"]["source_meter"]["max_voltage_V"] == 0.5
    assert snapshot["instruments"]["source_meter"]["wires"] == 4
    assert "MODEL 2400" in snapshot["instruments"]["source_meter"]["identity"]
    assert snapshot["instruments"]["magnet"]["identity"].startswith("IPS120-10")


def test_rows_in_compliance_are_marked(virtual_station: Make, tmp_path: Path) -> None:
    procedure = IVSweep(sample="R", vmax="10mV", step="1mV", compliance="5.5 uA")
    with virtual_station(virtual={"junction": "resistor-1k"}) as station:
        found = rows(run_procedure(procedure, station, tmp_path))
    for row in found:
        assert row["In compliance"] == (abs(row["Setpoint (V)"]) > 0.0055)
        assert abs(row["Current (A)"]) < 5.51e-6


def test_iv_goes_to_temperature_and_field_first(virtual_station: Make, tmp_path: Path) -> None:
    procedure = IVSweep(sample="C", vmax="3mV", step="1mV", temperature="280 K", field="-2000 Oe")
    with virtual_station(virtual={"junction": "C"}) as station:
        found = rows(run_procedure(procedure, station, tmp_path))
        assert station.bench.world.field_T() == pytest.approx(-0.2, abs=1e-3)
    assert all(row["Temperature (K)"] == pytest.approx(280, abs=0.25) for row in found)
    assert all(row["Field (T)"] == pytest.approx(-0.2, abs=1e-3) for row in found)


def test_ih_measures_along_both_directions(tmp_path: Path) -> None:
    procedure = IHSweep(sample="C", voltage="2.67 mV", fields="-0.3, 0.3, -0.3", interval="0.5 s")
    with unhurried(VirtualCryostat("C"), magnet={"ramp_T_per_min": 0.5}) as station, station:
        found = rows(run_procedure(procedure, station, tmp_path))
    up = [row["Field (T)"] for row in found if row["Leg"] == 0]
    down = [row["Field (T)"] for row in found if row["Leg"] == 1]
    assert {row["Leg"] for row in found} == {0, 1}
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    for leg, start, stop in ((up, -0.3, 0.3), (down, 0.3, -0.3)):
        assert leg[0] == pytest.approx(start, abs=0.05)
        assert leg[-1] == pytest.approx(stop, abs=0.05)
        assert len(leg) > 20
    assert all(row["Voltage (V)"] == pytest.approx(2.67e-3, abs=2e-5) for row in found)


def test_a_temperature_series_waits_at_each_plateau(virtual_station: Make, tmp_path: Path) -> None:
    procedure = TemperatureSeries(
        sample="B", temperatures="290, 280, 270", vmax="10mV", step="5mV", tolerance="0.1 K"
    )
    with virtual_station(virtual={"junction": "B"}) as station:
        outcome = run_procedure(procedure, station, tmp_path)
        found = rows(outcome)
    plateaus = [row["Temperature setpoint (K)"] for row in found]
    assert sorted(set(plateaus), reverse=True) == [290.0, 280.0, 270.0]
    for row in found:
        assert row["Temperature (K)"] == pytest.approx(row["Temperature setpoint (K)"], abs=0.15)
    legs = {row["Temperature setpoint (K)"]: set[float]() for row in found}
    for row in found:
        legs[row["Temperature setpoint (K)"]].add(row["Leg"])
    assert list(map(len, legs.values())) == [5, 5, 5]
    assert len(set.union(*legs.values())) == 15, "legs count on over the series"


def test_a_temperature_that_is_never_stable_fails_loudly(
    virtual_station: Make, tmp_path: Path
) -> None:
    procedure = TemperatureSeries(
        sample="B", temperatures="200", tolerance="1 mK", window="600 s", timeout="700 s"
    )
    with virtual_station() as station:
        outcome = run_procedure(procedure, station, tmp_path)
        assert not station.bench.world.output_on
    assert outcome.status == "failed"
    assert "not within ±0.001 K of 200 K for 600 s within 700 s: last" in (outcome.error or "")


def test_progress_rises_to_the_end(virtual_station: Make, tmp_path: Path) -> None:
    seen: list[Progress] = []
    procedure = IVSweep(sample="A", vmax="10mV", step="1mV")
    with virtual_station() as station:
        outcome = run_procedure(procedure, station, tmp_path, on_progress=seen.append)
    percents = [progress.percent for progress in seen]
    assert percents == sorted(percents)
    assert percents[-1] == pytest.approx(100.0)
    assert seen[-1].rows == outcome.rows
    assert seen[-1].left_s == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("voltage", "1 V", "unknown key 'voltage'; known are .*vmax"),
        ("vmax", "10mT", "vmax: '10mT' has the unit 'mT', V is expected"),
        ("nplc", "100", "nplc: 100 is not between 0.01 and 10"),
        ("repeats", "two", "repeats: "),
        ("state", "antiparallel", "state: "),
        ("temperature", "cold", "temperature: 'cold' is not a number with a unit like K"),
    ],
)
def test_a_wrong_parameter_gets_a_sentence(key: str, value: Any, words: str) -> None:
    with pytest.raises(ProcedureError, match=words):
        IVSweep(**{key: value})


def test_parameters_that_do_not_fit_each_other(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station(magnet=None) as station:
        with pytest.raises(ProcedureError, match="does not divide"):
            run_procedure(IVSweep(vmax="10mV", step="3mV"), station, tmp_path)
        with pytest.raises(ProcedureError, match="at least one is needed"):
            run_procedure(TemperatureSeries(), station, tmp_path)
        with pytest.raises(ProcedureError, match=r"fields: .* at least two"):
            run_procedure(IHSweep(fields="0.5", field_rate="1 T/min"), station, tmp_path)
        with pytest.raises(StationError, match=r"has no \[magnet\], which this needs"):
            run_procedure(IHSweep(), station, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_station_without_magnet_and_temperature_has_no_such_columns(
    virtual_station: Make, tmp_path: Path
) -> None:
    procedure = IVSweep(sample="A", vmax="1mV", step="1mV")
    with virtual_station(magnet=None, temperature=None) as station:
        found = rows(run_procedure(procedure, station, tmp_path))
    assert set(found[0]) == {
        "Time (s)", "Leg", "Setpoint (V)", "Voltage (V)", "Current (A)", "In compliance",
        "Range changed",
    }  # fmt: skip
