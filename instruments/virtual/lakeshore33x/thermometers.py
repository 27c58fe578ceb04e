"""The measuring half of a virtual Lake Shore 335 or 336: inputs, curves, alarms, extremes.

Source: Model 335 and 336 user's manuals, chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nanojunction.instruments.virtual.lakeshore33x.inputs import (
    FITS,
    USER,
    Curve,
    Format,
    Reading,
    Sensor,
    Status,
    curves,
    empty,
    read,
)
from nanojunction.instruments.virtual.lakeshore33x.parameters import (
    CommandError,
    ExecutionError,
    Setting,
    alone,
    choice,
    number,
    one,
    real,
    six_digits,
    whole,
    words,
)
from nanojunction.instruments.virtual.lakeshore33x.settings import CURVES, SENSOR_TYPES

CELSIUS = 273.15
_HEADER = Setting(
    "CRVHDR",
    (),
    (
        *(words(15, padded=False), words(10, padded=False)),
        *(whole(1, 4), real(0.0, 9999.0), whole(1, 2)),
    ),
    lambda: ("", "", 2, 0.0, 1),
)
#: Where the sensors of the inputs sit, as the world numbers them: insert, sample, holder.
_PLACES = {"A": 1, "B": 2, "C": 3}


class Thermometers:
    """Reads the inputs; `setting` gives the instrument's settings of an input by header."""

    def __init__(
        self,
        letters: str,
        setting: Callable[[str, str], Sequence[Any]],
        thermometer_K: Callable[[int], float],
    ) -> None:
        self.letters = letters
        self._setting = setting
        self._thermometer_K = thermometer_K
        self.curves = curves()
        own = curves()  # the sensors keep their laws, whatever is done to the curves
        self._sensors: dict[str, Sensor] = {
            a: Sensor(SENSOR_TYPES[a], own[CURVES[a]], _PLACES[a]) for a in letters if a in _PLACES
        }
        self._fresh: dict[str, Reading] = {}
        self._extremes: dict[str, tuple[float, float]] = {}
        self._alarms: dict[str, tuple[bool, bool]] = {}

    # Readings

    def refresh(self) -> None:
        """Have the inputs read anew: what one message asks belongs to one reading."""
        self._fresh.clear()

    def disconnect(self, letter: str) -> None:
        """Pull the plug of an input."""
        self._sensors.pop(letter, None)
        self.refresh()

    def curve(self, letter: str) -> Curve | None:
        """Return the curve that an input uses; None if it uses none."""
        (number_,) = self._setting("INCRV", letter)
        return self.curves[number_] if number_ else None

    def reading(self, letter: str) -> Reading:
        """Return the reading of an input."""
        if letter not in self._fresh:
            kind = self._setting("INTYPE", letter)[0]
            found = read(self._sensors.get(letter), kind, self.curve(letter), self._thermometer_K)
            self._fresh[letter] = found
            if not found.status:
                low, high = self._extremes.get(letter, (found.kelvin, found.kelvin))
                self._extremes[letter] = min(low, found.kelvin), max(high, found.kelvin)
        return self._fresh[letter]

    def in_units(self, letter: str, kelvin: float) -> float:
        """Return a temperature in the units that the input is set to."""
        unit, curve = self._setting("INTYPE", letter)[4], self.curve(letter)
        if unit == 3 and curve is not None:
            return curve.units(kelvin)
        return kelvin - CELSIUS if unit == 2 else kelvin

    def in_kelvin(self, letter: str, value: float) -> float:
        """Return the temperature for a value in the units that the input is set to."""
        unit, curve = self._setting("INTYPE", letter)[4], self.curve(letter)
        if unit == 3 and curve is not None:
            kelvin, status = curve.kelvin(value)
            if status:
                raise ExecutionError(f"{value:g} lies beyond the curve")
            return kelvin
        return value + CELSIUS if unit == 2 else value

    # Queries

    def queries(self) -> Mapping[str, Callable[[Sequence[str]], str]]:
        """Return the queries by header; they take the texts of the parameters."""
        return {
            "KRDG": self._every(lambda r: six_digits(r.kelvin)),
            "CRDG": self._every(lambda r: six_digits(r.kelvin - CELSIUS if r.kelvin else 0.0)),
            "SRDG": self._every(lambda r: six_digits(r.units)),
            "RDGST": self._each(lambda r: f"{int(r.status):03d}"),
            "ALARMST": self._alarm_status,
            "MDAT": self._min_max,
            "CRVHDR": self._header,
            "CRVPT": self._point,
            "TEMP": alone(lambda: six_digits(296.15)),
        }

    def commands(self) -> Mapping[str, Callable[[Sequence[str]], None]]:
        """Return the commands by header."""
        return {
            "ALMRST": alone(self._alarms.clear),
            "MNMXRST": alone(self._extremes.clear),
            "CRVDEL": self._delete,
            "CRVHDR": self._set_header,
            "CRVPT": self._set_point,
            "SCAL": self._soft_cal,
        }

    def _letter(self, texts: Sequence[str]) -> str:
        found: str = one(texts, choice(self.letters))
        return found

    def _each(self, text: Callable[[Reading], str]) -> Callable[[Sequence[str]], str]:
        return lambda texts: text(self.reading(self._letter(texts)))

    def _every(self, text: Callable[[Reading], str]) -> Callable[[Sequence[str]], str]:
        """Answer for one input, or for all with 0 in its place."""
        one = self._each(text)

        def answer(texts: Sequence[str]) -> str:
            if list(texts) == ["0"]:
                return ",".join(text(self.reading(a)) for a in self.letters)
            return one(texts)

        return answer

    def alarm(self, letter: str) -> tuple[bool, bool]:
        """Return whether the high and the low alarm of an input are on."""
        on, high, low, deadband, latched, *_ = self._setting("ALARM", letter)
        reading = self.reading(letter)
        if not on or reading.status:
            return (False, False)
        was_high, was_low = self._alarms.get(letter, (False, False))
        margin = deadband if not latched else float("inf")
        now = (
            reading.kelvin > (high - margin if was_high else high),
            reading.kelvin < (low + margin if was_low else low),
        )
        self._alarms[letter] = now
        return now

    def _alarm_status(self, texts: Sequence[str]) -> str:
        high, low = self.alarm(self._letter(texts))
        return f"{int(high)},{int(low)}"

    def _min_max(self, texts: Sequence[str]) -> str:
        letter = self._letter(texts)
        kelvin = self.reading(letter).kelvin
        return ",".join(map(six_digits, self._extremes.get(letter, (kelvin, kelvin))))

    # Curves

    def _header(self, texts: Sequence[str]) -> str:
        curve = self.curves[one(texts, whole(1, 59))]
        limit = f"{curve.limit_K:+08.3f}"
        name = f"{curve.name:15},{curve.serial:10}"
        return f"{name},{int(curve.format)},{limit},{curve.coefficient}"

    def _set_header(self, texts: Sequence[str]) -> None:
        if not texts:
            raise CommandError("CRVHDR takes a curve and up to five values")
        curve = self._user_curve(texts[0])
        before: tuple[Any, ...] = (
            *(curve.name, curve.serial, curve.format),
            *(curve.limit_K, curve.coefficient),
        )
        name, serial, form, limit, coefficient = _HEADER.change(texts[1:], before)
        curve.name, curve.serial, curve.format = name, serial, Format(form)
        curve.limit_K, curve.coefficient = limit, coefficient

    def _user_curve(self, text: str) -> Curve:
        return self.curves[whole(USER.start, USER.stop - 1).parse(text)]

    def _point(self, texts: Sequence[str]) -> str:
        if len(texts) != 2:
            raise CommandError("CRVPT? takes a curve and the number of a point")
        curve = self.curves[whole(1, 59).parse(texts[0])]
        units, kelvin = curve.points.get(whole(1, 200).parse(texts[1]), (0.0, 0.0))
        return f"{six_digits(units)},{six_digits(kelvin)}"

    def _set_point(self, texts: Sequence[str]) -> None:
        if len(texts) not in (4, 5):
            raise CommandError("CRVPT takes a curve, a number, sensor units and kelvin")
        curve = self._user_curve(texts[0])
        curve.points[whole(1, 200).parse(texts[1])] = number(texts[2]), number(texts[3])

    def _delete(self, texts: Sequence[str]) -> None:
        n = one(texts, whole(USER.start, USER.stop - 1))
        self.curves[n] = empty(n)

    def _soft_cal(self, texts: Sequence[str]) -> None:
        """Make a user curve from a standard one; the points given replace its points there."""
        if len(texts) < 5 or len(texts) % 2 == 0:
            raise CommandError("SCAL takes a standard, a curve, a serial number and pairs")
        standard = self.curves[whole(1, 7).parse(texts[0])]
        curve = self._user_curve(texts[1])
        pairs = [number(text) for text in texts[3:]]
        points = dict(zip(pairs[1::2], pairs[::2], strict=True))
        kept = [point for point in standard.breakpoints() if point[1] not in points.values()]
        curve.name, curve.serial = "SoftCal", words(10).parse(texts[2])
        curve.format, curve.limit_K = standard.format, standard.limit_K
        curve.coefficient = standard.coefficient
        curve.points = dict(enumerate(sorted([*kept, *points.items()]), start=1))

    def fits(self, letter: str, number_: int) -> bool:
        """Tell whether a curve's format goes with the type of an input."""
        kind = self._setting("INTYPE", letter)[0]
        return number_ == 0 or self.curves[number_].format in FITS.get(kind, set(Format))

    def overloaded(self) -> bool:
        """Tell whether an input that is in use has no valid reading."""
        used = (a for a in self.letters if self._setting("INTYPE", a)[0])
        return any(self.reading(a).status & ~Status.UNITS_ZERO for a in used)
