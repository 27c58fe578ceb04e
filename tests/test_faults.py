"""Scheduled faults: what a file may say, and what a run makes of each kind of fault."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.virtual import World
from nanojunction.instruments.virtual.faults import Late, as_tables, read_faults, read_faults_file
from nanojunction.instruments.virtual.faults.schedules import random_schedule
from nanojunction.instruments.virtual.faults.trouble import Trouble
from nanojunction.instruments.virtual.world.breakdown import Fragile
from nanojunction.instruments.virtual.world.line import OPEN, Source, WorkingPoint
from nanojunction.models.junction import load_junction
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import Outcome, run_procedure
from tests.virtual_bench import Resistor, SteppedClock, world_with

Make = Callable[..., Station]
#: Where the reading of the twelfth point is asked for.
TWELFTH = {"role": "source_meter", "on_command": ":READ", "match": 12}


# What a file may say


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "explode"}, "virtual.faults[0].kind: must be one of 'drop', 'late'"),
        ({}, "virtual.faults[0].kind: is missing"),
        ({"kind": "drop"}, "virtual.faults[0].role: is missing"),
        ({"kind": "drop", "role": "laser", "at_s": 1}, "faults[0].role: input should be"),
        ({"kind": "drop", "role": "magnet"}, "faults[0]: needs exactly one of after_exchanges"),
        ({"kind": "drop", "role": "magnet", "at_s": 1, "after_exchanges": 2}, "exactly one of"),
        ({"kind": "late", "role": "magnet", "at_s": 1}, "virtual.faults[0].seconds: is missing"),
        ({"kind": "late", "role": "magnet", "at_s": 1, "seconds": -1}, "seconds: input should be"),
        ({"kind": "late", "role": "magnet", "at_s": 1, "seconds": float("nan")}, "seconds: "),
        ({"kind": "hang", "role": "magnet", "at_s": 1, "second": 1}, "second: is not a key"),
        ({"kind": "drop", "role": "magnet", "on_command": "("}, "is no regular expression"),
        ({"kind": "drop", "role": "magnet", "at_s": 1, "match": 2}, "match belongs to on_command"),
        ({"kind": "quench", "after_exchanges": 3}, "role: is missing; whose exchanges"),
        ({"kind": "quench", "role": "magnet", "at_s": 3}, "role: is not used with at_s"),
        ({"kind": "drift", "at_s": 3, "kelvin": "hot", "seconds": 3}, "kelvin: input should be"),
        ({"kind": "breakdown", "above_V": 0}, "above_V: input should be greater than 0"),
        ({"kind": "breakdown", "above_V": 1, "becomes": "dust"}, "becomes: There is no junction"),
    ],
)
def test_a_fault_that_cannot_be_is_named(
    virtual_station: Make, table: dict[str, Any], words: str
) -> None:
    with pytest.raises(StationError, match="test station: virtual") as caught:
        virtual_station(virtual={"faults": [table]})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"magnet": None}, r"virtual.faults\[0\].role: there is no magnet on this cryostat"),
        ({"virtual": {"serve": "serial"}}, r"faults\[0\].kind: a serial line has no connection"),
    ],
)
def test_a_fault_of_what_is_not_there_is_refused(
    virtual_station: Make, changes: dict[str, Any], words: str
) -> None:
    drop = {"kind": "drop", "role": "magnet", "at_s": 0.0}
    virtual = {"faults": [drop], **changes.pop("virtual", {})}
    with pytest.raises(StationError, match=words), virtual_station(virtual=virtual, **changes):
        pass


def test_a_file_of_faults(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[faults]]\nkind = "late"\nrole = "magnet"\nat_s = 2\nseconds = 0.5\n')
    assert read_faults_file(path) == (Late(role="magnet", at_s=2.0, seconds=0.5),)


@pytest.mark.parametrize("text", ["faults = 3", "[[faults]]\n[other]", "[[faults]", "x = 1"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(StationError, match=r"faults\.toml: "):
        read_faults_file(path)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_a_random_schedule_is_made_of_its_seed_and_can_be_written_down(
    seed: int, count: int
) -> None:
    faults = random_schedule(seed, count=count)
    assert len(faults) == count
    assert random_schedule(seed, count=count) == faults
    assert read_faults(as_tables(faults), "written down") == faults


def test_random_schedules_have_every_kind() -> None:
    kinds = {fault.kind for seed in range(200) for fault in random_schedule(seed)}
    assert kinds == {"drop", "late", "garbage", "hang", "half", "quench", "drift", "breakdown"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    ["kind", "role", "at_s", "after_exchanges", "on_command", "match", "seconds", "kelvin",
     "above_V", "becomes", "repeat", "then", "form", "position"]
)  # fmt: skip


@given(
    st.dictionaries(_KEYS, _JSON, max_size=5),
    st.sampled_from(["drop", "late", "hang", "half", "garbage", "quench", "drift", "breakdown"]),
)
def test_any_table_is_a_fault_or_a_sentence(table: dict[str, Any], kind: str) -> None:
    try:
        (fault,) = read_faults([{**table, "kind": kind}], "somewhere")
    except StationError as problem:
        assert str(problem).startswith("somewhere: virtual.faults[0]")
    else:
        assert fault.kind == kind


# When a fault strikes


def trouble(*tables: dict[str, Any]) -> Trouble:
    return Trouble(world_with(), "magnet", read_faults(tables, "test"))


def struck_at(one: Trouble, lines: list[str]) -> list[int]:
    return [n for n, line in enumerate(lines) if one.before(line) or one.of_answer(line)]


@pytest.mark.parametrize(
    ("moment", "strikes"),
    [
        ({"after_exchanges": 0}, [0]),
        ({"after_exchanges": 3}, [3]),
        ({"after_exchanges": 1, "repeat": 3}, [1, 2, 3]),
        ({"on_command": "^R7"}, [1]),
        ({"on_command": "R[78]", "match": 2}, [2]),
        ({"on_command": "R", "match": 2, "repeat": 2}, [2, 4]),
    ],
)
@pytest.mark.parametrize("kind", ["drop", "half"])
def test_a_fault_strikes_when_it_should_and_no_more(
    kind: str, moment: dict[str, Any], strikes: list[int]
) -> None:
    lines = ["V", "R7", "R8", "X", "R7", "R7"]
    one = trouble({"kind": kind, "role": "magnet", **moment})
    assert struck_at(one, lines) == strikes
    assert len(one.struck) == len(strikes)


def test_a_fault_at_a_time_strikes_at_the_first_exchange_after_it() -> None:
    one = trouble({"kind": "drop", "role": "magnet", "at_s": 5.0})
    clock = one.world.clock
    assert isinstance(clock, SteppedClock)
    clock.time_s = 4.9
    assert one.before("X") is None
    clock.time_s = 7.0
    assert one.before("X") is not None
    assert one.before("X") is None


def test_faults_of_another_instrument_do_not_strike() -> None:
    one = trouble({"kind": "drop", "role": "temperature", "after_exchanges": 0})
    assert struck_at(one, ["X"] * 5) == []


# What befalls the world


def test_a_drift_moves_the_sample_itself_and_passes() -> None:
    world = world_with()
    clock = world.clock
    assert isinstance(clock, SteppedClock)
    world.cryostat.disturb(100.0, kelvin=10.0, seconds=600.0)

    def at(time_s: float) -> tuple[float, float]:
        clock.time_s = time_s
        return world.cryostat.insert_K(time_s), world.temperature_K()

    assert at(100.0) == (295.0, 295.0)
    insert, sample = at(400.0)
    assert insert == pytest.approx(305.0)
    assert sample == pytest.approx(304.5, abs=0.2)  # the lag of 30 s rounds the top
    assert at(250.0)[1] < at(250.0)[0]  # behind on the way up,
    assert at(550.0)[1] > at(550.0)[0]  # and on the way down
    assert at(700.0)[0] == pytest.approx(295.0)
    assert at(1200.0)[1] == pytest.approx(295.0, abs=1e-3)


def test_the_sample_follows_a_drift_as_its_lag_demands() -> None:
    world = world_with()
    world.cryostat.disturb(0.0, kelvin=-8.0, seconds=90.0)
    cryostat, step = world.cryostat, 1e-3
    for t in (5.0, 30.0, 89.0, 91.0, 150.0):
        slope = (cryostat.sample_K(t + step) - cryostat.sample_K(t - step)) / (2 * step)
        lag = world.settings.sample_lag_s
        assert slope * lag == pytest.approx(cryostat.insert_K(t) - cryostat.sample_K(t), abs=1e-5)


def test_a_quench_comes_at_its_time_though_nobody_looked(virtual_station: Make) -> None:
    with virtual_station(virtual={"faults": [{"kind": "quench", "at_s": 30.0}]}) as station:
        world = station.bench.world
        station.clock.sleep(40.0)
        with world.lock:
            world.sync()
            assert world.magnet.quenched
        assert [(t, fault.kind) for t, fault in station.bench.struck] == [(30.0, "quench")]
        assert station.magnet.status().detail == "quenched"


def test_a_fragile_junction_breaks_down_once_and_for_all() -> None:
    law = Fragile(load_junction("resistor-1k"), load_junction("short"), above_V=0.1)
    memory = law.apply_field(law.at_rest(), 0.3)
    for voltage_V in (0.1, -0.1, 0.05):
        memory = law.apply_voltage(memory, voltage_V)
        assert law.current_A(0.05, 40.0, memory) == pytest.approx(5e-5)
    memory = law.apply_voltage(memory, -0.1001)
    broken = law.current_A(0.05, 40.0, memory)
    assert broken == load_junction("short").current_A(0.05, 40.0, load_junction("short").at_rest())
    memory = law.apply_field(law.apply_voltage(memory, 0.0), 0.0)
    assert law.current_A(0.05, 40.0, memory) == broken


def test_only_what_a_source_puts_across_it_breaks_a_junction() -> None:
    twice = Fragile(Resistor(1e3, offset_V=0.05), Resistor(10.0), above_V=0.03)
    world = World(Fragile(twice, Resistor(1.0), above_V=0.2), SteppedClock())

    def driven(kind: Literal["voltage", "current"], level: float, on: bool = True) -> WorkingPoint:
        source = Source(kind, level, 1.0, 4)
        with world.lock:
            world.drive(0.0, source if on else OPEN, on, source)
            return world.working_point(0.0)

    assert driven("voltage", 0.04, on=False).junction_V == pytest.approx(0.05)
    assert driven("current", 0.0).junction_V == pytest.approx(0.05)
    assert driven("voltage", 0.02).current_A == pytest.approx(-3e-5)
    assert driven("voltage", 0.04).current_A == pytest.approx(4e-3)  # broken, and once more:
    assert driven("voltage", -0.21).current_A == pytest.approx(-0.21)


# Every kind of fault in a run


def rows_of(file: Path) -> list[dict[str, float]]:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    return [{name: float(text) for name, text in row.items()} for row in csv.DictReader(lines)]


def end_of(file: Path) -> dict[str, Any]:
    end: dict[str, Any] = json.loads(
        file.read_text(encoding="utf-8").splitlines()[-1].removeprefix("# End: ")
    )
    return end


def run(station: Station, folder: Path, **parameters: Any) -> Outcome:
    """Measure ±10 mV on a resistor of 1 kΩ, and require that every row is its own."""
    sweep = IVSweep(
        sample="R", vmax=0.01, step=0.001, nplc=0.01, measure_range=1e-4, buffered="off",
        **parameters,
    )  # fmt: skip
    outcome = run_procedure(sweep, station, folder)
    rows = rows_of(outcome.file)
    assert len(rows) == outcome.rows == end_of(outcome.file)["rows"]
    assert end_of(outcome.file)["status"] == outcome.status
    expected = [point.setpoint for point in sweep.sweep().points()][: len(rows)]
    assert [row["Setpoint (V)"] for row in rows] == expected
    for row in rows:
        assert row["Voltage (V)"] == pytest.approx(row["Setpoint (V)"], abs=4e-5)
        assert row["Temperature (K)"] == pytest.approx(295.0, abs=0.1)
        assert row["Field (T)"] == 0.0
    return outcome


def with_fault(make: Make, *faults: dict[str, Any], junction: str = "resistor-1k") -> Station:
    return make(
        source_meter={"timeout_s": 0.3},
        magnet={"timeout_s": 0.3},
        temperature={"timeout_s": 0.3},
        virtual={"junction": junction, "faults": list(faults)},
    )


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "drop"}, "the connection was lost (the instrument closed it)"),
        ({"kind": "drop", "carried_out": False}, "the connection was lost"),
        ({"kind": "late", "seconds": 0.7}, "no answer in time"),
        ({"kind": "hang", "seconds": 0.7}, "no answer in time"),
        ({"kind": "half"}, "no answer in time"),
        ({"kind": "half", "then": "close"}, "the connection was lost"),
        ({"kind": "garbage", "form": "junk"}, "answered bytes that are not text"),
        ({"kind": "garbage", "form": "fields"}, "which is no reading"),
        ({"kind": "garbage", "form": "truncated"}, "which is no reading"),
    ],
)
def test_a_fault_of_the_source_meter_fails_the_run_and_leaves_it_safe(
    virtual_station: Make, tmp_path: Path, fault: dict[str, Any], words: str
) -> None:
    with with_fault(virtual_station, {**fault, **TWELFTH}) as station:
        outcome = run(station, tmp_path)
        world = station.bench.world
        assert [struck.kind for _, struck in station.bench.struck] == [fault["kind"]]
        assert outcome.status == "failed"
        assert "source_meter at " in (outcome.error or "")
        assert words in (outcome.error or "")
        assert outcome.rows == 11
        assert outcome.unsafe == ()
        assert not world.output_on
        assert world.source_level_V == 0.0
        assert station.source_meter.level() == 0.0  # and the instrument says so itself


@pytest.mark.parametrize("kind", ["late", "hang"])
def test_a_source_meter_that_comes_to_while_it_is_made_safe_ends_safe(
    virtual_station: Make, tmp_path: Path, kind: str
) -> None:
    with with_fault(virtual_station, {"kind": kind, "seconds": 1.6, **TWELFTH}) as station:
        outcome = run(station, tmp_path)
        assert outcome.status == "failed"
        assert all("no answer in time" in words for words in outcome.unsafe)
        station.reconnect("source_meter")
        station.source_meter.set_level(0.0)
        station.source_meter.output_off()
        assert not station.bench.world.output_on
        assert station.source_meter.level() == 0.0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "late", "seconds": 0.1},
        {"kind": "hang", "seconds": 0.1},
        {"kind": "garbage", "form": "twice"},
    ],
)
def test_a_fault_that_can_be_lived_with_costs_no_row(
    virtual_station: Make, tmp_path: Path, fault: dict[str, Any]
) -> None:
    faults = [{**fault, **TWELFTH, "repeat": 3}]
    with virtual_station(virtual={"junction": "resistor-1k", "faults": faults}) as station:
        outcome = run(station, tmp_path)
        assert outcome.ok, outcome.error
        assert len(station.bench.struck) == 3


@pytest.mark.parametrize("role", ["magnet", "temperature"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "late", "seconds": 1.0},
        {"kind": "half"},
        {"kind": "garbage", "form": "junk"},
        {"kind": "garbage", "form": "fields"},
        {"kind": "garbage", "form": "truncated"},
    ],
)
def test_a_fault_of_magnet_or_temperature_fails_the_run_and_leaves_it_safe(
    virtual_station: Make, tmp_path: Path, role: str, fault: dict[str, Any]
) -> None:
    moment = {"role": role, "on_command": "^R", "match": 12}
    with with_fault(virtual_station, {**fault, **moment}) as station:
        outcome = run(station, tmp_path, environment_interval=0.0)
        assert len(station.bench.struck) == 1
        assert outcome.status == "failed"
        assert f"{role} at " in (outcome.error or "")
        assert outcome.unsafe == ()
        assert not station.bench.world.output_on
        assert station.bench.world.source_level_V == 0.0


def test_a_source_meter_that_hangs_for_ever_is_said_loudly(
    virtual_station: Make, tmp_path: Path
) -> None:
    station = with_fault(virtual_station, {"kind": "hang", **TWELFTH})
    with pytest.raises(Unsafe, match=r"NOT SAFE: source-meter \(output may be ON\)"), station:
        outcome = run(station, tmp_path)
        assert outcome.status == "failed"
        assert "no answer in time" in (outcome.error or "")
        assert any("the output could not be opened" in words for words in outcome.unsafe)


def test_a_breakdown_is_in_the_rows_and_ends_nothing(virtual_station: Make, tmp_path: Path) -> None:
    fault = {"kind": "breakdown", "above_V": 0.0075, "becomes": "resistor-10k"}
    with with_fault(virtual_station, fault) as station:
        outcome = run(station, tmp_path, breakdown_stop=False)
        assert outcome.ok, outcome.error
    rows = rows_of(outcome.file)
    first = next(n for n, row in enumerate(rows) if row["Setpoint (V)"] > 0.0075)
    for before in rows[1:first]:
        assert before["Voltage (V)"] / before["Current (A)"] == pytest.approx(1e3, rel=0.05)
    for after in (row for row in rows[first:] if abs(row["Setpoint (V)"]) > 0.005):
        assert after["Voltage (V)"] / after["Current (A)"] == pytest.approx(1e4, rel=0.05)


def test_a_lost_connection_in_the_middle_of_a_sweep_as_a_user_meets_it(
    served: Any, nanojunction: Any, tmp_path: Path
) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text(
        '[[faults]]\nkind = "drop"\nrole = "source_meter"\non_command = ":READ"\nmatch = 12\n'
    )
    bench = served("B", 1000.0, "--faults", str(faults))
    process = nanojunction("measure", "iv", "--station", bench.station_file, "--sample", "B",
                           "--set", "buffered=off", "--out", tmp_path / "runs")  # fmt: skip
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "source_meter at TCPIP" in words
    assert "the connection was lost" in words
    assert "NOT SAFE" not in words
    (file,) = (tmp_path / "runs").glob("*.csv")
    assert end_of(file)["status"] == "failed"
    assert len(rows_of(file)) == end_of(file)["rows"] == 11
    output, level = bench.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
    assert (output, float(level)) == ("0", 0.0)
