"""The keys of a notes file: what each may be, in which words it is wrong, and how it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from nanojunction.analysis.geometry import Area, Shape, parse_area
from nanojunction.analysis.reading.notes import (
    MOST_STARS,
    ColumnCorrection,
    Correction,
    Exclusion,
    Interval,
    Meaning,
    Notes,
    NotesError,
    Zero,
)
from nanojunction.analysis.reading.units import Role, unit
from nanojunction.analysis.run import Heater, Polarity, RunKind, State, Wires
from nanojunction.common.names import did_you_mean

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf)\s*(\S{0,12})\s*")
_LONGEST_NUMBER = 60
_UNITS: Mapping[Role, str] = {
    "temperature": "K",
    "field": "T",
    "voltage": "V",
    "current": "A",
    "time": "s",
}
_EXAMPLES: Mapping[Role, str] = {
    "temperature": "40 K",
    "field": "-500 Oe",
    "voltage": "12 uV",
    "current": "3 nA",
    "time": "90 s",
}
_CONDITIONS: tuple[Role, ...] = ("temperature", "field", "voltage", "current")
_SIZES: tuple[Shape, ...] = ("diameter", "area")
_SPANS: tuple[Role, ...] = ("time", "voltage", "field", "temperature")
_WORDS: Mapping[str, tuple[str | int, ...]] = {
    "kind": get_args(RunKind),
    "state": get_args(State),
    "polarity": get_args(Polarity),
    "wires": get_args(Wires),
    "heater": get_args(Heater),
}


def key_in_SI(quantity: Role) -> str:
    """Return "temperature_K" for "temperature"."""
    return f"{quantity}_{_UNITS[quantity]}"


def notes_of(content: Mapping[str, Any], source: str) -> Notes:
    """Return the notes in the content of a TOML file; raises NotesError."""
    at = _Place(source, "")
    at.refuse_unknown(content, ("comment", "stars", "correct", "exclude", "zero"))
    stars = content.get("stars")
    if stars is not None and (type(stars) is not int or not 0 <= stars <= MOST_STARS):
        raise at.wrong("stars", f"must be a whole number from 0 to {MOST_STARS}", stars)
    exclude = content.get("exclude", [])
    if not isinstance(exclude, list):
        raise at.wrong("exclude", "must be a list of tables, each written [[exclude]]", exclude)
    return Notes(
        comment=at.text(content, "comment") or "",
        stars=stars,
        correct=_correction(at.table(content, "correct"), at.below("correct")),
        exclude=tuple(
            _exclusion(item, at.below(f"exclude[{number}]")) for number, item in enumerate(exclude)
        ),
        zero=_zero(at.table(content, "zero"), at.below("zero")) if "zero" in content else None,
    )


class _Place:
    """A table of the file, for reading its keys and for saying what is wrong with them."""

    def __init__(self, source: str, name: str) -> None:
        self.source = source
        self.name = name

    def below(self, name: str) -> _Place:
        return _Place(self.source, f"{self.name}.{name}" if self.name else name)

    def wrong(self, key: str, what: str, got: object = None) -> NotesError:
        place = ".".join(part for part in (self.name, key) if part)
        shown = "" if got is None or isinstance(got, dict) else f" (got {str(got)[:60]!r})"
        return NotesError(f"{self.source}: {place}: {what}{shown}")

    def refuse_unknown(self, table: Mapping[str, Any], known: Iterable[str]) -> None:
        names = list(known)
        for key in table:
            if key not in names:
                meant = did_you_mean(key, names) or ";"
                raise self.wrong(key, f"is no key that is known here{meant} {_are(names)}")

    def table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        found = content.get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(key, f"must be a table, written [{key}]", found)
        return found

    def text(self, content: Mapping[str, Any], key: str) -> str | None:
        found = content.get(key)
        if found is not None and not isinstance(found, str):
            raise self.wrong(key, "must be text, in quotation marks", found)
        return found

    def filled(self, content: Mapping[str, Any], key: str) -> str | None:
        found = self.text(content, key)
        if found is not None and not found.strip():
            raise self.wrong(key, "is empty: write what it is, or leave the key out")
        return found

    def reason(self, content: Mapping[str, Any]) -> str:
        found = self.filled(content, "reason")
        if found is None:
            raise self.wrong("reason", "is missing: say why, the report shows it")
        return found

    def word(self, content: Mapping[str, Any], key: str) -> Any:
        found = content.get(key)
        if found is None or (type(found) in (str, int) and found in _WORDS[key]):
            return found
        raise self.wrong(key, f"must be {' or '.join(map(repr, _WORDS[key]))}", found)

    def amount(self, key: str, found: object, quantity: Role) -> float:
        example = _EXAMPLES[quantity]
        if not isinstance(found, str):
            what = f"must be text with a number and its unit, such as {example!r}"
            raise self.wrong(key, what, found)
        value = _in_SI(found, quantity)
        if value is None:
            what = f"is no {quantity}: write a number and its unit, such as {example!r}"
            raise self.wrong(key, what, found)
        return value

    def finite(self, content: Mapping[str, Any], key: str, quantity: Role) -> float | None:
        if key not in content:
            return None
        value = self.amount(key, content[key], quantity)
        if not math.isfinite(value):
            raise self.wrong(key, "must be finite", content[key])
        return value


def _in_SI(text: str, quantity: Role) -> float | None:
    """Return "12 uV" in SI, None if it is no number with a unit of that; "inf" needs no unit."""
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if found is None:
        return None
    value = float(found[1])
    if math.isinf(value) and not found[2]:
        return value
    known = unit(found[2])
    if known is None or known[0] != quantity:
        return None
    return value * known[1] + known[2]


def _are(names: Iterable[str]) -> str:
    return f"known are {', '.join(names)}"


def _correction(table: Mapping[str, Any], at: _Place) -> Correction:
    texts = ("device", "position")
    at.refuse_unknown(table, (*texts, *_CONDITIONS, *_WORDS, *_SIZES, "columns", "reason"))
    columns, below = at.table(table, "columns"), at.below("columns")
    values: dict[str, Any] = {
        **{key: at.filled(table, key) for key in texts},
        **{key: at.word(table, key) for key in _WORDS},
        **{key_in_SI(name): at.finite(table, name, name) for name in _CONDITIONS},
    }
    return Correction(
        **values,
        area=_area(table, at),
        columns={
            name: _column(below.table(columns, name), below.below(f'"{name}"')) for name in columns
        },
        reason=at.text(table, "reason") or "",
    )


def _area(table: Mapping[str, Any], at: _Place) -> Area | None:
    """Return the area that `diameter` or `area` state; raises NotesError for both."""
    texts = {name: text for name in _SIZES if (text := at.filled(table, name)) is not None}
    if len(texts) > 1:
        raise at.wrong("", "has both diameter and area: give one of them")
    for name, text in texts.items():
        try:
            return parse_area(text, name, "notes")
        except ValueError as problem:
            raise at.wrong(name, str(problem)) from problem
    return None


def _column(table: Mapping[str, Any], at: _Place) -> ColumnCorrection:
    at.refuse_unknown(table, ("meaning", "unit", "sign"))
    meaning, symbol, sign = table.get("meaning"), at.text(table, "unit"), table.get("sign", 1)
    if not table:
        raise at.wrong("", "is empty: give meaning, unit or sign")
    if meaning is not None and meaning not in get_args(Meaning):
        meant = did_you_mean(str(meaning), get_args(Meaning))
        raise at.wrong("meaning", f"must be one of {', '.join(get_args(Meaning))}{meant}", meaning)
    if type(sign) is not int or sign not in (1, -1):
        raise at.wrong("sign", "must be 1 or -1", sign)
    known = None if symbol is None else unit(symbol)
    if symbol is not None and known is None:
        raise at.wrong("unit", "is no known unit; known are such as mV, nA, Oe, K, ms", symbol)
    if known is not None and meaning is not None and known[0] != meaning.split()[-1]:
        raise at.wrong("unit", f"is a unit of {known[0]}, and the meaning is {meaning}", symbol)
    return ColumnCorrection(meaning, symbol, 1 if sign == 1 else -1)


def _exclusion(table: Any, at: _Place) -> Exclusion:
    if not isinstance(table, dict):
        raise at.wrong("", "must be a table, written [[exclude]]", table)
    at.refuse_unknown(table, ("rows", "leg", *_SPANS, "reason"))
    if not table.keys() - {"reason"}:
        names = ", ".join(("rows", "leg", *_SPANS))
        raise at.wrong("", f"excludes nothing: give one or more of {names}")
    spans = {key_in_SI(name): _span(table, name, at) for name in _SPANS}
    rows, legs = _counted(table, "rows", 1, at), _counted(table, "leg", 0, at)
    return Exclusion(at.reason(table), rows, legs, **spans)


def _counted(table: Mapping[str, Any], key: str, first: int, at: _Place) -> tuple[int, int] | None:
    """Return the first and the last of a whole number or of a pair of them."""
    found = table.get(key)
    if found is None:
        return None
    ends = found if isinstance(found, list) else [found, found]
    whole = len(ends) == 2 and all(type(end) is int and end >= first for end in ends)
    if not whole or ends[0] > ends[1]:
        what = f"must be the first and the last as whole numbers from {first}, such as [3, 7]"
        raise at.wrong(key, what, found)
    return ends[0], ends[1]


def _span(table: Mapping[str, Any], key: Role, at: _Place) -> Interval | None:
    found = table.get(key)
    if found is None:
        return None
    if not isinstance(found, list) or len(found) != 2:
        what = f'must be the first and the last value, such as ["-inf", "{_EXAMPLES[key]}"]'
        raise at.wrong(key, what, found)
    low, high = (at.amount(key, end, key) for end in found)
    if not low <= high:
        raise at.wrong(key, "must go from the smaller to the larger value", found)
    return low, high


def _zero(table: Mapping[str, Any], at: _Place) -> Zero:
    at.refuse_unknown(table, ("voltage", "current", "reason"))
    voltage = at.finite(table, "voltage", "voltage")
    current = at.finite(table, "current", "current")
    if voltage is None and current is None:
        raise at.wrong("", "subtracts nothing: give voltage, current or both")
    return Zero(at.reason(table), voltage or 0.0, current or 0.0)


def content_of(notes: Notes) -> dict[str, Any]:
    """Return notes as the content of a TOML file."""
    content: dict[str, Any] = {}
    if notes.comment:
        content["comment"] = notes.comment
    if notes.stars is not None:
        content["stars"] = notes.stars
    if correct := _correction_content(notes.correct):
        content["correct"] = correct
    if notes.exclude:
        content["exclude"] = [_exclusion_content(one) for one in notes.exclude]
    if notes.zero is not None:
        zero = notes.zero
        content["zero"] = {
            "voltage": written(zero.voltage_V, "voltage"),
            "current": written(zero.current_A, "current"),
            "reason": zero.reason,
        }
    return content


def written(value: float, quantity: Role) -> str:
    """Return a value in SI as a notes file has it: "0.0021 V"."""
    return f"{value!r} {_UNITS[quantity]}"


def _correction_content(correct: Correction) -> dict[str, Any]:
    words = ("device", "position", *_WORDS)
    content: dict[str, Any] = {
        key: value for key in words if (value := getattr(correct, key)) is not None
    }
    for name in _CONDITIONS:
        value = getattr(correct, key_in_SI(name))
        if value is not None:
            content[name] = written(value, name)
    if correct.area is not None:
        shape, _, text = correct.area.stated.partition(" ")
        content[shape] = text
    if correct.columns:
        content["columns"] = {name: _column_content(c) for name, c in correct.columns.items()}
    if correct.reason:
        content["reason"] = correct.reason
    return content


def _column_content(column: ColumnCorrection) -> dict[str, Any]:
    content = {"meaning": column.meaning, "unit": column.unit}
    stated: dict[str, Any] = {key: text for key, text in content.items() if text is not None}
    return stated if column.sign == 1 and stated else stated | {"sign": column.sign}


def _exclusion_content(one: Exclusion) -> dict[str, Any]:
    content: dict[str, Any] = {
        key: list(ends) for key, ends in (("rows", one.rows), ("leg", one.legs)) if ends
    }
    for name in _SPANS:
        span: Interval | None = getattr(one, key_in_SI(name))
        if span is not None:
            content[name] = [written(end, name) for end in span]
    return content | {"reason": one.reason}
