"""One process owns a station: who else comes is refused, what the dead left is taken over."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.errors import LaboratoryError, StationError, StationInUse
from nanojunction.instruments.ownership import lock, records
from nanojunction.instruments.ownership.control import (
    MAX_REQUEST,
    MOST_CLIENTS,
    Commands,
    ControlServer,
    NoAnswerFromOwner,
    ask,
    ask_all,
)
from nanojunction.instruments.ownership.owner import StopRequests
from nanojunction.instruments.ownership.records import ProcessId, Record
from nanojunction.instruments.station import Station, Unsafe

ADDRESS = "GPIB0::24::INSTR"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder for the locks."""
    monkeypatch.setenv(records.FOLDER_VARIABLE, str(tmp_path / "locks"))
    return tmp_path / "locks"


def record(**changes: Any) -> Record:
    """Return the record of this process, with changes."""
    mine = Record(
        owner=ProcessId.of(os.getpid()),
        host=records.this_host(),
        token="0" * 64,
        since="2026-11-20T12:00:00+0000",
        station="Cryostat 1",
        source="my station.toml",
        addresses=(ADDRESS, "ASRL3::INSTR"),
        command="nanojunction measure iv",
    )
    return replace(mine, **changes)


def nobody() -> ProcessId:
    """Return a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessId.of(process.pid)
    process.communicate(b"\n")
    return identity


def locks_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("at-*.json"))


# The lock


def test_a_second_owner_is_told_who_has_the_station_and_what_to_do(folder: Path) -> None:
    lock.take(record(), pytest.fail)
    with pytest.raises(StationInUse) as refused:
        lock.take(record(token="1" * 64), pytest.fail)
    words = str(refused.value)
    assert f"Cryostat 1: in use by process {os.getpid()} on" in words
    assert "since 2026-11-20T12:00:00+0000 (nanojunction measure iv)" in words
    assert "stop it and make the station safe with: nanojunction safe --station" in words
    assert "'my station.toml'" in words, "ready to be pasted"


@pytest.mark.parametrize(
    "spelling", ["gpib0::24::instr", "GPIB::24", "GPIB0::24::INSTR", " gpib::24::INSTR"]
)
def test_one_common_instrument_is_enough(folder: Path, spelling: str) -> None:
    lock.take(record(), pytest.fail)
    other = record(token="1" * 64, addresses=("ASRL9::INSTR", spelling))
    with pytest.raises(StationInUse):
        lock.take(other, pytest.fail)
    assert len(locks_in(folder)) == 2, "nothing is left of who was refused"


def test_stations_without_a_common_instrument_do_not_meet(folder: Path) -> None:
    lock.take(record(), pytest.fail)
    lock.take(
        record(token="1" * 64, addresses=("GPIB0::25::INSTR", "GPIB1::24::INSTR")), pytest.fail
    )
    assert len(locks_in(folder)) == 4


def test_the_token_can_be_read_by_its_user_only(folder: Path) -> None:
    lock.take(record(), pytest.fail)
    for path in locks_in(folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_the_dead_left_is_taken_over_with_a_notice(folder: Path) -> None:
    said: list[str] = []
    dead = record(owner=nobody(), token="1" * 64)
    lock.take(dead, pytest.fail)
    lock.take(record(), said.append)
    (words,) = said
    assert f"the last owner (process {dead.owner.pid}, nanojunction measure iv" in words
    assert "its lock was taken over" in words
    assert [one.token for one in records.records_at((ADDRESS,))] == ["0" * 64]


def test_a_process_that_was_given_the_number_since_is_not_the_owner(folder: Path) -> None:
    said: list[str] = []
    reused = ProcessId(os.getpid(), ProcessId.of(os.getpid()).started - 3600.0)
    lock.take(record(owner=reused, token="1" * 64), pytest.fail)
    lock.take(record(), said.append)
    assert len(said) == 1


def test_who_answers_to_the_token_is_the_owner_whatever_the_clock_says(folder: Path) -> None:
    wrong = ProcessId(os.getpid(), ProcessId.of(os.getpid()).started - 3600.0)
    with channel() as (server, _):
        lock.take(record(owner=wrong, token=server.token, port=server.port), pytest.fail)
        with pytest.raises(StationInUse):
            lock.take(record(), pytest.fail)


def test_a_dead_owners_watchdog_is_given_its_time(folder: Path) -> None:
    dead = record(owner=nobody(), token="1" * 64, watchdog=ProcessId.of(os.getpid()))
    lock.take(dead, pytest.fail)
    with pytest.raises(StationInUse, match="its watchdog is about to bring the station to the"):
        lock.take(record(), pytest.fail)


def test_an_owner_on_another_computer_is_not_judged_from_here(folder: Path) -> None:
    lock.take(record(owner=nobody(), token="1" * 64, host="elsewhere"), pytest.fail)
    with pytest.raises(StationInUse, match=r"on elsewhere .* end it there; if nothing runs there"):
        lock.take(record(), pytest.fail)


def test_only_the_owner_can_be_taken_over_from(folder: Path) -> None:
    watchdog = record(token="2" * 64, kind="watchdog")
    assert not lock.take_over(record(), watchdog), "the owner has left"
    lock.take(record(token="1" * 64), pytest.fail)
    assert not lock.take_over(record(), watchdog), "another has come"
    assert lock.take_over(record(token="1" * 64), watchdog)
    lock.release(record(token="1" * 64))
    assert len(locks_in(folder)) == 2, "who lost the lock cannot remove it any more"
    lock.release(watchdog)
    assert locks_in(folder) == []


RACER = """
import os, sys
from nanojunction.instruments.errors import StationInUse
from nanojunction.instruments.ownership import lock, records
from nanojunction.instruments.ownership.records import ProcessId, Record
mine = Record(ProcessId.of(os.getpid()), records.this_host(), os.urandom(32).hex(), "now", "S", "s",
              tuple(sys.argv[1:]), "race")
print("ready", flush=True)
input()
try:
    lock.take(mine, lambda words: None)
    print("mine", flush=True)
except StationInUse:
    print("refused", flush=True)
input()
"""


def test_of_many_who_come_at_once_one_gets_the_station(folder: Path) -> None:
    """Also where a stale lock lies, and whatever the order in which the instruments are named."""
    lock.take(record(owner=nobody(), token="1" * 64), pytest.fail)
    addresses = [ADDRESS, "ASRL3::INSTR"]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, *addresses[:: 1 if number % 2 else -1]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    pipes = [(racer.stdin, racer.stdout) for racer in racers]
    answers = []
    for _, out in pipes:
        assert out is not None
        assert out.readline() == "ready\n"
    for into, _ in pipes:
        assert into is not None
        into.write("\n")
        into.flush()
    for _, out in pipes:
        assert out is not None
        answers.append(out.readline().strip())
    for racer in racers:
        racer.communicate("\n", timeout=30)
    assert sorted(answers) == ["mine", "refused", "refused", "refused"]


@given(st.binary(max_size=200) | st.from_regex(r"\{.*\}").map(str.encode))
def test_what_is_no_record_is_none(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    file = tmp_path_factory.mktemp("junk") / "at-x.json"
    file.write_bytes(junk)
    assert records.read(file) is None


@pytest.mark.parametrize(
    "change",
    [{"owner": {"pid": -1, "started": 0.0}}, {"owner": {"pid": 2**70, "started": 0.0}},
     {"owner": None}, {"addresses": []}, {"port": 70000}, {"silence_s": "soon"}, {"kind": "king"}],
)  # fmt: skip
def test_a_record_with_a_wrong_value_is_none(folder: Path, change: dict[str, Any]) -> None:
    lock.take(record(), pytest.fail)
    path = records.file_of(ADDRESS)
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}))
    assert records.read(path) is None


def test_a_file_that_is_being_read_is_changed_a_moment_later(tmp_path: Path) -> None:
    """On Windows a file cannot be replaced while somebody reads it."""
    refusals = [PermissionError, PermissionError]
    done = []

    def change(path: Path) -> None:
        if refusals:
            raise refusals.pop()
        done.append(path)

    records.despite_readers(change, tmp_path)
    assert done == [tmp_path]
    refusals.extend([PermissionError] * 10_000)
    with pytest.raises(PermissionError):
        records.despite_readers(change, tmp_path)


@pytest.mark.parametrize(
    ("part", "kind"),
    [(SimpleNamespace(mountpoint="/", fstype="nfs4", opts="rw"), "nfs4"),
     (SimpleNamespace(mountpoint="/", fstype="NTFS", opts="rw,remote"), "NTFS")],
)  # fmt: skip
def test_a_network_drive_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, part: Any, kind: str
) -> None:
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [part])
    with pytest.raises(LaboratoryError, match=f"lies on a network drive \\({kind}\\)"):
        lock.take(record(), pytest.fail)
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(records.FOLDER_VARIABLE, str(tmp_path / "file" / "locks"))
    with pytest.raises(LaboratoryError, match=r"file/locks: cannot be made .* name another folder"):
        lock.take(record(), pytest.fail)


# The station


@pytest.fixture
def station(served: Any, folder: Path) -> Station:
    """Return a station whose instruments others can reach, not yet entered, without watchdog."""
    made = Station.from_file(served().station_file)
    made.watchdog = False
    return made


def test_a_station_is_owned_while_it_is_open(station: Station, folder: Path) -> None:
    again = Station(station.config, source="again")
    with station:
        assert len(locks_in(folder)) == 3
        with pytest.raises(StationInUse, match=f"in use by process {os.getpid()}"), again:
            pass
        assert len(locks_in(folder)) == 3, "who was refused took nothing away"
    assert locks_in(folder) == []
    with again:
        assert len(locks_in(folder)) == 3


def test_the_lock_goes_however_the_station_is_left(
    station: Station, folder: Path, station_file: Callable[..., Path], unused_port: int
) -> None:
    with pytest.raises(ZeroDivisionError), station:
        raise ZeroDivisionError
    assert locks_in(folder) == []
    address = f"TCPIP::127.0.0.1::{unused_port}::SOCKET"
    file = station_file(
        source_meter={"address": address, "visa_library": "@py"}, magnet=None, temperature=None
    )
    cannot_open = Station.from_file(file)
    with pytest.raises(LaboratoryError, match="refused"), cannot_open:
        pass
    assert locks_in(folder) == []


def test_the_lock_goes_though_the_station_could_not_be_made_safe(served: Any, folder: Path) -> None:
    bench = served()
    station = Station.from_file(bench.station_file)
    station.watchdog = False
    with pytest.raises(Unsafe), station:
        bench.process.terminate()
        bench.process.wait()
    bench.stop = lambda: None
    assert locks_in(folder) == []


def test_instruments_inside_the_process_need_no_lock(
    virtual_station: Callable[..., Station], folder: Path
) -> None:
    with virtual_station() as one, virtual_station() as other:
        assert one.config.addresses() == other.config.addresses() == ()
    assert not folder.exists()


def test_nothing_watches_over_instruments_inside_the_process(
    virtual_station: Callable[..., Station],
) -> None:
    station = virtual_station()
    station.watchdog = True
    with pytest.raises(StationError, match="--watchdog: there is nothing to watch over"), station:
        pass
    with pytest.raises(StationError, match=r"station\.watchdog: there is nothing to watch over"):
        virtual_station(station={"watchdog": True})


def test_the_record_says_what_a_watchdog_must_know(station: Station) -> None:
    def there() -> Record:
        (found,) = records.records_at(station.config.addresses())
        return found

    with station:
        assert not there().magnet_in_use
        station.magnet_in_use = True
        assert there().magnet_in_use
        station.owner.expect_silence(100.0)
        assert there().silence_s == 160.0


def test_others_see_what_the_owner_does(station: Station) -> None:
    with station:
        station.owner.publish(lambda: {"procedure": "iv", "sample": "B", "percent": 40.0})
        (found,) = records.records_at(station.config.addresses())
        status = ask(found.port, found.token, "status")
        assert status["state"] == {"procedure": "iv", "sample": "B", "percent": 40.0}
        assert status["pid"] == os.getpid()
        with pytest.raises(StationInUse, match=r"\(iv of B, 40 % done\)"):
            lock.refuse_if_used(found)
    with pytest.raises(NoAnswerFromOwner):
        ask(found.port, found.token, "status")


def test_check_shows_the_owner_of_a_station_in_use(
    served: Any, nanojunction: Any, folder: Path
) -> None:
    bench = served()
    station = Station.from_file(bench.station_file)
    station.watchdog = False
    with station:
        station.owner.publish(lambda: {"procedure": "iv", "sample": "B", "percent": 40.0})
        for command in (["check"], ["measure", "iv", "--sample", "C"]):
            process = nanojunction(*command, "--station", bench.station_file)
            out, words = process.communicate(timeout=60)
            assert process.returncode == 1
            assert f"in use by process {os.getpid()}" in words
            assert ("iv" in out) == (command == ["check"])


# The control channel


@contextmanager
def channel(safe: bool = True) -> Iterator[tuple[ControlServer, list[str]]]:
    """Serve a control channel; yield it, and the reasons of the stop requests that reach it."""
    stops: list[str] = []
    commands = Commands(
        status=lambda: {"state": {"rows": 7}},
        stop=stops.append,
        safe=lambda _at_most_s: safe,
        way_s=lambda: 1.5,
    )
    with ControlServer(commands) as server:
        yield server, stops


@pytest.fixture
def control() -> Iterator[tuple[ControlServer, list[str]]]:
    """Return a running control channel, as `channel` does."""
    with channel() as both:
        yield both


def send(port: int, *parts: bytes) -> bytes:
    """Send parts one by one and return all that is answered; b"" if the connection is cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(4096):
                answer += data
        except OSError:  # the server has seen enough, and has cut it
            pass
        return answer


def test_the_commands(control: tuple[ControlServer, list[str]]) -> None:
    server, stops = control
    assert ask(server.port, server.token, "status") == {"ok": True, "state": {"rows": 7}}
    assert ask(server.port, server.token, "stop", "supper") == {"ok": True}
    answers = ask_all(server.port, server.token, "safe", "fire")
    assert list_until_silent(answers) == [{"ok": True, "way_s": 1.5}, {"ok": True, "safe": True}]
    assert stops == ["supper", "fire"]


def list_until_silent(answers: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    with pytest.raises(NoAnswerFromOwner):
        while True:
            found.append(next(answers))
    return found


def test_what_could_not_be_made_safe_is_answered_so() -> None:
    with channel(safe=False) as (server, _):
        answers = ask_all(server.port, server.token, "safe")
        assert list_until_silent(answers)[-1] == {"ok": True, "safe": False}


def test_a_request_may_come_in_pieces(control: tuple[ControlServer, list[str]]) -> None:
    server, _ = control
    line = json.dumps({"token": server.token, "command": "status"}).encode()
    answer = send(server.port, line[:10], line[10:50], line[50:], b"\n")
    assert json.loads(answer) == {"ok": True, "state": {"rows": 7}}


@pytest.mark.parametrize("token", ["", "0" * 64, None, 0, ["x"], "é" * 64])
def test_a_wrong_token_is_refused(control: tuple[ControlServer, list[str]], token: Any) -> None:
    server, stops = control
    line = json.dumps({"token": token, "command": "stop"}).encode() + b"\n"
    assert json.loads(send(server.port, line)) == {"ok": False, "error": "wrong token"}
    with pytest.raises(NoAnswerFromOwner, match="wrong token"):
        ask(server.port, str(token), "stop")
    assert stops == []


@pytest.mark.parametrize(
    ("request_line", "words"),
    [
        (b"\n", "no JSON object"),
        (b"stop\n", "no JSON object"),
        (b"[1, 2]\n", "no JSON object"),
        (b"[" * 4000 + b"\n", "no JSON object"),
        (b"\xff\xfe\x00\n", "no JSON object"),
        (b"{}\n", "wrong token"),
        (b'{"command": "stop"}', "one line of JSON"),
        (b"x" * (MAX_REQUEST + 1) + b"\n", "one line of JSON"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "no JSON object"),
    ],
)
def test_junk_is_refused_in_a_sentence(
    control: tuple[ControlServer, list[str]], request_line: bytes, words: str
) -> None:
    server, stops = control
    answer = json.loads(send(server.port, request_line))
    assert answer["ok"] is False
    assert words in answer["error"]
    assert stops == []


def test_an_unknown_command(control: tuple[ControlServer, list[str]]) -> None:
    server, _ = control
    with pytest.raises(NoAnswerFromOwner, match="known commands are status, stop, safe"):
        ask(server.port, server.token, "explode")


def test_any_bytes_leave_the_channel_working() -> None:
    with channel() as (server, stops):

        @given(st.lists(st.binary(max_size=300), max_size=4))
        def attack(parts: list[bytes]) -> None:
            send(server.port, *parts)

        attack()
        send(server.port, b"x" * 1_000_000)
        assert ask(server.port, server.token, "status")["ok"] is True
        assert stops == []


def test_more_clients_than_there_are_places_for_are_let_go(
    control: tuple[ControlServer, list[str]], eventually: Any
) -> None:
    server, _ = control
    address = ("127.0.0.1", server.port)
    crowd = [socket.create_connection(address, timeout=10) for _ in range(MOST_CLIENTS)]
    for client in crowd:
        client.sendall(b"{")
    with pytest.raises(NoAnswerFromOwner):
        ask(server.port, server.token, "status")
    for client in crowd:
        client.close()

    def has_room() -> bool:
        try:
            return ask(server.port, server.token, "status")["ok"] is True
        except NoAnswerFromOwner:
            return False

    eventually(has_room, "a place")


def test_a_stop_request_that_comes_early_is_kept() -> None:
    requests, heard = StopRequests(), list[str]()
    requests.ask("early")
    requests.listen(heard.append)
    requests.ask("late")
    assert heard == ["early", "late"]
