"""Fixtures that several test files share."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, settings

from nanojunction.instruments import visa
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from

# Before any fixture makes a QApplication: the tests need no screen.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# On a user's machine every run tries other examples; continuous integration repeats its own.
# How long an example takes says how busy the computer is.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


#: Files whose tests share what takes long to make: each row goes to one worker.
TOGETHER = (
    ("test_demo", "test_demo_follows"),
    ("test_report",),
    ("test_report_paper",),
    ("test_report_pages",),
    ("test_chip_report",),
    ("test_sample_campaign",),
    ("test_screening",),
    ("test_surface_keithley2600",),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests, so that no worker waits for the other's last one."""
    items.sort(key=lambda item: item.get_closest_marker("campaign") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Spread the tests over the workers so that nothing of what they share is made twice.

    In place of pytest-xdist's groups, which pytest 9.2 does not see (pytest-xdist, issue 1386).
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            stem = Path(nodeid.partition("::")[0]).stem
            return next((row[0] for row in TOGETHER if stem in row), nodeid)

    return Together(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.fixture(scope="session", autouse=True)
def locks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the locks of the tests' stations, and what watchdogs log, out of the user's folder."""
    folder = tmp_path_factory.mktemp("locks")
    os.environ["NANOJUNCTION_STATE_DIR"] = str(folder)
    return folder


Script = Sequence[tuple[str, str | None]]


class ScriptedInstrument:
    """A real socket behind which an instrument follows a script of (sent, answered) pairs."""

    def __init__(self, script: Script, terminator: str) -> None:
        self.script = list(script)
        self.terminator = terminator.encode()
        self.wrong: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        received = b""
        with client:
            for expected, answer in self.script:
                while self.terminator not in received:
                    data = client.recv(4096)
                    if not data:
                        self.wrong.append(f"closed before {expected!r} was sent")
                        return
                    received += data
                line, received = received.split(self.terminator, 1)
                if line.decode() != expected:
                    self.wrong.append(f"sent {line.decode()!r} where {expected!r} was expected")
                    return
                if answer is not None:
                    client.sendall(answer.encode() + self.terminator)
            while data := client.recv(4096):
                received += data
            if received:
                self.wrong.append(f"sent {received!r} after the script's end")

    def finish(self) -> None:
        """Wait until the client has gone, and fail if it did not keep to the script."""
        self._thread.join(timeout=10)
        self._listener.close()
        assert not self._thread.is_alive(), "the client is still connected"
        assert not self.wrong, "\n".join(self.wrong)


@pytest.fixture
def scripted() -> Iterator[Callable[[Script, str], ScriptedInstrument]]:
    """Return a factory of scripted instruments; each must have been played to its end."""
    made: list[ScriptedInstrument] = []

    def make(script: Script, terminator: str = "\n") -> ScriptedInstrument:
        made.append(ScriptedInstrument(script, terminator))
        return made[-1]

    yield make
    for instrument in made:
        instrument.finish()


@pytest.fixture
def unused_port() -> int:
    """Return a port of the loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def wait_for(condition: Callable[[], bool], what: str, at_most_s: float = 60.0) -> None:
    """Look every few milliseconds until `condition` holds; fail with `what` if it never does."""
    never = threading.Event()
    for _ in range(int(at_most_s / 0.005)):
        if condition():
            return
        never.wait(0.005)
    pytest.fail(f"waited {at_most_s:g} s for {what}")


def ask_over_socket(role: str, endpoint: Mapping[str, Any], question: str) -> str:
    """Ask an instrument that `simulate` serves, over a socket of its own."""
    port = int(endpoint["address"].split("::")[2])
    end = endpoint["read_termination"].encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(question.encode() + endpoint["write_termination"].encode())
        answer = b""
        while not answer.endswith(end):
            data = client.recv(4096)
            assert data, f"{role} closed the connection after {answer!r}"
            answer += data
    return answer.decode().strip()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Return `wait_for`."""
    return wait_for


STATION: dict[str, Any] = {
    "station": {"name": "Test cryostat"},
    "source_meter": {
        "driver": "keithley2400",
        "wires": 4,
        "max_voltage_V": 0.5,
        "max_current_A": 1e-3,
        "ramp_V_per_s": 1.0,
    },
    "magnet": {"driver": "ips120_10", "max_field_T": 1.0, "ramp_T_per_min": 0.5},
    "temperature": {"driver": "itc503", "min_K": 4, "max_K": 400, "ramp_K_per_min": 20},
    "virtual": {"junction": "A", "speed": 1000},
}


def station_content(**changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a virtual station's content with keys of its tables changed; None drops a table."""
    content = {table: dict(keys) for table, keys in STATION.items()}
    for table, keys in changes.items():
        if keys is None:
            del content[table]
        else:
            content.setdefault(table, {}).update(keys)
    return content


@pytest.fixture
def virtual_station(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Station]:
    """Return a factory of virtual stations, not yet entered: tables by name, keys to change.

    Their instruments are in this process: what they have sent is there without much silence.
    """
    monkeypatch.setattr(visa, "SILENCE_S", 0.005)

    def make(**changes: Mapping[str, Any] | None) -> Station:
        return Station(station_from(station_content(**changes), "test station"))

    return make


@pytest.fixture
def station_file(tmp_path: Path) -> Callable[..., Path]:
    """Return a factory of virtual station files."""

    def make(**changes: Mapping[str, Any] | None) -> Path:
        path = tmp_path / "station.toml"
        path.write_text(tomli_w.dumps(station_content(**changes)), encoding="utf-8")
        return path

    return make


class Served:
    """Virtual instruments served by a process of their own, which outlives its clients."""

    def __init__(self, folder: Path, junction: str, speed: float, *options: str) -> None:
        ready = folder / "ready.json"
        command = ["simulate", "--junction", junction, "--speed", f"{speed:g}", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nanojunction.cli", *command, "--ready-file", str(ready)],
            stderr=subprocess.PIPE,
        )
        wait_for(ready.exists, "the virtual instruments")
        self.endpoints = json.loads(ready.read_text(encoding="utf-8"))
        changes: dict[str, Any] = {
            role: {"address": endpoint["address"], "visa_library": "@py"}
            for role, endpoint in self.endpoints.items()
        }
        changes["virtual"] = {"speed": speed}
        self.station_file = folder / "served.toml"
        self.station_file.write_text(tomli_w.dumps(station_content(**changes)), encoding="utf-8")

    def ask(self, role: str, question: str) -> str:
        """Ask an instrument over a socket of its own."""
        return ask_over_socket(role, self.endpoints[role], question)

    def stop(self) -> None:
        """End the process as a user does."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, errors.decode()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Return a factory of virtual instruments in a process of their own."""
    made: list[Served] = []

    def serve(junction: str = "A", speed: float = 1000.0, *options: str) -> Served:
        made.append(Served(tmp_path, junction, speed, *options))
        return made[-1]

    yield serve
    for one in made:
        one.stop()


@pytest.fixture
def nanojunction() -> Callable[..., subprocess.Popen[str]]:
    """Return a way to start the command in a process of its own."""

    def start(*arguments: str | Path, **settings: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "nanojunction.cli", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **settings,
        )

    return start


DEMO_SEED = 7


@dataclass(frozen=True)
class Demonstrated:
    """What `nanojunction demo` has said, and the folder that it wrote."""

    process: subprocess.CompletedProcess[str]
    out: Path

    @property
    def campaign(self) -> list[Path]:
        """The run files of the papers' junctions, without those of the batches."""
        return sorted((self.out / "runs").glob("*/*.csv"))


@pytest.fixture(scope="session")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demonstrated:
    """The demo as a user runs it, once for all that look at it; nobody changes what it wrote."""
    folder = tmp_path_factory.mktemp("demonstrated")
    done = subprocess.run(
        [sys.executable, "-m", "nanojunction.cli", "demo", "--out", "demo", "--seed",
         str(DEMO_SEED)],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False, timeout=500,
    )  # fmt: skip
    return Demonstrated(done, folder / "demo")


@pytest.fixture(scope="session")
def chromium() -> list[str]:
    """Return the command that starts a headless Chromium, which disturbs nobody."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        message = "no Chromium on the path: install Debian's package chromium"
        if os.environ.get("NANOJUNCTION_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
    return [
        found, "--headless", "--no-sandbox", "--no-first-run", "--hide-scrollbars",
        *(f"--disable-{one}" for one in quiet),
    ]  # fmt: skip


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the fault campaign has tried, by kind of fault and outcome."""
    counts: Counter[tuple[str, str]] = Counter()
    rows = 0
    for report in (one for some in terminalreporter.stats.values() for one in some):
        for name, value in getattr(report, "user_properties", ()):
            if name == "campaign" and getattr(report, "when", "") == "call":
                kind, outcome, kept = value
                counts[kind, f"{outcome}{'' if report.passed else f' ({report.outcome})'}"] += 1
                rows += kept
    if not counts:
        return
    terminalreporter.section(f"fault campaign: {counts.total()} runs, {rows} rows")
    for (kind, outcome), count in counts.items():
        terminalreporter.write_line(f"{kind:24} {outcome:32} {count:4}")
