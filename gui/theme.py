"""Light and dark: Qt's palette, the colours of curves, and what tells them apart besides colour."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt5.QtCore import QObject, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication

#: As the window's menu has them.
CHOICES = ("light", "dark", "system")


@dataclass(frozen=True, slots=True)
class Colours:
    """One theme: surfaces and words, and the three curves of Okabe and Ito (2008) that it uses.

    `forward`, `backward` and `fit` are told apart by dash, too; `good`, `busy` and `bad` never
    stand without a glyph and a word.
    """

    name: str
    window: str
    base: str
    raised: str
    text: str
    dim: str
    line: str
    accent: str
    on_accent: str
    forward: str
    backward: str
    fit: str
    good: str
    busy: str
    bad: str
    stop: str
    badge: str


LIGHT = Colours(
    name="light", window="#f3f3f3", base="#ffffff", raised="#fafafa", text="#1a1a1a",
    dim="#5a5a5a", line="#8a8a8a", accent="#005a94", on_accent="#ffffff",
    forward="#0072B2", backward="#D55E00", fit="#009E73",
    good="#00704f", busy="#8a5a00", bad="#b3261e", stop="#b3261e", badge="#f0e442",
)  # fmt: skip
DARK = Colours(
    name="dark", window="#1f2124", base="#17181b", raised="#2a2c30", text="#ececec",
    dim="#b0b0b0", line="#7d8086", accent="#56B4E9", on_accent="#101214",
    forward="#56B4E9", backward="#E69F00", fit="#CC79A7",
    good="#4cc9a0", busy="#e6b04d", bad="#ff8a7a", stop="#b3261e", badge="#f0e442",
)  # fmt: skip


class Theme(QObject):
    """The theme in use; `changed` is emitted after Qt's palette has followed."""

    changed = pyqtSignal()

    def __init__(self, choice: str = "system") -> None:
        super().__init__()
        self._system = QApplication.palette()
        self.choice, self.colours = "", LIGHT
        self.choose(choice)

    def choose(self, choice: str) -> None:
        """Take a theme by name; raises ValueError for any other than `CHOICES`."""
        if choice not in CHOICES:
            raise ValueError(f"{choice!r} is no theme; there are {', '.join(CHOICES)}")
        self.choice = choice
        is_dark = self._system.color(QPalette.Window).lightness() < 128
        dark = choice == "dark" or (choice == "system" and is_dark)
        self.colours = DARK if dark else LIGHT
        QApplication.setPalette(palette_of(self.colours))
        self.changed.emit()


def palette_of(colours: Colours) -> QPalette:
    """Return Qt's palette of a theme."""
    palette = QPalette()
    for role, colour in (
        (QPalette.Window, colours.window), (QPalette.WindowText, colours.text),
        (QPalette.Base, colours.base), (QPalette.AlternateBase, colours.raised),
        (QPalette.Text, colours.text), (QPalette.Button, colours.raised),
        (QPalette.ButtonText, colours.text), (QPalette.BrightText, colours.bad),
        (QPalette.Highlight, colours.accent), (QPalette.HighlightedText, colours.on_accent),
        (QPalette.ToolTipBase, colours.raised), (QPalette.ToolTipText, colours.text),
        (QPalette.PlaceholderText, colours.dim), (QPalette.Link, colours.accent),
        (QPalette.Mid, colours.line),
    ):  # fmt: skip
        palette.setColor(role, QColor(colour))
    for role in (QPalette.WindowText, QPalette.Text, QPalette.ButtonText):
        palette.setColor(QPalette.Disabled, role, QColor(colours.line))
    return palette


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1, relative luminance)."""
    high, low = sorted((_luminance(QColor(one)), _luminance(QColor(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


#: How a return leg is drawn, so that it is one without colour, too.
RETURN_STYLE = Qt.PenStyle.DashLine
