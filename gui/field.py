"""One line of a form: what is typed stays as it was typed, and says what is wrong with it."""

from __future__ import annotations

from pymeasure.experiment import BooleanParameter, ListParameter, Parameter
from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from nanojunction.analysis.notation import in_words
from nanojunction.gui.theme import Theme
from nanojunction.procedures.quantities import QuantityParameter, parse_quantity
from nanojunction.procedures.run_parameters import ProcedureError, RunParameters

#: How a line is divided between the name and the input.
LABEL_PART, INPUT_PART = 11, 9
#: SI prefixes that may be typed without the unit: 50m is 50 mV where a voltage is expected.
PREFIXES = tuple("yzafpnuµmkMGT")


class Field(QWidget):
    """A parameter of a procedure with its name, its input, and the reason if it is wrong.

    `text()` is what `--set` takes. `changed` is emitted with every keystroke.
    """

    changed = pyqtSignal()

    def __init__(self, key: str, parameter: Parameter, theme: Theme) -> None:
        super().__init__()
        self.key, self.parameter, self._theme = key, parameter, theme
        self.problem = ""
        self.label = QLabel(parameter.name)
        self.label.setWordWrap(True)
        self.input = _input_of(parameter)
        self.label.setBuddy(self.input)
        self.input.setObjectName(key)
        self.input.setAccessibleName(parameter.name)
        self.input.setAccessibleDescription(parameter.description or "")
        self.input.setToolTip(_tip(key, parameter))
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.reason.hide()
        line = QHBoxLayout()
        line.addWidget(self.label, LABEL_PART)
        line.addWidget(self.input, INPUT_PART)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self.reason)
        self.take(shown(parameter))
        self._initial = self.text()
        self._listen()
        theme.changed.connect(self._paint)

    def text(self) -> str:
        """Return what stands there, with the unit completed where only a prefix was typed."""
        if isinstance(self.input, QCheckBox):
            return "true" if self.input.isChecked() else "false"
        if isinstance(self.input, QComboBox):
            return str(self.input.currentText())
        return completed(str(self.input.text()), _unit(self.parameter))

    def take(self, text: str) -> None:
        """Show a value, as if it were typed."""
        if isinstance(self.input, QCheckBox):
            self.input.setChecked(text.strip().lower() in ("true", "1", "yes"))
        elif isinstance(self.input, QComboBox):
            self.input.setCurrentText(text)
        elif text != self.input.text():
            self.input.setText(text)

    def is_changed(self) -> bool:
        """Tell whether it differs from where the form began."""
        return self.text() != self._initial

    def settle(self) -> None:
        """Begin from here: what stands there now is no change."""
        self._initial = self.text()
        self._paint()

    def check(self, procedure: RunParameters) -> str:
        """Give the value to a procedure and return what is wrong with it, nothing if it fits."""
        try:
            procedure.set(self.key, self.text())
        except ProcedureError as problem:
            return str(problem).removeprefix(f"{self.key}: ")
        return ""

    def complain(self, problem: str) -> None:
        """Show what is wrong, or nothing."""
        if problem != self.problem:
            self.problem = problem
            self._paint()

    def _listen(self) -> None:
        if isinstance(self.input, QCheckBox):
            self.input.toggled.connect(self._edited)
        elif isinstance(self.input, QComboBox):
            self.input.currentTextChanged.connect(self._edited)
        elif isinstance(self.input, QLineEdit):
            self.input.textChanged.connect(self._edited)

    def _edited(self) -> None:
        self._paint()
        self.changed.emit()

    def _paint(self) -> None:
        colours = self._theme.colours
        self.reason.setText(f"✕ {self.problem}" if self.problem else "")
        self.reason.setVisible(bool(self.problem))
        palette = self.reason.palette()
        palette.setColor(QPalette.WindowText, QColor(colours.bad))
        self.reason.setPalette(palette)
        mark = " •" if self.is_changed() else ""
        self.label.setText(f"{self.parameter.name}{mark}")
        if isinstance(self.input, QLineEdit):
            border = f"border: 2px solid {colours.bad};" if self.problem else ""
            self.input.setStyleSheet(border)


def completed(text: str, unit: str) -> str:
    """Return `50m` as `50mV` where volts are expected; anything else as it is."""
    typed = text.strip()
    if not unit or "/" in unit or typed[-1:] not in PREFIXES or not _is_quantity(typed[:-1], ""):
        return text
    if _is_quantity(typed, unit) or not _is_quantity(typed + unit, unit):
        return text
    return typed + unit


def _is_quantity(text: str, unit: str) -> bool:
    try:
        parse_quantity(text, unit)
    except ValueError:
        return False
    return True


def shown(parameter: Parameter) -> str:
    """Return a parameter's value as a person writes it: 10 mV, not 0.01 V."""
    value = parameter.value
    if isinstance(parameter, BooleanParameter):
        return "true" if value else "false"
    if isinstance(parameter, QuantityParameter) and parameter.units:
        text = in_words(float(value), parameter.units)
        if parse_quantity(text, parameter.units) == value:
            return text
        return f"{value!r} {parameter.units}"
    return str(value)


def _input_of(parameter: Parameter) -> QWidget:
    if isinstance(parameter, BooleanParameter):
        return QCheckBox()
    if isinstance(parameter, ListParameter):
        box = QComboBox()
        box.addItems([str(choice) for choice in parameter.choices])
        return box
    line = QLineEdit()
    line.setAlignment(Qt.AlignmentFlag.AlignRight)
    return line


def _unit(parameter: Parameter) -> str:
    return str(getattr(parameter, "units", None) or "")


def _tip(key: str, parameter: Parameter) -> str:
    limits = ""
    if isinstance(parameter, QuantityParameter):
        unit = f" {parameter.units}" if parameter.units else ""
        limits = f"\n{parameter.minimum:g} to {parameter.maximum:g}{unit}"
    return f"{parameter.description or parameter.name}{limits}\n--set {key}"
