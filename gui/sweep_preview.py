"""The sweep as it will be made, drawn from what the procedure itself will carry out."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pyqtgraph as pg

from nanojunction.gui.theme import Theme
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.procedures.base import JunctionProcedure

#: More points than this are drawn by their legs' ends alone.
MOST_POINTS = 5000


class SweepPreview(pg.PlotWidget):
    """Setpoint against point number; empty where a procedure has no sweep, or none that fits."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedHeight(8 * self.fontMetrics().height())
        self.setMouseEnabled(False, False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setAccessibleName("Sweep preview")
        self._curve = self.plot([], [])
        theme.changed.connect(self._paint)
        self._paint()

    def show_sweep(self, procedure: JunctionProcedure | None) -> None:
        """Draw the sweep of a procedure."""
        x, y, unit = [], [], ""
        sweep_of = getattr(procedure, "sweep", None)
        try:
            sweep = None if sweep_of is None else sweep_of()
        except LaboratoryError:
            sweep = None
        if sweep is not None:
            unit = getattr(sweep, "unit", "")
            if hasattr(sweep, "points") and len(sweep) <= MOST_POINTS:
                y = [point.setpoint for point in islice(sweep.points(), MOST_POINTS)]
                x = list(range(len(y)))
            else:
                ends = [sweep.legs()[0][0], *(stop for _, stop in sweep.legs())]
                x, y = list(range(len(ends))), ends
        self._curve.setData(np.asarray(x, float), np.asarray(y, float))
        self.setLabel("left", "setpoint", units=unit or None)
        self.setLabel("bottom", "point" if len(y) > 2 else "")

    def _paint(self) -> None:
        colours = self._theme.colours
        self.setBackground(colours.base)
        for side in ("left", "bottom"):
            self.getAxis(side).setPen(colours.line)
            self.getAxis(side).setTextPen(colours.text)
        self._curve.setPen(pg.mkPen(colours.forward, width=1.5))
