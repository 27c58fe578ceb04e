"""A virtual Oxford Instruments MercuryiTC temperature controller.

Source: MercuryiTC operator's manual UMC0071 (issue 05, 2015), section 8.3. Its boards are a diode
at the insert (MB1.T1), a Cernox at the sample (DB6.T1), a platinum resistor at the holder (DB7.T1),
the insert's heater (MB0.H1), a needle valve (DB4.G1) and a level meter (DB5.L1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar

from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.mercury_itc.language import (
    Branch,
    DeniedError,
    InvalidError,
    Noun,
    Store,
    read,
    write,
)
from nanojunction.instruments.virtual.mercury_itc.parts import Gas, Heater, LevelMeter, manufacture
from nanojunction.instruments.virtual.mercury_itc.thermometers import Probe, Thermometer
from nanojunction.instruments.virtual.world import World

#: Longest line (bytes) with its end (section 8.3.1).
_LONGEST = 1023
#: What the instrument's calendar shows when the world begins.
_BEGINNING = datetime(2020, 1, 1)

#: Rounded laws: a silicon diode (V), a Cernox and a platinum resistor (ohm).
DIODE = Probe("DDE", "DT-670", 10e-6, lambda kelvin: 0.56 + 2.3e-3 * (300.0 - kelvin))
CERNOX = Probe("NTC", "CX-1050_X123456", 1e-6, lambda kelvin: 59.8 * (300.0 / kelvin) ** 0.95)
PLATINUM = Probe("PTC", "PT-100", 1e-3, lambda kelvin: 100.0 + 0.385 * (kelvin - 273.15))


class MercuryITC(VirtualInstrument):
    """A MercuryiTC on the cryostat of a world, set to its SCPI-like language."""

    driver: ClassVar[str] = "mercury_itc"
    termination: ClassVar[str] = "\n"
    sensors: ClassVar[Mapping[str, str]] = MappingProxyType({"sample": "DB6.T1", "vti": "MB1.T1"})
    identity: ClassVar[str] = "IDN:OXFORD INSTRUMENTS:MERCURY ITC:113450000:2.6.04.000"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.heater = Heater(world, self._now_s)
        self.gas = Gas()
        self.level = LevelMeter(world, self._now_s)
        self.thermometers = {
            uid: Thermometer(world, self._now_s, uid, place, probe)
            for uid, place, probe in (
                ("MB1.T1", 1, DIODE),
                ("DB6.T1", 2, CERNOX),
                ("DB7.T1", 3, PLATINUM),
            )
        }
        self.heater.loop = self.gas.loop = self.thermometers["MB1.T1"].loop
        self._devices: dict[str, tuple[str, Branch]] = {
            **{
                uid: ("TEMP", thermometer.nouns(self.heater, self.gas))
                for uid, thermometer in self.thermometers.items()
            },
            self.heater.uid: ("HTR", self.heater.nouns()),
            self.gas.uid: ("AUX", self.gas.nouns()),
            self.level.uid: ("LVL", self.level.nouns()),
        }
        self._is_engineering = False
        self._password = "mercury"
        self._clock_shift = timedelta(0)
        self._system = self._system_nouns()

    def execute(self, line: str) -> str | None:
        """Carry out one line; every line is answered, a blank one is not."""
        text = line.strip()
        if not text:
            return None
        if len(line) > _LONGEST or not (text.isascii() and text.isprintable()):
            return self.refuse(text)
        if text == "*IDN?":
            return self.identity
        with self.world.lock:
            self.world.sync(self.time_s)
            verb, *words = text.split(":")
            if verb == "READ":
                words = text.removesuffix("?").split(":")[1:]
                return "STAT:" + self._addressed(words, sets=False)
            if verb == "SET":
                return "STAT:SET:" + self._addressed(words, sets=True)
        return self.refuse(text)

    def refuse(self, line: str) -> str | None:
        """Answer what begins with no verb: INVALID after what could not be interpreted."""
        verb = "".join(c for c in line.partition(":")[0] if c.isascii() and c.isprintable())
        return f"{verb[:80]}:INVALID"

    def fail(self, line: str) -> str | None:
        """Answer after an internal error as to a command that cannot be interpreted."""
        return self.refuse(line)

    def disconnect(self, uid: str) -> None:
        """Pull the plug of a thermometer; its loop opens with the heater off."""
        with self.world.lock:
            thermometer = self.thermometers[uid]
            thermometer.is_connected = False
            if thermometer.loop.closed:
                thermometer.loop.open(self.world.now(), 0.0)

    def _now_s(self) -> float:
        return self.time_s

    def _addressed(self, words: Sequence[str], *, sets: bool) -> str:
        act = write if sets else read
        match words:
            case ["SYS", "CAT", *_] if not sets:
                return self._catalogue()
            case ["SYS", *rest]:
                return "SYS:" + act(self._system, rest)
            case ["DEV", uid, *_] if uid not in self._devices:
                return f"DEV:{uid}:NOT_FOUND"
            case ["DEV", uid, kind, *rest]:
                own, branch = self._devices[uid]
                return f"DEV:{uid}:{kind}:" + (act(branch, rest) if kind == own else "INVALID")
        return f"{words[0]}:INVALID" if words else "INVALID"

    def _catalogue(self) -> str:
        devices = (f"DEV:{uid}:{kind}" for uid, (kind, _) in self._devices.items())
        return "SYS:CAT:" + ":".join(devices)

    # The system

    def _system_nouns(self) -> Branch:
        kept = Store({"DIMA": "OFF", "DIMT": 60.0, "BRIG": 100.0, "ADDR": 24.0, "LOCK": "OFF"})
        return {
            "MAN": manufacture("113450000"),
            "TIME": Noun(lambda: f"{self._calendar():%H:%M:%S}", self._set_time, words=3),
            "DATE": Noun(lambda: f"{self._calendar():%Y:%m:%d}", self._set_date, words=3),
            "DISP": {
                "DIMA": kept.word("DIMA", ("OFF", "ON")),
                "DIMT": kept.whole("DIMT", 1_000_000),
                "BRIG": kept.number("BRIG", "", 10.0, 100.0),
            },
            "FLSH": Noun(lambda: "102400"),
            "GPIB": {"ADDR": kept.whole("ADDR", 30)},
            "LOCK": kept.word("LOCK", ("OFF", "SOFT", "ON")),
            "ALRM": Noun(self._alarms),
            "MODE": Noun(lambda: "ENG" if self._is_engineering else "NORM", self._set_mode, 3),
            "PASS": Noun(None, self._set_password),
            "RST": Noun(None, self._reset, 0),
        }

    def _calendar(self) -> datetime:
        return _BEGINNING + self._clock_shift + timedelta(seconds=self.time_s)

    def _set_time(self, text: str) -> None:
        self._shift_to(text, "%H:%M:%S", ("year", "month", "day"))

    def _set_date(self, text: str) -> None:
        self._shift_to(text, "%Y:%m:%d", ("hour", "minute", "second"))

    def _shift_to(self, text: str, form: str, kept: Sequence[str]) -> None:
        now = self._calendar()
        try:
            given = datetime.strptime(text, form)
        except ValueError:
            raise InvalidError from None
        self._clock_shift += given.replace(**{part: getattr(now, part) for part in kept}) - now

    def _set_mode(self, text: str) -> None:
        if text == "NORM":
            self._is_engineering = False
        elif text == f"ENG:PASS:{self._password}":
            self._is_engineering = True
        elif text.startswith("ENG"):
            raise DeniedError
        else:
            raise InvalidError

    def _set_password(self, text: str) -> None:
        if not self._is_engineering:
            raise DeniedError
        self._password = text

    def _reset(self, _text: str) -> None:
        """Start anew as after a power cycle: loops open, the heater stays where it is."""
        for thermometer in self.thermometers.values():
            if thermometer.loop.closed:
                thermometer.loop.open(self.time_s, thermometer.loop.heater_percent(self.time_s))

    def _alarms(self) -> str:
        open_ones = (uid for uid, one in self.thermometers.items() if not one.is_connected)
        return "".join(f"{uid}\tOpen circuit;" for uid in open_ones)
