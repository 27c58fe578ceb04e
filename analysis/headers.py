"""What the lines above a foreign table state: the sample, conditions, whatever has a name."""

from __future__ import annotations

import re

from nanojunction.analysis.columns import unit
from nanojunction.analysis.dialects import is_number

_LONGEST_LINE = 100_000
_DEVICE = ("device", "device name", "junction", "sample name", "sample id")
_WITH_UNIT = re.compile(r"([^()\[\]]+?)\s*[(\[]([^()\[\]]{1,12})[)\]]")


def foreign_header(preamble: list[str], comments: list[str]) -> dict[str, str]:
    """Return what a foreign header states: `key: value`, `key = value`, or fields side by side."""
    pairs: dict[str, str] = {}
    for text in [*preamble, *(comment.lstrip("# ") for comment in comments)]:
        found = _pair(text.strip())
        if found is not None:
            pairs[found[0]] = found[1]
    lower = {key.lower(): key for key in pairs}
    device = next((lower[key] for key in ("sample", *_DEVICE) if key in lower), None)
    if device is not None:
        pairs.setdefault("Sample", pairs[device])
    return pairs


def _pair(text: str) -> tuple[str, str] | None:
    """Return a key and its value, with the unit that stands at the key put behind the number."""
    if len(text) > _LONGEST_LINE:
        return None
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
