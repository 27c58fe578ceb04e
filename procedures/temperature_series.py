"""I(V) at a list of temperatures, each measured once the sample is stable."""

from __future__ import annotations

from collections.abc import Mapping

from nanojunction.instruments.roles import Reading
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.quantities import QuantityListParameter, parse_quantities
from nanojunction.procedures.run_parameters import ProcedureError

SETPOINT_K = "Temperature setpoint (K)"


class TemperatureSeries(IVSweep):
    """A series of I(V): the output is open while the temperature changes."""

    KIND = "iv"
    DATA_COLUMNS = (*JunctionProcedure.DATA_COLUMNS, SETPOINT_K)

    temperatures = QuantityListParameter(
        "Temperatures", "K", default="",
        description="in the order to be measured: '40, 60, 80', or start:stop:step '40:360:40'",
    )  # fmt: skip

    def targets(self) -> tuple[float, ...]:
        """Return the temperatures (K) in the order to be measured."""
        return parse_quantities(self.temperatures, "K")

    def check(self) -> None:
        """Check every temperature against the limits, beside what an I(V) checks."""
        if not self.targets():
            raise ProcedureError("temperatures: at least one is needed, for example '40:360:40'")
        for target in self.targets():
            self.station.temperature.check(target, self.temperature_rate_K_per_min())
        super().check()

    def goes_to_temperatures(self) -> bool:
        """Tell that the run goes to temperatures of its own."""
        return True

    def planned_rows(self) -> int:
        """Return the number of points at all temperatures."""
        return len(self.targets()) * len(self.sweep())

    def execute(self) -> None:
        """At each temperature: wait until stable, measure the sweep, open the output.

        Temperatures that earlier parts have measured are passed over.
        """
        sweep, share = self.sweep(), 100.0 / len(self.targets())
        finished, skip = divmod(self.rows_done, len(sweep))
        for index, target in enumerate(self.targets()):
            if index < finished:
                continue
            if not self.settle_at(target):
                return
            self._target_K = target
            self.protection.forget()
            if not self.sweep_once(
                first_leg=index * len(sweep.legs()),
                skip=skip if index == finished else 0,
                done=index * share,
                share=share,
            ):
                return
            self.de_energise()

    def row_at(
        self,
        moment: float,
        environment: Mapping[str, float],
        leg: int,
        setpoint: float,
        reading: Reading,
    ) -> dict[str, float | int]:
        """Return a row that names the plateau it belongs to."""
        row = super().row_at(moment, environment, leg, setpoint, reading)
        return row | {SETPOINT_K: self._target_K}

    def get_estimates(self) -> float:
        """Return the duration of rests and sweeps in seconds, without changes of temperature."""
        return len(self.targets()) * super().get_estimates()
