"""The controlling half of a virtual Lake Shore 335 or 336: outputs, setpoints, ramps.

Source: Model 335 and 336 user's manuals, chapter 6. A range below the highest gives a tenth of the
power of the next one (chapter 1, specifications of the heater output).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nanojunction.instruments.virtual.lakeshore33x.parameters import (
    CommandError,
    alone,
    number,
    one,
    six_digits,
    whole,
    within,
)
from nanojunction.instruments.virtual.lakeshore33x.thermometers import Thermometers
from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.temperature_loop import TemperatureLoop

#: Output modes; 4 and 5 (monitor, warm-up supply) are for voltage outputs.
CLOSED, ZONE, OPEN = 1, 2, 3
_HIGHEST = 3  # range


class Outputs:
    """Output 1 heats the insert; the others keep what they are told and heat nothing.

    `setting` gives the instrument's settings by header and output.
    """

    def __init__(
        self,
        world: World,
        count: int,
        thermometers: Thermometers,
        setting: Callable[..., Sequence[Any]],
        now_s: Callable[[], float],
    ) -> None:
        self.loops = {n: TemperatureLoop(world) for n in range(1, count + 1)}
        self._thermometers = thermometers
        self._of = setting
        self._now_s = now_s

    def apply(self) -> None:
        """Have the heater do what mode, range and control input of output 1 say."""
        t, loop = self._now_s(), self.loops[1]
        mode, source, _ = self._of("OUTMODE", 1)
        (level,) = self._of("RANGE", 1)
        power = 10.0 ** (level - _HIGHEST)
        if level and mode == OPEN:
            (percent,) = self._of("MOUT", 1)
            loop.open(t, percent * power**0.5)
        elif level and mode in (CLOSED, ZONE) and source and self._has_reading(source):
            loop.close(t, power)
        else:
            loop.open(t, 0.0)

    def _has_reading(self, source: int) -> bool:
        letter = self._thermometers.letters[source - 1]
        return not self._thermometers.reading(letter).status

    def set_ramp(self, output: int) -> None:
        """Take over the ramp's settings; a rate of 0 is as fast as can be."""
        ramps, rate = self._of("RAMP", output)
        self.loops[output].set_ramp(self._now_s(), bool(ramps), rate or float("inf"))

    def ramp_done(self, output: int) -> bool:
        """Tell whether ramps are on and the setpoint has arrived."""
        loop = self.loops[output]
        return loop.ramps and not loop.is_ramping(self._now_s())

    def queries(self) -> Mapping[str, Callable[[Sequence[str]], str]]:
        """Return the queries by header; they take the texts of the parameters."""
        return {
            "SETP": self._setpoint,
            "HTR": self._heater,
            "HTRST": lambda texts: str(0 * self._heated(texts)),
            "AOUT": self._voltage_output,
            "RAMPST": lambda texts: str(int(self._loop(texts).is_ramping(self._now_s()))),
            "TUNEST": alone(lambda: "0,1,0,00"),
        }

    def commands(self) -> Mapping[str, Callable[[Sequence[str]], None]]:
        """Return the commands by header."""
        return {"SETP": self._set_setpoint, "ATUNE": self._autotune}

    def _loop(self, texts: Sequence[str]) -> TemperatureLoop:
        return self.loops[one(texts, whole(1, len(self.loops)))]

    def _heated(self, texts: Sequence[str]) -> int:
        found: int = one(texts, whole(1, 2))
        return found

    def _control_input(self, output: int) -> str | None:
        source = self._of("OUTMODE", output)[1]
        return self._thermometers.letters[source - 1] if source else None

    def _set_setpoint(self, texts: Sequence[str]) -> None:
        if len(texts) != 2:
            raise CommandError("SETP takes an output and a value")
        output = whole(1, len(self.loops)).parse(texts[0])
        value, source = number(texts[1]), self._control_input(output)
        kelvin, limit = value, 9999.0
        if source is not None:
            kelvin = self._thermometers.in_kelvin(source, value)
            curve = self._thermometers.curve(source)
            limit = limit if curve is None else curve.limit_K
        self.loops[output].go_to(self._now_s(), within(kelvin, 0.0, limit))

    def _setpoint(self, texts: Sequence[str]) -> str:
        kelvin = self._loop(texts).setpoint_K(self._now_s())
        source = self._control_input(int(float(texts[0])))
        if source is None:
            return six_digits(kelvin)
        return six_digits(self._thermometers.in_units(source, kelvin))

    def _heater(self, texts: Sequence[str]) -> str:
        output = self._heated(texts)
        (level,) = self._of("RANGE", output)
        percent = 0.0
        if output == 1 and level:
            largest = 10.0 ** ((level - _HIGHEST) / 2)
            percent = min(self.loops[1].heater_percent(self._now_s()) / largest, 100.0)
        elif level and self._of("OUTMODE", output)[0] == OPEN:
            (percent,) = self._of("MOUT", output)
        return f"{percent:+06.1f}"

    def _voltage_output(self, texts: Sequence[str]) -> str:
        output = one(texts, whole(3, 4) if len(self.loops) == 4 else whole(2, 2))
        is_on = self._of("RANGE", output)[0] and self._of("OUTMODE", output)[0] == OPEN
        return f"{self._of('MOUT', output)[0] if is_on else 0.0:+06.1f}"

    def _autotune(self, texts: Sequence[str]) -> None:
        """Take the order; the loop here is tuned as it is."""
        if len(texts) != 2:
            raise CommandError("ATUNE takes an output and a mode")
        whole(1, len(self.loops)).parse(texts[0])
        whole(0, 2).parse(texts[1])
