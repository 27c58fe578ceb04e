"""A virtual Oxford Instruments ITC 503 temperature controller.

Source: ITC 503 manual, chapter "Remote operation". Sensor 1 is the insert, which the loop
controls, sensor 2 the sample, sensor 3 the sample holder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from nanojunction.instruments.virtual.oxford.isobus import (
    OxfordInstrument,
    RefusedError,
    decimal,
    whole,
)
from nanojunction.instruments.virtual.world import World

#: Rows of the sweep table and its columns: setpoint (K), sweep time (min), hold time (min).
_STEPS, _COLUMNS = 16, 3
#: Highest setpoint (K) that the instrument takes.
_HOTTEST_K = 1677.7


@dataclass(frozen=True, slots=True)
class Stage:
    """A setpoint that stays or moves: step of a sweep (0 without one), start, value, slope."""

    number: int
    start_s: float
    start_K: float
    slope_K_per_s: float

    def setpoint_K(self, t: float) -> float:
        """Return the setpoint (K) at `t` (s)."""
        return self.start_K + self.slope_K_per_s * max(t - self.start_s, 0.0)


class Itc503(OxfordInstrument):
    """An ITC 503 on the cryostat of a world."""

    driver: ClassVar[str] = "itc503"
    version: ClassVar[str] = "ITC503 Version 1.11 (c) OXFORD 1997"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.automatic = 0  # A: bit 0 heater, bit 1 gas
        self.gas_percent = 50.0
        self.auto_pid = False
        self.pid = {"P": 20.0, "I": 2.0, "D": 0.0}
        self.sweep_table = [[0.0] * _COLUMNS for _ in range(_STEPS)]
        start = world.settings.initial_temperature_K
        self._stage = Stage(0, world.now(), start, 0.0)
        self._stages: list[Stage] = []  # of a sweep, still to come
        self._pointer = {"x": 0, "y": 0}
        self._tables: dict[tuple[str, int, int], float] = {}
        world.follow(self._advance)
        self._table: Mapping[str, Callable[[str], str | None]] = {
            "A": self._set_automatic,
            "D": lambda n: self._set_pid("D", decimal(n, 0, 273)),
            "F": lambda n: self._accept(whole(n, 0, 13)),
            "G": self._set_gas,
            "H": self._set_sensor,
            "I": lambda n: self._set_pid("I", decimal(n, 0, 140)),
            "L": self._set_auto_pid,
            "M": lambda n: self._accept(whole(n, 0, 999)),
            "O": self._set_heater,
            "P": lambda n: self._set_pid("P", decimal(n, 0, 1677.7)),
            "S": self._set_sweep,
            "T": self._set_setpoint,
            "x": lambda n: self._point("x", n),
            "y": lambda n: self._point("y", n),
            "s": self._set_sweep_entry,
            "r": lambda _: f"r{self._sweep_entry():.3f}",
            "w": self._wipe,
            "p": lambda n: self._set_entry("p", n),
            "q": lambda _: self._entry("q", "p"),
            "v": lambda n: self._set_entry("v", n),
            "t": lambda _: self._entry("t", "v"),
            "c": lambda n: self._set_entry("c", n),
            "d": lambda _: self._entry("d", "c"),
            "m": lambda _: "m0",
            "n": lambda _: f"n{self._heater_V():.1f}",
            "o": lambda _: "o1.0",
        }

    @property
    def _commands(self) -> Mapping[str, Callable[[str], str | None]]:
        return self._table

    def _accept(self, _value: int) -> None:
        """Take what changes the front panel only."""

    # Loop

    def _set_automatic(self, argument: str) -> None:
        automatic, cryostat = whole(argument, 0, 3), self.world.cryostat
        closing = automatic & 1 and not self.automatic & 1
        self.automatic = automatic
        if closing:
            self._control(self.time_s)
        elif cryostat.controlled and not automatic & 1:
            cryostat.free(self.time_s, cryostat.heater_percent(self.time_s))

    def _set_setpoint(self, argument: str) -> None:
        kelvin = decimal(argument, 0.0, _HOTTEST_K)
        self._stages = []
        self._begin(Stage(0, self.time_s, kelvin, 0.0))

    def _begin(self, stage: Stage) -> None:
        self._stage = stage
        if self.automatic & 1:
            self._control(stage.start_s)

    def _control(self, t: float) -> None:
        """Close the loop; the insert cannot leave what cold gas and full heater reach."""
        s, asked = self.world.settings, self._stage.setpoint_K(t)
        reachable = min(max(asked, s.base_temperature_K), s.heater_full_power_K)
        self.world.cryostat.control(t, reachable, self._stage.slope_K_per_s)

    def _set_heater(self, argument: str) -> None:
        if self.automatic & 1:
            raise RefusedError
        self.world.cryostat.free(self.time_s, decimal(argument, 0.0, 99.9))

    def _set_gas(self, argument: str) -> None:
        if self.automatic & 2:
            raise RefusedError
        self.gas_percent = decimal(argument, 0.0, 99.9)

    def _set_sensor(self, argument: str) -> None:
        if whole(argument, 1, 3) != 1:
            raise RefusedError  # the heater sits at the insert: only its sensor closes the loop

    def _set_pid(self, name: str, value: float) -> None:
        if self.auto_pid:
            raise RefusedError
        self.pid[name] = value

    def _set_auto_pid(self, argument: str) -> None:
        self.auto_pid = bool(whole(argument, 0, 1))

    # Sweeps

    def _set_sweep(self, argument: str) -> None:
        first = whole(argument, 0, 2 * _STEPS)
        t, kelvin = self.time_s, self._stage.setpoint_K(self.time_s)
        self._stages = []
        self._begin(Stage(0, t, kelvin, 0.0))
        if first == 0:
            return
        for number in range(first, 2 * _STEPS + 1):
            target, sweep_min, hold_min = self.sweep_table[(number - 1) // 2]
            sweeping = number % 2 == 1
            seconds = 60.0 * (sweep_min if sweeping else hold_min)
            slope = (target - kelvin) / seconds if sweeping and seconds else 0.0
            self._stages.append(Stage(number, t, kelvin if slope else target, slope))
            t, kelvin = t + seconds, target
        self._stages.append(Stage(0, t, kelvin, 0.0))
        self._advance(self.time_s)

    def _advance(self, t: float) -> None:
        while self._stages and self._stages[0].start_s <= t:
            self._begin(self._stages.pop(0))

    def _point(self, axis: str, argument: str) -> None:
        self._pointer[axis] = whole(argument, 0, 128)

    def _cell(self) -> tuple[int, int]:
        row, column = self._pointer["x"] - 1, self._pointer["y"] - 1
        if not (0 <= row < _STEPS and 0 <= column < _COLUMNS):
            raise RefusedError
        return row, column

    def _set_sweep_entry(self, argument: str) -> None:
        row, column = self._cell()
        self.sweep_table[row][column] = decimal(
            argument, 0.0, _HOTTEST_K if column == 0 else 1339.9
        )

    def _sweep_entry(self) -> float:
        row, column = self._cell()
        return self.sweep_table[row][column]

    def _wipe(self, argument: str) -> None:
        self.sweep_table = [[0.0] * _COLUMNS for _ in range(_STEPS)]

    def _set_entry(self, table: str, argument: str) -> None:
        self._tables[table, self._pointer["x"], self._pointer["y"]] = decimal(argument, -1e4, 1e4)

    def _entry(self, letter: str, table: str) -> str:
        value = self._tables.get((table, self._pointer["x"], self._pointer["y"]), 0.0)
        return f"{letter}{value:.3f}"

    # Answers

    def _heater_V(self) -> float:
        percent = self.world.cryostat.heater_percent(self.time_s)
        return percent / 100.0 * self.world.settings.heater_max_voltage_V

    def _status(self) -> str:
        loop = f"A{self.automatic}C{self.control}S{self._stage.number:02d}"
        return f"X0{loop}H1L{1 if self.auto_pid else 0}"

    def _parameter(self, number: int) -> str:
        world, t = self.world, self.time_s
        match number:
            case 0:
                value, digits = self._stage.setpoint_K(t), 3
            case 1 | 2 | 3:
                value, digits = world.sensor_K(number, t), 3
            case 4:
                value, digits = self._stage.setpoint_K(t) - world.sensor_K(1, t), 3
            case 5:
                value, digits = world.cryostat.heater_percent(t), 1
            case 6:
                value, digits = self._heater_V(), 1
            case 7:
                value, digits = self.gas_percent, 1
            case 8 | 9 | 10:
                value, digits = self.pid["PID"[number - 8]], 1
            case 11 | 12 | 13:
                value, digits = math.floor(100.0 * world.sensor_K(number - 10, t)), 0
            case _:
                raise RefusedError
        return f"{value:z.{digits}f}"
