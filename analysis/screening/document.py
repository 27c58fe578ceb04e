"""The document `nanojunction-screening/1`: what it promises, checked, and written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.results_check import (
    check_numbers,
    check_texts,
    check_values,
    expect,
)
from nanojunction.analysis.screening.verdicts import STAGES, VERDICTS
from nanojunction.analysis.written import written_whole

SCHEMA = "nanojunction-screening/1"

_LISTS = ("line", "line_changes", "junctions", "shortlist", "look_again", "warnings", "errors")


def check_screening(document: Mapping[str, Any]) -> None:
    """Raise ResultsError with the place and the reason unless the document has its shape.

    Every junction is there once, the counts of the verdicts are those of the junctions, and the
    shortlist names candidates.
    """
    expect(document.get("schema") == SCHEMA, "schema", f"must be {SCHEMA!r}")
    for key in _LISTS:
        expect(isinstance(document.get(key), list), key, "must be a list")
    for key in ("chip", "thresholds", "statistics"):
        expect(isinstance(document.get(key), Mapping), key, "must be an object")
    junctions = document["junctions"]
    for index, one in enumerate(junctions):
        _check_junction(one, f"junctions[{index}]")
    verdicts = {one["junction"]: one["verdict"] for one in junctions}
    expect(len(verdicts) == len(junctions), "junctions", "must have each junction once")
    for index, one in enumerate(document["shortlist"]):
        is_candidate = verdicts.get(one.get("junction")) == "candidate"
        expect(is_candidate, f"shortlist[{index}].junction", "must be a candidate of the chip")
    for index, name in enumerate(document["look_again"]):
        expect(name in verdicts, f"look_again[{index}]", "must be a junction of the chip")
    _check_statistics(document["statistics"], Counter(verdicts.values()))
    check_numbers(document, "document")


def _check_junction(one: Any, where: str) -> None:
    check_texts(one, where, ("junction", "verdict", "position", "split", "stack"))
    words = {
        "verdict": VERDICTS,
        "kind": ("metallic", "semiconducting", None),
        "generates": (True, False),
        "next_stage": (*STAGES, None),
    }
    for key, allowed in words.items():
        known = any(one.get(key, "") is word or one.get(key) == word for word in allowed)
        expect(known, f"{where}.{key}", f"must be one of {', '.join(map(str, allowed))}")
    for key in ("reasons", "files"):
        texts = one.get(key)
        is_list = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        expect(is_list, f"{where}.{key}", "must be a list of texts")
    expect(bool(one["reasons"]), f"{where}.reasons", "must give the reason of the verdict")
    check_values(one.get("numbers"), f"{where}.numbers")


def _check_statistics(statistics: Mapping[str, Any], counts: Mapping[str, int]) -> None:
    groups: list[Any] = statistics.get("groups") or []
    expect(isinstance(groups, list) and bool(groups), "statistics.groups", "must be a list")
    every = sum(counts.values())
    for index, group in enumerate(groups):
        where = f"statistics.groups[{index}]"
        check_texts(group, where, ("by", "name"))
        check_values({key: group.get(key) for key in ("resistance_ohm", "ra_ohm_um2")}, where)
        for verdict in VERDICTS:
            found = group["yields"][verdict]
            at = f"{where}.yields.{verdict}"
            expect(0.0 <= found["low"] <= found["high"] <= 1.0, at, "must be shares in order")
            if index == 0:
                fits = (found["count"], found["of"]) == (counts.get(verdict, 0), every)
                expect(fits, at, "must count the junctions of the document")


def write_screening(document: Mapping[str, Any], path: PathLike) -> None:
    """Check the document and write it as UTF-8, a line each junction; nobody sees half of it.

    Raises ResultsError where the document is wrong, OSError where the file cannot be written.
    """
    check_screening(document)
    with written_whole(Path(path)) as file:
        file.writelines(_texts_of(document))


def screening_text(document: Mapping[str, Any]) -> str:
    """Return the document as `write_screening` writes it, checked; raises ResultsError."""
    check_screening(document)
    return "".join(_texts_of(document))


def _texts_of(document: Mapping[str, Any]) -> Iterator[str]:
    before = "{"
    for key, item in document.items():
        yield f"{before}{json.dumps(key)}: "
        if isinstance(item, list) and item:
            yield "[\n" + ",\n".join(map(_text, item)) + "\n]"
        else:
            yield _text(item)
        before = ",\n"
    yield "}\n"


def _text(item: Any) -> str:
    return json.dumps(item, allow_nan=False, ensure_ascii=False)
