"""American Magnetics Model 430 programmer as a `MagnetSupply`, on PyMeasure's driver.

Source: American Magnetics, Model 430 manual, chapter "Remote Interface Reference". What PyMeasure's
`ramp_to_field` and `shutdown` do at once is done here step by step: the switch heater goes on only
with the leads at the magnet's field, no wait is without an end, and every field is read together
with its unit. The programmer carries out commands in local control as well: it is left there, so
that the front panel stays usable for whoever stands at the cryostat.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanojunction.instruments.drivers.ami430_programmer import Programmer, open_programmer
from nanojunction.instruments.drivers.magnets import in_order, require_heater, wait_until
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.roles import MagnetState, MagnetStatus, Snapshot

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import MagnetConfig
    from nanojunction.instruments.visa import Connection

#: Difference (T) below which a setting is what was asked for.
SETTING_T = 1e-4
#: Difference (T) below which the leads carry the magnet's current, which is measured to some mA.
MATCH_T = 1e-3
#: Answers to STATE?.
STATES = {
    1: (MagnetState.RAMPING, ""),
    2: (MagnetState.HOLDING, ""),
    3: (MagnetState.HOLDING, ""),
    4: (MagnetState.RAMPING, "ramping up by hand"),
    5: (MagnetState.RAMPING, "ramping down by hand"),
    6: (MagnetState.RAMPING, "ramping to zero"),
    7: (MagnetState.QUENCHED, "quenched"),
    8: (MagnetState.HOLDING, ""),
    9: (MagnetState.RAMPING, "heating the switch"),
    10: (MagnetState.RAMPING, "cooling the switch"),
    11: (MagnetState.FAULT, "ramping down for an external fault"),
}
#: Those in which the switch is heated or cooled.
SWITCHING = (9, 10)


def open_ami430(config: MagnetConfig, clock: Clock) -> AMI430Magnet:
    """Open the programmer at `config.address` and verify that it is a Model 430."""
    connection = open_programmer(config)
    return AMI430Magnet(Programmer(connection), connection, clock)


class AMI430Magnet:
    """Adapts PyMeasure's `AMI430` to the role `MagnetSupply`."""

    def __init__(self, instrument: Programmer, connection: Connection, clock: Clock) -> None:
        self.instrument = instrument
        self._connection = connection
        self._clock = clock
        self._slowest: dict[int, float] = {}  # rates (T/min) of the outer segments, as found

    def identify(self) -> str:
        """Return the answer to *IDN?."""
        return self._connection.identity or ""

    def prepare(self, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Set tesla and minutes; open the switch where that is safe, so that the magnet can ramp.

        With the magnet persistent, the leads are brought to its field first. Returns False if
        `should_stop` cut that short (the leads then hold). Raises InstrumentFault if the
        programmer is not in order.
        """
        with in_words(self._connection):
            self.instrument.set_units()
            status = self._in_order()
            if status.heater_on is None:
                return True
            if status.heater_on:
                return self._timer_ends(should_stop)
            return self._open_switch(should_stop)

    def go_persistent(self, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Close the switch at the present field, wait until it is cold, ramp the leads to zero.

        Told to stop, it returns False with the leads holding and the field as it was. Raises
        InstrumentFault without a switch, or if the programmer is not in order.
        """
        with in_words(self._connection):
            status = self._in_order()
            if status.heater_on is None:
                raise InstrumentFault(
                    f"{self._connection.where}: no switch is fitted, the magnet cannot be made "
                    "persistent; hold the field with the supply"
                )
            if not self._timer_ends(should_stop):
                return False
            if status.heater_on:
                self.instrument.pause()
                self.instrument.order("PS 0")
                if not self._timer_ends(should_stop):
                    return False
                self._require_heater(False)
            return self._leads_to(0.0, should_stop)

    def _open_switch(self, should_stop: Callable[[], bool]) -> bool:
        """Bring the leads to the magnet's current, then heat the switch; False when stopped."""
        if not self._timer_ends(should_stop):
            return False
        if not self._leads_to(float(self.instrument.magnet_current), should_stop):
            return False
        self.instrument.order("PS 1")
        if not self._timer_ends(should_stop):
            return False
        self._require_heater(True)
        return True

    def _leads_to(self, current_A: float, should_stop: Callable[[], bool]) -> bool:
        """Run the leads, with the switch closed, to a current at the programmer's rate for that."""
        per_A = self.instrument.tesla_per_A()
        way_A = abs(current_A - float(self.instrument.supply_current))
        if way_A * per_A > MATCH_T:
            rate = self.instrument.number("PS:PSRR?")
            self.instrument.pause()
            self.instrument.order(f"CONF:CURR:TARG {current_A:.6f}")
            self.instrument.order("RAMP")
            if not wait_until(
                lambda: self._holds_at(current_A, per_A),
                self._clock,
                60.0 + 2.0 * way_A / rate,
                should_stop,
                f"{self._connection.where}: the leads did not reach {current_A:g} A",
            ):
                self.instrument.pause()
                return False
        self.instrument.pause()
        return True

    def _holds_at(self, current_A: float, per_A: float) -> bool:
        holds = self._in_order().state is MagnetState.HOLDING
        away_A = float(self.instrument.supply_current) - current_A
        return holds and abs(away_A) * per_A <= MATCH_T

    def _timer_ends(self, should_stop: Callable[[], bool]) -> bool:
        """Wait while the programmer heats or cools the switch; False when told to stop."""
        longest_s = 60.0 + self.instrument.number("PS:HTIME?") + self.instrument.number("PS:CTIME?")
        if not wait_until(
            lambda: int(self.instrument.state) not in SWITCHING,
            self._clock,
            longest_s,
            should_stop,
            f"{self._connection.where}: has been heating or cooling the switch for {longest_s:g} s",
        ):
            return False
        self._in_order()
        return True

    def _require_heater(self, on: bool) -> None:
        require_heater(self._connection.where, self.status(), on)

    def _in_order(self) -> MagnetStatus:
        return in_order(self._connection.where, self.status())

    def field_T(self) -> float:
        """Return the magnet's field: the recorded one while the switch is closed."""
        with in_words(self._connection):
            return self.instrument.tesla() * float(self.instrument.field)

    def lead_field_T(self) -> float:
        """Return the field that the supply's current stands for."""
        with in_words(self._connection):
            return self.instrument.tesla_per_A() * float(self.instrument.supply_current)

    def ramp_to(self, field_T: float, rate_T_per_min: float) -> None:
        """Write rate and target, verify both, then let the programmer go there.

        Rate segments that the laboratory has set for higher currents are not made faster.
        """
        with in_words(self._connection):
            self.instrument.set_units()
            self.instrument.pause()
            self._set_rates(rate_T_per_min)
            self.instrument.order(f"CONF:FIELD:TARG {field_T:.8f}")
            target = float(self.instrument.target_field)
            if abs(target - field_T) > SETTING_T:
                raise InstrumentFault(
                    f"{self._connection.where}: took {target:g} T as target, not {field_T:g} T"
                )
            self.instrument.order("RAMP")

    def _set_rates(self, rate_T_per_min: float) -> None:
        """Set the rate of the first segment, and that of the others where they were faster."""
        for segment in range(1, int(self.instrument.number("RAMP:RATE:SEG?")) + 1):
            found, bound = self.instrument.segment(segment)
            wanted = rate_T_per_min
            if segment > 1:
                wanted = min(wanted, self._slowest.setdefault(segment, found))
            self.instrument.order(f"CONF:RAMP:RATE:FIELD {segment},{wanted:.8g},{bound:.8g}")
            taken, _ = self.instrument.segment(segment)
            if abs(taken - wanted) > 1e-3 * wanted:
                raise InstrumentFault(
                    f"{self._connection.where}: took {taken:g} T/min as rate, not {wanted:g} T/min"
                )

    def hold(self) -> None:
        """Stop at the present field."""
        with in_words(self._connection):
            self.instrument.order("PAUSE")

    def status(self) -> MagnetStatus:
        """Ask for state, switch and heater."""
        with in_words(self._connection):
            state, detail = STATES[int(self.instrument.state)]
            fitted = self.instrument.number("PS:INST?") == 1
            heater = (self.instrument.number("PS?") == 1) if fitted else None
        return MagnetStatus(state, heater, detail)

    def snapshot(self) -> Snapshot:
        """Return the settings as the programmer reports them."""
        with in_words(self._connection):
            minutes = self.instrument.number("RAMP:RATE:UNITS?") == 1
            rate, _ = self.instrument.segment(1)
            tesla = self.instrument.tesla()
            return {
                "identity": self.identify(),
                "setpoint_T": tesla * float(self.instrument.target_field),
                "ramp_T_per_min": tesla * rate * (1.0 if minutes else 60.0),
                "field_T": self.field_T(),
                "lead_field_T": self.lead_field_T(),
                "coil_T_per_A": self.instrument.tesla_per_A(),
                "current_limit_A": self.instrument.number("CURR:LIM?"),
                "voltage_limit_V": float(self.instrument.voltage_limit),
                "status": self.instrument.magnet_status,
            }

    def reconnect(self) -> None:
        """Open a lost connection again; changes nothing on the programmer."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
