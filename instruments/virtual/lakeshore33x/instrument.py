"""Virtual Lake Shore 335 and 336 temperature controllers.

Source: Model 335 (119-055) and Model 336 (119-048) user's manuals, chapter 6. Output 1 heats the
insert, the other outputs are connected to nothing. What cannot be understood is ignored and leaves
its bit in the standard event status register.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.lakeshore33x.outputs import OPEN, Outputs
from nanojunction.instruments.virtual.lakeshore33x.parameters import (
    CommandError,
    ExecutionError,
    alone,
    one,
    whole,
)
from nanojunction.instruments.virtual.lakeshore33x.settings import settings_of
from nanojunction.instruments.virtual.lakeshore33x.thermometers import Thermometers
from nanojunction.instruments.virtual.scpi import split
from nanojunction.instruments.virtual.scpi.status import Register
from nanojunction.instruments.virtual.world import World

#: Longest message (characters); what is longer is not looked at.
_LONGEST = 255
_UNIT = re.compile(r"^:?(\*?[A-Za-z]+)(\??)\s*(.*)$", re.ASCII | re.DOTALL)
_POWER_ON, _COMMAND, _EXECUTION, _COMPLETE = 1 << 7, 1 << 5, 1 << 4, 1 << 0
#: After these the loop of the heater is another one.
_FELT = {"RANGE", "OUTMODE", "MOUT", "INTYPE", "INCRV"}

Query = Callable[[Sequence[str]], str]
Command = Callable[[Sequence[str]], None]


class LakeShore33x(VirtualInstrument):
    """What both models have alike; a message may hold several commands, separated by `;`."""

    termination: ClassVar[str] = "\r\n"
    line_ends: ClassVar[str] = "\n"  # a carriage return before it is blank space
    model: ClassVar[str]
    letters: ClassVar[str]

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self._settings = settings_of(self.model)
        self._values: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.standard = Register(event=_POWER_ON)
        self._operation = Register()
        self.thermometers = Thermometers(
            self.letters, self._of, lambda place: world.sensor_K(place, self.time_s)
        )
        self.outputs = Outputs(
            world, 2 if self.model == "335" else 4, self.thermometers, self._of, self._now_s
        )
        self._queries: dict[str, Query] = {
            **self.thermometers.queries(),
            **self.outputs.queries(),
            **self._own_queries(),
        }
        self._commands: dict[str, Command] = {
            **self.thermometers.commands(),
            **self.outputs.commands(),
            **self._own_commands(),
        }
        with world.lock:
            self.outputs.apply()

    # Messages

    def execute(self, line: str) -> str | None:
        """Carry out one message; the answers to its queries are joined by `;`."""
        text = line.strip()
        if len(text) > _LONGEST or not text.isascii() or not text.replace("\t", " ").isprintable():
            return self.refuse(text)
        answers: list[str] = []
        with self.world.lock:
            self.world.sync(self.time_s)
            self.thermometers.refresh()
            if self._is_too_hot():
                self._all_off()
            for unit in split(text, ";"):
                if (answer := self._carry_out(unit.strip())) is not None:
                    answers.append(answer)
        return ";".join(answers) if answers else None

    def refuse(self, line: str) -> str | None:
        """Note a command error; the instrument answers nothing."""
        self.standard.latch(_COMMAND)
        return None

    def fail(self, line: str) -> str | None:
        """Note an execution error; the instrument answers nothing."""
        self.standard.latch(_EXECUTION)
        return None

    def _carry_out(self, unit: str) -> str | None:
        if not unit:
            return None
        match = _UNIT.match(unit)
        try:
            if match is None:
                raise CommandError(unit)
            header, rest = match[1].upper(), match[3].strip()
            texts = [text.strip() for text in split(rest, ",")] if rest else []
            if match[2]:
                return self._query(header, texts)
            self._command(header, texts)
        except CommandError:
            self.refuse(unit)
        except ExecutionError:
            self.fail(unit)
        return None

    def _query(self, header: str, texts: list[str]) -> str:
        if header in self._queries:
            return self._queries[header](texts)
        if header not in self._settings:
            raise CommandError(header)
        setting = self._settings[header]
        if header == "POLARITY" and not texts:
            texts = ["2"]
        return setting.answer(self._of(header, *setting.key(texts)))

    def _command(self, header: str, texts: list[str]) -> None:
        if header in self._commands:
            self._commands[header](texts)
            return
        if header not in self._settings:
            raise CommandError(header)
        setting = self._settings[header]
        count = len(setting.keys)
        key = setting.key(texts[:count])
        fields = setting.change(texts[count:], self._of(header, *key))
        self._check(header, key, fields)
        self._values[header, *key] = fields
        self.thermometers.refresh()
        if header == "RAMP":
            self.outputs.set_ramp(*key)
        elif header in _FELT and key[0] in (1, *self.letters):
            self.outputs.apply()

    def _of(self, header: str, *key: Any) -> tuple[Any, ...]:
        """Return the fields of a setting."""
        return self._values.get((header, *key)) or self._settings[header].default(*key)

    def _check(self, header: str, key: tuple[Any, ...], fields: tuple[Any, ...]) -> None:
        """Raise ExecutionError for what is in range but cannot be."""
        if header == "RAMP" and 0.0 < fields[1] < 0.1:
            raise ExecutionError("the slowest ramp is 0.1 K/min")
        if header == "OUTMODE" and fields[0] > OPEN and key[0] == 1:
            raise ExecutionError("output 1 is no voltage output")
        if header == "RANGE" and key[0] > 2 and fields[0] > 1:
            raise ExecutionError("a voltage output is on or off")
        if header == "INCRV" and not self.thermometers.fits(key[0], fields[0]):
            self._values[header, *key] = (0,)
            raise ExecutionError("the curve does not fit the type of the input")

    def _now_s(self) -> float:
        return self.time_s

    # Outputs

    def _is_too_hot(self) -> bool:
        limits = {a: self._of("TLIMIT", a)[0] for a in self.letters}
        return any(limits[a] and self.thermometers.reading(a).kelvin > limits[a] for a in limits)

    def _all_off(self) -> None:
        for n in self.outputs.loops:
            self._values["RANGE", n] = (0,)
        self.outputs.apply()

    def disconnect(self, letter: str) -> None:
        """Pull the plug of an input, as somebody may who trips over the cable."""
        with self.world.lock:
            self.thermometers.disconnect(letter)
            self.outputs.apply()

    # Status

    def _relay(self, texts: Sequence[str]) -> str:
        mode, letter, kind = self._of("RELAY", one(texts, whole(1, 2)))
        if mode < 2:
            return str(mode)
        high, low = self.thermometers.alarm(letter)
        return str(int((low, high, high or low)[kind]))

    def _operation_condition(self) -> int:
        alarm = any(any(self.thermometers.alarm(a)) for a in self.letters)
        bits = int(alarm) | int(self.thermometers.overloaded()) << 1 | 1 << 4
        return bits | int(self.outputs.ramp_done(2)) << 2 | int(self.outputs.ramp_done(1)) << 3

    def _operation_event(self) -> int:
        self._operation.latch(self._operation_condition())
        return self._operation.read()

    def _status_byte(self) -> int:
        self.standard.enable = self._of("*ESE")[0]
        enabled = self._operation_condition() & self._of("OPSTE")[0]
        value = int(self.standard.summary) << 5 | int(enabled != 0) << 7
        return value | int(value & self._of("*SRE")[0] != 0) << 6

    def _clear(self) -> None:
        self.standard.event = self._operation.event = 0

    def _power_up(self) -> None:
        """Take the settings that a power cycle leaves (*RST): outputs off unless kept on."""
        for n in self.outputs.loops:
            if not self._of("OUTMODE", n)[2]:
                self._values["RANGE", n] = (0,)
        self._values["MODE",] = (0,)
        self.outputs.apply()

    def _factory(self, texts: Sequence[str]) -> None:
        one(texts, whole(99, 99))
        self._values.clear()
        self.outputs.apply()

    def _own_queries(self) -> dict[str, Query]:
        found: dict[str, Query] = {
            "RELAYST": self._relay,
            "OPST": alone(lambda: f"{self._operation_condition():03d}"),
            "OPSTR": alone(lambda: f"{self._operation_event():03d}"),
            "*IDN": alone(lambda: f"LSCI,MODEL{self.model},LSA0001/#######,2.1"),
            "*ESR": alone(lambda: f"{self.standard.read():03d}"),
            "*STB": alone(lambda: f"{self._status_byte():03d}"),
            "*OPC": alone(lambda: "1"),
            "*TST": alone(lambda: "0"),
        }
        if self.model == "336":
            where = "0,127.0.0.1,255.0.0.0,0.0.0.0,0.0.0.0,0.0.0.0,00:00:00:00:00:01,LSCI-336,"
            found["NETID"] = alone(lambda: where)
        return found

    def _own_commands(self) -> dict[str, Command]:
        return {
            "DFLT": self._factory,
            "*CLS": alone(self._clear),
            "*RST": alone(self._power_up),
            "*OPC": alone(lambda: self.standard.latch(_COMPLETE)),
            "*WAI": alone(lambda: None),
        }


class LakeShore335(LakeShore33x):
    """A Lake Shore 335: inputs A and B, outputs 1 and 2."""

    driver: ClassVar[str] = "lakeshore335"
    model: ClassVar[str] = "335"
    letters: ClassVar[str] = "AB"


class LakeShore336(LakeShore33x):
    """A Lake Shore 336: inputs A to D, outputs 1 to 4."""

    driver: ClassVar[str] = "lakeshore336"
    model: ClassVar[str] = "336"
    letters: ClassVar[str] = "ABCD"
