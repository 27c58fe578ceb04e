"""The window, as a person uses it: on a real acquisition in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tomli_w
from PyQt5.QtCore import QSettings, Qt
from pytestqt.qtbot import QtBot

from nanojunction.gui.link import Link
from nanojunction.gui.theme import Theme
from nanojunction.gui.window import Window
from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.acquisition.address import address_of
from nanojunction.procedures.acquisition.client import Client, start_acquisition
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.conftest import station_content, wait_for

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def station_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One acquisition for all tests of this file: windows come and go, it stays."""
    path = tmp_path_factory.mktemp("window") / "station.toml"
    content = station_content(
        virtual={"speed": 50, "junction": "B", "world": {"initial_temperature_K": 40}}
    )
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    yield path
    there = address_of(path)
    if there is not None:
        with Client(there) as client:
            client.ask("leave")
        wait_for(lambda: address_of(path) is None, "the acquisition to leave")


@pytest.fixture
def open_window(qtbot: QtBot, station_file: Path) -> Iterator[Callable[[], Window]]:
    opened: list[Window] = []

    def make() -> Window:
        link = Link(start_acquisition(station_file, station_file.parent / "runs"))
        settings = QSettings(str(station_file.parent / "window.ini"), QSettings.IniFormat)
        config = load_station_file(station_file)
        window = Window(config, str(station_file), link, Theme("light"), settings)
        qtbot.addWidget(window)
        link.start()
        window.show()
        opened.append(window)
        return window

    yield make
    for window in opened:
        window.close()


def fill(window: Window, **texts: str) -> None:
    window.form.sample.setText("B")
    for key, text in texts.items():
        window.form.fields[key].input.setText(text)


def states(window: Window) -> list[str]:
    return [one["status"] for one in window.queue.model.entries]


def test_from_the_form_to_a_measured_and_analysed_run(
    qtbot: QtBot, open_window: Callable[[], Window]
) -> None:
    window = open_window()
    assert window.badge.text() == "SIMULATED"
    assert not window.run.isEnabled(), "there is no junction's name yet"
    fill(window, vmax="120 mV", step="10 mV")
    qtbot.waitUntil(window.run.isEnabled, timeout=WAIT_MS)
    window.run.trigger()
    qtbot.waitUntil(lambda: states(window) == ["finished"], timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "P_max = 450" in window.live.words.text(), timeout=WAIT_MS)
    assert "V_off = 84.0" in window.live.words.text()
    assert window.live.rows.total == 101
    assert window.live.rows.missing == 0
    file = Path(window.file.text().partition(" · ")[0])
    assert len(read_rows(file).rows) == 101
    x, _ = window.live.forward.getData()
    assert len(x) == 101
    qtbot.waitUntil(lambda: window.strip.tiles["Output"].state.text() == "● open", timeout=WAIT_MS)


def test_safe_stop_says_what_was_read_back_and_the_next_window_knows(
    qtbot: QtBot, open_window: Callable[[], Window]
) -> None:
    window = open_window()
    fill(window, vmax="120 mV", step="1 mV")
    qtbot.waitUntil(window.run.isEnabled, timeout=WAIT_MS)
    window.run.trigger()
    qtbot.waitUntil(lambda: window.live.rows.total > 110, timeout=WAIT_MS)
    with qtbot.waitSignal(window.link.safe, timeout=WAIT_MS) as told:
        qtbot.mouseClick(window.safe, Qt.LeftButton)
    assert told.args[0]["confirmed"], told.args
    assert "SAFE STOP: output off, verified" in window.log.toPlainText()
    qtbot.waitUntil(lambda: states(window)[-1] == "aborted", timeout=WAIT_MS)
    window.close()
    other = open_window()
    qtbot.waitUntil(lambda: bool(states(other)), timeout=WAIT_MS)
    assert states(other)[-1] == "aborted"
    assert other.form.fields["step"].input.text() == "1 mV", "the form is as it was left"


def test_a_window_that_closes_leaves_no_thread(
    qtbot: QtBot, open_window: Callable[[], Window]
) -> None:
    before = threading.active_count()
    for _ in range(3):
        window = open_window()
        with qtbot.waitSignal(window.link.looked, timeout=WAIT_MS):
            pass
        window.close()
        assert threading.active_count() == before


def test_what_is_wrong_queues_nothing(qtbot: QtBot, open_window: Callable[[], Window]) -> None:
    window = open_window()
    fill(window, vmax="600 mV", step="10 mV")
    qtbot.waitSignal(window.link.looked, timeout=WAIT_MS)
    assert not window.add.isEnabled()
    assert "outside the limits of the station" in window.add.toolTip()
    assert "outside the limits of the station" in window.form.verdict.text()
    window.link.ask("discard", None, key="none")
    qtbot.waitUntil(window.trouble.isVisible, timeout=WAIT_MS)
    assert window.trouble.text() == "✕ none: is not in the queue; look at it again"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there always is a screen")
def test_without_a_screen_it_says_so(station_file: Path) -> None:
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    without = {name: value for name, value in os.environ.items() if name not in screens}
    command = [sys.executable, "-m", "nanojunction.cli", "gui", "--station", str(station_file)]
    found = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr.startswith("error: there is no screen here: DISPLAY is not set")
