"""The live state: a file beside the runs, and a page that a person opens during the night."""

from __future__ import annotations

import http.client
import json
import math
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.station import Station
from nanojunction.procedures.at_fixed import CurrentOverTime
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.live import Live, kept_alive
from nanojunction.procedures.live_rows import ROWS, plain
from nanojunction.procedures.monitor import MOST_CLIENTS, Monitor
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.rows import LEG
from nanojunction.procedures.runner import run_procedure
from tests.run_rows import rows_of

Make = Callable[..., Station]


def ask(url: str, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_file_follows_the_run_and_says_how_it_ended(
    virtual_station: Make, tmp_path: Path
) -> None:
    live = Live(tmp_path / "live.json")
    seen: list[dict[str, Any]] = []

    def look(_progress: Progress) -> None:
        seen.append(json.loads((tmp_path / "live.json").read_text(encoding="utf-8")))

    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        outcome = run_procedure(IVSweep(sample="A"), station, tmp_path, live=live, on_progress=look)
    assert seen[0]["status"] == "running"
    assert seen[0]["sample"] == "A"
    assert seen[0]["planned_rows"] == outcome.rows
    last = json.loads((tmp_path / "live.json").read_text(encoding="utf-8"))
    assert (last["status"], last["rows"], last["last_error"]) == ("finished", outcome.rows, None)
    assert last["point"]["Setpoint (V)"] == 0.0
    assert last["file"] == str(outcome.file)
    assert list(tmp_path.glob("*.part")) == []


def test_the_last_error_stays(virtual_station: Make, tmp_path: Path) -> None:
    live = Live(None)
    fault = {"kind": "breakdown", "above_V": 0.009, "becomes": "resistor-100"}
    virtual = {"junction": "resistor-10k", "speed": 1000, "faults": [fault]}
    with virtual_station(virtual=virtual) as station:
        run_procedure(IVSweep(sample="R"), station, tmp_path, live=live)
        assert live.state()["status"] == "broken"
        run_procedure(IVSweep(sample="R", vmax="1mV", step="1mV"), station, tmp_path, live=live)
    assert live.state()["status"] == "finished"
    assert "the junction has changed" in live.state()["last_error"]


def test_a_file_that_cannot_be_written_ends_no_run(virtual_station: Make, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be", encoding="utf-8")
    with virtual_station() as station:
        outcome = run_procedure(
            IVSweep(vmax="1mV", step="1mV"), station, tmp_path / "runs",
            live=Live(tmp_path / "taken" / "live.json"),
        )  # fmt: skip
    assert outcome.ok


def test_a_wait_on_purpose_shows_that_the_measurement_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanojunction.procedures.live.ALIVE_S", 0.0)
    file, clock = tmp_path / "live.json", Clock(1000.0)
    live = Live(file)
    live.begin(procedure="it")
    beats: list[str] = []
    clock.on_sleep = lambda: beats.append("of the station")

    def is_written_by(wait: Callable[[], object]) -> bool:
        file.unlink(missing_ok=True)
        wait()
        return file.exists()

    def elsewhere() -> None:
        other = threading.Thread(target=clock.sleep, args=(1.0,))
        other.start()
        other.join()

    with kept_alive(live, clock):
        assert is_written_by(lambda: clock.sleep(1.0))
        assert not is_written_by(elsewhere)  # the measuring thread may hang all the same
    assert not is_written_by(lambda: clock.sleep(1.0))
    assert len(beats) >= 3  # what was there before is called all the same


def test_the_file_is_touched_between_two_distant_points(
    virtual_station: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanojunction.procedures.live.EVERY_S", math.inf)  # no news
    monkeypatch.setattr("nanojunction.procedures.live.ALIVE_S", 0.0)
    live = Live(file := tmp_path / "live.json")
    looks: list[tuple[int, bool]] = []

    def look() -> None:
        # The virtual instruments sleep on this clock, too, in threads of their own.
        is_ours = threading.current_thread() is threading.main_thread()
        if is_ours and live.state()["status"] == "running":
            looks.append((live.state()["rows"], file.exists()))
            file.unlink(missing_ok=True)

    run = CurrentOverTime(interval="300 s", duration="900 s", nplc=10, filter_count=10)
    with virtual_station() as station:
        station.clock.on_sleep = look
        assert run_procedure(run, station, tmp_path, live=live).ok
    while_waiting = [touched for before, (rows, touched) in pairwise(looks) if rows == before[0]]
    assert len(while_waiting) > 2
    assert all(while_waiting)
    # A reading takes 2 × 3 × 10 × 10 cycles of the line, with autorange up to three times that.
    assert live.state()["quiet_s"] == pytest.approx(60.0 + 36.0 / 1000.0, abs=0.01)


class NumpyRows(IVSweep):
    """A procedure whose rows carry numpy's numbers, as one of somebody else's may."""

    def row_at(self, *arguments: Any) -> dict[str, Any]:
        row: dict[str, Any] = super().row_at(*arguments)
        return row | {LEG: np.int64(row[LEG]), "Current (A)": np.float32(row["Current (A)"])}


def test_numpys_numbers_end_no_run(virtual_station: Make, tmp_path: Path) -> None:
    live = Live(tmp_path / "live.json")
    with virtual_station() as station:
        outcome = run_procedure(NumpyRows(), station, tmp_path, live=live)
    assert (outcome.status, outcome.error) == ("finished", None)
    point = json.loads((tmp_path / "live.json").read_text(encoding="utf-8"))["point"]
    assert point == rows_of(outcome.file)[-1]


def test_what_json_can_carry() -> None:
    assert plain({1: np.array([1.5, math.nan]), "path": Path("x"), "part": Fraction(1, 4)}) == {
        "1": [1.5, None],
        "path": "x",
        "part": 0.25,
    }
    assert plain((np.int64(3), np.bool_(True), np.array(2.5), None, -math.inf)) == [
        3, True, 2.5, None, None,
    ]  # fmt: skip


def strictly(text: str) -> Any:
    """Read JSON as a browser does, which knows no NaN."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in {text}"))


def test_what_is_no_number_never_reaches_the_json(tmp_path: Path) -> None:
    live = Live(tmp_path / "live.json")
    live.begin(procedure="iv", planned_rows=np.int64(7))
    live.row({"Voltage (V)": math.nan, "Current (A)": np.float32("inf"), "Leg": np.int64(2)})
    live.update(percent=math.nan, left_s=math.inf)
    live.event("written")
    state = strictly((tmp_path / "live.json").read_text(encoding="utf-8"))
    assert state["point"] == {"Voltage (V)": None, "Current (A)": None, "Leg": 2}
    assert (state["percent"], state["left_s"], state["planned_rows"]) == (None, None, 7)
    with Monitor(live) as monitor:
        for path in ("/state.json", "/rows.json"):
            strictly(ask(monitor.url, path)[1].decode())


def test_what_goes_wrong_in_writing_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="nanojunction.procedures.live")
    taken = tmp_path / "taken"
    taken.touch()
    live = Live(taken / "live.json")
    live.begin(procedure="iv")
    for _ in range(3):
        live.event("again")
    live = Live(tmp_path / "live.json")
    (tmp_path / "live.json").mkdir()
    for _ in range(3):
        live.event("again")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert all("could not be written" in record.message for record in caplog.records)
    assert list(tmp_path.glob("*.part")) == []


def test_rows_are_handed_out_once() -> None:
    live = Live(None)
    live.begin(procedure="iv")
    for index in range(5):
        live.row({"Voltage (V)": float(index)})
        live.update(rows=index + 1)
    first = live.rows(run=0, after=0)
    assert first["columns"]["Voltage (V)"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert live.rows(run=first["run"], after=3)["columns"]["Voltage (V)"] == [3.0, 4.0]
    assert live.rows(run=first["run"], after=5)["columns"]["Voltage (V)"] == []
    live.begin(procedure="ih")
    again = live.rows(run=first["run"], after=5)
    assert (again["run"], again["columns"]) == (first["run"] + 1, {})


def test_a_look_in_the_middle_of_a_list_gets_the_right_rows() -> None:
    """A buffered sweep hands over a list of rows; the progress follows when all are in."""
    live = Live(None)
    live.begin(procedure="iv")
    seen: list[int] = []
    run = after = 0
    for index in range(3 * ROWS):
        live.row({LEG: index})
        if index % 700 == 0:
            found = live.rows(run=run, after=after)
            run, after = found["run"], found["total"]
            seen += found["columns"][LEG]
        if index % 1000 == 999:
            live.update(rows=index + 1)
    assert seen == list(range(seen[-1] + 1))
    assert live.rows(run=run, after=0)["columns"][LEG] == list(range(2 * ROWS, 3 * ROWS))
    assert live.rows(run=run, after=10**9)["columns"][LEG] == []


def answering() -> int:
    """Return how many threads answer a browser."""
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def connect(monitor: Monitor) -> socket.socket:
    parts = urlsplit(monitor.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def test_a_browser_that_goes_away_is_not_the_terminals_affair(
    capfd: pytest.CaptureFixture[str], eventually: Any
) -> None:
    live = Live(None)
    for index in range(ROWS):
        live.row({f"a column with a long name, {k}": float(index) for k in range(30)})
    with Monitor(live) as monitor:
        for _ in range(3):
            with connect(monitor) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(b"GET /rows.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert client.recv(10).startswith(b"HTTP/")
        eventually(lambda: answering() == 0, "the server to notice")
        assert ask(monitor.url, "/state.json")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_request_that_never_ends_keeps_no_thread(
    monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr("nanojunction.procedures.monitor.PATIENCE_S", 0.2)
    with Monitor(Live(None)) as monitor, connect(monitor) as client:
        client.sendall(b"GET /state.json HTTP/1.1\r\nX: ")
        eventually(lambda: answering() == 1, "the server to listen")

        def is_cut_off() -> bool:
            try:
                client.sendall(b"x")
            except OSError:
                return True
            return answering() == 0

        eventually(is_cut_off, "the server to lose patience", at_most_s=20.0)


def test_no_more_than_so_many_are_answered_at_once(eventually: Any) -> None:
    with Monitor(Live(None)) as monitor:
        clients = [connect(monitor) for _ in range(MOST_CLIENTS + 10)]
        for client in clients[MOST_CLIENTS:]:
            assert client.recv(1) == b""
        assert answering() == MOST_CLIENTS
        for client in clients:
            client.close()
        eventually(lambda: answering() == 0, "the places to be free again")
        assert ask(monitor.url, "/state.json")[0] == 200


def test_the_page_is_read_only_and_on_loopback() -> None:
    with Monitor(Live(None)) as monitor:
        status, page = ask(monitor.url, "/")
        assert status == 200
        assert b"<title>nanojunction</title>" in page
        assert json.loads(ask(monitor.url, "/state.json")[1])["status"] == "starting"
        assert ask(monitor.url, "/rows.json?run=x&after=-3")[0] == 200
        assert ask(monitor.url, "/../pyproject.toml")[0] == 404
        assert ask(monitor.url, "/state.json", Host="evil.example")[0] == 403
        for method in ("POST", "PUT", "DELETE"):
            assert ask(monitor.url, "/state.json", method)[0] == 501
        port = urlsplit(monitor.url).port
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
        for address in others - {"127.0.0.1", "::1", "127.0.1.1"}:
            with pytest.raises(OSError, match=r"."):
                socket.create_connection((str(address), port), timeout=2).close()


def seen_by_a_person(chromium: list[str], url: str, profile: Path) -> str:
    """Return the page as a browser has it once it has looked at the state."""
    return subprocess.run(
        [*chromium, f"--user-data-dir={profile}", "--virtual-time-budget=4000", "--dump-dom", url],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout.partition("<script>")[0]  # fmt: skip


@pytest.mark.browser
def test_the_page_in_a_suspension_on_the_way_and_in_a_pause(
    chromium: list[str], tmp_path: Path
) -> None:
    live = Live(None)
    row = {"Time (s)": 0.0, "Voltage (V)": 0.0, "Current (A)": 1e-6, "Field (T)": 0.1}
    live.begin_recipe("Night")
    live.update(step="step 2 of 9: field=-0.5/it")
    live.begin(procedure="it", sample="J1", target_T=0.1)
    for second in (0.0, 1.0):
        live.row(row | {"Time (s)": second})
    live.suspend("the magnet is quenched", 3600.0)
    live.place(field_T=0.0)
    with Monitor(live) as monitor:
        page = seen_by_a_person(chromium, monitor.url, tmp_path / "profile")
        assert ">suspended<" in page
        assert "(patience)" in page
        assert "0.0000 T" in page
        assert "0.1000 T" not in page  # that was before
        assert "→ 0.1 T, read " in page
        assert "field=−0.5/it" in page
        assert ">not known<" in page
        live.resume()
        for second in (60.0, 61.0):
            live.row(row | {"Time (s)": second})
        page = seen_by_a_person(chromium, monitor.url, tmp_path / "profile")
        assert page.count("<polyline") == 2  # no line where nothing was measured
        assert ">0 %<" not in page
        live.end("failed", "it went wrong")
        live.begin(procedure="iv", sample="J1", target_K=120.0)
        live.place(temperature_K=201.234)
        page = seen_by_a_person(chromium, monitor.url, tmp_path / "profile")
        assert ">running<" in page
        assert "201.234 K" in page
        assert "→ 120 K" in page
        assert "no row yet; the run before (J1 it)" in page
        assert "J1 field=−0.5/it: it went wrong" in page
        assert 'id="error" class="old"' in page
        live.begin(procedure="pause", status="waiting for the operator", words="plug in R")
        page = seen_by_a_person(chromium, monitor.url, tmp_path / "profile")
        assert ">waiting for the operator<" in page
        assert "plug in R" in page


@pytest.mark.browser
def test_a_person_opens_the_page_during_a_run(
    station_file: Any, nanojunction: Any, eventually: Any, chromium: list[str], tmp_path: Path
) -> None:
    station = station_file(virtual={"junction": "A", "speed": 1})
    process = nanojunction(
        "measure", "iv", "--station", station, "--sample", "A", "--monitor", "--out", tmp_path,
        "--set", "repeats=1000", "--set", "nplc=0.1",
    )  # fmt: skip
    line = next(line for line in process.stderr if line.startswith("monitor: "))
    url = line.removeprefix("monitor: ").strip()
    eventually(lambda: json.loads(ask(url, "/state.json")[1])["rows"] > 50, "fifty rows")
    page = seen_by_a_person(chromium, url, tmp_path / "profile")
    assert "A · iv" in page
    assert ">SIMULATED<" in page
    assert ">running<" in page
    assert "<polyline" in page
    assert "current against voltage" in page
    assert 'id="lost" role="alert" hidden' in page
    process.terminate()
    process.communicate(timeout=60)
    last = json.loads((tmp_path / "live.json").read_text(encoding="utf-8"))
    assert last["status"] == "aborted"
