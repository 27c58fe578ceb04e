"""Starting the window: the acquisition of the station first, then what shows it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PyQt5.QtCore import QSettings, Qt
from PyQt5.QtWidgets import QApplication

from nanojunction.gui.link import Link
from nanojunction.gui.theme import Theme
from nanojunction.gui.window import Window
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.acquisition.client import start_acquisition


class NoScreen(LaboratoryError):
    """There is no screen to show a window on."""


def application() -> QApplication:
    """Return Qt's application, made as this window needs it."""
    there = QApplication.instance()
    if isinstance(there, QApplication):
        return there
    _refuse_without_screen()
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("nanojunction")
    app.setStyle("Fusion")
    return app


def _refuse_without_screen() -> None:
    """Raise NoScreen where Qt would end the program without a word that helps."""
    there = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, there)):
        raise NoScreen(
            "there is no screen here: DISPLAY is not set; sit at the computer, use ssh -X, or "
            "measure with `nanojunction measure` and `nanojunction run`"
        )


def run_window(station_file: Path, folder: Path) -> int:
    """Show the window of a station until it is closed; runs go to `folder`.

    Raises LaboratoryError if the station cannot be opened.
    """
    config = load_station_file(station_file)
    app = application()
    link = Link(start_acquisition(station_file, folder))
    settings = QSettings("nanojunction", "window")
    theme = Theme(str(settings.value("theme", "system")))
    window = Window(config, str(station_file), link, theme, settings)
    theme.changed.connect(lambda: settings.setValue("theme", theme.choice))
    link.start()
    window.show()
    return int(app.exec_())
