"""Starting the window: the acquisition of the station first, then what shows it."""

from __future__ import annotations

import sys
from pathlib import Path

from PyQt5.QtCore import QSettings, Qt
from PyQt5.QtWidgets import QApplication

from nanojunction.gui.link import Link
from nanojunction.gui.theme import Theme
from nanojunction.gui.window import Window
from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.acquisition.client import start_acquisition


def application() -> QApplication:
    """Return Qt's application, made as this window needs it."""
    there = QApplication.instance()
    if isinstance(there, QApplication):
        return there
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("nanojunction")
    app.setStyle("Fusion")
    return app


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
