"""What a column of a run file means: its role and its unit, from its name alone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Role = Literal[
    "time", "leg", "setpoint", "voltage", "current", "field", "temperature", "compliance"
]
Source = Literal["set", "sensed", "plain"]

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
    **dict.fromkeys(("volt", "volts"), "V"),
    **dict.fromkeys(("amp", "amps", "ampere", "amperes"), "A"),
    "tesla": "T",
    **dict.fromkeys(("gauss", "oersted"), "Oe"),
    "kelvin": "K",
    "celsius": "°C",
    **dict.fromkeys(("second", "seconds"), "s"),
}
_UNITS = {
    symbol: (quantity, float(factor), _CELSIUS.get(symbol, 0.0))
    for quantity, factors in _FACTORS.items()
    for symbol, factor in factors.items()
}

_WORDS: dict[str, Role] = {
    **dict.fromkeys(
        ("v", "u", "voltage", "bias", "vbias", "volt", "volts", "vsd", "vds"), "voltage"
    ),
    **dict.fromkeys(("spannung", "tension"), "voltage"),
    **dict.fromkeys(("i", "current", "curr", "amps", "isd", "ids", "strom", "courant"), "current"),
    **dict.fromkeys(("h", "b", "field", "mu0h", "µ0h", "b0"), "field"),
    **dict.fromkeys(("feld", "magnetfeld", "champ"), "field"),
    **dict.fromkeys(("temp", "temperature", "tsample", "temperatur"), "temperature"),
    **dict.fromkeys(("température", "temperatura"), "temperature"),
    **dict.fromkeys(("time", "elapsed", "zeit", "temps", "timestamp", "datetime"), "time"),
    "leg": "leg",
    "compliance": "compliance",
    "incompliance": "compliance",
    "vset": "voltage",
    "iset": "current",
    "vmeas": "voltage",
    "imeas": "current",
}
_SET_WORDS = frozenset(
    {"setpoint", "set", "source", "src", "applied", "programmed", "vset", "iset", "nominal"}
)
_SENSED_WORDS = frozenset(
    {
        "sensed",
        "sense",
        "meas",
        "measured",
        "measure",
        "read",
        "reading",
        "vmeas",
        "imeas",
        "actual",
    }
)
_NEUTRAL_WORDS = frozenset(
    {
        "sample",
        "junction",
        "dc",
        "magnetic",
        "external",
        "ext",
        "mean",
        "avg",
        "average",
        "the",
        "in",
        "of",
    }
)
# Seconds since the start are preferred to the date.
_CALENDAR_WORDS = frozenset({"timestamp", "datetime"})
# A column with one of these words is about a voltage (current, …) but is not the junction's.
_OTHER_WORDS = frozenset(
    {"std", "stdev", "stderr", "sd", "sem", "err", "error", "sigma", "unc", "uncertainty", "noise"}
    | {"range", "limit", "max", "min", "gate", "gain", "offset", "diff", "delta", "ac", "lockin"}
    | {"d", "dv", "di", "didv", "dvdi", "conductance", "resistance", "power", "lead", "heater"}
    | {"density", "log", "log10", "ln", "sqrt", "squared"}
)

# Units that mean a column on their own; others (G, C, d, h, min) may be names of something else.
_TELLING = frozenset(
    symbol
    for role, factors in _FACTORS.items()
    for symbol in factors
    if role in ("voltage", "current") or symbol in ("mT", "µT", "Oe", "kOe", "K", "mK", "s", "ms")
)
KNOWN_NAMES = "V, Bias (mV), I [nA], Current (A), H (Oe), T (K)"
"""Examples of column names that are known, for sentences about those that are not."""

_SIGN_IS_NOT_ITS_OWN = re.compile(r"^\s*-|\||\babs\b", re.IGNORECASE)
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Column:
    """What one column means: SI value = number·factor + offset.

    `source` tells a setpoint from a sensed value where the name does; `qualifier` holds the words
    that single out one of several sensors ("vti"), empty for the sample's own. `has_unit` is
    False where the name gives no unit and SI is taken.
    """

    name: str
    role: Role
    quantity: Role
    factor: float = 1.0
    offset: float = 0.0
    source: Source = "plain"
    qualifier: str = ""
    has_unit: bool = True


def unit(text: str) -> tuple[Role, float, float] | None:
    """Return (quantity, factor to SI, offset in SI) of a unit such as "mV", None if unknown."""
    return _UNITS.get(_as_written(text)) or _UNITS.get(_IN_WORDS.get(text.strip().lower(), ""))


def unit_in(name: str) -> tuple[Role, float, float] | None:
    """Return the unit that stands in a column's name, as `unit` does, None if none does."""
    return _split_unit(name)[1]


def _as_written(text: str) -> str:
    """Return a unit with the micro sign, however its micro is written."""
    return "µ" + text.strip()[1:] if _is_micro(text) else text.strip()


def _is_micro(text: str) -> bool:
    """Tell whether the text is a unit with u (or the Greek letter) for micro."""
    return text.strip()[:1] in ("u", "μ") and text.strip()[1:] in ("V", "A", "T", "s")


@lru_cache(maxsize=512)
def identify(name: str) -> Column | None:
    """Return what the column called `name` means, None for one that a run does not use.

    Knows names such as `Voltage (V)`, `Bias (mV)`, `I [nA]`, `Voltage_V`, `H (Oe)`, `T_sample [K]`,
    `V/mV`, and a bare `nA`. Raises ValueError where the name means a known quantity in a unit
    that is not one of it, or in two different units.
    """
    base, found, brackets = _split_unit(name)
    words = _words(base)
    quantity = _quantity(words, base, found[0] if found else None)
    if quantity is None and (alone := unit(name.strip("\"' "))) is not None:
        telling = _as_written(name.strip("\"' ")) in _TELLING
        return Column(name, alone[0], alone[0], alone[1], alone[2]) if telling else None
    if quantity is None or any(word in _OTHER_WORDS for word in words):
        return None
    if _SIGN_IS_NOT_ITS_OWN.search(base):
        return None
    is_number = quantity in ("leg", "compliance")
    if any(other != found for text in brackets if (other := unit(text)) is not None):
        raise ValueError(f"column '{name}' gives a {quantity} in two units")
    if found is None:
        brackets = [text for text in brackets if not _is_note(text)]
        if brackets and not is_number:
            raise ValueError(
                f"column '{name}' gives a {quantity} in '{brackets[0]}', which is no known unit"
            )
    elif found[0] != quantity:
        raise ValueError(f"column '{name}' gives a {quantity} in a unit of {found[0]}")
    # A field is always applied; its setpoint is called by another name.
    source = _source([word for word in words if word != "applied" or quantity != "field"])
    plain = (_SET_WORDS | _SENSED_WORDS | _NEUTRAL_WORDS | _WORDS.keys() | {"t"}) - _CALENDAR_WORDS
    return Column(
        name=name,
        role="setpoint" if source == "set" and not is_number else quantity,
        quantity=quantity,
        factor=found[1] if found else 1.0,
        offset=found[2] if found else 0.0,
        source=source,
        qualifier=" ".join(
            word for word in words if word not in plain or _WORDS.get(word, quantity) != quantity
        ),
        has_unit=found is not None or is_number,
    )


def _split_unit(name: str) -> tuple[str, tuple[Role, float, float] | None, list[str]]:
    """Return the name without its unit, the unit, and what else stood in brackets."""
    text = name.strip().strip("\"'").strip()
    brackets = [(a or b).strip() for a, b in _BRACKETS.findall(text)]
    base = _BRACKETS.sub(" ", text)
    for content in brackets:
        if (known := unit(content)) is not None:
            rest = [other for other in brackets if other is not content]
            return " ".join([base, *rest]), known, rest
    if brackets:
        return " ".join([base, *brackets]), None, brackets
    head, slash, tail = text.rpartition("/")
    if slash and head and (known := unit(tail)) is not None:
        return head, known, []
    head, _, tail = text.replace(" ", "_").rpartition("_")
    if head.strip("_") and (known := unit(tail)) is not None:
        # In "smu_volt" the unit in words says what is measured, too.
        return text if tail.lower() in _WORDS.keys() & _IN_WORDS.keys() else head, known, []
    return text, None, []


def _words(base: str) -> list[str]:
    """Split a name into lower-case words, at anything but letters and digits and at camel case."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z]{3})(?=[A-Z](?![A-Za-z]))", " ", base)
    return [word.lower() for word in re.split(r"(?:[^\w°]|_)+", spaced) if word]


def _quantity(words: list[str], base: str, unit_of: Role | None) -> Role | None:
    """Return what the words measure; a bare T or t is told apart by its unit, then its case."""
    numbers = [word for word in words if word in ("compliance", "incompliance", "leg")]
    if numbers:
        return None if unit_of else _WORDS[numbers[0]]
    named = [_WORDS[word] for word in words if word in _WORDS]
    if unit_of in named:
        return unit_of
    if named and not ("t" in words and unit_of in ("time", "temperature")):
        return named[0]
    if "t" in words:
        bare: Role = "temperature" if re.search(r"(?<![A-Za-z])T(?![A-Za-z])", base) else "time"
        return unit_of if unit_of in ("time", "temperature") else bare
    # "Setpoint (V)": the unit alone says of what.
    told = any(word in _SET_WORDS | _SENSED_WORDS for word in words)
    electrical = unit_of in ("voltage", "current")
    return unit_of if told and electrical else None


def _source(words: list[str]) -> Source:
    if any(word in _SET_WORDS for word in words):
        return "set"
    return "sensed" if any(word in _SENSED_WORDS for word in words) else "plain"


def _is_note(text: str) -> bool:
    """Tell whether bracketed text qualifies the column instead of naming a unit."""
    known = _SET_WORDS | _SENSED_WORDS | _NEUTRAL_WORDS | _WORDS.keys() | {"vti", "cernox"}
    words = _words(text)
    return bool(words) and all(word in known for word in words)
