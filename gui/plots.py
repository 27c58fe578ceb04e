"""pyqtgraph as it looks here: in the theme's colours, with units that keep their prefix."""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QColor

from nanojunction.gui.theme import Colours, Theme

Colour = Callable[[Colours], str]


class Plot(pg.PlotWidget):
    """A plot that follows the theme."""

    def __init__(self, theme: Theme, x: str, x_unit: str, y: str, y_unit: str) -> None:
        super().__init__()
        self._theme = theme
        self._drawn: list[tuple[pg.PlotDataItem, Colour, Qt.PenStyle | None]] = []
        self._legend = self.addLegend(offset=(12, 12))
        self.showGrid(x=True, y=True, alpha=0.15)
        self.setLabel("bottom", x, units=x_unit)
        self.setLabel("left", y, units=y_unit)
        self.setMinimumHeight(120)
        theme.changed.connect(self._paint)
        self._paint()

    def name(self, x: str, y: str) -> None:
        """Label the axes by the columns of a run file: `Voltage (V)`."""
        for side, column in (("bottom", x), ("left", y)):
            words, _, unit = column.rstrip(")").partition(" (")
            self.setLabel(side, words, units=unit)
        self.setAccessibleName(f"{y} against {x}")

    def curve(
        self, name: str, colour: Colour, style: Qt.PenStyle = Qt.PenStyle.SolidLine
    ) -> pg.PlotDataItem:
        """Return a new line."""
        item = self.plot([], [], name=name or None)
        self._drawn.append((item, colour, style))
        self._paint()
        return item

    def points(self, name: str, colour: Colour, size: int = 6) -> pg.PlotDataItem:
        """Return new hollow points without a line."""
        item = self.plot([], [], name=name or None, pen=None, symbol="o", symbolSize=size)
        self._drawn.append((item, colour, None))
        self._paint()
        return item

    def _paint(self) -> None:
        colours = self._theme.colours
        self.setBackground(colours.base)
        for side in ("left", "bottom"):
            self.getAxis(side).setPen(colours.line)
            self.getAxis(side).setTextPen(colours.text)
        self._legend.setLabelTextColor(QColor(colours.text))
        width = 1.5 * self.devicePixelRatioF()
        for item, colour, style in self._drawn:
            if style is None:
                item.setSymbolPen(pg.mkPen(colour(colours), width=width))
                item.setSymbolBrush(None)
            else:
                item.setPen(pg.mkPen(colour(colours), width=width, style=style))
