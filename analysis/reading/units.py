"""Units of the quantities that a run holds, as files write them."""

from __future__ import annotations

import math
from typing import Literal

Role = Literal[
    "time", "leg", "setpoint", "voltage", "current", "field", "temperature", "compliance"
]

_MU_0 = 4e-7 * math.pi
_CELSIUS = dict.fromkeys(("C", "°C", "° C", "ºC", "℃", "degC", "deg C", "deg. C"), 273.15)

# Factors to SI of every unit, by what it measures.
_FACTORS: dict[Role, dict[str, float]] = {
    "voltage": {"V": 1, "mV": 1e-3, "µV": 1e-6, "nV": 1e-9, "kV": 1e3},
    "current": {"A": 1, "mA": 1e-3, "µA": 1e-6, "nA": 1e-9, "pA": 1e-12, "fA": 1e-15},
    "field": {
        "T": 1,
        "mT": 1e-3,
        "µT": 1e-6,
        "Oe": 1e-4,
        "oe": 1e-4,
        "kOe": 0.1,
        "G": 1e-4,
        "kG": 0.1,
        "A/m": _MU_0,
        "kA/m": 1e3 * _MU_0,
    },
    "temperature": {"K": 1, "mK": 1e-3, **dict.fromkeys(_CELSIUS, 1)},
    "time": {
        "s": 1,
        "sec": 1,
        "ms": 1e-3,
        "µs": 1e-6,
        "min": 60,
        "h": 3600,
        "hr": 3600,
        "d": 86400,
    },
}
_IN_WORDS = {
    **dict.fromkeys(("volt", "volts", "volt dc"), "V"),
    **dict.fromkeys(("amp", "amps", "ampere", "amperes", "amp dc"), "A"),
    "tesla": "T",
    **dict.fromkeys(("gauss", "oersted"), "Oe"),
    "kelvin": "K",
    "celsius": "°C",
    **dict.fromkeys(("second", "seconds"), "s"),
}
_CYRILLIC = {"В": "V", "мВ": "mV", "мкВ": "µV", "А": "A", "мА": "mA", "мкА": "µA", "нА": "nA"}
_CYRILLIC |= {"пА": "pA", "Тл": "T", "мТл": "mT", "Э": "Oe", "кЭ": "kOe", "К": "K", "с": "s"}
_UNITS = {
    symbol: (quantity, float(factor), _CELSIUS.get(symbol, 0.0))
    for quantity, factors in _FACTORS.items()
    for symbol, factor in factors.items()
}

TELLING = frozenset(
    symbol
    for role, factors in _FACTORS.items()
    for symbol in factors
    if role in ("voltage", "current") or symbol in ("mT", "µT", "Oe", "kOe", "K", "mK", "s", "ms")
)
"""Units that mean a column on their own; others (G, C, d, h, min) may be names of something."""

SI: dict[Role, str] = {
    "voltage": "V",
    "current": "A",
    "field": "T",
    "temperature": "K",
    "time": "s",
}
"""The unit of each quantity to which factors and offsets lead."""


def unit(text: str) -> tuple[Role, float, float] | None:
    """Return (quantity, factor to SI, offset in SI) of a unit such as "mV", None if unknown."""
    return _UNITS.get(as_written(text)) or _UNITS.get(_IN_WORDS.get(text.strip().lower(), ""))


def as_written(text: str) -> str:
    """Return a unit with the micro sign, however its micro or its letters are written."""
    text = text.strip()
    return _CYRILLIC.get(text, "µ" + text[1:] if _is_micro(text) else text)


def _is_micro(text: str) -> bool:
    """Tell whether the text is a unit with u (or the Greek letter) for micro."""
    return text[:1] in ("u", "μ") and text[1:] in ("V", "A", "T", "s")


def is_word(text: str) -> bool:
    """Tell whether the text is a unit in words, such as "volts"."""
    return text.strip().lower() in _IN_WORDS
