"""The command as a new user tries it: a wrong input gets one sentence and the right status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.commands import give


def started(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nanojunction.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        check=False,
        timeout=120,
    )


def sentence(done: Result) -> str:
    """Return the one line of the error; there must be no more of them."""
    lines = done.stderr.strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    return errors[0].removeprefix("error: ")


IV = ["measure", "iv", "--sample", "A", "--station", "station.toml"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["measure", "ivv", "--sample", "A", "--station", "station.toml"], 2,
         "unknown procedure 'ivv'; known are calibrate, ih, it, iv, temperature-series"),
        ([*IV, "--set", "voltage=1"], 2, "unknown key 'voltage'; known are autozero,"),
        ([*IV, "--set", "vmax"], 2, "--set vmax: write key=value"),
        ([*IV, "--set", "vmax=10mT"], 2, "vmax: '10mT' has the unit 'mT', V is expected"),
        ([*IV, "--set", "vmax=0,5"], 2, "write decimals with a point"),
        ([*IV, "--set", "vmax=600mV", "--set", "step=100mV"], 2,
         "the voltage 0.6 V lies outside the limits of the station: ±0.5 V"),
        ([*IV, "--set", "vmax=10mV", "--set", "step=3mV"], 2, "the step 0.003 V does not divide"),
        ([*IV, "--set", "temperature=500K"], 2, ": 4 to 400 K"),
        (["measure", "iv", "--sample", "A", "--station", "none.toml"], 2,
         "none.toml: there is no such station file"),
        (["measure", "iv", "--sample", "A"], 2, "--station FILE is missing"),
        (["measure", "iv", "--station", "station.toml"], 2, "--sample NAME is missing"),
        (["check", "--station", "broken.toml"], 2, "broken.toml: is not valid TOML"),
        (["check", "--station", "limits.toml"], 2,
         "limits.toml: source_meter.max_voltage_V: input should be greater than 0 (got -1)"),
        (["check", "--station", "driver.toml"], 2,
         "driver.toml: source_meter.driver: no driver 'keithley9000'; known are"),
        (["check", "--station", "junction.toml"], 2, "nosuchjunction"),
        (["simulate", "--junction", "nosuchjunction"], 2, "nosuchjunction"),
        (["simulate", "--magnet", "ami"], 2, "no virtual magnet 'ami'"),
        (["simulate", "--field-probe", "hall"], 2, "no virtual field probe 'hall'"),
        (["simulate", "--speed", "0"], 2, "speed must lie between 1 and 10000"),
        (["analyse", "empty"], 1, "empty"),
        (["analyse", "nothing.csv"], 1, "nothing.csv"),
        (["analyse", "noise.csv"], 1, "noise.csv"),
    ],
)  # fmt: skip
def test_a_wrong_input_gets_one_sentence(
    arguments: list[str], status: int, words: str, station_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = station_file()
    text = file.read_text(encoding="utf-8")
    changes = {
        "broken.toml": ("[station]", "[station"),
        "limits.toml": ('"max_voltage_V"', "x"),
        "driver.toml": ("keithley2400", "keithley9000"),
        "junction.toml": ('junction = "A"', 'junction = "nosuchjunction"'),
    }
    for name, (old, new) in changes.items():
        (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    (tmp_path / "limits.toml").write_text(
        text.replace("max_voltage_V = 0.5", "max_voltage_V = -1"), encoding="utf-8"
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)))
    done = give(*arguments, cwd=tmp_path)
    assert words in sentence(done)
    assert done.exit_code == status
    assert not (tmp_path / "runs").exists()


def test_wrong_usage_of_the_command_itself(tmp_path: Path) -> None:
    for arguments in (["mesure"], ["check"], ["demo", "--seed", "one"], ["analyse"]):
        assert give(*arguments, cwd=tmp_path).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["analyse"], 2, "Missing argument"),
        (["check", "--station", "none.toml"], 2, "error: none.toml: there is no such station file"),
        (["analyse", "nothing.csv"], 1, "nothing.csv"),
    ],
)
def test_the_process_ends_as_the_command_does(
    arguments: list[str], status: int, words: str, tmp_path: Path
) -> None:
    done = started(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_port(
    station_file: Callable[..., Path], unused_port: int, tmp_path: Path
) -> None:
    address = f"TCPIP::127.0.0.1::{unused_port}::SOCKET"
    file = station_file(
        source_meter={"address": address, "visa_library": "@py"}, magnet=None, temperature=None
    )
    done = give("check", "--station", file, cwd=tmp_path)
    assert "the connection was refused, nothing listens there" in sentence(done)
    assert done.exit_code == 1


def test_the_wrong_instrument_at_an_address(served: Any, tmp_path: Path) -> None:
    bench = served()
    text = bench.station_file.read_text(encoding="utf-8")
    addresses = {role: one["address"] for role, one in bench.endpoints.items()}
    swapped = text.replace(addresses["magnet"], "X").replace(
        addresses["temperature"], addresses["magnet"]
    )
    file = tmp_path / "swapped.toml"
    file.write_text(swapped.replace("X", addresses["temperature"]), encoding="utf-8")
    done = give("check", "--station", file, cwd=tmp_path)
    assert "which is no Oxford" in sentence(done)
    assert done.exit_code == 1


def test_check_reads_every_instrument(station_file: Callable[..., Path], tmp_path: Path) -> None:
    done = give("check", "--station", station_file(), cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    table = " ".join(done.stdout.split())
    for word in ("source_meter", "2400", "IPS120-10", "ITC503", "295", "output off", "clamped"):
        assert word in table


def test_check_changes_nothing(served: Any, tmp_path: Path) -> None:
    bench = served()
    bench.ask("source_meter", ":OUTP ON;:SOUR:VOLT 0.01;*OPC?")
    done = give("check", "--station", bench.station_file, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    output, level = bench.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
    assert (output, float(level)) == ("1", 0.01)


def test_measure_then_analyse(station_file: Callable[..., Path], tmp_path: Path) -> None:
    done = give(
        "measure", "iv", "--station", station_file(), "--sample", "A", "--out", "mes données",
        "--set", "vmax=10mV", "--set", "nplc=0.1", cwd=tmp_path,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "finished: 165 rows in" in done.stderr
    done = give("analyse", "mes données", "--json", "-", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["schema"] == "nanojunction-results/1"
    (run,) = results["runs"]
    assert run["device"] == "A"
    assert abs(run["quantities"]["v_off_V"]["value"] - 4.4e-3) < 1e-3


def test_one_broken_file_does_not_stop_the_others(
    station_file: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    give("measure", "iv", "--station", station_file(), "--sample", "A", cwd=tmp_path)
    (out / "broken.csv").write_text("not,a,run\n", encoding="utf-8")
    done = give("analyse", out, "--json", tmp_path / "results.json", cwd=tmp_path)
    assert done.exit_code == 1
    assert "broken.csv" in sentence(done)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(results["runs"]) == 1
    assert len(results["errors"]) == 1


def test_every_key_is_listed_with_unit_default_and_range(tmp_path: Path) -> None:
    done = give("measure", "ih", "--help", cwd=tmp_path)
    assert done.exit_code == 0
    assert "held (default 0.005 V, -200 to 200 V)" in done.stdout
    for key in ("voltage", "fields", "field_rate", "interval", "compliance", "nplc"):
        assert f"\n  {key} " in done.stdout


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_knows_few_letters(encoding: str, tmp_path: Path) -> None:
    """As on Windows, where output is redirected."""
    samples = str(Path(str(resources.files("nanojunction.sample_data"))) / "campaign")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    run = [sys.executable, "-m", "nanojunction.cli"]
    for arguments in (
        ["measure", "iv", "--help"],
        ["analyse", f"{samples}/C_40K_0T.csv"],
        ["analyse", f"{samples}/C_40K_0T.csv", "--json", "-"],
    ):
        done = subprocess.run(
            [*run, *arguments], capture_output=True, env=environment, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
    assert json.loads(done.stdout.decode("utf-8"))["runs"]


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert started("--version", cwd=tmp_path).stdout.startswith("nanojunction 0.")


def test_check_has_a_row_for_what_does_not_answer(
    served: Any, unused_port: int, tmp_path: Path
) -> None:
    bench = served()
    text = bench.station_file.read_text(encoding="utf-8")
    gone = f"TCPIP::127.0.0.1::{unused_port}::SOCKET"
    file = tmp_path / "gone.toml"
    file.write_text(text.replace(bench.endpoints["source_meter"]["address"], gone))
    done = give("check", "--station", file, cwd=tmp_path)
    table = " ".join(done.stdout.split())
    assert done.exit_code == 1
    assert "error: the connection was refused" in table
    for word in ("IPS120-10", "clamped", "ITC503", "295"):
        assert word in table
    assert "source_meter at" in sentence(done)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(bench.endpoints["magnet"]["address"], gone), encoding="utf-8")
    done = give("check", "--station", file, cwd=tmp_path)
    assert sentence(done).startswith("2 of 3 instruments cannot be used: source_meter at ")
    assert "; magnet at " in sentence(done)
