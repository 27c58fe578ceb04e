"""The station strip: temperature, field, source, and how old each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PyQt5.QtGui import QColor, QFont, QFontDatabase, QPalette
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from nanojunction.analysis.notation import amount
from nanojunction.gui.theme import Theme

#: Older than this (s) a reading is stale: it is grey, and says so.
STALE_S = 2.0
#: What a state looks like besides its colour.
GLYPHS = {"good": "●", "busy": "◆", "bad": "✕", "none": "○"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a tile says: a value, a word for its state, and of which kind that is."""

    value: str
    state: str = ""
    kind: str = "none"


class Tile(QFrame):
    """One quantity: its name, its value, its state in a glyph and a word."""

    def __init__(self, name: str, theme: Theme) -> None:
        super().__init__()
        self._theme, self._said, self._stale = theme, Said("–"), False
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.name, self.value, self.state = QLabel(name), QLabel(), QLabel()
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(1.25 * self.font().pointSizeF())
        font.setWeight(QFont.Weight.Bold)
        self.value.setFont(font)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 3, 8, 3)
        column.setSpacing(0)
        for one in (self.name, self.value, self.state):
            column.addWidget(one)
        theme.changed.connect(self._paint)
        self._paint()

    def say(self, said: Said, *, stale: bool) -> None:
        """Show something, if it is new."""
        if (said, stale) != (self._said, self._stale):
            self._said, self._stale = said, stale
            self._paint()

    def _paint(self) -> None:
        colours, said = self._theme.colours, self._said
        self.value.setText(said.value)
        words = "stale" if self._stale else said.state
        glyph = GLYPHS["none" if self._stale else said.kind]
        self.state.setText(f"{glyph} {words}" if words else "")
        self.setAccessibleName(f"{self.name.text()}: {said.value} {words}")
        tone = {"good": colours.good, "busy": colours.busy, "bad": colours.bad}
        _tint(self.name, colours.dim)
        _tint(self.value, colours.dim if self._stale else colours.text)
        _tint(self.state, colours.dim if self._stale else tone.get(said.kind, colours.dim))


def _tint(label: QLabel, colour: str) -> None:
    palette = label.palette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor(colour))
    label.setPalette(palette)


class StationStrip(QWidget):
    """What the station is like now, from what the acquisition has read."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.tiles = {
            name: Tile(name, theme)
            for name in ("Sample T", "Setpoint", "Field", "Voltage", "Current", "Output")
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 6, 4)
        row.setSpacing(4)
        for tile in self.tiles.values():
            row.addWidget(tile)
        row.addStretch(1)

    def show_look(self, look: dict[str, Any], now: datetime) -> None:
        """Show what a look at the acquisition has found at the moment `now`."""
        state, reading = look["state"], look["reading"]
        measuring = state["status"] in ("running", "suspended")
        point = (state["point"] or {}) if measuring else {}
        at_rest = not measuring
        read_at = reading.get("read_at") if at_rest else state["updated"]
        stale = read_at is None or (now - datetime.fromisoformat(read_at)).total_seconds() > STALE_S
        for name, said in (
            ("Sample T", _temperature(state, reading, at_rest=at_rest)),
            ("Setpoint", _setpoint(state, reading, at_rest=at_rest)),
            ("Field", _field(state, reading, at_rest=at_rest)),
            ("Voltage", _measured(point, "Voltage (V)", "V")),
            ("Current", _current(point)),
            ("Output", _output(reading, measuring=measuring)),
        ):
            self.tiles[name].say(said, stale=stale and said.value != "–")


def _temperature(state: dict[str, Any], reading: dict[str, Any], *, at_rest: bool) -> Said:
    if at_rest:
        sensors = reading.get("temperatures_K") or {}
        sample = next(iter(sensors.values()), None)
        return Said("–") if sample is None else Said(amount(sample, "K", 6))
    if state["temperature_K"] is None:
        return Said("–")
    target = state["target_K"]
    if target is None:
        return Said(amount(state["temperature_K"], "K", 6))
    off = state["temperature_K"] - target
    kind, words = ("good", f"{off:+.2f} K off") if abs(off) < 0.5 else ("busy", f"to {target:g} K")
    return Said(amount(state["temperature_K"], "K", 6), words, kind)


def _setpoint(state: dict[str, Any], reading: dict[str, Any], *, at_rest: bool) -> Said:
    target = reading.get("setpoint_K") if at_rest else state["target_K"]
    return Said("–") if target is None else Said(amount(target, "K", 6))


def _field(state: dict[str, Any], reading: dict[str, Any], *, at_rest: bool) -> Said:
    field = reading.get("field_T") if at_rest else state["field_T"]
    if field is None:
        return Said("–")
    if at_rest:
        magnet = str(reading.get("magnet", ""))
        kind = {"ramping": "busy", "quenched": "bad"}.get(magnet, "good")
        return Said(f"{field:.4f} T", magnet, kind)
    target = state["target_T"]
    near = target is None or abs(field - target) < 1e-3
    return Said(
        f"{field:.4f} T", "holds" if near else f"to {target:g} T", "good" if near else "busy"
    )


def _measured(point: dict[str, Any], column: str, unit: str) -> Said:
    value = point.get(column)
    return Said("–") if value is None else Said(amount(value, unit))


def _current(point: dict[str, Any]) -> Said:
    said = _measured(point, "Current (A)", "A")
    if said.value == "–":
        return said
    if point.get("In compliance"):
        return Said(said.value, "in compliance", "bad")
    return Said(said.value, "compliance not reached", "good")


def _output(reading: dict[str, Any], *, measuring: bool) -> Said:
    if measuring:
        return Said("ON", "measuring", "busy")
    is_on = reading.get("output_on")
    if is_on is None:
        return Said("?", "not known", "bad") if reading else Said("–")
    return Said("ON", "at rest, yet on", "bad") if is_on else Said("off", "open", "good")
