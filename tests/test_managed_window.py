"""Our procedures run in PyMeasure's ManagedWindow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanojunction.procedures.iv import IVSweep


def test_an_iv_runs_in_the_managed_window(
    qtbot: Any, station_file: Callable[..., Path], tmp_path: Path
) -> None:
    from nanojunction.gui.managed_window import JunctionWindow

    handlers = list(logging.getLogger().handlers)
    window = JunctionWindow(IVSweep, station_file(), tmp_path / "runs")
    qtbot.addWidget(window)
    window.show()
    window.inputs.sample.setValue("A")
    with qtbot.waitSignal(window.manager.finished, timeout=60_000):
        window.queue()
    (file,) = (tmp_path / "runs").glob("*.csv")
    assert "Field (T),Temperature (K),Temperature vti (K),In compliance" in file.read_text("utf-8")
    rows = [line for line in file.read_text(encoding="utf-8").splitlines() if line[0].isdigit()]
    assert len(rows) == len(IVSweep(sample="A").sweep())
    window.close()
    assert logging.getLogger().handlers == handlers
    assert not window.estimator.update_thread.isRunning()
