"""A virtual American Magnetics Model 430 power supply programmer, with its 4Q06125PS supply.

Source: American Magnetics, Model 430 Power Supply Programmer, Installation, Operation, and
Maintenance Instructions, chapter "Remote Interface Reference". CR, LF and the semicolon end a
command alike, so that every command of a line begins at the root and every query has an answer
of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from nanojunction.instruments.virtual.ami430.language import (
    AmiError,
    Arguments,
    Headers,
    Setting,
    Status,
    boolean,
    number,
    one,
    real,
    whole,
)
from nanojunction.instruments.virtual.ami430.settings import SUPPLY_V, Calendar, add_plain_settings
from nanojunction.instruments.virtual.ami430.supply import (
    SEGMENTS,
    Mode,
    Segments,
    Supply,
)
from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.world import World


class Ami430(VirtualInstrument):
    """A Model 430 on the magnet of a world.

    Its coil constant, current limit and switch timers are its own and start at the magnet's
    values; what is set here does not change the magnet.
    """

    driver: ClassVar[str] = "ami430"
    termination: ClassVar[str] = "\r\n"
    line_ends: ClassVar[str] = "\r\n"
    identity: ClassVar[str] = "AMERICAN MAGNETICS INC.,MODEL 430,430-0001,2.59"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        s = world.settings
        self.status = Status()
        self.headers = headers = Headers()
        self.rated_A = s.max_field_T / s.coil_T_per_A
        self.coil_T_per_A = s.coil_T_per_A
        self.tesla = headers.setting("FIELD:UNITS", Setting(0, "boolean"))
        self.minutes = headers.setting("RAMP:RATE:UNITS", Setting(0, "boolean"))
        rate = s.initial_rate_T_per_min / 60.0 / s.coil_T_per_A
        self.supply = Supply(
            world,
            current_limit_A=self.rated_A,
            voltage_limit=headers.setting("VOLTage:LIMit", Setting(5.0, "real", 1e-3, SUPPLY_V)),
            installed=Setting(float(s.switch_fitted), "boolean"),
            heat_time=headers.setting("PSwitch:HeatTIME", Setting(20, "whole", 5, 120)),
            cool_time=headers.setting("PSwitch:CoolTIME", Setting(20, "whole", 5, 3600)),
            cold_rate=headers.setting(
                "PSwitch:PowerSupplyRampRate", Setting(10.0, "real", 1e-3, 100.0)
            ),
            segments=Segments([rate] * SEGMENTS, [self.rated_A] * SEGMENTS),
        )
        world.follow(self.supply.advance)
        self._add_common()
        self._add_system()
        self._add_load()
        self._add_current_and_field()
        self._add_rates()
        self._add_states()

    def greeting(self) -> Sequence[str]:
        """Return what port 7180 says to a client that connects."""
        return ("American Magnetics Model 430 IP Interface", "Hello.")

    def execute(self, line: str) -> str | None:
        """Carry out the commands of a line; every query's answer is a line of its own."""
        answers = []
        for command in line.split(";"):
            if not command.strip("\r\n\t "):
                continue
            with self.world.lock:
                self.world.sync(self.time_s)
                try:
                    handler, arguments = self.headers.find(command.strip("\r\n\t "))
                    answer = handler(arguments)
                except AmiError as problem:
                    self.status.error(problem.code)
                    continue
            if answer is not None:
                answers.append(answer)
        return self.termination.join(answers) if answers else None

    def refuse(self, line: str) -> str | None:
        """Note a line that is too long."""
        self.status.error(-303)
        return None

    def fail(self, line: str) -> str | None:
        """Note an error of the simulation as a device error."""
        self.status.error(-401)
        return None

    # Registers, time, lock of the front panel

    def _add_common(self) -> None:
        add, answers, status = self.headers.add, self.headers.answers, self.status
        answers("*IDN?", lambda: self.identity)
        answers("*TST?", lambda: "0")
        answers("*OPC?", lambda: "1")
        answers("*OPT?", lambda: "0")  # IEEE 488.2 demands no more where there are none
        answers("*STB?", lambda: str(status.byte(self.supply.quenched)))
        answers("*ESR?", lambda: str(status.read_event()))
        answers("*ESE?", lambda: str(status.event_enable))
        answers("*SRE?", lambda: str(status.service_enable))
        answers("*LED?", lambda: str(self._leds()))
        self.headers.orders("*CLS", status.clear)
        self.headers.orders("*OPC", lambda: setattr(status, "event", status.event | 1))
        self.headers.orders("*RST", self._reset)
        add("*ESE", lambda a: setattr(status, "event_enable", whole(one(a), 0, 255)))
        add("*SRE", lambda a: setattr(status, "service_enable", whole(one(a), 0, 255)))
        power_on_clear = Setting(1, "boolean")
        add("*PSC", lambda a: power_on_clear.set(one(a)))
        answers("*PSC?", power_on_clear.text)

    def _add_system(self) -> None:
        calendar = Calendar(lambda: self.time_s)
        self.headers.answers("SYSTem:ERRor?", self.status.next_error)
        self.headers.answers("SYSTem:ERRor:COUNt?", lambda: str(len(self.status.errors)))
        self.headers.answers("SYSTem:TIME?", calendar.text)
        self.headers.add("SYSTem:TIME:SET", calendar.set)
        self.headers.orders("SYSTem:REMote", lambda: None)
        self.headers.orders("SYSTem:LOCal", lambda: None)

    def _reset(self) -> None:
        """Restart as after a power cycle; the current stays, the stored settings, too (choice)."""
        supply, t = self.supply, self.time_s
        if supply.heater_on and not supply.quenched:
            supply.heat(t, False)
        elif not supply.quenched:
            supply.start(t, Mode.PAUSE)
        self.status.clear()
        self.status.event = 1 << 7
        self.status.event_enable = self.status.service_enable = 0

    def _leds(self) -> int:
        supply, t = self.supply, self.time_s
        at_target = supply.state(t) == 2
        energized = abs(supply.magnet_A(t)) > 0.1
        lit = (False, at_target, supply.persistent(t), energized, supply.quenched)
        return sum(1 << bit for bit, on in enumerate(lit) if on)

    # Setup of supply and load

    def _add_load(self) -> None:
        add_plain_settings(self.headers, self.world.settings)
        installed = self.supply.installed
        self.headers.add("CONFigure:PSwitch", lambda a: installed.set(one(a)))
        self.headers.answers("PSwitch:INSTalled?", installed.text)
        self.headers.add("CONFigure:COILconst", self._set_coil)
        self.headers.answers("COILconst?", lambda: real(self.coil_T_per_A * self._shown))

    def _set_coil(self, arguments: Arguments) -> None:
        value = number(one(arguments), 0.0, 1e3)
        if value <= 0.0:
            raise AmiError(-105)
        self.coil_T_per_A = value / self._shown

    # Current and field

    @property
    def _shown(self) -> float:
        """What a tesla is in the unit of the field."""
        return 1.0 if self.tesla.value else 10.0

    @property
    def _per_A(self) -> float:
        """What an ampere is in the unit of the field."""
        return self.coil_T_per_A * self._shown

    def _add_current_and_field(self) -> None:
        add, supply = self.headers.add, self.supply
        add("CONFigure:CURRent:LIMit", self._set_limit)
        add("CONFigure:CURRent:TARGet", lambda a: self._set_target(one(a), 1.0))
        add("CONFigure:FIELD:TARGet", lambda a: self._set_target(one(a), self._per_A))
        self.headers.answers("CURRent:LIMit?", lambda: real(supply.current_limit_A))
        self.headers.answers("CURRent:TARGet?", lambda: real(supply.target_A))
        self.headers.answers("FIELD:TARGet?", lambda: real(supply.target_A * self._per_A))
        self.headers.answers("CURRent:MAGnet?", lambda: self._current(supply.magnet_A))
        self.headers.answers("CURRent:SUPPly?", lambda: self._current(supply.lead_A))
        self.headers.answers("FIELD:MAGnet?", lambda: self._field(supply.magnet_A))
        self.headers.answers("FIELD:SUPPly?", lambda: self._field(supply.lead_A))
        self.headers.answers("VOLTage:MAGnet?", lambda: real(round(supply.coil_V(self.time_s), 4)))
        self.headers.answers("VOLTage:SUPPly?", lambda: real(round(self._supply_V(), 4)))

    def _current(self, current_A: Callable[[float], float]) -> str:
        return real(round(current_A(self.time_s), 6))

    def _field(self, current_A: Callable[[float], float]) -> str:
        return real(round(current_A(self.time_s) * self._per_A, 7))

    def _set_limit(self, arguments: Arguments) -> None:
        """Set the current limit, up to what the magnet is rated for and not below the target."""
        limit = number(one(arguments), 0.0, self.rated_A * (1 + 1e-9))
        if limit < abs(self.supply.target_A):
            raise AmiError(-105)
        self.supply.current_limit_A = limit
        self.supply.follow(self.time_s)

    def _set_target(self, text: str, per_A: float) -> None:
        limit = self.supply.current_limit_A * per_A * (1 + 1e-9)
        self.supply.target_A = number(text, -limit, limit) / per_A
        if self.supply.mode is Mode.RAMP:
            self.supply.follow(self.time_s)

    def _supply_V(self) -> float:
        leads = self.supply.lead_A(self.time_s) * self.world.settings.magnet_lead_resistance_ohm
        return self.supply.coil_V(self.time_s) + leads

    # Ramp rates

    @property
    def _per_second(self) -> float:
        """What a rate of 1 per second is in the unit of rates."""
        return 60.0 if self.minutes.value else 1.0

    def _add_rates(self) -> None:
        kept = self.supply.segments
        rampdown = Segments(list(kept.rates_A_per_s), list(kept.bounds_A))  # never carried out
        add = self.headers.add
        for ramp, segments in (("RAMP", kept), ("RAMPDown", rampdown)):
            rate = f"{ramp}:RATE"
            add(f"CONFigure:{rate}:SEGments", partial(self._set_count, segments))
            add(f"{rate}:SEGments?", partial(self._count, segments))
            for quantity in ("CURRent", "FIELD"):
                add(f"CONFigure:{rate}:{quantity}", partial(self._set_rate, segments, quantity))
                add(f"{rate}:{quantity}:<n>?", partial(self._rate, segments, quantity))

    def _set_count(self, segments: Segments, arguments: Arguments) -> None:
        segments.count = whole(one(arguments), 1, SEGMENTS)
        self.supply.follow(self.time_s)

    def _count(self, segments: Segments, _: Arguments) -> str:
        return str(segments.count)

    def _in_unit(self, quantity: str) -> float:
        return self._per_A if quantity == "FIELD" else 1.0

    def _set_rate(self, segments: Segments, quantity: str, arguments: Arguments) -> None:
        """Set rate and upper bound of a segment; without a bound the old one stays (choice)."""
        if len(arguments) < 2:
            raise AmiError(-104)
        if len(arguments) > 3:
            raise AmiError(-102)
        per_A = self._in_unit(quantity)
        index = whole(arguments[0], 1, SEGMENTS) - 1
        rate = number(arguments[1], 1e-6, 1e6) / per_A / self._per_second
        bound = segments.bounds_A[index]
        if len(arguments) == 3:
            bound = abs(number(arguments[2], -1e6, 1e6)) / per_A
        segments.rates_A_per_s[index], segments.bounds_A[index] = rate, bound
        self.supply.follow(self.time_s)

    def _rate(self, segments: Segments, quantity: str, arguments: Arguments) -> str:
        per_A = self._in_unit(quantity)
        index = whole(one(arguments), 1, SEGMENTS) - 1
        rate = segments.rates_A_per_s[index] * per_A * self._per_second
        return f"{real(rate)},{real(segments.bounds_A[index] * per_A)}"

    # Ramping, switch heater, quench

    def _add_states(self) -> None:
        supply = self.supply
        for mode in Mode:
            self.headers.orders(mode.value, partial(self._start, mode))
        self.headers.answers("STATE?", lambda: str(supply.state(self.time_s)))
        self.headers.add("PSwitch", lambda a: supply.heat(self.time_s, boolean(one(a))))
        self.headers.answers("PSwitch?", lambda: str(int(supply.heater_on)))
        self.headers.answers("PERSistent?", lambda: str(int(supply.persistent(self.time_s))))
        self.headers.add("QUench", self._set_quench)
        self.headers.answers("QUench?", lambda: str(int(supply.quenched)))
        self.headers.answers("QUench:COUNT?", lambda: str(supply.quenches))

    def _start(self, mode: Mode) -> None:
        self.supply.start(self.time_s, mode)

    def _set_quench(self, arguments: Arguments) -> None:
        if boolean(one(arguments)):
            self.supply.quench(self.time_s)
        else:
            self.supply.clear_quench(self.time_s)
