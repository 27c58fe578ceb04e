"""What a junction is protected from: breakdown that goes on, compliance, beyond its limits."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.geometry import area_of_header, circle_m2
from nanojunction.instruments.errors import LimitError
from nanojunction.instruments.limits import SourceLimits
from nanojunction.instruments.roles import Function
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.models.junction import load_junction
from nanojunction.procedures.iv import Calibration, IVSweep
from nanojunction.procedures.protection import JunctionBroken, Protection
from nanojunction.procedures.runner import run_procedure
from nanojunction.procedures.sample_file import SampleFileError, load_sample_file, own_limits
from nanojunction.procedures.sweep import Sweep
from tests.conftest import station_content
from tests.run_rows import rows_of
from tests.virtual_bench import unhurried

Make = Callable[..., Station]
LEGS = Sweep((0.0, 0.12, -0.12, 0.12, -0.12, 0.0), step=0.002)


def look_at(currents: Callable[[int, float], float], sweep: Sweep = LEGS) -> int | None:
    """Return after how many points a breakdown is seen, None if it is not."""
    protection = Protection(dwell_s=0.0, breakdown=True)
    for index, point in enumerate(sweep.points()):
        try:
            protection.look(
                0.1 * index, point.leg, point.setpoint, currents(index, point.setpoint), False
            )
        except JunctionBroken:
            return index
    return None


@pytest.mark.parametrize("name", ["A", "B", "C", "MTJ", "resistor-100", "resistor-10k", "open"])
@given(seed=st.integers(0, 10_000))
def test_no_junction_of_the_papers_is_taken_for_broken(name: str, seed: int) -> None:
    """Noise as on a range of 1 mA is far more than any measurement has."""
    law, noise = load_junction(name), random.Random(seed)
    memory = law.apply_field(law.at_rest(), -0.2)

    def currents(_index: int, voltage: float) -> float:
        nonlocal memory
        memory = law.apply_voltage(memory, voltage)
        return law.current_A(voltage, 40.0, memory) + noise.gauss(0.0, 5e-9)

    assert look_at(currents) is None


@given(at=st.integers(70, 300))
def test_b_that_degrades_is_seen_on_the_next_leg_at_the_latest(at: int) -> None:
    whole, broken = load_junction("B"), load_junction("B-degraded")

    def currents(index: int, voltage: float) -> float:
        law = whole if index < at else broken
        return law.current_A(voltage, 40.0, law.at_rest())

    seen = look_at(currents)
    if at <= len(LEGS) - 150:
        assert seen is not None
    assert seen is None or at <= seen <= at + 150


def test_a_run_ends_when_the_junction_breaks(virtual_station: Make, tmp_path: Path) -> None:
    fault = {"kind": "breakdown", "above_V": 0.11, "becomes": "B-degraded"}
    virtual = {"junction": "B", "speed": 1000, "faults": [fault]}
    procedure = IVSweep(sample="B", temperature="40 K", vmax="120mV", step="2mV")
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path)
        assert not station.bench.world.output_on
    assert outcome.status == "broken"
    assert not outcome.ok
    assert "the junction has changed" in (outcome.error or "")
    assert 60 < outcome.rows == len(rows_of(outcome.file)) < 120
    end = outcome.file.read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(end.removeprefix("# End: "))["status"] == "broken"
    (found,) = analyse([outcome.file]).run_results
    assert any("ended as 'broken'" in warning for warning in found.warnings)


@pytest.mark.parametrize("buffered", ["on", "off"])
def test_a_junction_that_becomes_a_short_is_broken(
    buffered: str, virtual_station: Make, tmp_path: Path
) -> None:
    fault = {"kind": "breakdown", "above_V": 0.055, "becomes": "short"}
    virtual = {"junction": "B", "speed": 100, "faults": [fault]}
    procedure = IVSweep(
        sample="B", vmax="60mV", step="1mV", nplc=0.01, autozero=False, measure_range="1 mA",
        buffered=buffered,
    )  # fmt: skip
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.status == "broken", outcome.error
    assert outcome.rows < procedure.planned_rows()  # a list of half a second is run to its end


def test_a_short_from_the_beginning_is_not_a_breakdown(
    virtual_station: Make, tmp_path: Path
) -> None:
    procedure = IVSweep(vmax="10mV", step="1mV", compliance="250uA", compliance_dwell="0")
    with virtual_station(virtual={"junction": "short", "speed": 1000}) as station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.ok, outcome.error


def test_it_can_be_measured_on(virtual_station: Make, tmp_path: Path) -> None:
    fault = {"kind": "breakdown", "above_V": 0.019, "becomes": "resistor-100"}
    virtual = {"junction": "resistor-10k", "speed": 1000, "faults": [fault]}
    procedure = IVSweep(vmax="20mV", step="1mV", breakdown_stop="false")
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.ok
    assert outcome.rows == procedure.planned_rows()


def test_too_long_in_compliance_ends_the_run(tmp_path: Path) -> None:
    procedure = IVSweep(
        vmax="100mV", step="0.2mV", compliance="100uA", compliance_dwell="5 s", breakdown_stop=False
    )
    with unhurried(VirtualCryostat("resistor-100")) as station, station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.status == "protected"
    assert "in compliance for more than 5 s" in (outcome.error or "")
    found = rows_of(outcome.file)
    in_compliance = [row["Time (s)"] for row in found if row["In compliance"]]
    assert 5.0 < in_compliance[-1] - in_compliance[0] < 6.0


SAMPLE = """
name = "chip 17"
max_voltage_V = 0.2
max_current_A = 1e-4
[[junctions]]
name = "J03"
position = "3"
max_voltage_V = 0.05
"""


def test_a_sample_file_limits_its_junctions(tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    file.write_text(SAMPLE, encoding="utf-8")
    limits = load_sample_file(file).limits("J03")
    assert (limits.max_voltage_V, limits.max_current_A) == (0.05, 1e-4)
    with pytest.raises(SampleFileError, match="no junction 'J04'; it lists J03"):
        load_sample_file(file).limits("J04")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('position = "3"', "posn = 3", "junctions.0.posn"),
        ("max_voltage_V = 0.2", "max_voltage_V = -1", "max_voltage_V"),
        ("max_current_A = 1e-4", "", "max_current_A: is missing, and J03 has none of its own"),
        (
            "max_current_A",
            "max_current",
            r"max_current: is not a key .* did you mean max_current_A\?",
        ),
        (
            "max_voltage_V = 0.05",
            "max_voltag_V = 0.05",
            r"junctions.0.max_voltag_V: .* did you mean max_voltage_V\?",
        ),
        ('name = "chip 17"', "name = ", "not valid TOML"),
        ("[[junctions]]", '[[junctions]]\nname = "J03"\n[[junctions]]', "listed twice"),
    ],
)
def test_a_wrong_sample_file_says_so(old: str, new: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    file.write_text(SAMPLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SampleFileError, match=words) as problem:
        load_sample_file(file)
    assert str(file) in str(problem.value)


def test_a_junction_sees_no_more_than_its_own_limit(virtual_station: Make, tmp_path: Path) -> None:
    own = SourceLimits(0.05, 1e-4, "the sample file (J03)")
    with virtual_station() as station:
        station.source_meter.protect(own)
        with pytest.raises(LimitError, match=r"the voltage 0.1 V .* sample file \(J03\)"):
            run_procedure(IVSweep(vmax="100mV", step="10mV"), station, tmp_path)
        with pytest.raises(LimitError, match="the current"):
            run_procedure(IVSweep(compliance="500uA"), station, tmp_path)
        outcome = run_procedure(IVSweep(vmax="5mV", step="1mV"), station, tmp_path)
        assert station.source_meter.snapshot()["compliance"] == pytest.approx(1e-4)
        station.source_meter.protect(None)
        assert station.source_meter.limits.max_voltage_V == 0.5
    assert outcome.ok


@given(
    station_V=st.floats(1e-3, 10), own_V=st.floats(1e-3, 10),
    station_A=st.floats(1e-9, 1), own_A=st.floats(1e-9, 1), level=st.floats(-20, 20),
)  # fmt: skip
def test_the_tighter_limit_holds(
    station_V: float, own_V: float, station_A: float, own_A: float, level: float
) -> None:
    both = SourceLimits(station_V, station_A).tightened(SourceLimits(own_V, own_A, "the sample"))
    most_of: dict[Function, float] = {
        "voltage": min(station_V, own_V),
        "current": min(station_A, own_A),
    }
    for function, most in most_of.items():
        if abs(level) > most:
            with pytest.raises(LimitError):
                both.check(function, level)
        else:
            both.check(function, level)


def test_the_readings_that_show_a_breakdown_are_in_the_file(
    virtual_station: Make, tmp_path: Path
) -> None:
    """Also those of the list that the source-meter had run to its end by then."""
    fault = {"kind": "breakdown", "above_V": 0.0195, "becomes": "resistor-1k"}
    virtual = {"junction": "resistor-10k", "speed": 100, "faults": [fault]}
    procedure = IVSweep(
        vmax="20mV", step="0.5mV", measure_range="100uA", buffered="on", nplc=0.01, autozero=False
    )
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path)
    assert outcome.status == "broken"
    broken = [row for row in rows_of(outcome.file)
              if abs(row["Current (A)"]) > 5e-4 * abs(row["Setpoint (V)"]) > 0.0]  # fmt: skip
    assert len(broken) > 20


def test_the_time_in_compliance_ends_with_the_bias() -> None:
    protection = Protection(dwell_s=60.0, breakdown=False)
    for moment, end in ((0.0, 50.0), (1000.0, 1050.0)):
        protection.look(moment, 0, 1.0, 1e-3, True)
        protection.look(end, 0, 1.0, 1e-3, True)
        protection.released()


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"sample": "J1", "position": "2"}, "J1 is at position 1, not at 2"),
        ({"sample": "R1k", "position": "2"}, "at position 2 is J2, not R1k"),
        ({"sample": "R1k"}, "does not say where R1k is"),
    ],
)
def test_the_limits_are_those_of_what_is_connected(
    run: dict[str, str], words: str, tmp_path: Path
) -> None:
    file = tmp_path / "chip.toml"
    file.write_text(
        "max_voltage_V = 1.0\nmax_current_A = 1e-3\n"
        '[[junctions]]\nname = "J1"\nposition = "1"\n'
        '[[junctions]]\nname = "J2"\nposition = "2"\nmax_voltage_V = 0.02\n'
        "diameter_um = 20\n",
        encoding="utf-8",
    )
    positions = {name: {"normal": [100 + int(name)]} for name in "123"}
    config = station_from(
        station_content(switch={"driver": "keithley2700", "positions": positions}), "station"
    )
    sample = load_sample_file(file)
    with pytest.raises(SampleFileError, match=words):
        own_limits(Calibration(**run), config, sample)
    resistor = Calibration(sample="R1k", position="3")
    assert own_limits(resistor, config, sample) is None
    junction = IVSweep(sample="J2")
    limits = own_limits(junction, config, sample)
    assert limits is not None
    assert (limits.max_voltage_V, junction.position) == (0.02, "2")
    # No limit, but what a product with the area needs; the run's own would win.
    stated, _ = area_of_header({"Junction diameter": str(junction.parameter_objects()["diameter"])})
    assert stated is not None
    assert stated.area_m2 == pytest.approx(circle_m2(20e-6))
    own = IVSweep(sample="J2", diameter=5.0)
    own_limits(own, config, sample)
    assert own.diameter == 5.0
