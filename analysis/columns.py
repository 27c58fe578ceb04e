"""What a column of a run file means: its role and its unit, from its name alone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Role = Literal["time", "leg", "setpoint", "voltage", "current", "field", "temperature", "compliance"]
Source = Literal["set", "sensed", "plain"]

_MU_0 = 4e-7 * math.pi

# Unit -> (what it measures, factor to SI, offset in SI).
_UNITS: dict[str, tuple[str, float, float]] = {
    **{u: ("voltage", f, 0.0) for u, f in {"V": 1, "mV": 1e-3, "µV": 1e-6, "nV": 1e-9}.items()},
    **{u: ("voltage", f, 0.0) for u, f in {"kV": 1e3, "volt": 1.0, "volts": 1.0}.items()},
    **{u: ("current", f, 0.0) for u, f in {"A": 1, "mA": 1e-3, "µA": 1e-6, "nA": 1e-9}.items()},
    **{u: ("current", f, 0.0) for u, f in {"pA": 1e-12, "fA": 1e-15, "amps": 1.0}.items()},
    **{u: ("field", f, 0.0) for u, f in {"T": 1, "mT": 1e-3, "µT": 1e-6, "tesla": 1.0}.items()},
    **{u: ("field", f, 0.0) for u, f in {"Oe": 1e-4, "kOe": 0.1, "G": 1e-4, "kG": 0.1}.items()},
    **{u: ("field", f, 0.0) for u, f in {"Gauss": 1e-4, "gauss": 1e-4, "oe": 1e-4}.items()},
    **{u: ("field", f, 0.0) for u, f in {"A/m": _MU_0, "kA/m": 1e3 * _MU_0}.items()},
    **{u: ("temperature", f, 0.0) for u, f in {"K": 1, "mK": 1e-3, "kelvin": 1.0}.items()},
    **{u: ("temperature", 1.0, 273.15) for u in ("C", "°C", "degC")},
    **{u: ("time", f, 0.0) for u, f in {"s": 1, "ms": 1e-3, "µs": 1e-6, "sec": 1.0}.items()},
    **{u: ("time", f, 0.0) for u, f in {"min": 60, "h": 3600, "hr": 3600, "d": 86400}.items()},
}

_WORDS: dict[str, Role] = {
    **dict.fromkeys(("v", "u", "voltage", "bias", "vbias", "volt", "volts", "vsd", "vds"), "voltage"),
    **dict.fromkeys(("i", "current", "amps", "isd", "ids"), "current"),
    **dict.fromkeys(("h", "b", "field", "mu0h", "µ0h", "b0"), "field"),
    **dict.fromkeys(("temp", "temperature", "tsample", "temperatur"), "temperature"),
    **dict.fromkeys(("time", "elapsed", "zeit"), "time"),
    "leg": "leg",
    "compliance": "compliance",
    "incompliance": "compliance",
    "vset": "voltage",
    "iset": "current",
    "vmeas": "voltage",
    "imeas": "current",
}
_SET_WORDS = frozenset({"setpoint", "set", "source", "src", "applied", "programmed", "vset", "iset", "nominal"})
_SENSED_WORDS = frozenset(
    {"sensed", "sense", "meas", "measured", "measure", "read", "reading", "vmeas", "imeas", "actual"}
)
_NEUTRAL_WORDS = frozenset(
    {"sample", "junction", "dc", "magnetic", "external", "mean", "avg", "average", "the", "in", "of"}
)
# A column with one of these words is about a voltage (current, …) but is not the junction's.
_OTHER_WORDS = frozenset(
    """std stdev stderr sd sem err error sigma unc uncertainty noise range limit max min gate gain
    offset diff delta ac lockin d dv di didv dvdi conductance resistance power lead heater""".split()
)

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
    quantity: str
    factor: float = 1.0
    offset: float = 0.0
    source: Source = "plain"
    qualifier: str = ""
    has_unit: bool = True


def unit(text: str) -> tuple[str, float, float] | None:
    """Return (quantity, factor to SI, offset in SI) of a unit such as "mV", None if unknown."""
    return _UNITS.get(text.strip().replace("u", "µ", 1) if _is_micro(text) else text.strip())


def _is_micro(text: str) -> bool:
    """Tell whether the text is a unit with u (or the Greek letter) for micro."""
    return text.strip()[:1] in ("u", "μ") and text.strip()[1:] in ("V", "A", "T", "s")


@lru_cache(maxsize=512)
def identify(name: str) -> Column | None:
    """Return what the column called `name` means, None for one that a run does not use.

    Knows names such as `Voltage (V)`, `Bias (mV)`, `I [nA]`, `Voltage_V`, `H (Oe)`, `T_sample [K]`,
    `V/mV`. Raises ValueError where the name means a known quantity in a unit that is not one of it.
    """
    base, found, brackets = _split_unit(name)
    words = _words(base)
    quantity = _quantity(words, base, found[0] if found else None)
    if quantity is None or any(word in _OTHER_WORDS for word in words):
        return None
    is_number = quantity in ("leg", "compliance")
    if is_number and found is not None:
        return None
    if found is None:
        brackets = [text for text in brackets if not _is_note(text)]
        if brackets and not is_number:
            raise ValueError(
                f"column '{name}' gives a {quantity} in '{brackets[0]}', which is no known unit of it"
            )
    elif found[0] != quantity:
        raise ValueError(f"column '{name}' gives a {quantity} in a unit of {found[0]}")
    source = _source(words)
    plain = _SET_WORDS | _SENSED_WORDS | _NEUTRAL_WORDS | _WORDS.keys() | {"t"}
    return Column(
        name=name,
        role="setpoint" if source == "set" and not is_number else _role(quantity),
        quantity=quantity,
        factor=found[1] if found else 1.0,
        offset=found[2] if found else 0.0,
        source=source,
        qualifier=" ".join(word for word in words if word not in plain),
        has_unit=found is not None or is_number,
    )


def _split_unit(name: str) -> tuple[str, tuple[str, float, float] | None, list[str]]:
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
        return head, known, []
    return text, None, []


def _words(base: str) -> list[str]:
    """Split a name into lower-case words, at anything but letters and digits and at camel case."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", base)
    return [word.lower() for word in re.split(r"[^0-9A-Za-zµμ°]+", spaced) if word]


def _quantity(words: list[str], base: str, unit_of: str | None) -> str | None:
    """Return what the words measure; a bare T or t is told apart by its unit, then its case."""
    if "compliance" in words and unit_of is not None:
        return None
    for word in ("compliance", "incompliance", "leg"):
        if word in words:
            return _WORDS[word]
    for word in words:
        if word in _WORDS:
            return _WORDS[word]
    if "t" in words:
        if unit_of in ("time", "temperature"):
            return unit_of
        return "temperature" if re.search(r"(?<![A-Za-z])T(?![A-Za-z])", base) else "time"
    # "Setpoint (V)": the unit alone says of what.
    if unit_of in ("voltage", "current") and any(w in _SET_WORDS | _SENSED_WORDS for w in words):
        return unit_of
    return None


def _source(words: list[str]) -> Source:
    if any(word in _SET_WORDS for word in words):
        return "set"
    return "sensed" if any(word in _SENSED_WORDS for word in words) else "plain"


def _role(quantity: str) -> Role:
    roles: dict[str, Role] = {
        "time": "time",
        "leg": "leg",
        "voltage": "voltage",
        "current": "current",
        "field": "field",
        "temperature": "temperature",
        "compliance": "compliance",
    }
    return roles[quantity]


def _is_note(text: str) -> bool:
    """Tell whether bracketed text qualifies the column instead of naming a unit."""
    known = _SET_WORDS | _SENSED_WORDS | _NEUTRAL_WORDS | _WORDS.keys() | {"vti", "cernox"}
    words = _words(text)
    return bool(words) and all(word in known for word in words)
