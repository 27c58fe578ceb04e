"""What a column of a run file means: its role and its unit, from its name alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from nanojunction.analysis.reading.units import TELLING, Role, as_written, is_word, unit

Source = Literal["set", "sensed", "plain"]

_WORDS: dict[str, Role] = {
    **dict.fromkeys(
        ("v", "u", "voltage", "bias", "vbias", "volt", "volts", "vsd", "vds"), "voltage"
    ),
    **dict.fromkeys(("spannung", "tension", "tensión", "tensione", "voltaje"), "voltage"),
    **dict.fromkeys(("napięcie", "напряжение", "电压", "電圧", "potential"), "voltage"),
    **dict.fromkeys(("i", "current", "curr", "amps", "isd", "ids", "strom", "courant"), "current"),
    **dict.fromkeys(("corrente", "corriente", "prąd", "ток", "电流", "電流"), "current"),
    **dict.fromkeys(("h", "b", "field", "mu0h", "µ0h", "b0"), "field"),
    **dict.fromkeys(("feld", "magnetfeld", "champ"), "field"),
    **dict.fromkeys(("temp", "temperature", "tsample", "temperatur"), "temperature"),
    **dict.fromkeys(("température", "temperatura", "температура"), "temperature"),
    **dict.fromkeys(("time", "elapsed", "zeit", "temps", "timestamp", "datetime"), "time"),
    "leg": "leg",
    "compliance": "compliance",
    "incompliance": "compliance",
    "vset": "voltage",
    "iset": "current",
    "vmeas": "voltage",
    "imeas": "current",
}
# An "Id" may be anybody's; with a unit of current it is the drain's.
_WORDS_WITH_UNIT: dict[str, Role] = {
    **dict.fromkeys(("vd", "vb", "vf", "vm"), "voltage"),
    **dict.fromkeys(("id", "ib", "if", "im"), "current"),
}
# What a Keithley 4200 calls its terminals, and nobody's average or analog input.
_TERMINALS = {"AV": "V", "AI": "I", "BV": "V", "BI": "I"}
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
# What a column is called whose unit alone says what it holds.
_NAMELESS_WORDS = frozenset({"value", "untitled"})
# Seconds since the start are preferred to the date.
_CALENDAR_WORDS = frozenset({"timestamp", "datetime"})
# A column with one of these words is about a voltage (current, …) but is not the junction's.
_OTHER_WORDS = frozenset(
    {"std", "stdev", "stderr", "sd", "sem", "err", "error", "sigma", "unc", "uncertainty", "noise"}
    | {
        "range",
        "limit",
        "max",
        "min",
        "gate",
        "gain",
        "offset",
        "diff",
        "delta",
        "ac",
        "lockin",
        "over",
    }
    | {"d", "dv", "di", "didv", "dvdi", "conductance", "resistance", "power", "lead", "heater"}
    | {"density", "log", "log10", "ln", "sqrt", "squared", "over"}
)

KNOWN_NAMES = "V, Bias (mV), I [nA], Current (A), H (Oe), T (K)"
"""Examples of column names that are known, for sentences about those that are not."""

_SIGN_IS_NOT_ITS_OWN = re.compile(r"^\s*-|\||\babs\b", re.IGNORECASE)
_SOURCE_DRAIN = re.compile(r"[VUI]_sd", re.IGNORECASE)
_NUMBERED = re.compile(r"([^\W\d]+)([1-9]\d?)")
_UNIT_IN_OTHER_BRACKETS = re.compile(r"\{([^{}]*)\}|<([^<>]*)>")
_BEFORE_UNIT = " \t\u00a0,:;=.|_-"
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Column:
    """What one column means: SI value = number·factor + offset.

    `source` tells a setpoint from a sensed value where the name does; `qualifier` holds the words
    that single out one of several sensors ("vti"), or of several terminals ("1"), empty for the
    sample's own. `has_unit` is False where the name gives no unit and SI is taken.
    """

    name: str
    role: Role
    quantity: Role
    factor: float = 1.0
    offset: float = 0.0
    source: Source = "plain"
    qualifier: str = ""
    has_unit: bool = True

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers that single it out, such as a terminal's."""
        return tuple(word for word in self.qualifier.split() if word.isdecimal())


def unit_in(name: str) -> tuple[Role, float, float] | None:
    """Return the unit that stands in a column's name, as `unit` does, None if none does."""
    return _split_unit(name)[1]


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
        telling = as_written(name.strip("\"' ")) in TELLING
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
    plain = (
        _SET_WORDS | _SENSED_WORDS | _NEUTRAL_WORDS | _NAMELESS_WORDS | _WORDS.keys() | {"t"}
    ) - _CALENDAR_WORDS
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
    text = _UNIT_IN_OTHER_BRACKETS.sub(
        lambda found: f"({found[1] or found[2]})" if unit(found[1] or found[2] or "") else found[0],
        name.strip().strip("\"'").strip(),
    )
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
    at = max(map(text.rfind, _BEFORE_UNIT))
    head, tail = text[: max(at, 0)].rstrip(_BEFORE_UNIT), text[at + 1 :]
    if head and (known := unit(tail)) is not None:
        # In "smu_volt" the unit in words says what is measured, too.
        return text if tail.lower() in _WORDS and is_word(tail) else head, known, []
    return text, None, []


def _words(base: str) -> list[str]:
    """Split a name into lower-case words, at anything but letters and digits and at camel case."""
    if _SOURCE_DRAIN.fullmatch(base.strip()):
        return [base.strip()[0].lower(), "source-drain"]
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z]{3})(?=[A-Z](?![A-Za-z]))", " ", base)
    parts = [part for part in re.split(r"(?:[^\w°]|_)+", spaced) if part]
    if parts and all(part.isdecimal() for part in parts[1:]):
        parts[0] = _TERMINALS.get(parts[0], parts[0])
    return [word for part in parts for word in _without_number(part.lower())]


def _without_number(word: str) -> tuple[str, ...]:
    """Return a word such as "v2" as "v" and "2", others as they are."""
    found = _NUMBERED.fullmatch(word)
    electrical = found is not None and _WORDS.get(found[1]) in ("voltage", "current")
    return found.groups() if found is not None and electrical else (word,)


def _quantity(words: list[str], base: str, unit_of: Role | None) -> Role | None:
    """Return what the words measure; a bare T or t is told apart by its unit, then its case."""
    numbers = [word for word in words if word in ("compliance", "incompliance", "leg")]
    if numbers:
        return None if unit_of else _WORDS[numbers[0]]
    named = [_WORDS[word] for word in words if word in _WORDS]
    named += [unit_of for word in words if unit_of and _WORDS_WITH_UNIT.get(word) == unit_of]
    if unit_of in named:
        return unit_of
    if named and not ("t" in words and unit_of in ("time", "temperature")):
        return named[0]
    if "t" in words:
        bare: Role = "temperature" if re.search(r"(?<![A-Za-z])T(?![A-Za-z])", base) else "time"
        return unit_of if unit_of in ("time", "temperature") else bare
    # "Setpoint (V)": the unit alone says of what.
    told = any(word in _SET_WORDS | _SENSED_WORDS | _NAMELESS_WORDS for word in words)
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
    return bool(words) and all(word in known or word.isdecimal() for word in words)
