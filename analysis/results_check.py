"""What the results document `nanojunction-results/1` promises, checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nanojunction.analysis.devices.checks import CHECK_NAMES, OUTCOMES
from nanojunction.analysis.reading.notes import MOST_STARS

SCHEMA = "nanojunction-results/1"
RUN_KINDS = ("iv", "ih", "it", "vt", "calibration", "unknown")
GROUP_KINDS = ("arrhenius", "magneto", "calibration", "repeat", "controls")
CONDITIONS = ("temperature_K", "field_T", "voltage_V", "current_A")
WORDS: Mapping[str, tuple[str | int, ...]] = {
    "state": ("P", "AP"),
    "polarity": ("normal", "reversed"),
    "wires": (2, 4),
    "heater": ("on", "off"),
    "output": ("on", "off"),
}
"""Conditions that are not numbers, and what each may be; `position` is any text."""

_TEXTS: Mapping[str, tuple[str, ...]] = {
    "verdicts": ("device", "verdict", "reason"),
    "estimates": ("device", "power_from"),
    "errors": ("file", "error"),
}
LISTS = ("runs", "groups", *_TEXTS)
"""The keys of the document that hold lists of objects."""


class ResultsError(ValueError):
    """A document is not what its schema promises; the sentence says where."""


def check_results(document: Mapping[str, Any]) -> None:
    """Raise ResultsError with the place and the reason unless the document has its shape."""
    check_schema(document.get("schema"))
    for key in ("runs", "groups", "errors"):
        expect(isinstance(document.get(key), list), key, "must be a list")
    for key in LISTS:
        for index, item in enumerate(document.get(key, ())):
            check_item(key, item, f"{key}[{index}]")
    check_numbers(document, "document")


def check_schema(schema: Any) -> None:
    """Raise ResultsError unless a document states the schema that this is about."""
    expect(schema == SCHEMA, "schema", f"must be {SCHEMA!r}")


def check_item(key: str, item: Any, where: str) -> None:
    """Raise ResultsError unless one of the items of a list in the document has its shape."""
    if key == "runs":
        _check_run(item, where)
    elif key == "groups":
        _check_group(item, where)
    else:
        check_texts(item, where, _TEXTS[key])
        if key == "estimates":
            check_values(item.get("quantities"), f"{where}.quantities")


def check_numbers(item: Any, where: str) -> None:
    """Raise ResultsError with the place of NaN, Infinity and anything that JSON does not know."""
    try:
        json.dumps(item, allow_nan=False)
    except (TypeError, ValueError):
        _finite(item, where)
        raise


def expect(fulfilled: bool, where: str, what: str) -> None:
    """Raise ResultsError with the place and what must be there unless it is."""
    if not fulfilled:
        raise ResultsError(f"{where}: {what}")


def check_texts(item: Any, where: str, keys: Sequence[str]) -> None:
    """Raise ResultsError unless an object has texts under these keys."""
    expect(isinstance(item, Mapping), where, "must be an object")
    for key in keys:
        expect(isinstance(item.get(key), str), f"{where}.{key}", "must be text")


def _check_run(run: Any, where: str) -> None:
    check_texts(run, where, ("file", "kind", "device"))
    expect(run["kind"] in RUN_KINDS, f"{where}.kind", f"must be one of {', '.join(RUN_KINDS)}")
    conditions = run.get("conditions")
    expect(isinstance(conditions, Mapping), f"{where}.conditions", "must be an object")
    for key, value in conditions.items():
        _check_condition(key, value, f"{where}.conditions.{key}")
    check_values(run.get("quantities"), f"{where}.quantities")
    warnings = run.get("warnings")
    expect(
        isinstance(warnings, list) and all(isinstance(item, str) for item in warnings),
        f"{where}.warnings",
        "must be a list of texts",
    )
    if run.get("notes") is not None:
        _check_notes(run["notes"], f"{where}.notes")


def _check_notes(notes: Any, where: str) -> None:
    check_texts(notes, where, ("file", "comment", "why_corrected"))
    stars = notes.get("stars")
    known = stars is None or (isinstance(stars, int) and 0 <= stars <= MOST_STARS)
    expect(known, f"{where}.stars", f"must be a whole number from 0 to {MOST_STARS}, or null")
    for key, texts in (("corrected", ("what", "after")), ("excluded", ("reason",))):
        expect(isinstance(notes.get(key), list), f"{where}.{key}", "must be a list")
        for index, one in enumerate(notes[key]):
            check_texts(one, f"{where}.{key}[{index}]", texts)
    if notes.get("zero") is not None:
        check_texts(notes["zero"], f"{where}.zero", ("reason",))


def _check_condition(key: str, value: Any, where: str) -> None:
    known = (*CONDITIONS, *WORDS, "position")
    expect(key in known, where, f"is unknown; allowed are {', '.join(known)}")
    if value is None:
        return
    if key in WORDS:
        words = " or ".join(map(str, WORDS[key]))
        expect(value in WORDS[key], where, f"must be {words}, or null")
    elif key == "position":
        expect(isinstance(value, str), where, "must be text or null")
    else:
        expect(_number(value), where, "must be a number or null")


def _check_group(group: Any, where: str) -> None:
    check_texts(group, where, ("kind", "device"))
    kind = group["kind"]
    expect(kind in GROUP_KINDS, f"{where}.kind", f"must be one of {', '.join(GROUP_KINDS)}")
    quantities = group.get("quantities")
    check_values(quantities, f"{where}.quantities")
    if kind == "arrhenius":
        for key, fits in quantities.items():
            at = f"{where}.quantities.{key}"
            best = fits.get("best")
            expect(best in ("one-regime", "two-regime", None), f"{at}.best", "names no regime")
            for regime in ("one-regime", "two-regime"):
                expect(isinstance(fits.get(regime), Mapping), f"{at}.{regime}", "is missing")
    if kind == "controls":
        checks = group.get("checks")
        expect(isinstance(checks, list) and bool(checks), f"{where}.checks", "must be a list")
        for index, check in enumerate(checks):
            at = f"{where}.checks[{index}]"
            check_texts(check, at, ("name", "outcome", "reason"))
            expect(check["name"] in CHECK_NAMES, f"{at}.name", "is no check that is known")
            expect(check["outcome"] in OUTCOMES, f"{at}.outcome", "is no outcome of a check")
            check_values(check.get("quantities"), f"{at}.quantities")


def check_values(item: Any, where: str) -> None:
    """Raise ResultsError unless an object holds numbers and curves as the document writes them."""
    expect(isinstance(item, Mapping), where, "must be an object")
    for key, value in item.items():
        _check_value(value, f"{where}.{key}")


def _check_value(item: Any, where: str) -> None:
    """Check the numbers and curves in a value, however deep they are."""
    if isinstance(item, list):
        for index, part in enumerate(item):
            _check_value(part, f"{where}[{index}]")
    if not isinstance(item, Mapping):
        return
    if {"x", "y", "stderr"} <= item.keys():
        sizes = {len(item[key]) for key in ("x", "y", "stderr") if isinstance(item[key], list)}
        expect(len(sizes) == 1, where, "x, y and stderr of a curve must be equally long lists")
    elif {"value", "stderr"} <= item.keys() and not isinstance(item["value"], list):
        for key in ("value", "stderr"):
            expect(item[key] is None or _number(item[key]), f"{where}.{key}", "must be a number")
        explained = item["value"] is not None or bool(item.get("note"))
        expect(explained, where, "a missing value needs a note that says why")
    else:
        for key, part in item.items():
            _check_value(part, f"{where}.{key}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(item: Any, where: str) -> None:
    """Raise ResultsError for NaN, Infinity and anything that JSON does not know."""
    if isinstance(item, Mapping):
        for key, part in item.items():
            expect(isinstance(key, str), where, f"the key {key!r} must be text")
            _finite(part, f"{where}.{key}")
    elif isinstance(item, list):
        for index, part in enumerate(item):
            _finite(part, f"{where}[{index}]")
    elif isinstance(item, float):
        expect(math.isfinite(item), where, f"{item} is not a number that JSON knows")
    else:
        known = item is None or isinstance(item, str | int | bool)
        expect(known, where, f"{type(item).__name__} is nothing that JSON knows")
