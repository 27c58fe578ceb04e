"""What is asked of a catalogue: `temperature_K < 50`, `v_off_V > 1 mV`, `device = B`.

A question is a key, a comparison (`<`, `<=`, `>`, `>=`, `=`, `!=`, or `~` for text that is
contained) and a number with or without a unit, a text, or `null`. It becomes an expression of
SQLAlchemy with bound values; nothing of it is ever run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from nanojunction.analysis.catalogue.errors import QuestionError, UnknownKey
from nanojunction.analysis.catalogue.tables import quantities, runs
from nanojunction.analysis.reading.units import unit

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

_QUESTION = re.compile(r"\s*([\w.]+)\s*(<=|>=|!=|==|=|<|>|~)\s*(.*?)\s*")
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)")
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_DIMENSIONS = {
    "V": "voltage",
    "A": "current",
    "T": "field",
    "K": "temperature",
    "s": "time",
    "ohm": "resistance",
    "W": "power",
    "S": "conductance",
    "meV": "energy",
}
"""What a key is of, by its ending; any other is a number without a unit."""

_PREFIXES = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "µ": 1e-6, "u": 1e-6,
             "n": 1e-9, "p": 1e-12, "f": 1e-15}  # fmt: skip
_OWN = {"ohm": ("resistance", 1.0), "Ω": ("resistance", 1.0), "W": ("power", 1.0),
        "S": ("conductance", 1.0), "eV": ("energy", 1e3)}  # fmt: skip

RUN_KEYS = tuple(one.name for one in runs.c if one.name not in ("id", "parts"))
"""What every run has, known or not."""


@dataclass(frozen=True, slots=True)
class Question:
    """A comparison of what is under a key: with a number in SI, a text, or None for nothing."""

    key: str
    comparison: str
    value: float | str | None


def parse_question(text: str) -> Question:
    """Return the question that a text asks; raises QuestionError with what is wrong in it."""
    found = _QUESTION.fullmatch(text)
    if found is None:
        raise QuestionError(
            f"'{text}': write a key, one of < <= > >= = != ~ and a value, such as "
            "'temperature_K < 50' or 'v_off_V > 1 mV'"
        )
    key, comparison, wanted = found[1], found[2].replace("==", "="), found[3]
    quoted = re.fullmatch(r"""(["'])(.*)\1""", wanted)
    if quoted is not None:
        return Question(key, comparison, quoted[2])
    if not wanted:
        raise QuestionError(f"'{text}': there is nothing after {comparison}")
    if wanted.lower() in ("null", "none"):
        if comparison not in ("=", "!="):
            raise QuestionError(f"'{text}': null is compared with = or != only")
        return Question(key, comparison, None)
    if _is_text(key) or comparison == "~":
        return Question(key, comparison, wanted)
    return Question(key, comparison, _number(key, wanted, text))


def _is_text(key: str) -> bool:
    return key in runs.c and isinstance(runs.c[key].type, sql.Text)


def _number(key: str, wanted: str, text: str) -> float:
    """Return a number in SI (energies in meV) from one with or without a unit."""
    found = _NUMBER.fullmatch(wanted)
    if found is None:
        raise QuestionError(f"'{text}': {key} is compared with a number, not with '{wanted}'")
    if not found[2]:
        return float(found[1])
    dimension = _DIMENSIONS.get(key.removesuffix(".stderr").rpartition("_")[2], "number")
    known = _unit(found[2])
    if known is None or known[0] != dimension:
        of = "has no unit" if dimension == "number" else f"is a {dimension}"
        raise QuestionError(f"'{text}': {key} {of}, '{found[2]}' is no unit of it")
    return float(found[1]) * known[1] + known[2]


def _unit(symbol: str) -> tuple[str, float, float] | None:
    """Return (dimension, factor, offset) of a unit, None if it is unknown."""
    if symbol == "%":
        return "number", 0.01, 0.0
    known = unit(symbol)
    if known is not None:
        return known
    for name, (dimension, factor) in _OWN.items():
        if symbol.endswith(name) and (prefix := symbol.removesuffix(name)) in _PREFIXES:
            return dimension, factor * _PREFIXES[prefix], 0.0
    return None


def expression_of(question: Question, known: Iterable[str]) -> ColumnElement[bool]:
    """Return a question as a condition on `runs`; `known` are the keys of quantities.

    A run that lacks what is asked for is none that the condition holds for, but for `= null`.
    Raises UnknownKey.
    """
    key = question.key
    if key in RUN_KEYS:
        return _compared(runs.c[key], question)
    keys = set(known)
    column = quantities.c.value
    if key not in keys and key.endswith(".stderr"):
        key, column = key.removesuffix(".stderr"), quantities.c.stderr
    if key not in keys:
        raise UnknownKey(question.key, [*RUN_KEYS, *keys])
    if isinstance(question.value, str):
        column = quantities.c.note
    here = sql.select(quantities.c.run).where(
        quantities.c.run == runs.c.id, quantities.c.key == key
    )
    if question.value is None:
        present = here.where(column.is_not(None)).exists()
        return ~present if question.comparison == "=" else present
    return here.where(_compared(column, question)).exists()


def _compared(column: Any, question: Question) -> ColumnElement[bool]:
    found: ColumnElement[bool]
    if question.value is None:
        found = column.is_(None) if question.comparison == "=" else column.is_not(None)
    elif question.comparison == "~":
        found = column.icontains(str(question.value), autoescape=True)
    else:
        found = _COMPARE[question.comparison](column, question.value)
    return found
