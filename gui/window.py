"""The window at the cryostat: what is measured, what waits, and a way to stop that always works."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from PyQt5.QtCore import QByteArray, QSettings, Qt
from PyQt5.QtGui import QCloseEvent, QColor, QFont, QKeySequence, QPalette
from PyQt5.QtWidgets import (
    QAction,
    QActionGroup,
    QDockWidget,
    QLabel,
    QMainWindow,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from nanojunction.gui.link import Link
from nanojunction.gui.live_view import LiveView
from nanojunction.gui.procedure_form import ProcedureForm
from nanojunction.gui.qt import there
from nanojunction.gui.queue_view import QueueView
from nanojunction.gui.strip import StationStrip
from nanojunction.gui.theme import CHOICES, Theme
from nanojunction.instruments.station_file import StationConfig


class Window(QMainWindow):
    """The whole window, around a link to the acquisition of one station."""

    def __init__(
        self, config: StationConfig, source: str, link: Link, theme: Theme, settings: QSettings
    ) -> None:
        super().__init__()
        self.link, self.theme, self._settings = link, theme, settings
        self._goes, self._status = False, "starting"
        simulated = config.virtual is not None
        speed = 1.0 if config.virtual is None else config.virtual.speed
        self.setWindowTitle(f"nanojunction – {config.name}")
        self.setMinimumSize(1024, 640)
        self.form = ProcedureForm(config, source, theme)
        self.strip = StationStrip(theme)
        self.live = LiveView(theme)
        self.queue = QueueView(theme, speed)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(5000)
        self.log.setAccessibleName("Log")
        self.tabs = QTabWidget()
        self.tabs.addTab(self.live, "Live")
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        self.trouble = QLabel()
        self.trouble.setWordWrap(True)
        self.trouble.setMargin(6)
        self.trouble.setAutoFillBackground(True)
        self.trouble.hide()
        for one in (self.strip, self.trouble, self.tabs):
            column.addWidget(one)
        column.setStretchFactor(self.tabs, 1)
        self.setCentralWidget(middle)
        self._make_docks()
        self._make_bar(simulated=simulated)
        self._make_menus()
        self.file = QLabel("no run yet")
        there(self.statusBar()).addWidget(self.file, 1)
        self._listen()
        self._restore()
        theme.changed.connect(self._paint)
        self._paint()
        self._enable()

    # What it is made of

    def _make_docks(self) -> None:
        left, bottom = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
        self.docks = {}
        for name, widget, area in (
            ("Procedure", self.form, left), ("Queue", self.queue, bottom),
            ("Log", self.log, bottom),
        ):  # fmt: skip
            dock = QDockWidget(name, self)
            dock.setObjectName(name)
            dock.setWidget(widget)
            self.addDockWidget(area, dock)
            self.docks[name] = dock
        self.setCorner(Qt.Corner.BottomLeftCorner, left)
        self.tabifyDockWidget(self.docks["Queue"], self.docks["Log"])
        self.docks["Queue"].raise_()
        line = self.fontMetrics().height()
        self.resizeDocks([self.docks["Procedure"]], [19 * line], Qt.Orientation.Horizontal)
        self.resizeDocks([self.docks["Queue"]], [9 * line], Qt.Orientation.Vertical)

    def _make_bar(self, *, simulated: bool) -> None:
        bar = QToolBar("Measurement")
        bar.setObjectName("Measurement")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.run = self._action("▶ Run", "F5", self.run_now, "Measure what the form says, now")
        self.add = self._action("+ Queue", "F6", self.add_to_queue, "Put it into the queue")
        self.pause = self._action("❚❚ Pause", "F7", lambda: self.link.ask("pause"),
                                  "Begin no other run after this one")  # fmt: skip
        self.stop = self._action("■ Stop after point", "F8", lambda: self.link.ask("stop"),
                                 "End this run safely; the queue waits")  # fmt: skip
        for action in (self.run, self.add, self.pause, self.stop):
            bar.addAction(action)
        room = QWidget()
        room.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(room)
        self.badge = QLabel("SIMULATED" if simulated else "LIVE")
        self.badge.setMargin(6)
        self.badge.setAutoFillBackground(True)
        bar.addWidget(self.badge)
        self.safe = QPushButton("■ SAFE STOP  Ctrl+.")
        self.safe.setShortcut(QKeySequence("Ctrl+."))
        self.safe.setToolTip("Source to zero, output open, at once; never asks")
        self.safe.setAccessibleName("Safe stop")
        self.safe.clicked.connect(self.safe_stop)
        bar.addWidget(self.safe)
        self.addToolBar(bar)

    def _action(self, words: str, key: str, do: Any, tip: str) -> QAction:
        action = QAction(f"{words}  {key}", self)
        action.setShortcut(QKeySequence(key))
        action.setToolTip(tip)
        action.triggered.connect(lambda _checked=False: do())
        return action

    def _make_menus(self) -> None:
        view = there(there(self.menuBar()).addMenu("&View"))
        for dock in self.docks.values():
            view.addAction(dock.toggleViewAction())
        view.addSeparator()
        group = QActionGroup(self)
        for choice in CHOICES:
            action = QAction(choice.capitalize() if choice != "system" else "Follow system", self)
            action.setCheckable(True)
            action.setChecked(choice == self.theme.choice)
            action.triggered.connect(lambda _checked, choice=choice: self.theme.choose(choice))
            group.addAction(action)
            view.addAction(action)

    def _listen(self) -> None:
        self.form.checked.connect(self._enable)
        self.link.looked.connect(self._show_look)
        self.link.queued.connect(self.queue.show_entries)
        self.link.refused.connect(self.complain)
        self.link.lost.connect(self._show_lost)
        self.link.safe.connect(self._show_safe)
        self.queue.asked.connect(lambda do, key: self.link.ask(do, key=key))

    # What a person does

    def run_now(self) -> None:
        """Measure what the form says; with a queue that waits, go on with that."""
        if self._goes:
            return
        waiting = any(one["status"] == "queued" for one in self.queue.model.entries)
        if waiting or self.form.wish is None:
            self.link.ask("go")
            return
        self.link.ask("add", lambda _answer: self.link.ask("go"), wishes=[self.form.wish.content()])
        self.form.begun()

    def add_to_queue(self) -> None:
        """Put what the form says at the end of the queue."""
        if self.form.wish is not None:
            self.link.ask("add", None, wishes=[self.form.wish.content()])
            self.form.begun()

    def safe_stop(self) -> None:
        """Make the source safe, whatever else is going on."""
        self.safe.setText("■ stopping …")
        self.link.ask_safe()

    def complain(self, words: str) -> None:
        """Say what went wrong in a bar that covers nothing."""
        self.trouble.setText(f"✕ {words}")
        self.trouble.show()
        self.note(words)

    def note(self, words: str) -> None:
        """Write a line into the log."""
        self.log.appendPlainText(f"{datetime.now():%H:%M:%S} {words}")

    # What the acquisition says

    def _show_look(self, look: dict[str, Any]) -> None:
        self._goes, self._status = look["goes"], look["state"]["status"]
        self.strip.show_look(look, datetime.now().astimezone())
        self.live.show_look(look)
        for words in look["said"]:
            self.note(words.partition(" ")[2])
        if look["state"]["file"]:
            self.file.setText(f"{look['state']['file']} · {look['rows']['total']} rows")
        self._enable()

    def _show_lost(self, words: str) -> None:
        self._goes, self._status = False, "lost"
        self.complain(f"{words}; what is measured is not known: look at the front panels")
        self._enable()

    def _show_safe(self, found: dict[str, Any]) -> None:
        self.safe.setText("■ SAFE STOP  Ctrl+.")
        if found["confirmed"]:
            self.trouble.hide()
            there(self.statusBar()).showMessage("output off, verified", 10_000)
            self.note("SAFE STOP: output off, verified")
        else:
            why = "; ".join(found["unsafe"]) or "nothing was read back"
            self.complain(f"SAFE STOP is not confirmed: use the front panel ({why})")

    def _enable(self) -> None:
        measuring = self._goes or self._status in ("running", "suspended")
        lost = self._status == "lost"
        waiting = any(one["status"] == "queued" for one in self.queue.model.entries)
        self.run.setEnabled(not lost and not self._goes and (waiting or self.form.wish is not None))
        self.add.setEnabled(not lost and self.form.wish is not None)
        self.pause.setEnabled(not lost and self._goes)
        self.stop.setEnabled(not lost and measuring)
        why = f"Fill in the form first: {self.form.problem}" if self.form.problem else ""
        self.add.setToolTip(why or "Put it into the queue")
        self.run.setToolTip(why or "Measure what the form says, now")

    # How it looks, and what is kept between sessions

    def _paint(self) -> None:
        colours = self.theme.colours
        for widget, ground, words in (
            (self.badge, colours.badge, "#1a1a1a"), (self.trouble, colours.stop, "#ffffff"),
            (self.safe, colours.stop, "#ffffff"),
        ):  # fmt: skip
            palette = widget.palette()
            for role in (QPalette.ColorRole.Window, QPalette.ColorRole.Button):
                palette.setColor(role, QColor(ground))
            for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
                palette.setColor(role, QColor(words))
            widget.setPalette(palette)
        bold = self.safe.font()
        bold.setWeight(QFont.Weight.Bold)
        self.safe.setFont(bold)
        self.badge.setFont(bold)

    def _restore(self) -> None:
        for key, restore in (("geometry", self.restoreGeometry), ("state", self.restoreState)):
            kept = self._settings.value(key)
            if isinstance(kept, QByteArray):
                restore(kept)
        try:
            content = json.loads(str(self._settings.value("form", "{}")))
        except ValueError:
            content = {}
        if isinstance(content, dict) and content:
            self.form.restore(content)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Keep what belongs to the next session, and leave the acquisition to itself."""
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("state", self.saveState())
        self._settings.setValue("form", json.dumps(self.form.content()))
        self.link.stop()
        self.live.stop()
        there(event).accept()
