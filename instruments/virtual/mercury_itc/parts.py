"""Heater, gas flow and level meter of a virtual MercuryiTC.

Source: MercuryiTC operator's manual UMC0071 (issue 05, 2015), section 8.3.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from nanojunction.instruments.virtual.mercury_itc.language import (
    Branch,
    Noun,
    Store,
    number,
)
from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.temperature_loop import TemperatureLoop

#: What the heater gives at most (V) where its limit is not lower.
_FULL_V = 40.0


def manufacture(serial: str) -> Branch:
    """Return the nouns that tell versions and serial number of a board."""
    made = Store({"HVER": "1", "FVER": "1.02", "SERL": serial})
    return {name: made.fixed(name) for name in made.values}


@dataclass(slots=True)
class Heater:
    """The heater of the insert, and the loop that has it."""

    world: World
    now_s: Callable[[], float]
    loop: TemperatureLoop | None = None
    uid: str = "MB0.H1"
    settings: Store = field(default_factory=lambda: Store({"NICK": "MB0.H1"}))
    limit_V: float = _FULL_V
    resistance_ohm: float = 50.0

    @property
    def power(self) -> float:
        """The fraction of the full power that the limit leaves."""
        return (self.limit_V / _FULL_V) ** 2

    def voltage_V(self) -> float:
        """Return the voltage across the heater."""
        percent = self.world.cryostat.heater_percent(self.now_s())
        if self.loop is not None:
            percent = self.loop.heater_percent(self.now_s())
        return percent / 100.0 * _FULL_V

    def percent(self) -> float:
        """Return the output in percent of the limit."""
        return 100.0 * self.voltage_V() / self.limit_V if self.limit_V else 0.0

    def set_percent(self, percent: float) -> None:
        """Set the output in percent of the limit; a closed loop goes on to choose its own."""
        if self.loop is None or not self.loop.closed:
            self.world.cryostat.free(self.now_s(), percent * self.limit_V / _FULL_V)

    def nouns(self) -> Branch:
        """Return the heater's nouns."""

        def power_W() -> float:
            return self.voltage_V() ** 2 / self.resistance_ohm

        return {
            "MAN": manufacture("113450001"),
            "NICK": self.settings.word("NICK"),
            "STAT": Noun(lambda: "00000000"),
            "VLIM": Noun(lambda: f"{self.limit_V:.4f}", self._set_limit),
            "RES": Noun(lambda: f"{self.resistance_ohm:.4f}", self._set_resistance),
            "PMAX": Noun(lambda: f"{self.limit_V**2 / self.resistance_ohm:.4f}"),
            "SIG": {
                "VOLT": Noun(lambda: f"{self.voltage_V():.4f}V", self._set_voltage),
                "CURR": Noun(lambda: f"{self.voltage_V() / self.resistance_ohm:.4f}A"),
                "POWR": Noun(lambda: f"{power_W():.4f}W", self._set_power),
            },
        }

    def _set_limit(self, text: str) -> None:
        percent = self.percent()
        self.limit_V = number(text, "V", 0.0, _FULL_V)
        if self.loop is not None and self.loop.closed:
            self.loop.close(self.now_s(), self.power)
        else:
            self.set_percent(percent)

    def _set_resistance(self, text: str) -> None:
        self.resistance_ohm = number(text, "O", 10.0, 2000.0)

    def _set_voltage(self, text: str) -> None:
        self.set_percent(100.0 * number(text, "V", 0.0, self.limit_V) / (self.limit_V or 1.0))

    def _set_power(self, text: str) -> None:
        largest = self.limit_V**2 / self.resistance_ohm
        power_W = number(text, "W", 0.0, largest)
        self.set_percent(100.0 * math.sqrt(power_W / largest) if largest else 0.0)


@dataclass(slots=True)
class Gas:
    """The motor of the needle valve: kept and answered, without effect on the cryostat."""

    loop: TemperatureLoop | None = None
    flow_percent: float = 5.0
    uid: str = "DB4.G1"
    settings: Store = field(
        default_factory=lambda: Store(
            {
                "NICK": "DB4.G1",
                "GMIN": 2.0,
                "GFSF": 1.0,
                "TES": 1.0,
                "TVES": 1.0,
                "GEAR": 0.0,
                "SPD": 1.0,
            }
        )
    )

    def nouns(self) -> Branch:
        """Return the valve's nouns."""
        store = self.settings
        return {
            "MAN": manufacture("113450004"),
            "NICK": store.word("NICK"),
            "STAT": Noun(lambda: "00000000"),
            "GMIN": store.number("GMIN", "", 1.0, 100.0),
            "GFSF": store.number("GFSF", "", 0.0, 99.0),
            "TES": store.number("TES", "", 0.0, 20.0),
            "TVES": store.number("TVES", "", 0.0, 20.0),
            "GEAR": store.whole("GEAR", 7),
            "SPD": store.whole("SPD", 2),
            "SIG": {
                "STEP": Noun(lambda: f"{25.0 * self.flow_percent:.0f}"),
                "PERC": Noun(lambda: f"{self.flow_percent:.4f}"),
            },
        }


class LevelMeter:
    """The levels of helium, which falls, and of nitrogen, which somebody keeps full."""

    uid = "DB5.L1"
    nitrogen_percent = 75.0

    def __init__(self, world: World, now_s: Callable[[], float]) -> None:
        self._world, self._now_s = world, now_s
        self._store = Store(
            {
                "NICK": self.uid,
                "PPS": 1.0,
                "FREQ:ZERO": 20.0,
                "FREQ:FULL": 10.0,
                "RES:ZERO": 100.0,
                "RES:FULL": 10.0,
                "TIM": 1.0,
                "DEL": 1.0,
                "MAG": 100.0,
                "SLOW": "ON",
                "PREP:TIM": 0.0,
                "PREP:MAG": 0.0,
                "LOW": 20.0,
                "HIGH": 95.0,
            }
        )

    def helium_percent(self) -> float:
        """Return how full the helium vessel is."""
        return self._world.cryostat.helium_percent(self._now_s())

    def _between(self, what: str, percent: float) -> float:
        empty, full = (float(self._store.values[f"{what}:{end}"]) for end in ("ZERO", "FULL"))
        return empty + (full - empty) * percent / 100.0

    def nouns(self) -> Branch:
        """Return the level meter's nouns."""
        store = self._store
        return {
            "MAN": manufacture("113450005"),
            "NICK": store.word("NICK"),
            "STAT": Noun(lambda: "00000000"),
            "NIT": {
                "FREQ": {
                    "ZERO": store.number("FREQ:ZERO", "", 0.0, 1e6),
                    "FULL": store.number("FREQ:FULL", "", 0.0, 1e6),
                },
                "PPS": store.number("PPS", "", 0.0, 1e6),
            },
            "HEL": {
                "RES": {
                    "ZERO": store.number("RES:ZERO", "O", 0.0, 1e6),
                    "FULL": store.number("RES:FULL", "O", 0.0, 1e6),
                },
                "PULS": {
                    "TIM": store.number("TIM", "", 0.3, 60.0),
                    "DEL": store.number("DEL", "", 0.0, 60.0),
                    "MAG": store.number("MAG", "mA", 0.0, 280.0),
                    "SLOW": store.word("SLOW", ("OFF", "ON")),
                },
                "PREP": {
                    "TIM": store.number("PREP:TIM", "", 0.0, 1e6),
                    "MAG": store.number("PREP:MAG", "mA", 0.0, 280.0),
                },
                "LOW": store.number("LOW", "", 0.0, 100.0),
                "HIGH": store.number("HIGH", "", 0.0, 100.0),
            },
            "SIG": {
                "HEL": {
                    "LEV": Noun(lambda: f"{self.helium_percent():.4f}%"),
                    "RES": Noun(lambda: f"{self._between('RES', self.helium_percent()):.4f}O"),
                },
                "NIT": {
                    "COUN": Noun(lambda: f"{self._between('FREQ', 75.0):.0f}n"),
                    "FREQ": Noun(lambda: f"{self._between('FREQ', 75.0):.4f}"),
                    "LEV": Noun(lambda: f"{self.nitrogen_percent:.4f}%"),
                },
            },
        }
