"""The run under way: I(V) as it grows, and what the analysis makes of it so far."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QLabel, QSplitter, QVBoxLayout, QWidget

from nanojunction.analysis.notation import measured
from nanojunction.analysis.values import Curve, Quantity
from nanojunction.gui.plots import Plot
from nanojunction.gui.rows import RunRows, broken_where, directions
from nanojunction.gui.theme import RETURN_STYLE, Theme
from nanojunction.instruments.clock import Clock

#: The analysis of a run under way is repeated at most this often (s), and at most this part of the
#: time is spent on it.
EVERY_S, PART = 0.7, 0.2
#: What is drawn against what, by the kind of the run.
AXES = {
    "iv": ("Voltage (V)", "Current (A)"),
    "calibration": ("Voltage (V)", "Current (A)"),
    "ih": ("Field (T)", "Current (A)"),
    "it": ("Time (s)", "Current (A)"),
    "vt": ("Time (s)", "Voltage (V)"),
    "temperature-series": ("Voltage (V)", "Current (A)"),
}
#: The curves beside it: the quantity's key, the axis, and the unit.
BESIDE = (("conductance", "dI/dV", "S"), ("p_v_W", "P", "W"))


class LiveView(QWidget):
    """What is measured now; the numbers are those of `nanojunction analyse` on the file so far."""

    analysed = pyqtSignal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.rows = RunRows()
        self._wall, self._next_s, self._had = Clock(), 0.0, 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="live-analysis")
        self._future: Future[Any] | None = None
        self._has_ended = False
        self.main = Plot(theme, "Voltage", "V", "Current", "A")
        self.forward = self.main.curve("forward ▸", lambda colours: colours.forward)
        self.backward = self.main.curve("◂ return", lambda c: c.backward, RETURN_STYLE)
        self.limited = self.main.points("in compliance", lambda c: c.bad)
        self.here = self.main.points("", lambda c: c.text, size=9)
        self.beside = {}
        side = QSplitter(Qt.Orientation.Vertical)
        for key, name, unit in BESIDE:
            plot = Plot(theme, "Voltage", "V", name, unit)
            plot.setXLink(self.main)
            lines = (plot.curve("", lambda c: c.forward),
                     plot.curve("", lambda c: c.backward, RETURN_STYLE))  # fmt: skip
            self.beside[key] = (plot, lines)
            side.addWidget(plot)
        self.words = QLabel("Nothing is measured. Fill in the form and press Run.")
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        both = QSplitter(Qt.Orientation.Horizontal)
        both.addWidget(self.main)
        both.addWidget(side)
        both.setSizes([2000, 1000])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(both, 1)
        column.addWidget(self.words)
        self.analysed.connect(self._show_analysis)

    def show_look(self, look: dict[str, Any]) -> None:
        """Draw what is new, and have the analysis look at the file now and then."""
        if self._has_ended:
            return  # what was on its way when the window closed
        state = look["state"]
        if self.rows.take(look["rows"]):
            self._draw(state["procedure"] or "iv")
        ended = state["status"] not in ("running", "suspended")
        self._analyse(state, ended=ended)

    def _draw(self, kind: str) -> None:
        x_name, y_name = AXES.get(kind, AXES["iv"])
        x, y = self.rows.column(x_name), self.rows.column(y_name)
        self.main.name(x_name, y_name)
        setpoint = self.rows.column("Setpoint (V)")
        up = directions(setpoint if len(setpoint) else x, self.rows.column("Leg"))
        if not len(up):
            up = np.ones(len(x), dtype=bool)
        self.forward.setData(x, broken_where(y, up), connect="finite")
        self.backward.setData(x, broken_where(y, ~up), connect="finite")
        limited = self.rows.column("In compliance") > 0
        if len(limited):
            self.limited.setData(x[limited], y[limited])
        self.here.setData(x[-1:], y[-1:])

    def _analyse(self, state: dict[str, Any], *, ended: bool) -> None:
        """Look at the file in another thread, if there is something new and it is time."""
        file = state["file"]
        if file is None or self.rows.total == self._had or self._future is not None:
            return
        if not ended and self._wall.now() < self._next_s:
            return
        self._had, began = self.rows.total, self._wall.now()
        self._future = self._pool.submit(analysis_of, Path(file))

        def done(future: Future[Any]) -> None:
            took_s = self._wall.now() - began
            self._next_s = self._wall.now() + max(EVERY_S, took_s * (1.0 / PART - 1.0))
            self._future = None
            self.analysed.emit(future.result())

        self._future.add_done_callback(done)

    def _show_analysis(self, found: dict[str, Any]) -> None:
        for key, curves in found["curves"].items():
            plot, lines = self.beside[key]
            for line, (x, y) in zip(lines, curves, strict=False):
                line.setData(x, y, connect="finite")
            plot.setToolTip(found["method"].get(key, ""))
        self.words.setText(found["words"])

    def stop(self) -> None:
        """End the thread of the analysis."""
        self._has_ended = True
        self._pool.shutdown(wait=True, cancel_futures=True)


def analysis_of(file: Path) -> dict[str, Any]:
    """Return what the analysis says of a run file so far: numbers in words, and curves."""
    from nanojunction.analysis.analyse import analyse

    found = analyse([file])
    if not found.run_results:
        return {"words": "; ".join(one.error for one in found.errors), "curves": {}, "method": {}}
    quantities = dict(found.run_results[0].quantities)
    parts = []
    for key, name, unit in (("r_s_ohm", "R_s", "Ω"), ("v_off_V", "V_off", "V"),
                            ("i_off_A", "I_off", "A"), ("p_max_W", "P_max", "W")):  # fmt: skip
        one = quantities.get(key)
        if isinstance(one, Quantity):
            number = measured(one, unit)
            parts.append(f"{name}: {one.note}" if number is None else f"{name} = {number}")
    curves: dict[str, list[tuple[Any, Any]]] = {}
    for key, names in (("conductance", ("conductance_forward_S", "conductance_return_S")),
                       ("p_v_W", ("p_v_W",))):  # fmt: skip
        there = [quantities.get(name) for name in names]
        curves[key] = [
            (np.asarray(one.x, float), np.asarray(one.y, float))
            for one in there
            if isinstance(one, Curve)
        ]
    return {"words": "    ".join(parts), "curves": curves, "method": {}}
