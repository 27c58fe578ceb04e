"""The thermometers of a virtual MercuryiTC, each with its control loop.

Source: MercuryiTC operator's manual UMC0071 (issue 05, 2015), section 8.3.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from nanojunction.instruments.virtual.mercury_itc.language import (
    Branch,
    InvalidError,
    NotApplicableError,
    Noun,
    Store,
    number,
    signal,
)
from nanojunction.instruments.virtual.mercury_itc.parts import Gas, Heater, manufacture
from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.temperature_loop import TemperatureLoop

_HOTTEST_K = 2000.0


@dataclass(frozen=True, slots=True)
class Probe:
    """A kind of thermometer: its type, its calibration, and what it shows at a temperature (SI)."""

    type: str
    curve: str
    excitation_A: float
    shown: Callable[[float], float]  # V for a diode, ohm for a resistor

    def signals(self, kelvin: float) -> dict[str, float]:
        """Return voltage, current, power, and the resistance of a resistor."""
        if self.type == "DDE":
            volt = self.shown(kelvin)
            return {"VOLT": volt, "CURR": self.excitation_A, "POWR": volt * self.excitation_A}
        ohm, ampere = self.shown(kelvin), self.excitation_A
        return {"VOLT": ohm * ampere, "CURR": ampere, "POWR": ohm * ampere**2, "RES": ohm}


_UNITS = {"VOLT": "V", "CURR": "A", "POWR": "W", "RES": "O"}


class Thermometer:
    """A temperature sensor and the control loop that belongs to it."""

    def __init__(
        self, world: World, now_s: Callable[[], float], uid: str, place: int, probe: Probe
    ) -> None:
        self.uid = uid
        self.loop = TemperatureLoop(world)
        self.is_connected = True
        self._world, self._now_s, self._place, self._probe = world, now_s, place, probe
        self._store = Store(
            {
                "NICK": uid,
                "TYPE": probe.type,
                "EXCT:TYPE": "UNIP",
                "FILE": probe.curve,
                "EXCT:MAG": probe.excitation_A * 1e6,
                "INT": "LIN",
                "SCAL": 1.0,
                "OFFS": 0.0,
                "HOTL": _HOTTEST_K,
                "COLDL": 0.0,
                "P": 20.0,
                "I": 2.0,
                "D": 0.0,
                "PIDT": "OFF",
                "PIDF": "None",
                "THTF": "None",
                "SWFL": "None",
                "SWMD": "OFF",
                "FAUT": "OFF",
                "RSMP": 1.0,
            }
        )

    # Readings

    def kelvin(self) -> float:
        """Return a reading; 0 K without a sensor."""
        if not self.is_connected:
            return 0.0
        offset, scale = float(self._store.values["OFFS"]), float(self._store.values["SCAL"])
        return scale * self._world.sensor_K(self._place, self._now_s()) + offset

    def _signal(self, name: str) -> Noun:
        def text() -> str:
            signals = self._probe.signals(max(self.kelvin(), 1e-3))
            if name not in signals:
                raise NotApplicableError
            value = signals[name] if self.is_connected else 0.0
            unit = "mV" if name == "VOLT" else _UNITS[name]
            return f"{value * 1e3:.4f}mV" if unit == "mV" else signal(value, unit)

        return Noun(text)

    def _slope(self) -> str:
        kelvin = max(self.kelvin(), 1e-3)
        slope = (self._probe.shown(kelvin * 1.001) - self._probe.shown(kelvin)) / (kelvin * 1e-3)
        return f"{slope:.4f}{'V' if self._probe.type == 'DDE' else 'O'}/K"

    def nouns(self, heater: Heater, gas: Gas) -> Branch:
        """Return the sensor's nouns."""
        store = self._store
        return {
            "MAN": manufacture(f"11345{self._place:04d}"),
            "NICK": store.word("NICK"),
            "STAT": Noun(lambda: "00000000" if self.is_connected else "00000001"),
            "TYPE": store.word("TYPE", ("DUM", "PTC", "NTC", "TCE", "DDE")),
            "EXCT": {
                "TYPE": store.word("EXCT:TYPE", ("UNIP", "BIP", "SOFT")),
                "MAG": store.number("EXCT:MAG", "uA", 0.0, 1000.0),
            },
            "CAL": {
                "FILE": store.word("FILE"),
                "INT": store.word("INT", ("NONE", "LIN", "SPL", "LAGR")),
                "SCAL": store.number("SCAL", "", 0.5, 1.5),
                "OFFS": store.number("OFFS", "", -100.0, 100.0),
                "HOTL": store.number("HOTL", "K", 0.0, _HOTTEST_K),
                "COLDL": store.number("COLDL", "K", 0.0, 1000.0),
            },
            "RSMP": store.number("RSMP", "", 1.0, 1000.0),
            "SIG": {
                **{name: self._signal(name) for name in _UNITS},
                "TEMP": Noun(lambda: f"{self.kelvin():.4f}K"),
                "RTMP": Noun(lambda: f"{self.kelvin():.4f}K"),
                "SLOP": Noun(self._slope),
            },
            "LOOP": self._loop_nouns(heater, gas),
        }

    # Loop

    def _loop_nouns(self, heater: Heater, gas: Gas) -> Branch:
        store, loop = self._store, self.loop

        def setpoint() -> str:
            return f"{loop.setpoint_K(self._now_s()):.4f}K"

        def rate() -> str:
            return f"{loop.rate_K_per_min:.4f}K/m" if loop.rate_K_per_min < math.inf else "infK/m"

        return {
            "HTR": Noun(
                lambda: heater.uid if heater.loop is self.loop else "None", self._take(heater)
            ),
            "AUX": Noun(lambda: gas.uid if gas.loop is self.loop else "None", self._take(gas)),
            "P": store.number("P", "", 0.0, 199.9),
            "I": store.number("I", "", 0.0, 199.9),
            "D": store.number("D", "", 0.0, 299.9),
            "PIDT": store.word("PIDT", ("OFF", "ON")),
            "PIDF": store.word("PIDF"),
            "THTF": store.word("THTF"),
            "SWFL": store.word("SWFL"),
            "SWMD": store.word("SWMD", ("OFF", "ON")),
            "ENAB": Noun(lambda: "ON" if loop.closed else "OFF", self._enable(heater)),
            "TSET": Noun(setpoint, self._set_setpoint),
            "HSET": Noun(lambda: self._heater_set(heater), self._set_heater(heater)),
            "RSET": Noun(rate, self._set_rate),
            "RENA": Noun(lambda: "ON" if loop.ramps else "OFF", self._set_ramps),
            "FAUT": store.word("FAUT", ("OFF", "ON")),
            "FSET": Noun(lambda: f"{gas.flow_percent:.4f}", self._set_flow(gas)),
        }

    def _take(self, part: Heater | Gas) -> Callable[[str], None]:
        """Return the setter of the heater or the gas flow of this loop; 0 or None gives it back."""

        def change(text: str) -> None:
            if text not in (part.uid, part.settings.values["NICK"], "None", "0"):
                raise InvalidError
            if isinstance(part, Heater) and part.loop is not None and part.loop.closed:
                part.loop.open(self._now_s(), part.loop.heater_percent(self._now_s()))
            part.loop = None if text in ("None", "0") else self.loop

        return change

    def _enable(self, heater: Heater) -> Callable[[str], None]:
        def change(text: str) -> None:
            if text not in ("ON", "OFF") or heater.loop is not self.loop:
                raise InvalidError
            now = self._now_s()
            if text == "ON" and not self.loop.closed:
                self.loop.close(now, heater.power)
            elif text == "OFF" and self.loop.closed:
                self.loop.open(now, self.loop.heater_percent(now))

        return change

    def _heater_set(self, heater: Heater) -> str:
        return f"{heater.percent() if heater.loop is self.loop else 0.0:.4f}"

    def _set_heater(self, heater: Heater) -> Callable[[str], None]:
        def change(text: str) -> None:
            percent = number(text, "%", 0.0, 100.0)
            if heater.loop is not self.loop:
                raise InvalidError
            heater.set_percent(percent)

        return change

    def _set_flow(self, gas: Gas) -> Callable[[str], None]:
        def change(text: str) -> None:
            percent = number(text, "%", 0.0, 100.0)
            if gas.loop is not self.loop:
                raise InvalidError
            gas.flow_percent = percent

        return change

    def _set_setpoint(self, text: str) -> None:
        cold, hot = float(self._store.values["COLDL"]), float(self._store.values["HOTL"])
        self.loop.go_to(self._now_s(), number(text, "K", cold, hot))

    def _set_rate(self, text: str) -> None:
        rate = number(text, "K/m", 0.0, math.inf)
        if 1e5 < rate < math.inf:
            raise InvalidError
        self.loop.set_ramp(self._now_s(), self.loop.ramps, rate)

    def _set_ramps(self, text: str) -> None:
        if text not in ("ON", "OFF"):
            raise InvalidError
        self.loop.set_ramp(self._now_s(), text == "ON", self.loop.rate_K_per_min)
