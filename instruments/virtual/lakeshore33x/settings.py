"""The settings of a virtual Lake Shore 335 or 336: their parameters, ranges and values at power-up.

Source: Model 335 user's manual (119-055) and Model 336 user's manual (119-048), chapter 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nanojunction.instruments.virtual.lakeshore33x.inputs import DIODE, NTC, PLATINUM
from nanojunction.instruments.virtual.lakeshore33x.parameters import (
    Setting,
    any_number,
    choice,
    real,
    whole,
    words,
)

SWITCH = whole(0, 1)
#: Input A sits at the insert, B at the sample, C at the holder; D has no sensor.
SENSOR_TYPES = {"A": DIODE, "B": NTC, "C": PLATINUM, "D": 0}
CURVES = {"A": 2, "B": 21, "C": 6, "D": 0}
NAMES = {"A": "VTI", "B": "Sample", "C": "Holder", "D": ""}


def _table() -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield header, keys, fields and values at power-up of what both models have alike."""
    bit_mask = whole(0, 255, 3)
    yield "*ESE", (), (bit_mask,), (0,)
    yield "*SRE", (), (bit_mask,), (0,)
    yield "OPSTE", (), (bit_mask,), (0,)
    yield "IEEE", (), (whole(1, 30, 2),), (12,)
    yield "LEDS", (), (SWITCH,), (1,)
    yield "LOCK", (), (SWITCH, whole(0, 999, 3)), (0, 123)
    yield "MODE", (), (whole(0, 2),), (0,)


def _inputs(letters: str, types: int) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield what each input has."""
    key = (choice(letters),)
    limits = (any_number(), any_number(), any_number())
    yield "ALARM", key, (SWITCH, *limits, SWITCH, SWITCH, SWITCH), (0, 0.0, 0.0, 0.0, 0, 1, 1)
    yield "DIOCUR", key, (SWITCH,), (0,)
    yield "FILTER", key, (SWITCH, whole(2, 64, 2), whole(1, 10, 2)), (0, 8, 10)
    yield "INCRV", key, (whole(0, 59, 2),), lambda a: (CURVES[a],)
    yield "INNAME", key, (words(15),), lambda a: (NAMES[a],)
    kinds = (whole(0, types), SWITCH, whole(0, 8), SWITCH, whole(1, 3))
    yield "INTYPE", key, kinds, lambda a: (SENSOR_TYPES[a], int(a in "BC"), 0, int(a in "BC"), 1)
    yield "TLIMIT", key, (real(0.0, 9999.0, "+05.0f"),), (0.0,)
    relay = (whole(0, 2), choice(letters), whole(0, 2))
    yield "RELAY", (whole(1, 2),), relay, (0, "A", 2)


def _outputs(count: int, inputs: int) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield what each output has; the first holds the insert at power-up."""
    key = (whole(1, count),)
    gain, percent = real(0.1, 1000.0, "+07.1f"), real(0.0, 100.0)
    pid = (gain, gain, real(0.0, 200.0, "+06.1f"))
    rate = real(0.0, 100.0, "+06.1f")
    mode = (whole(0, 5), whole(0, inputs), SWITCH)
    yield "MOUT", key, (percent,), (0.0,)
    yield "OUTMODE", key, mode, lambda n: (1, 1, 1) if n == 1 else (0, 0, 0)
    yield "PID", key, pid, (50.0, 20.0, 0.0)
    yield "RAMP", key, (SWITCH, rate), (0, 10.0)
    yield "RANGE", key, (whole(0, 3),), lambda n: (3,) if n == 1 else (0,)
    zone = (real(0.0, 9999.0), *pid, percent, whole(0, 3), whole(0, inputs), rate)
    start = (0.0, 50.0, 20.0, 0.0, 0.0, 0, 0, 0.1)
    yield "ZONE", (whole(1, count), whole(1, 10, 2)), zone, start


def _only_335() -> Iterator[tuple[str, Any, Any, Any]]:
    yield "ANALOG", (whole(2, 2),), _monitor(2), (0, 1, 0.0, 0.0, 0)
    yield "BRIGT", (), (whole(0, 3),), (2,)
    yield "BAUD", (), (whole(0, 2),), (2,)
    yield "DISPFLD", (whole(1, 4),), (whole(0, 4), whole(1, 7)), lambda n: (1 + (n > 2), 1)
    yield "DISPLAY", (), (whole(0, 7),), (2,)
    yield "EMUL", (), (whole(0, 5), SWITCH), (0, 0)
    heater = (SWITCH, whole(1, 2), whole(0, 4), real(0.0, 1.732, "+.3f"), whole(1, 2))
    yield "HTRSET", (whole(1, 2),), heater, (0, 2, 2, 0.0, 1)
    yield "INTSEL", (), (whole(0, 1),), (0,)
    yield "POLARITY", (whole(2, 2),), (SWITCH,), (0,)
    yield "WARMUP", (whole(2, 2),), (SWITCH, real(0.0, 100.0, "+07.2f")), (0, 0.0)


def _only_336() -> Iterator[tuple[str, Any, Any, Any]]:
    yield "ANALOG", (whole(3, 4),), _monitor(4), (0, 1, 0.0, 0.0, 0)
    yield "BRIGT", (), (whole(0, 32, 2),), (25,)
    yield "DISPFLD", (whole(1, 8),), (whole(0, 8), whole(1, 6)), lambda n: (min(n, 4), 1)
    yield "DISPLAY", (), (whole(0, 7), whole(0, 2), whole(1, 4)), (4, 0, 1)
    heater = (whole(1, 2), whole(0, 4), real(0.0, 2.0, "+.3f"), whole(1, 2))
    yield "HTRSET", (whole(1, 2),), heater, (2, 2, 0.0, 1)
    yield "INTSEL", (), (whole(0, 2),), (1,)
    name, address = words(15, padded=False), words(15, padded=False)
    net = (SWITCH, SWITCH, *5 * (address,), name, words(64, padded=False), words(32, padded=False))
    yield "NET", (), net, (0, 0, *5 * ("0.0.0.0",), "LSCI-336", "", "")
    yield "WARMUP", (whole(3, 4),), (SWITCH, real(0.0, 100.0, "+07.2f")), (0, 0.0)
    yield "WEBLOG", (), (name, name), ("", "")


def _monitor(inputs: int) -> tuple[Any, ...]:
    return (whole(0, inputs), whole(1, 3), any_number(), any_number(), SWITCH)


def settings_of(model: str) -> dict[str, Setting]:
    """Return the settings of a model ("335" or "336") by header."""
    if model == "335":
        rows = [*_table(), *_inputs("AB", 4), *_outputs(2, 2), *_only_335()]
    else:
        rows = [*_table(), *_inputs("ABCD", 4), *_outputs(4, 4), *_only_336()]
    return {
        header: Setting(header, keys, fields, start if callable(start) else _always(start))
        for header, keys, fields, start in rows
    }


def _always(start: tuple[Any, ...]) -> Any:
    return lambda *_key: start
