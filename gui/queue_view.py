"""The queue: what waits, what runs and what came of it, and what a person can do about it."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QPoint, Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QAction,
    QHeaderView,
    QLabel,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from nanojunction.gui.qt import there
from nanojunction.gui.theme import Theme
from nanojunction.procedures.recipes.show import clock_words

#: A glyph for each status, so that it is one without colour, too.
GLYPHS = {
    "queued": "◌", "running": "●", "finished": "✓", "aborted": "■", "protected": "▲",
    "broken": "✕", "failed": "✕", "cut off": "✂", "discarded": "–", "retried": "↻",
}  # fmt: skip
COLUMNS = ("#", "State", "Run", "Settings", "Rows", "Takes")
#: What a person may do with an entry, by its status: the words, and what the acquisition is asked.
ACTIONS = {
    "queued": (("Discard", "discard"),),
    "cut off": (("Resume", "resume"), ("Discard", "discard"), ("Repeat from its start", "retry")),
    "failed": (("Retry", "retry"),),
    "aborted": (("Repeat", "retry"),),
    "protected": (("Repeat", "retry"),),
    "broken": (("Repeat", "retry"),),
}


class QueueModel(QAbstractTableModel):
    """The entries as a table."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed
        self.entries: list[dict[str, Any]] = []

    def take(self, entries: list[dict[str, Any]]) -> None:
        """Show these entries, without what was discarded or tried again."""
        shown = [one for one in entries if one["status"] not in ("discarded", "retried")]
        if len(shown) != len(self.entries):
            self.beginResetModel()
            self.entries = shown
            self.endResetModel()
        elif shown != self.entries:
            self.entries = shown
            last = self.index(len(shown) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, _parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return how many entries there are."""
        return len(self.entries)

    def columnCount(self, _parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return how many columns there are."""
        return len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the names of the columns."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what stands in a cell."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return self._text(self.entries[index.row()], index.row(), COLUMNS[index.column()])

    def _text(self, entry: dict[str, Any], number: int, column: str) -> str:
        planned = entry["planned_rows"]
        texts = {
            "#": str(number + 1),
            "State": _state(entry),
            "Run": _run(entry["wish"]),
            "Settings": ", ".join(f"{k} {v}" for k, v in entry["wish"]["settings"].items()),
            "Rows": f"{entry['rows']}/{'?' if planned is None else planned}",
            "Takes": clock_words(entry["cost_s"] / self._speed) if entry["cost_s"] else "",
        }
        return texts[column]


def _state(entry: dict[str, Any]) -> str:
    why = f": {entry['error']}" if entry["error"] else ""
    return f"{GLYPHS.get(entry['status'], '?')} {entry['status']}{why}"


def _run(wish: dict[str, Any]) -> str:
    if wish["procedure"] == "pause":
        return f"pause: {wish['words']}"
    return f"{wish['procedure']} · {wish['sample']}"


class QueueView(QWidget):
    """The table, a line above it with what is left, and a menu on each entry.

    `asked` carries what a person wants of an entry: the acquisition's word for it, and the key.
    """

    asked = pyqtSignal(str, str)

    def __init__(self, theme: Theme, speed: float) -> None:
        super().__init__()
        del theme
        self.model = QueueModel(speed)
        self._speed = speed
        self.summary = QLabel("The queue is empty.")
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName("Queue")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        there(self.table.verticalHeader()).hide()
        header = there(self.table.horizontalHeader())
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(COLUMNS.index("Settings"), QHeaderView.ResizeMode.Stretch)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._open_menu)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.summary)
        column.addWidget(self.table)

    def show_entries(self, entries: list[dict[str, Any]]) -> None:
        """Show the queue as it is."""
        self.model.take(entries)
        self.summary.setText(summary_of(entries, self._speed))

    def _open_menu(self, at: QPoint) -> None:
        menu = self.menu_of(self.table.indexAt(at).row())
        menu.exec_(there(self.table.viewport()).mapToGlobal(at))

    def menu_of(self, row: int) -> QMenu:
        """Return what can be done with an entry."""
        menu = QMenu(self)
        if 0 <= row < len(self.model.entries):
            entry = self.model.entries[row]
            for words, do in ACTIONS.get(entry["status"], ()):
                action = QAction(words, menu)
                action.triggered.connect(
                    lambda _checked, do=do, key=entry["key"]: self.asked.emit(do, key)
                )
                menu.addAction(action)
        return menu


def summary_of(entries: list[dict[str, Any]], speed: float) -> str:
    """Return the queue in a sentence: what waits, how long it takes, what a person must decide."""
    cut = [one for one in entries if one["status"] == "cut off"]
    waiting = [one for one in entries if one["status"] == "queued"]
    failed = [one for one in entries if one["status"] in ("failed", "broken", "protected")]
    parts = []
    for one in cut[:1]:
        planned = one["planned_rows"] or "?"
        parts.append(f"✂ {one['key']} was cut off at {one['rows']}/{planned}: resume or discard it")
    if failed:
        parts.append(f"✕ {failed[-1]['key']}: {failed[-1]['error']}: retry it, or go on (F5)")
    left_s = sum(one["cost_s"] or 0.0 for one in waiting) / speed
    if waiting:
        parts.append(f"{len(waiting)} queued, {clock_words(left_s)}")
    return " · ".join(parts) or "The queue is empty."
