"""Oxford IPS120-10 magnet supply as a `MagnetSupply`, on PyMeasure's driver.

Source: Oxford Instruments IPS120-10 Operators Handbook, chapter 7 (commands, status string). What
PyMeasure's `set_field` does at once is done here step by step: the setpoint is written before the
supply is told to go there, nothing sleeps, and the switch heater is never forced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pymeasure.instruments.oxfordinstruments import IPS120_10

from nanojunction.instruments.drivers.magnets import in_order, require_heater, wait_until
from nanojunction.instruments.drivers.oxford import open_oxford
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.roles import MagnetState, MagnetStatus, Snapshot

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import MagnetConfig
    from nanojunction.instruments.visa import Connection

#: Wait (s) for the superconducting switch to open or close (handbook, 5.4).
SWITCH_DELAY_S = 20.0
#: Difference (T) below which the leads carry the magnet's field.
MATCH_T = 1e-4
#: First digit after X of the status string: why the supply is not normal.
SYSTEM_WORDS = {1: "quenched", 2: "overheated", 4: "warming up", 8: "fault"}


def open_ips120_10(config: MagnetConfig, clock: Clock) -> IPS120Magnet:
    """Open the supply at `config.address` and verify that it is an IPS120-10."""
    connection = open_oxford(config, role="magnet", model="IPS120")
    instrument = IPS120_10(connection, clear_buffer=False, field_range=config.max_field_T)
    instrument.write("$Q4")  # extended resolution: 0.01 mT instead of 1 mT in every answer
    return IPS120Magnet(instrument, connection, clock, config.ramp_T_per_min)


class IPS120Magnet:
    """Adapts PyMeasure's `IPS120_10` to the role `MagnetSupply`."""

    def __init__(
        self,
        instrument: IPS120_10,
        connection: Connection,
        clock: Clock,
        lead_rate_T_per_min: float,
    ) -> None:
        self.instrument = instrument
        self._lead_rate = lead_rate_T_per_min
        self._connection = connection
        self._clock = clock
        self._heater_on: bool | None = None

    def identify(self) -> str:
        """Return the answer to the version command V."""
        return self._connection.identity or ""

    def prepare(self, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Take remote control; open the switch where that is safe, so that the magnet can ramp.

        With the magnet persistent, the leads are brought to its field first, as the handbook
        demands. Returns False if `should_stop` cut that short (the leads then hold). Raises
        InstrumentFault if the supply is not in order.
        """
        with in_words(self._connection):
            self.instrument.control_mode = "RU"
            status = self._in_order()
            if status.state is MagnetState.CLAMPED:
                self.instrument.activity = "hold"
            return status.heater_on is not False or self._open_switch(should_stop)

    def _in_order(self) -> MagnetStatus:
        return in_order(self._connection.where, self.status())

    def _open_switch(self, should_stop: Callable[[], bool]) -> bool:
        """Bring the leads to the magnet's field, then heat the switch; False when told to stop."""
        field = float(self.instrument.persistent_field)
        if abs(field - self.lead_field_T()) > MATCH_T and not self._match_leads(field, should_stop):
            return False
        return self._turn_switch(True, should_stop)

    def _turn_switch(self, heated: bool, should_stop: Callable[[], bool]) -> bool:
        """Heat the switch or let it cool, at the present field, and wait until it has turned."""
        self.instrument.activity = "hold"
        self.instrument.switch_heater_enabled = heated
        if not self._clock.sleep(SWITCH_DELAY_S, should_stop):
            return False
        require_heater(self._connection.where, self.status(), heated)
        return True

    def _match_leads(self, field_T: float, should_stop: Callable[[], bool]) -> bool:
        """Ramp the leads, at the station's rate, to the field of the persistent magnet."""
        expected_s = self._way_s(field_T)
        self.ramp_to(field_T, self._lead_rate)
        return self._leads_arrive(field_T, expected_s, should_stop)

    def _way_s(self, field_T: float) -> float:
        return 60.0 * abs(field_T - self.lead_field_T()) / self._lead_rate

    def _leads_arrive(
        self, field_T: float, expected_s: float, should_stop: Callable[[], bool]
    ) -> bool:
        """Wait until the leads hold at a field; they hold where they are when told to stop."""
        if wait_until(
            lambda: self._leads_hold_at(field_T),
            self._clock,
            60.0 + 2.0 * expected_s,
            should_stop,
            f"{self._connection.where}: the leads did not reach {field_T:g} T",
        ):
            return True
        self.instrument.activity = "hold"
        return False

    def _leads_hold_at(self, field_T: float) -> bool:
        holds = self._in_order().state is MagnetState.HOLDING
        return holds and abs(self.lead_field_T() - field_T) <= MATCH_T

    def go_persistent(self, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Close the switch at the present field, wait until it is cold, ramp the leads to zero.

        Told to stop, it returns False with the leads holding and the field as it was. Raises
        InstrumentFault without a switch, or if the supply is not in order.
        """
        with in_words(self._connection):
            self.instrument.control_mode = "RU"
            status = self._in_order()
            if status.heater_on is None:
                raise InstrumentFault(
                    f"{self._connection.where}: no switch is fitted, the magnet cannot be made "
                    "persistent; hold the field with the supply"
                )
            if status.state is MagnetState.CLAMPED and not status.heater_on:  # leads at zero
                return True
            if status.heater_on and not self._turn_switch(False, should_stop):
                return False
            self.instrument.sweep_rate = self._lead_rate
            expected_s = self._way_s(0.0)
            self.instrument.activity = "to zero"
            if not self._leads_arrive(0.0, expected_s, should_stop):
                return False
            self.instrument.activity = "hold"
            return True

    def field_T(self) -> float:
        """Return the magnet's field: that of the leads while the switch is open."""
        if self._heater_on is None:
            self.status()
        with in_words(self._connection):
            if self._heater_on is False:
                return float(self.instrument.persistent_field)
            return float(self.instrument.demand_field)

    def lead_field_T(self) -> float:
        """Return the field that the output current stands for (R7)."""
        with in_words(self._connection):
            return float(self.instrument.demand_field)

    def ramp_to(self, field_T: float, rate_T_per_min: float) -> None:
        """Write rate and setpoint, verify the setpoint, then let the supply go there."""
        with in_words(self._connection):
            self.instrument.sweep_rate = rate_T_per_min
            self.instrument.field_setpoint = field_T
            setpoint = float(self.instrument.field_setpoint)
            if abs(setpoint - field_T) > 1e-4:
                raise InstrumentFault(
                    f"{self._connection.where}: took {setpoint:g} T as setpoint, not {field_T:g} T"
                )
            self.instrument.activity = "to setpoint"

    def hold(self) -> None:
        """Stop at the present field; a clamped output stays clamped."""
        if self.status().state is MagnetState.CLAMPED:
            return
        with in_words(self._connection):
            self.instrument.control_mode = "RU"  # in local control the supply refuses to hold
            self.instrument.activity = "hold"

    def status(self) -> MagnetStatus:
        """Decode the status string `XmnAnCnHnMmnPmn`."""
        with in_words(self._connection):
            text = self.instrument.ask("X")
            system, activity, heater, sweep = (int(text[k]) for k in (1, 4, 8, 11))
        self._heater_on = None if heater == 8 else heater == 1
        if system == 1:
            state, detail = MagnetState.QUENCHED, "quenched"
        elif system or heater == 5:
            words = SYSTEM_WORDS.get(system, f"status {text}")
            state = MagnetState.FAULT
            detail = "switch heater fault" if heater == 5 else words
        elif activity == 4:
            state, detail = MagnetState.CLAMPED, "output clamped"
        elif sweep in (1, 3):
            state, detail = MagnetState.RAMPING, ""
        else:
            state, detail = MagnetState.HOLDING, ""
        return MagnetStatus(state, self._heater_on, detail)

    def snapshot(self) -> Snapshot:
        """Return the settings as the supply reports them."""
        with in_words(self._connection):
            return {
                "identity": self.identify(),
                "setpoint_T": self.instrument.field_setpoint,
                "ramp_T_per_min": self.instrument.sweep_rate,
                "field_T": self.field_T(),
                "lead_field_T": self.lead_field_T(),
                "status": self.instrument.ask("X"),
            }

    def reconnect(self) -> None:
        """Open a lost connection again, and ask for the extended resolution again."""
        self._connection.reconnect()
        self.instrument.write("$Q4")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
