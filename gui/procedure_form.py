"""The form of a run: its procedure, its parameters in groups, its sweep drawn, and what is wrong.

Everything that is checked is checked by the procedures themselves, as it will be when it runs.
"""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QComboBox,
    QFrame,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nanojunction.gui.field import INPUT_PART, LABEL_PART, Field, shown
from nanojunction.gui.sweep_preview import SweepPreview
from nanojunction.gui.theme import Theme
from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.acquisition.planning import planned
from nanojunction.procedures.acquisition.records import QueueError, Wish
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.groups import USUAL, grouped
from nanojunction.procedures.recipes.show import clock_words
from nanojunction.procedures.registry import load_procedure, procedure_names


class ProcedureForm(QWidget):
    """What is to be measured next; `checked` is emitted when it is known whether it can be.

    `wish` is the run that stands there, None while something is wrong; `problem` says what.
    """

    checked = pyqtSignal()

    def __init__(self, config: StationConfig, source: str, theme: Theme) -> None:
        super().__init__()
        self._config, self._source, self._theme = config, source, theme
        self._speed = 1.0 if config.virtual is None else config.virtual.speed
        self.wish: Wish | None = None
        self.problem = ""
        self.fields: dict[str, Field] = {}
        self._kept: dict[str, dict[str, str]] = {}  # what was typed, by procedure
        self._procedure: JunctionProcedure | None = None
        self.choice = QComboBox()
        self.choice.setAccessibleName("Procedure")
        self.choice.addItems(procedure_names())
        self.sample = QLineEdit()
        self.sample.setAccessibleName("Junction")
        self.sample.setPlaceholderText("name of the junction")
        self.preview = SweepPreview(theme)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setMinimumHeight(2 * self.fontMetrics().height())
        self.verdict.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        for one in (self.choice, self.area, self.preview, self.verdict):
            column.addWidget(one)
        column.setStretchFactor(self.area, 1)
        self.choice.currentTextChanged.connect(self._show)
        self.sample.textChanged.connect(self.look)
        self.choice.setCurrentText("iv")
        self._show(self.choice.currentText())

    def take(self, wish: Wish) -> None:
        """Show what somebody wants: a preset, or the parameters of an earlier run."""
        self.choice.setCurrentText(wish.procedure)
        self.sample.setText(wish.sample)
        for key, value in wish.settings.items():
            if key in self.fields:
                self.fields[key].take(str(value))
        self.look()

    def begun(self) -> None:
        """Note that what stands there was taken for a run: marks show what changes from now on."""
        for field in self.fields.values():
            field.settle()

    def content(self) -> dict[str, Any]:
        """Return what stands there, right or wrong, as it is kept between sessions."""
        self._keep()
        return {"procedure": self.choice.currentText(), "sample": self.sample.text(),
                "fields": self._kept}  # fmt: skip

    def restore(self, content: dict[str, Any]) -> None:
        """Show what was kept; what no longer is a procedure or a key is left out."""
        self._kept = {
            str(name): {str(key): str(text) for key, text in texts.items()}
            for name, texts in content.get("fields", {}).items()
            if isinstance(texts, dict)
        }
        self._procedure = None  # what stands there now was not typed by anybody
        self.choice.setCurrentText(str(content.get("procedure", "iv")))
        self.sample.setText(str(content.get("sample", "")))
        self._show(self.choice.currentText())

    def look(self) -> None:
        """Check what stands there, field by field and as a whole, against the station."""
        procedure = self._new_procedure()
        problems = {key: field.check(procedure) for key, field in self.fields.items()}
        wrong = {key: problem for key, problem in problems.items() if problem}
        self.wish, self.problem, words = None, "", ""
        if not self.sample.text().strip():
            self.problem = "Junction: give the name of the junction"
        elif not wrong:
            wish = Wish(self.choice.currentText(), self.sample.text().strip(), self._settings())
            try:
                ((_, rows, cost_s),) = planned([wish], self._config, self._source)
            except QueueError as problem:
                wrong = self._whose(str(problem))
                self.problem = "" if wrong else str(problem)
            else:
                self.wish = wish
                words = f"{rows} points" if rows is not None else "until it is stopped"
                words += f" · {clock_words(cost_s / self._speed)}" if cost_s else ""
        for key, field in self.fields.items():
            field.complain(wrong.get(key, ""))
        if wrong:
            first = next(iter(wrong))
            self.problem = f"{self.fields[first].parameter.name}: {wrong[first]}"
        self.preview.show_sweep(procedure if not wrong else None)
        self.verdict.setText(f"✕ {self.problem}" if self.problem else words)
        self.checked.emit()

    def _settings(self) -> dict[str, str]:
        """Return what differs from the procedure's own values, as `--set` takes it."""
        usual = self._new_procedure()
        return {
            key: field.text()
            for key, field in self.fields.items()
            if field.text() != shown(usual.settable()[key])
        }

    def _whose(self, words: str) -> dict[str, str]:
        """Return a complaint about the whole under the key that it begins with, if it does."""
        key, colon, rest = words.partition(": ")
        return {key: rest} if colon and key in self.fields else {}

    def _new_procedure(self) -> JunctionProcedure:
        return load_procedure(self.choice.currentText())(sample=self.sample.text().strip())

    def _keep(self) -> None:
        if self._procedure is not None:
            self._kept[self._name] = {key: field.text() for key, field in self.fields.items()}

    def _show(self, name: str) -> None:
        """Show the fields of a procedure, with what was typed there before."""
        self._keep()
        self._name, self._procedure = name, self._new_procedure()
        self.fields = {}
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        for group, keys in grouped(self._procedure).items():
            column.addWidget(self._group(group, keys))
        column.addStretch(1)
        self.area.setWidget(page)
        for key, text in self._kept.get(name, {}).items():
            if key in self.fields:
                self.fields[key].take(text)
        self.look()

    def _group(self, name: str, keys: tuple[str, ...]) -> QGroupBox:
        box = QGroupBox(name)
        box.setObjectName(name)
        column = QVBoxLayout(box)
        column.setContentsMargins(6, 2, 6, 4)
        column.setSpacing(3)
        if name == "Junction":
            label = QLabel("&Name")
            label.setBuddy(self.sample)
            line = QHBoxLayout()
            line.addWidget(label, LABEL_PART)
            line.addWidget(self.sample, INPUT_PART)
            column.addLayout(line)
        rare = [key for key in keys if name != "Sweep" and key not in USUAL]
        for key in (key for key in keys if key not in rare):
            column.addWidget(self._field(key))
        if rare:
            column.addWidget(self._more(rare))
        return box

    def _more(self, keys: list[str]) -> QWidget:
        """Return what folds the fields that people seldom change."""
        folded, button = QWidget(), QToolButton()
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        column = QVBoxLayout(folded)
        column.setContentsMargins(0, 0, 0, 0)
        for key in keys:
            column.addWidget(self._field(key))

        def unfold(is_open: bool) -> None:
            folded.setVisible(is_open)
            button.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
            button.setText("Less" if is_open else f"{len(keys)} more")

        button.toggled.connect(unfold)
        unfold(False)
        both = QWidget()
        column = QVBoxLayout(both)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(button)
        column.addWidget(folded)
        return both

    def _field(self, key: str) -> Field:
        assert self._procedure is not None  # _show has made it
        field = Field(key, self._procedure.settable()[key], self._theme)
        field.changed.connect(self.look)
        self.fields[key] = field
        return field
