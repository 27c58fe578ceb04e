"""What the lines above a foreign table state: the sample, conditions, whatever has a name."""

from __future__ import annotations

import re

from nanojunction.analysis.reading.dialects import is_number
from nanojunction.analysis.reading.units import unit

_LONGEST_LINE = 100_000
_DEVICE = (
    *("device", "device name", "junction", "sample name", "sample id"),
    *("échantillon", "probenname"),
)
_WITH_UNIT = re.compile(r"([^()\[\]]+?)\s*[(\[]([^()\[\]]{1,12})[)\]]")
_WITH_COMMA = re.compile(r"^([-+]?\d*),(\d+(?:[eE][-+]?\d+)?(?:\s*\S+(?: \S+)?)?)$")
_NUMBERED = re.compile(
    r"([^\W\d]\w*)\s*=\s*([-+]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\W\d]*(?:/m)?|°C)"
)


def foreign_header(
    preamble: list[str], comments: list[str], *, decimal_comma: bool = False
) -> dict[str, str]:
    """Return what a foreign header states: `key: value`, `key = value`, or fields side by side.

    Several `key = number` may stand in one line. Numbers are written with a point, also where
    the table has decimal commas.
    """
    pairs: dict[str, str] = {}
    for text in [*preamble, *(comment.lstrip("# ") for comment in comments)]:
        pairs |= _pairs(text.strip())
    if decimal_comma:
        pairs = {key: _WITH_COMMA.sub(r"\1.\2", value) for key, value in pairs.items()}
    lower = {key.lower(): key for key in pairs}
    device = next((lower[key] for key in ("sample", *_DEVICE) if key in lower), None)
    if device is not None:
        pairs.setdefault("Sample", pairs[device])
    return pairs


def _pairs(text: str) -> dict[str, str]:
    """Return the keys and values in one line."""
    if len(text) > _LONGEST_LINE:
        return {}
    if text.count("=") > 1:
        found = [(key, number, symbol) for key, number, symbol in _NUMBERED.findall(text)]
        if len(found) == text.count("="):
            return {
                key: f"{number} {symbol}" if unit(symbol) else number
                for key, number, symbol in found
            }
    pair = _pair(text)
    return {} if pair is None else dict([pair])


def _pair(text: str) -> tuple[str, str] | None:
    """Return a key and its value, with the unit that stands at the key put behind the number."""
    key, colon, value = text.partition(":")
    if not (colon and value[:1].isspace()):
        key, equals, value = text.partition("=")
        if not equals:
            mark = next((mark for mark in (";", "\t", ",") if mark in text), None)
            fields = [field.strip("\"' ") for field in text.split(mark)] if mark else []
            fields = [field for field in fields if field]
            if len(fields) == 3 and unit(fields[2]) and is_number(fields[1]):
                fields = [fields[0], f"{fields[1]} {fields[2]}"]
            if len(fields) != 2:
                return None
            key, value = fields
    key, value = key.strip("\"': "), value.strip("\"' ")
    named = _WITH_UNIT.fullmatch(key) if len(key) < 100 else None
    if named is not None and unit(named[2]) and is_number(value):
        key, value = named[1].strip(), f"{value} {named[2]}"
    return (key, value) if key and value else None
