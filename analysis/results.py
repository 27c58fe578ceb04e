"""The results document `nanojunction-results/1`: built, checked, written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanojunction.analysis.checks import CHECK_NAMES, OUTCOMES
from nanojunction.analysis.claims import find_claims
from nanojunction.analysis.device_estimates import DeviceEstimates
from nanojunction.analysis.files import PathLike
from nanojunction.analysis.groups import Group
from nanojunction.analysis.iv import RunResult
from nanojunction.analysis.notes import MOST_STARS
from nanojunction.analysis.values import plain

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


class ResultsError(ValueError):
    """A document is not what `nanojunction-results/1` promises; the sentence says where."""


@dataclass(frozen=True, slots=True)
class FileError:
    """A file that could not be read or analysed, and why; as text a sentence that names both."""

    file: str
    error: str

    @classmethod
    def of(cls, path: Path, problem: Exception | str) -> FileError:
        """Return the error of a file; a name that the problem begins with is not repeated."""
        text = str(problem)
        for name in (str(path), path.as_posix()):
            text = text.removeprefix(f"{name}: ").removeprefix(f"{name}, ")
        return cls(path.as_posix(), text)

    def __str__(self) -> str:
        return f"{self.file}: {self.error}"

    def to_json(self) -> dict[str, str]:
        """Return the JSON object of one error."""
        return {"file": self.file, "error": self.error}


def build_results(
    runs: Sequence[RunResult],
    groups: Sequence[Group] = (),
    errors: Sequence[FileError] = (),
    warnings: Sequence[str] = (),
    estimates: Sequence[DeviceEstimates] = (),
) -> dict[str, Any]:
    """Return the document as plain JSON values, checked; files are named as they were given.

    `warnings` are about no single run.

    Raises ResultsError where a value cannot be stated in the document.
    """
    document = {
        "schema": SCHEMA,
        "runs": [_run(result) for result in runs],
        "groups": [group.to_json() for group in groups],
        "verdicts": [claim.to_json() for claim in find_claims(runs, groups)],
        "estimates": [one.to_json() for one in estimates],
        "errors": [error.to_json() for error in errors],
        "warnings": list(warnings),
    }
    _explain(document)
    check_results(document)
    return document


def _explain(item: Any) -> None:
    """Give every missing value without a note one: it was NaN or infinite."""
    if isinstance(item, dict):
        if "value" in item and item["value"] is None and not item.get("note"):
            item["note"] = "the value is not a finite number"
        for part in item.values():
            _explain(part)
    elif isinstance(item, list) and item and isinstance(item[0], dict | list):
        for part in item:
            _explain(part)


def _run(result: RunResult) -> dict[str, Any]:
    run = result.run
    return {
        "file": run.file.as_posix(),
        "parts": [part.as_posix() for part in run.parts],
        "segment": run.segment,
        "kind": run.kind,
        "device": run.device,
        "conditions": plain(run.conditions.to_json()),
        "quantities": {key: _value(item) for key, item in result.quantities.items()},
        "warnings": list(result.warnings),
        "notes": None if run.notes is None else plain(run.notes.to_json()),
    }


def _value(item: Any) -> Any:
    if isinstance(item, list | tuple):
        return [_value(part) for part in item]
    if isinstance(item, Mapping):
        return {str(key): _value(part) for key, part in item.items()}
    return item.to_json() if hasattr(item, "to_json") else plain(item)


def to_text(document: Mapping[str, Any]) -> str:
    """Return the document as JSON text, one line a key and no NaN or Infinity in it."""
    return json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def write_results(document: Mapping[str, Any], path: PathLike) -> None:
    """Check the document and write it as UTF-8; a reader never sees half of it.

    Raises ResultsError where the document is wrong, OSError where the file cannot be written.
    """
    check_results(document)
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    # A file's name, or a header, may hold what is no character: JSON writes that as an escape.
    partial.write_text(to_text(document), encoding="utf-8", errors="backslashreplace")
    partial.replace(path)


def check_results(document: Mapping[str, Any]) -> None:
    """Raise ResultsError with the place and the reason unless the document has its shape."""
    _expect(document.get("schema") == SCHEMA, "schema", f"must be {SCHEMA!r}")
    for key in ("runs", "groups", "errors"):
        _expect(isinstance(document.get(key), list), key, "must be a list")
    for index, run in enumerate(document["runs"]):
        _check_run(run, f"runs[{index}]")
    for index, group in enumerate(document["groups"]):
        _check_group(group, f"groups[{index}]")
    for index, error in enumerate(document["errors"]):
        _texts(error, f"errors[{index}]", ("file", "error"))
    for index, verdict in enumerate(document.get("verdicts", ())):
        _texts(verdict, f"verdicts[{index}]", ("device", "verdict", "reason"))
    for index, one in enumerate(document.get("estimates", ())):
        _texts(one, f"estimates[{index}]", ("device", "power_from"))
        _check_values(one.get("quantities"), f"estimates[{index}].quantities")
    try:
        json.dumps(document, allow_nan=False)
    except (TypeError, ValueError):
        _finite(document, "document")
        raise


def _expect(fulfilled: bool, where: str, what: str) -> None:
    if not fulfilled:
        raise ResultsError(f"{where}: {what}")


def _texts(item: Any, where: str, keys: Sequence[str]) -> None:
    _expect(isinstance(item, Mapping), where, "must be an object")
    for key in keys:
        _expect(isinstance(item.get(key), str), f"{where}.{key}", "must be text")


def _check_run(run: Any, where: str) -> None:
    _texts(run, where, ("file", "kind", "device"))
    _expect(run["kind"] in RUN_KINDS, f"{where}.kind", f"must be one of {', '.join(RUN_KINDS)}")
    conditions = run.get("conditions")
    _expect(isinstance(conditions, Mapping), f"{where}.conditions", "must be an object")
    for key, value in conditions.items():
        _check_condition(key, value, f"{where}.conditions.{key}")
    _check_values(run.get("quantities"), f"{where}.quantities")
    warnings = run.get("warnings")
    _expect(
        isinstance(warnings, list) and all(isinstance(item, str) for item in warnings),
        f"{where}.warnings",
        "must be a list of texts",
    )
    if run.get("notes") is not None:
        _check_notes(run["notes"], f"{where}.notes")


def _check_notes(notes: Any, where: str) -> None:
    _texts(notes, where, ("file", "comment", "why_corrected"))
    stars = notes.get("stars")
    known = stars is None or (isinstance(stars, int) and 0 <= stars <= MOST_STARS)
    _expect(known, f"{where}.stars", f"must be a whole number from 0 to {MOST_STARS}, or null")
    for key, texts in (("corrected", ("what", "after")), ("excluded", ("reason",))):
        _expect(isinstance(notes.get(key), list), f"{where}.{key}", "must be a list")
        for index, one in enumerate(notes[key]):
            _texts(one, f"{where}.{key}[{index}]", texts)
    if notes.get("zero") is not None:
        _texts(notes["zero"], f"{where}.zero", ("reason",))


def _check_condition(key: str, value: Any, where: str) -> None:
    known = (*CONDITIONS, *WORDS, "position")
    _expect(key in known, where, f"is unknown; allowed are {', '.join(known)}")
    if value is None:
        return
    if key in WORDS:
        words = " or ".join(map(str, WORDS[key]))
        _expect(value in WORDS[key], where, f"must be {words}, or null")
    elif key == "position":
        _expect(isinstance(value, str), where, "must be text or null")
    else:
        _expect(_number(value), where, "must be a number or null")


def _check_group(group: Any, where: str) -> None:
    _texts(group, where, ("kind", "device"))
    kind = group["kind"]
    _expect(kind in GROUP_KINDS, f"{where}.kind", f"must be one of {', '.join(GROUP_KINDS)}")
    quantities = group.get("quantities")
    _check_values(quantities, f"{where}.quantities")
    if kind == "arrhenius":
        for key, fits in quantities.items():
            at = f"{where}.quantities.{key}"
            best = fits.get("best")
            _expect(best in ("one-regime", "two-regime", None), f"{at}.best", "names no regime")
            for regime in ("one-regime", "two-regime"):
                _expect(isinstance(fits.get(regime), Mapping), f"{at}.{regime}", "is missing")
    if kind == "controls":
        checks = group.get("checks")
        _expect(isinstance(checks, list) and bool(checks), f"{where}.checks", "must be a list")
        for index, check in enumerate(checks):
            at = f"{where}.checks[{index}]"
            _texts(check, at, ("name", "outcome", "reason"))
            _expect(check["name"] in CHECK_NAMES, f"{at}.name", "is no check that is known")
            _expect(check["outcome"] in OUTCOMES, f"{at}.outcome", "is no outcome of a check")
            _check_values(check.get("quantities"), f"{at}.quantities")


def _check_values(item: Any, where: str) -> None:
    _expect(isinstance(item, Mapping), where, "must be an object")
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
        _expect(len(sizes) == 1, where, "x, y and stderr of a curve must be equally long lists")
    elif {"value", "stderr"} <= item.keys() and not isinstance(item["value"], list):
        for key in ("value", "stderr"):
            _expect(item[key] is None or _number(item[key]), f"{where}.{key}", "must be a number")
        explained = item["value"] is not None or bool(item.get("note"))
        _expect(explained, where, "a missing value needs a note that says why")
    else:
        for key, part in item.items():
            _check_value(part, f"{where}.{key}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(item: Any, where: str) -> None:
    """Raise ResultsError for NaN, Infinity and anything that JSON does not know."""
    if isinstance(item, Mapping):
        for key, part in item.items():
            _expect(isinstance(key, str), where, f"the key {key!r} must be text")
            _finite(part, f"{where}.{key}")
    elif isinstance(item, list):
        for index, part in enumerate(item):
            _finite(part, f"{where}[{index}]")
    elif isinstance(item, float):
        _expect(math.isfinite(item), where, f"{item} is not a number that JSON knows")
    else:
        known = item is None or isinstance(item, str | int | bool)
        _expect(known, where, f"{type(item).__name__} is nothing that JSON knows")
