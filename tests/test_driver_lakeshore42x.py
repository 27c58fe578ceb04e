"""The driver of the Lake Shore 421 and 425 on scripts, and both probes on the virtual station."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.cli.stations import reading_of
from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.lakeshore42x import LakeShoreProbe, open_lakeshore42x
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.ramps import Watch, ramp_field
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import FieldProbeConfig
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure
from tests.run_rows import rows_of

FAST = Clock(speed=10_000)
IDN = {"421": "LSCI,MODEL421,0,070199", "425": "LSCI,MODEL425,4250022,1.0"}


def opened(scripted: Any, number: str, *script: tuple[str, str | None]) -> LakeShoreProbe:
    server = scripted([("*IDN?", IDN[number]), *script], "\r\n")
    return open_lakeshore42x(config(f"lakeshore{number}", server.address), FAST)


def config(driver: str, address: str = "") -> FieldProbeConfig:
    return FieldProbeConfig(driver=driver, address=address, visa_library="@py")


@pytest.mark.parametrize(
    ("unit", "multiplier", "reading", "tesla"),
    [
        ("T", "m", "+12.346", 0.012346),
        ("T", " ", "-1.2346", -1.2346),
        ("G", "k", "+12.346", 1.2346),
        ("G", "", "-123.46", -0.012346),
    ],
)
def test_421_reads_unit_multiplier_and_field(
    scripted: Any, unit: str, multiplier: str, reading: str, tesla: float
) -> None:
    probe = opened(
        scripted,
        "421",
        ("UNIT?", unit),
        ("FIELDM?", multiplier),
        ("FIELD?", reading),
        ("FIELDM?", multiplier),
    )
    assert probe.field_T() == pytest.approx(tesla)
    probe.close()


def test_421_whose_range_changed_meanwhile_is_read_again(scripted: Any) -> None:
    probe = opened(
        scripted,
        "421",
        ("UNIT?", "T"),
        ("FIELDM?", "m"),
        ("FIELD?", "+0.3010"),
        ("FIELDM?", " "),
        ("FIELD?", "+0.3010"),
        ("FIELDM?", " "),
    )
    assert probe.field_T() == pytest.approx(0.301)
    probe.close()


def test_421_that_changes_its_range_for_ever_is_a_fault(scripted: Any) -> None:
    restless = [
        pair
        for multiplier in (" ", "m", " ", "m", " ")
        for pair in (("FIELD?", "+1.0"), ("FIELDM?", multiplier))
    ]
    probe = opened(scripted, "421", ("UNIT?", "T"), ("FIELDM?", "m"), *restless)
    with pytest.raises(InstrumentFault, match="lock the range"):
        probe.field_T()
    probe.close()


@pytest.mark.parametrize(
    ("unit", "reading", "tesla"),
    [
        ("1", "+012.346E+03", 1.2346),
        ("2", "-012.346E-03", -0.012346),
        ("3", "+100.000E+00", 0.01),
        ("4", "+079.577E+03", 0.1),
    ],
)
def test_425_reads_unit_and_field(scripted: Any, unit: str, reading: str, tesla: float) -> None:
    probe = opened(scripted, "425", ("UNIT?", unit), ("RDGFIELD?", reading))
    assert probe.field_T() == pytest.approx(tesla, rel=1e-5)
    probe.close()


def test_over_range_is_no_reading(scripted: Any) -> None:
    probe = opened(scripted, "425", ("UNIT?", "2"), ("RDGFIELD?", "OL"))
    with pytest.raises(InstrumentFault, match=r"field_probe at TCPIP.*over range"):
        probe.field_T()
    probe.close()
    probe = opened(
        scripted, "421", ("UNIT?", "T"), ("FIELDM?", " "), ("FIELD?", "OL"), ("FIELDM?", " ")
    )
    with pytest.raises(InstrumentFault, match="over range"):
        probe.field_T()
    probe.close()


@pytest.mark.parametrize("unit", ["7", "", "kOe"])
def test_an_answer_that_makes_no_sense(scripted: Any, unit: str) -> None:
    probe = opened(scripted, "425", ("UNIT?", unit))
    with pytest.raises(InstrumentFault, match="makes no sense"):
        probe.field_T()
    probe.close()


def test_something_else_is_named(scripted: Any) -> None:
    server = scripted([("*IDN?", IDN["421"])], "\r\n")
    with pytest.raises(WrongInstrument, match="which is no Lake Shore 425"):
        open_lakeshore42x(config("lakeshore425", server.address), FAST)
    with pytest.raises(
        StationError, match="knows lakeshore421 and lakeshore425, not 'lakeshore455'"
    ):
        open_lakeshore42x(config("lakeshore455"), FAST)


# On the virtual station

BOTH = pytest.mark.parametrize("driver", ["lakeshore421", "lakeshore425"])
Make = Callable[..., Station]


@BOTH
def test_the_probe_feels_the_field_at_the_junction(virtual_station: Make, driver: str) -> None:
    station = virtual_station(
        field_probe={"driver": driver},
        source_meter=None,
        temperature=None,
        magnet={"driver": "ami430", "max_field_T": 7, "ramp_T_per_min": 1},
    )
    with station:
        probe = station.field_probe_or_none
        assert probe is not None
        assert probe.field_T() == pytest.approx(3e-5, abs=2e-5)  # the probe's offset
        assert station.magnet.prepare(lambda: False)
        for tesla in (0.5, -6.5):
            assert ramp_field(station.magnet, tesla, 1.0, Watch(station.clock))
            assert probe.field_T() == pytest.approx(tesla, abs=2e-3)
        assert station.magnet.go_persistent(lambda: False)
        assert probe.field_T() == pytest.approx(-6.5, abs=2e-3)
        assert reading_of(probe) == f"{probe.field_T():.5f} T"
        assert "MODEL42" in station.snapshot()["instruments"]["field_probe"]["identity"]


@BOTH
def test_a_run_has_a_column_of_the_probe(
    virtual_station: Make, tmp_path: Path, driver: str
) -> None:
    with virtual_station(field_probe={"driver": driver}, temperature=None) as station:
        procedure = IVSweep(sample="A", vmax="10mV", step="1mV", field="0.2T")
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.ok
    rows = rows_of(outcome.file)
    assert list(rows[0])[5:7] == ["Field (T)", "Field probe (T)"]
    for row in rows:
        assert row["Field (T)"] == pytest.approx(0.2, abs=1e-3)
        assert row["Field probe (T)"] == pytest.approx(0.20003, abs=5e-4)
    (run,) = analyse([outcome.file]).run_results
    assert run.run.kind == "iv"
    assert run.run.conditions.field_T == pytest.approx(0.2, abs=1e-3)


def test_without_a_probe_there_is_no_column(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station(temperature=None) as station:
        procedure = IVSweep(sample="A", vmax="10mV", step="5mV")
        outcome = run_procedure(procedure, station, tmp_path)
    assert "Field probe (T)" not in rows_of(outcome.file)[0]
