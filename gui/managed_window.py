"""Our procedures in PyMeasure's own window, for those who know it from other experiments."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from pymeasure.display.windows import ManagedWindow

from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.environment import FIELD
from nanojunction.procedures.rows import CURRENT, VOLTAGE
from nanojunction.procedures.runfile import free_path

#: What is plotted against what, by the kind of the run.
AXES = {"ih": (FIELD, CURRENT)}


class JunctionWindow(ManagedWindow):
    """PyMeasure's ManagedWindow with one of our procedures, its station and its folder filled in.

    `procedure_class` is a `JunctionProcedure`; run files go to `folder`.
    """

    def __init__(
        self, procedure_class: type[JunctionProcedure], station_file: Path, folder: Path
    ) -> None:
        x_axis, y_axis = AXES.get(procedure_class.KIND, (VOLTAGE, CURRENT))
        keys = ["sample", "station_file", *procedure_class().settable()]
        super().__init__(
            procedure_class=procedure_class,
            inputs=keys,
            displays=["sample", "temperature", "field"],
            x_axis=x_axis,
            y_axis=y_axis,
            enable_file_input=False,
            inputs_in_scrollarea=True,
        )
        self.setWindowTitle(f"nanojunction: {procedure_class.KIND}")
        self.inputs.station_file.setValue(str(station_file))
        self.folder = folder

    def queue(self, procedure: JunctionProcedure | None = None) -> None:
        """Queue the run that the form describes."""
        from pymeasure.experiment import Results

        procedure = procedure or self.make_procedure()
        procedure.expect_columns(load_station_file(Path(procedure.station_file)))
        self.folder.mkdir(parents=True, exist_ok=True)
        path = free_path(self.folder, f"{procedure.sample or 'junction'}_{procedure.KIND}")
        experiment = self.new_experiment(Results(procedure, str(path)))
        self.manager.queue(experiment)

    def closeEvent(self, event: Any) -> None:
        """Leave nothing behind: PyMeasure's estimator and its log outlive their window."""
        if self.use_estimator:
            self.estimator.update_thread.stop()
            self.estimator.update_thread.join()
        logging.getLogger().removeHandler(self.log_widget.handler)
        super().closeEvent(event)
