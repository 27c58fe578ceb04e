"""`nanojunction status`: what goes on and what has happened, also where nobody could say it."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from nanojunction.cli.main import app
from nanojunction.cli.status import Found, Measurement
from nanojunction.instruments.ownership import records
from nanojunction.instruments.ownership.records import ProcessId, Record
from nanojunction.instruments.ownership.standing import standings
from nanojunction.instruments.station import Station
from nanojunction.procedures.live import Live
from nanojunction.procedures.recipes.resume import begin_or_resume
from nanojunction.procedures.signs_of_life import Life, LiveFileError, life_of, read_live
from tests.conftest import wait_for
from tests.recipes import HEAD, IV, Night

Make = Callable[..., Station]
SLOW = '{ measure = "it", set = { duration = "100 h", interval = "60 s" } }'


def status(*arguments: str | Path) -> tuple[int, str, str]:
    """Ask the command: exit status, standard output and error."""
    found = CliRunner().invoke(app, ["status", *map(str, arguments)])
    return found.exit_code, found.stdout, found.stderr


def state_of(folder: Path) -> dict[str, Any]:
    state = read_live(folder)
    assert state is not None
    return state


# A recipe in a process of its own


@contextmanager
def running_night(
    nanojunction: Any, eventually: Any, station: Path, folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """Run a recipe whose first step takes a moment and whose second takes ever so long."""
    recipe = folder / "night.toml"
    recipe.write_text(f"{HEAD}[[steps]]\nsteps = [{IV}, {SLOW}, {IV}]\n", encoding="utf-8")
    process = nanojunction("run", recipe, "--station", station, "--out", folder / "runs")

    def is_in_the_second() -> bool:
        assert process.poll() is None, process.communicate()
        state = read_live(folder / "runs")
        return state is not None and state["procedure"] == "it" and state["rows"] > 0

    eventually(is_in_the_second, "the second step")
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


def test_a_run_goes_on_is_killed_and_is_told_to_have_died_and_nothing_is_disturbed(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path
) -> None:
    bench, runs = served("A", 1000.0), tmp_path / "runs"
    station = bench.station_file
    with running_night(nanojunction, eventually, station, tmp_path) as process:
        for arguments in ((runs,), ("--station", station), (runs, "--station", station)):
            code, out, errors = status(*arguments)
            assert (code, errors) == (0, "")
            assert out.startswith("A it: running (last sign of life ")
            assert "  step       step 2 of 3: it" in out
            assert "recipe Night, begun " in out
            assert ": 3 steps, 1 finished, 1 running, 1 to do" in out
            assert "  junction   A: 1 run, at most 2" in out
            assert f"in use by process {process.pid} " in out
            assert "LOOK" not in out
        process.kill()
    addresses = [one["address"] for one in bench.endpoints.values()]
    eventually(lambda: not records.records_at(addresses), "the watchdog to be done")
    assert state_of(runs)["status"] == "running"  # for ever: nobody is there to change it
    files = {path.name: path.read_bytes() for path in runs.iterdir()}
    code, out, _ = status(runs)
    assert code == 1
    assert out.startswith("A it: died (last sign of life ")
    heard = state_of(runs)["updated"]
    assert f"LOOK: the process has ended without saying so (last sign of life {heard})" in out
    assert ": 3 steps, 1 finished, 1 cut off, 1 to do" in out
    assert "LOOK: Night: 2 of 3 steps are left; go on with nanojunction run … --resume" in out
    assert "its watchdog made the station safe at " in out
    code, out, _ = status("--station", station)
    assert code == 1
    assert "nobody has it\nLOOK: the last owner (process " in out
    assert len(records.notes_at(addresses)) == 1  # for the next owner, not for who looks in
    assert {path.name: path.read_bytes() for path in runs.iterdir()} == files


def test_the_same_as_json_and_nothing_else(
    virtual_station: Make, nanojunction: Any, tmp_path: Path
) -> None:
    night = Night(f"[[steps]]\nsteps = [{IV}, {IV}]\n", tmp_path / "runs")
    night.live = Live(tmp_path / "runs" / "live.json")
    with virtual_station() as station:
        assert night.on(station)
    process = nanojunction("status", night.folder, "--json", "-")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    found = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} in {out}"))
    assert found["schema"] == "nanojunction-status/1"
    assert found["problems"] == []
    assert found["measurement"]["status"] == "finished"
    assert found["measurement"]["state"] == state_of(night.folder)
    recipe = found["recipe"]
    assert (recipe["name"], recipe["left"], recipe["counts"]) == ("Night", 0, {"finished": 2})
    assert [step["rows"] for step in recipe["steps"]] == [21, 21]
    (junction,) = recipe["junctions"]
    assert (junction["sample"], junction["runs"]) == ("A", 2)
    assert junction["max_voltage_V"] == pytest.approx(2e-3, abs=1e-4)
    assert recipe["events"][-1]["words"] == "finished"
    code, out, errors = status(night.folder, "--json", tmp_path / "status.json")
    assert (code, out, errors) == (0, "", "")
    written = json.loads((tmp_path / "status.json").read_text(encoding="utf-8"))
    assert written | {"looked": None, "measurement": None} == found | {
        "looked": None, "measurement": None,
    }  # fmt: skip


def test_what_a_recipe_met_on_its_way_is_told(virtual_station: Make, tmp_path: Path) -> None:
    night = Night(
        f'[[steps]]\nover = {{ repeat = 3 }}\nstop_when = "r_s_ohm > 1 ohm"\nsteps = [{IV}]\n'
        f'[[steps]]\npause = "plug in R"\n',
        tmp_path / "runs",
        answer=lambda _words: False,
    )
    night.live = Live(tmp_path / "runs" / "live.json")
    with virtual_station() as station:
        assert not night.on(station)
    code, out, _ = status(night.folder)
    assert code == 1
    assert "4 steps, 1 finished, 2 skipped, 1 aborted" in out
    assert (
        "  skipped    2 from repeat=2/iv on: steps[0].stop_when: r_s_ohm > 1 ohm, and A has" in out
    )
    assert "  next       pause" in out
    assert "pause: plug in R: not answered, the recipe ends" in out
    assert "LOOK: it ended: aborted (ended, 1 steps are left)" in out
    assert "LOOK: Night: 1 of 4 steps are left" in out


def test_a_broken_junction_is_told_though_all_is_done(
    virtual_station: Make, tmp_path: Path
) -> None:
    fault = {"kind": "breakdown", "above_V": 0.009, "becomes": "resistor-100"}
    night = Night('[[steps]]\nmeasure = "iv"\n', tmp_path / "runs")
    night.live = Live(tmp_path / "runs" / "live.json")
    with virtual_station(virtual={"junction": "resistor-10k", "faults": [fault]}) as station:
        assert night.on(station)
    code, out, _ = status(night.folder)
    assert code == 1
    assert "BROKEN: iv: " in out
    assert "LOOK: Night: ended to spare the junction: iv" in out


def test_a_recipe_that_never_got_to_a_run_is_told_with_its_station(
    virtual_station: Make, tmp_path: Path
) -> None:
    night = Night(f"[[steps]]\nsteps = [{IV}]\n", tmp_path / "runs")
    with virtual_station() as station, night.journal() as journal:
        begin_or_resume(journal, night.plan, station, resume=False)
    code, out, _ = status(night.folder)
    assert code == 1
    assert out.startswith("recipe Night, begun ")
    assert ": 1 steps, 1 to do" in out
    assert ": there is no such station file" in out
    assert out.endswith("1 of 1 steps are left; go on with nanojunction run … --resume\n")


def test_wrong_usage_is_told(tmp_path: Path, station_file: Any) -> None:
    code, out, errors = status()
    assert (code, out) == (2, "")
    assert "DIR or --station FILE is missing" in errors
    code, out, errors = status(tmp_path)
    assert (code, out) == (2, "")
    assert f"{tmp_path}: has neither live.json nor journal.sqlite" in errors
    assert status("--station", tmp_path / "none.toml")[0] == 2
    code, out, errors = status("--station", station_file())
    assert (code, errors) == (0, "")
    assert "its instruments have no addresses" in out
    (tmp_path / "live.json").write_text('{"status": "running"', encoding="utf-8")
    code, out, errors = status(tmp_path)
    assert (code, out) == (1, "")
    assert "live.json: is no live state" in errors


# Whether a measurement lives


def begun(folder: Path) -> dict[str, Any]:
    """Return the state that a measurement in this very process writes."""
    live = Live(folder / "live.json")
    live.begin(procedure="iv", sample="A")
    return state_of(folder)


def test_one_that_lives_and_speaks_is_what_it_says(tmp_path: Path) -> None:
    life = life_of(begun(tmp_path), datetime.now(UTC))
    assert (life.status, life.words, life.is_under_way) == ("running", "", True)


def test_another_process_with_its_number_is_not_it(tmp_path: Path) -> None:
    state = begun(tmp_path)
    state["pid_started"] -= 3600.0
    life = life_of(state, datetime.now(UTC))
    assert (life.status, life.is_under_way) == ("died", False)
    assert state["updated"] in life.words


def test_one_that_lives_and_is_silent_hangs(tmp_path: Path) -> None:
    state = begun(tmp_path)
    heard = datetime.fromisoformat(state["updated"])
    just = life_of(state, heard + timedelta(seconds=state["quiet_s"]))
    later = life_of(state, heard + timedelta(seconds=state["quiet_s"] + 1.0))
    assert (just.status, later.status) == ("running", "silent")
    assert f"process {os.getpid()} has given no sign of life since" in later.words


def test_one_on_another_computer_is_judged_by_its_silence_alone(tmp_path: Path) -> None:
    state = begun(tmp_path) | {"host": "elsewhere", "pid": 2**31 - 1}
    heard = datetime.fromisoformat(state["updated"])
    assert life_of(state, heard).status == "running"
    late = life_of(state, heard + timedelta(hours=1))
    assert late.status == "silent"
    assert "on elsewhere" in late.words


def test_one_that_has_said_its_end_needs_no_process(tmp_path: Path) -> None:
    state = begun(tmp_path) | {"status": "finished", "pid_started": 0.0}
    assert life_of(state, datetime.now(UTC)).status == "finished"


@pytest.mark.parametrize("wrong", [{"pid": "7"}, {"updated": "noon"}, {"quiet_s": None}])
def test_a_state_that_cannot_be_judged_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(LiveFileError, match="whether its program lives"):
        life_of(begun(tmp_path) | wrong, datetime.now(UTC))


# Who has a station


@pytest.fixture
def record(unused_port: int) -> Iterator[Record]:
    """Return a record of this very process, which answers nobody."""
    records.make_folder()
    one = Record(
        owner=ProcessId.of(os.getpid()), host=records.this_host(), token="t", since="18:02",
        station="Cryostat 1", source="c.toml", command="nanojunction measure iv",
        addresses=(f"TCPIP::127.0.0.1::{unused_port}::SOCKET",),
    )  # fmt: skip
    yield one
    with records.guard():
        records.remove(one)


def stands(record: Record) -> tuple[bool, str]:
    with records.guard():
        records.write(record)
    (found,) = standings(record.addresses)
    return found.is_well, found.words()


def test_an_owner_that_gives_signs_of_life_is_well(record: Record) -> None:
    is_well, words = stands(record)
    assert is_well
    assert f"in use by process {os.getpid()}" in words


def test_an_owner_that_is_silent_hangs(record: Record) -> None:
    is_well, words = stands(replace(record, silence_s=0.0))
    assert not is_well
    assert words.endswith("it hangs")


def test_an_owner_that_is_dead_has_left_the_station_as_it_was(record: Record) -> None:
    is_well, words = stands(replace(record, owner=ProcessId(os.getpid(), 1.0)))
    assert not is_well
    assert "has ended without saying so (last sign of life " in words
    assert "make the station safe with: nanojunction safe --station c.toml" in words


def test_a_watchdog_at_work_is_told(record: Record) -> None:
    is_well, words = stands(replace(record, kind="watchdog"))
    assert not is_well
    assert "is bringing the station to the safe state" in words


def test_a_watchdog_about_to_work_is_told(record: Record) -> None:
    dead = ProcessId(os.getpid(), 1.0)
    is_well, words = stands(replace(record, owner=dead, watchdog=record.owner))
    assert not is_well
    assert "its watchdog is about to bring the station to the safe state" in words


# The page of a measurement that was killed


def fetch(url: str, path: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


class Between:
    """Stands between a browser and a page, and does something before each look (from 0)."""

    def __init__(self, url: str, before_look: Callable[[int], None]) -> None:
        looks = itertools.count()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/state.json"):
                    before_look(next(looks))
                status, content = fetch(url, self.path)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Let the browser find that nobody is there any more."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Between:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_what_to_look_at_is_one_line_each() -> None:
    ended = Life("failed", "", "2026-11-20T03:00:00+01:00", 9.0)
    state = {"last_error": "NOT SAFE: use the front panels\n  the output could not be opened"}
    (words,) = Found(None, Measurement(state, ended), None, None).problems()
    assert words == (
        "it ended: failed (NOT SAFE: use the front panels the output could not be opened)"
    )


@pytest.mark.browser
@pytest.mark.parametrize("ending", ["kill", "terminate"])
def test_an_open_page_tells_how_the_measurement_ended(
    station_file: Any,
    nanojunction: Any,
    chromium: list[str],
    tmp_path: Path,
    ending: str,
) -> None:
    station = station_file(virtual={"junction": "A", "speed": 1})
    process = nanojunction(
        "measure",
        "iv",
        "--station",
        station,
        "--sample",
        "A",
        "--monitor",
        "--out",
        tmp_path,
        "--set",
        "repeats=1000",
        "--set",
        "nplc=0.1",
    )
    line = next(line for line in process.stderr if line.startswith("monitor: "))
    url = line.removeprefix("monitor: ").strip()

    def state() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(fetch(url, "/state.json")[1])
        return found

    def before_look(number: int) -> None:
        if number == 1:
            getattr(process, ending)()
        if number > 1 or (number == 1 and ending == "kill"):
            process.wait(timeout=60)
        elif number == 1:
            wait_for(lambda: state()["status"] == "aborted", "the end")

    wait_for(lambda: state()["rows"] > 50, "fifty rows")
    with Between(url, before_look) as between:
        page = subprocess.run(
            [
                *chromium,
                f"--user-data-dir={tmp_path / 'profile'}",
                "--virtual-time-budget=8000",
                "--dump-dom",
                between.url,
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout.partition("<script>")[0]
    process.communicate(timeout=60)
    if ending == "kill":
        heard = state_of(tmp_path)["updated"]
        assert "the process has ended without saying so (last sign of life " in page
        assert f"{heard[:10]} {heard[11:16]}" in page
        assert f'nanojunction status "{tmp_path}" tells' in page
        assert ">no contact<" in page
    else:
        assert "the measurement has ended (aborted), and its page with it" in page
        assert ">aborted<" in page
        assert "without saying so" not in page
