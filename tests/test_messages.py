"""What a person reads when something is not as it should be: what, where, and what to do."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from pydantic import BaseModel, Field, ValidationError

from nanojunction.cli import console
from nanojunction.cli.console import in_words, make_folder, steps_of
from nanojunction.cli.measure import help_text
from nanojunction.cli.stations import named_sensors, station_text
from nanojunction.common.names import did_you_mean
from nanojunction.common.slips import keys_at, sentence_of
from nanojunction.instruments.clock import now_iso
from nanojunction.instruments.errors import ConnectionFailed, LimitError, StationError
from nanojunction.instruments.limits import SourceLimits
from nanojunction.instruments.ownership import lock, records
from nanojunction.instruments.ownership.records import ProcessId, Record
from nanojunction.instruments.safe_state import NotDone, not_safe
from nanojunction.instruments.station import Unsafe
from nanojunction.instruments.station_file import StationConfig, station_from
from nanojunction.instruments.visa import Connection
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.recipes.recipe_file import Content, RecipeError, recipe_from
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.sample_file import load_sample_file
from nanojunction.procedures.sweep import Sweep
from tests.conftest import station_content

# What could not be made safe


def test_where_to_go_comes_first_and_each_detail_once() -> None:
    words = not_safe(
        [
            NotDone.at("source-meter (output may be ON)", "no answer", is_silent=True),
            NotDone.at("magnet", "refused", is_silent=True),
            NotDone.at("magnet", "refused", is_silent=True),
            NotDone.at("switch", "contact 103 stays closed", is_silent=False),
            "something else",
        ]
    )
    assert words.splitlines() == [
        "NOT SAFE: source-meter (output may be ON), magnet do not answer; switch could not be made "
        "safe: use the front panels",
        "  no answer",
        "  refused",
        "  contact 103 stays closed",
        "  something else",
    ]


def test_one_reason_is_said_once_for_all_that_it_kept_from_being_done(
    virtual_station: Callable[..., Any],
) -> None:
    station = virtual_station(magnet=None, temperature=None)
    with pytest.raises(Unsafe) as problem, station:
        station.source_meter.output_on()
        station.bench.__exit__(None, None, None)
    (failed,) = problem.value.failed
    assert failed.startswith("the source could not be ramped to zero")
    assert ", the output could not be opened: " in failed
    words = str(problem.value).splitlines()
    head = "NOT SAFE: source-meter (output may be ON) does not answer: use the front panels"
    assert words == [head, f"  {failed}"]


# Slips of the pen


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("vmx", ["vmax", "step"], "; did you mean vmax?"),
        ("voltage", ["vmax", "max_voltage_V"], "; did you mean max_voltage_V?"),
        ("zzz", ["vmax", "step"], ""),
    ],
)
def test_a_slip_is_recognised(typed: str, known: list[str], meant: str) -> None:
    assert did_you_mean(typed, known) == meant


def test_a_mistyped_key_of_a_run() -> None:
    with pytest.raises(ProcedureError, match=r"unknown key 'vmx'; did you mean vmax\? known are"):
        IVSweep().set("vmx", "1mV")


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ("source_meter", "max_voltage", "source_meter.max_voltage: is not a key that is known here"
         "; did you mean max_voltage_V? (got 1)"),
        ("station", "watchdg", "station.watchdg: is not a key that is known here; did you mean "
         "watchdog? (got 1)"),
        ("temprature", "min_K", "station.temprature: is not a key that is known here; did you mean "
         "temperature?"),
    ],
)  # fmt: skip
def test_a_mistyped_key_of_a_station_file(table: str, key: str, words: str) -> None:
    with pytest.raises(StationError) as problem:
        station_from(station_content(**{table: {key: 1}}), "s.toml")
    assert f"s.toml: {words}" == str(problem.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sample =", "sampel =", "recipe.sampel: .*; did you mean sample?"),
        ("set =", "sett =", "steps[0].sett: .*; did you mean set?"),
        ("measure =", "mesure =", "this one has none; did you mean measure?"),
    ],
)
def test_a_mistyped_key_of_a_recipe(old: str, new: str, words: str) -> None:
    text = (
        '[recipe]\nname = "night"\nsample = "A"\n'
        '[[steps]]\nmeasure = "iv"\nset = { vmax = "1mV" }\n'
    )
    recipe_from(text, "r.toml")
    with pytest.raises(RecipeError) as problem:
        recipe_from(text.replace(old, new), "r.toml")
    for part in words.split(".*"):
        assert part in str(problem.value)


class Inner(BaseModel, extra="forbid"):
    settings: int = Field(default=1, alias="set")


class Outer(BaseModel, extra="forbid"):
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}


@pytest.mark.parametrize("location", [("many", 0), ("named", "any")])
def test_the_keys_of_a_place_are_those_that_may_stand_there(
    location: tuple[int | str, ...],
) -> None:
    assert keys_at(Outer, location) == ["set"]
    assert keys_at(Outer, ()) == ["many", "named"]
    assert "max_voltage_V" in keys_at(StationConfig, ("source_meter",))
    assert {"set", "measure", "pause", "over"} <= set(keys_at(Content, ("steps", 0, "<measure>")))


def test_more_slips_than_one_are_counted() -> None:
    with pytest.raises(ValidationError) as problem:
        Outer.model_validate({"many": [{"sett": 1}, {"sit": 2}]})
    words = sentence_of(problem.value, Outer)
    assert words == (
        "many.0.sett: is not a key that is known here; did you mean set? (got 1); 1 more"
    )


# Limits, and what is connected


def test_the_limit_that_holds_is_named() -> None:
    both = SourceLimits(0.5, 1e-4).tightened(SourceLimits(0.1, 1e-3, "the sample file (J1)"))
    with pytest.raises(LimitError) as problem:
        both.check("voltage", 0.2)
    assert str(problem.value) == (
        "the voltage 0.2 V lies outside the limits of the sample file (J1): ±0.1 V"
    )
    with pytest.raises(LimitError, match=r"outside the limits of the station: ±0\.0001 A"):
        both.check("current", 5e-4)


def test_a_step_that_does_not_fit_has_its_unit() -> None:
    words = "the step 0.003 V does not divide the leg from 0 to 0.01 V; 0.0025 V does"
    with pytest.raises(ProcedureError, match=words):
        IVSweep(vmax=0.01, step=0.003).sweep()
    with pytest.raises(ValueError, match=r"the step 0\.003 does not divide"):
        Sweep((0.0, 0.01), 0.003)


# The sample file


def test_limits_may_be_left_out_where_every_junction_has_its_own(tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    one = {"name": "J1", "max_voltage_V": 0.1, "max_current_A": 1e-4}
    file.write_text(tomli_w.dumps({"junctions": [one]}), encoding="utf-8")
    limits = load_sample_file(file).limits("J1")
    assert (limits.max_voltage_V, limits.max_current_A) == (0.1, 1e-4)


def test_positions_without_a_switch_are_noted(tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    one = {"name": "J1", "max_voltage_V": 0.1, "max_current_A": 1e-4}
    config = station_from(station_content(), "s.toml")
    for extra, noted in (({"position": "3"}, True), ({}, False)):
        file.write_text(tomli_w.dumps({"junctions": [{**one, **extra}]}), encoding="utf-8")
        note = load_sample_file(file).unused_positions(config)
        assert (note is not None) == noted
    assert "no [switch]" in (load_sample_file(file).unused_positions(config) or "no [switch]")


# The command


def test_help_lists_all_options() -> None:
    options = ("--out", "--sample-file", "--monitor", "--monitor-port", "--watchdog")
    for text in (help_text(""), help_text("iv")):
        for option in options:
            assert option in text


@pytest.mark.parametrize("key", ["guard", "state", "saturate", "degauss", "heater_off"])
def test_a_key_says_what_it_does(key: str) -> None:
    parameter = IVSweep().settable()[key]
    assert len(str(parameter.description)) > 40


@pytest.mark.parametrize("folder", ["/dev/null", "/dev/null/x"])
def test_a_folder_that_cannot_be_made(folder: str) -> None:
    with pytest.raises(NotADirectoryError) as problem:
        make_folder(Path(folder), "--out")
    assert str(problem.value).startswith(f"--out {folder}: this folder cannot be made (")
    assert "[Errno" not in in_words(problem.value)


def test_an_error_of_the_system_has_its_file_and_no_number() -> None:
    problem = OSError(errno.ENOSPC, "No space left on device", "runs/a.csv")
    assert in_words(problem) == "runs/a.csv: no space left on device"
    assert in_words(OSError(errno.ENOSPC, "No space left on device")) == "no space left on device"


def test_the_first_step_tells_nothing_of_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has waited for everything that starts only once."""
    monkeypatch.setattr(console, "PLAIN_EVERY_S", 0.0)
    with steps_of("analysing") as show:
        show(1, 10)
        show(2, 10)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "analysing: 10 %, time left unknown; 1 of 10"
    assert re.fullmatch(r"analysing: 20 %, \d+ s left; 2 of 10", second)


def test_gpib_without_a_driver_says_what_to_install() -> None:
    """Of the two libraries that pyvisa-py can use for GPIB, none is installed for the tests."""
    pytest.importorskip("pyvisa_py")
    with pytest.raises(ConnectionFailed) as problem:
        Connection(
            "GPIB0::24::INSTR", role="source_meter", identity_query="*IDN?", visa_library="@py"
        )
    for word in ("NI-VISA", "linux-gpib", "gpib-ctypes"):
        assert word in str(problem.value)


def test_a_calibration_says_at_once_what_it_measured(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    content = station_content(virtual={"junction": "resistor-1k"}, magnet=None, temperature=None)
    file.write_text(tomli_w.dumps(content), encoding="utf-8")
    for nominal, stated, wrong in (("1000", "1 kΩ", False), ("10000", "10 kΩ", True)):
        done = subprocess.run(
            [sys.executable, "-m", "nanojunction.cli", "measure", "calibrate", "--station", file,
             "--sample", "R", "--set", f"nominal={nominal}", "--out", tmp_path / nominal],
            capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        pattern = r"measured: R (1000|999)\.\d+ ± 0\.\d+ Ω, V_off \d.* ± .* µV, I_off .* ± .* nA; "
        assert re.search(f"{pattern}nominal {stated}\n", done.stderr), done.stderr
        assert ("warning: not this resistor: " in done.stderr) == wrong


def test_a_virtual_mercury_needs_no_sensors_in_the_file(
    virtual_station: Callable[..., Any],
) -> None:
    with virtual_station(temperature={"driver": "mercury_itc"}, magnet=None) as station:
        assert station.temperature.sensors == {"sample": "DB6.T1", "vti": "MB1.T1"}
        assert station.temperature.temperature_K() == pytest.approx(295, abs=1)
    own = {"driver": "mercury_itc", "sensors": {"sample": "MB1.T1"}}
    with virtual_station(temperature=own, magnet=None) as station:
        assert station.temperature.sensors == {"sample": "MB1.T1"}


def test_simulate_prints_the_sensors_of_its_controller() -> None:
    sensors = {"sample": "DB6.T1", "vti": "MB1.T1"}
    endpoint = {"driver": "mercury_itc", "address": "X", **named_sensors(sensors)}
    text = station_text({"temperature": endpoint}, 1.0)
    assert tomllib.loads(text)["temperature"]["sensors"] == sensors
    assert named_sensors({}) == {}


def test_a_note_is_told_to_the_next_owner_once(unused_port: int) -> None:
    record = Record(
        owner=ProcessId.of(os.getpid()),
        host=records.this_host(),
        token="3" * 64,
        since=now_iso(),
        station="Test cryostat",
        source="s.toml",
        addresses=(f"TCPIP::127.0.0.1::{unused_port}::SOCKET", "ASRL99::INSTR"),
        command="nanojunction measure iv",
    )
    said: list[str] = []
    lock.take(record, said.append)
    assert said == []
    lock.release(record, "its watchdog made the station safe")
    for _ in range(2):
        lock.take(record, said.append)
        lock.release(record)
    assert said == ["note: its watchdog made the station safe"]
