"""A process that measures for a window, over its channel, on a virtual station of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomli_w

from nanojunction.procedures.acquisition.address import Address, address_of
from nanojunction.procedures.acquisition.client import (
    Client,
    NoAcquisition,
    Refused,
    start_acquisition,
)
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.conftest import station_content, wait_for

#: 1605 rows: long enough for somebody to look at it, to stop it and to kill its process.
LONG = {"vmax": "10 mV", "step": "50 uV", "nplc": 1}


def wish(sample: str = "A", **settings: Any) -> dict[str, Any]:
    return {"procedure": "iv", "sample": sample,
            "settings": {"vmax": "10 mV", "step": "1 mV"} | settings}  # fmt: skip


@dataclass
class Rig:
    station_file: Path
    runs: Path
    clients: list[Client] = field(default_factory=list)

    def start(self) -> Client:
        return self.attach(start_acquisition(self.station_file, self.runs))

    def attach(self, address: Address) -> Client:
        self.clients.append(Client(address))
        return self.clients[-1]

    def end(self) -> None:
        there = address_of(self.station_file)
        if there is not None:
            self.attach(there).ask("leave")
            wait_for(lambda: address_of(self.station_file) is None, "the acquisition to leave")
        for client in self.clients:
            client.close()

    @property
    def address(self) -> Address:
        found = address_of(self.station_file)
        assert found is not None
        return found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(speed: float = 1000.0) -> Rig:
        path = tmp_path / "station.toml"
        content = station_content(virtual={"speed": speed})
        path.write_text(tomli_w.dumps(content), encoding="utf-8")
        made.append(Rig(path, tmp_path / "runs"))
        return made[-1]

    yield make
    for one in made:
        one.end()


def statuses(client: Client) -> list[str]:
    return [one["status"] for one in client.ask("queue")["entries"]]


def entry(client: Client, at: int) -> dict[str, Any]:
    found: dict[str, Any] = client.ask("queue")["entries"][at]
    return found


def test_a_queue_is_measured_and_seen_from_another_process(rig: Callable[..., Rig]) -> None:
    one = rig()
    client = one.start()
    look = client.ask("look")
    assert look["state"]["status"] == "starting"
    with pytest.raises(Refused, match="the queue cannot go on: it is empty"):
        client.ask("go")
    with pytest.raises(Refused, match=r"2 of 2: .*0\.5 V"):
        client.ask("add", wishes=[wish(), wish(vmax="0.9 V", step="0.1 V")])
    assert statuses(client) == []
    client.ask("add", wishes=[wish(), {"procedure": "pause", "words": "fill helium"}, wish("B")])
    wait_for(lambda: "output_on" in client.ask("look")["reading"], "a look at the cryostat")
    assert client.ask("look")["reading"]["output_on"] is False
    assert statuses(client) == ["queued"] * 3, "nothing begins by itself"
    client.ask("go")
    wait_for(lambda: statuses(client)[1] == "finished", "the pause")
    said = [words.partition(" ")[2] for words in client.ask("look")["said"]]
    assert said[-1] == "the queue waits: fill helium"
    assert statuses(client) == ["finished", "finished", "queued"]
    client.ask("go")
    wait_for(lambda: statuses(client)[2] == "finished", "the second run")
    look = client.ask("look")
    assert look["rows"]["total"] == 85
    assert not look["goes"]
    done = entry(client, 2)
    found = read_rows(one.runs / done["file"])
    assert found.end is not None
    assert found.end["status"] == "finished"
    assert [row[3] for row in found.rows] == look["rows"]["columns"][found.columns[3]]


def test_safe_stop_ends_a_sweep_and_says_what_was_read_back(rig: Callable[..., Rig]) -> None:
    one = rig(speed=20.0)
    client = one.start()
    client.ask("add", wishes=[wish(**LONG), wish("B")])
    client.ask("go")
    wait_for(lambda: client.ask("look")["rows"]["total"] > 5, "rows")
    safe = one.attach(one.address).ask("safe")
    assert safe["confirmed"], safe
    assert safe["reading"]["output_on"] is False
    assert safe["reading"]["level"] == 0.0
    wait_for(lambda: statuses(client)[0] == "aborted", "the end of the run")
    assert statuses(client) == ["aborted", "queued"]
    assert entry(client, 0)["rows"] > 5
    assert one.attach(one.address).ask("safe")["confirmed"], "at rest, too"
    client.ask("retry", key=entry(client, 0)["key"])
    assert [one["wish"]["sample"] for one in client.ask("queue")["entries"]] == ["A", "A", "B"]


def test_a_window_that_dies_loses_nothing(rig: Callable[..., Rig]) -> None:
    one = rig(speed=400.0)
    client = one.start()
    client.ask("add", wishes=[wish(**LONG)])
    client.ask("go")
    wait_for(lambda: client.ask("look")["rows"]["total"] > 5, "rows")
    client.close()
    other = one.start()
    assert one.address.process.process() is not None
    wait_for(lambda: statuses(other) == ["finished"], "the end of the run")
    rows = read_rows(one.runs / entry(other, 0)["file"]).rows
    assert len(rows) == entry(other, 0)["planned_rows"] == 1605


def test_an_acquisition_that_was_killed_begins_nothing_by_itself(rig: Callable[..., Rig]) -> None:
    one = rig(speed=400.0)
    client = one.start()
    client.ask("add", wishes=[wish(**LONG), wish("B")])
    client.ask("go")
    wait_for(lambda: client.ask("look")["rows"]["total"] > 5, "rows")
    process = psutil.Process(one.address.process.pid)
    os.kill(process.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    process.wait(20)
    with pytest.raises(NoAcquisition):
        client.ask("look")
    later = one.start()
    cut = entry(later, 0)
    assert cut["status"] == "cut off"
    assert 0 < cut["rows"] < 1605
    with pytest.raises(Refused, match="was cut off: resume or discard it first"):
        later.ask("go")
    later.ask("resume", key=cut["key"])
    later.ask("go")
    wait_for(lambda: statuses(later) == ["finished"] * 2, "the rest")
    second = one.runs / entry(later, 0)["file"]
    assert second.stem.endswith("_part2")
    first = one.runs / cut["file"]
    assert len(read_rows(first).rows) + len(read_rows(second).rows) == 1605


def test_nobody_gets_in_without_the_token(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.start()
    for said in (b'{"token": "0"}\n', b"\n", b"[1]\n", b'{"token": {}}\n', b"\xff\xfe\n"):
        with socket.create_connection(("127.0.0.1", one.address.port), timeout=10) as stranger:
            stranger.sendall(said + b'{"do": "go"}\n')
            answers = stranger.makefile("rb").read()
        assert json.loads(answers) == {"ok": False, "error": "wrong token"}
    client = one.attach(one.address)
    for asked, words in (
        ({"do": "open"}, "'open' is no command"),
        ({"do": "add", "wishes": 3}, "wishes: give a list"),
        ({"do": "look", "after": -1}, "after: -1 is no count"),
        ({"do": "discard", "key": "0001"}, "0001: is not in the queue"),
        ({"do": "policy", "policy": "hope"}, "'hope' is none of stop, skip, retry"),
    ):
        do = str(asked.pop("do"))
        with pytest.raises(Refused, match=words):
            client.ask(do, **asked)
