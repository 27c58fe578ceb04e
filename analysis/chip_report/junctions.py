"""What the page knows of each junction: at a glance, and whole when it is opened."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from nanojunction.analysis.chip_report.curves import drawn_curve
from nanojunction.analysis.chip_report.digests import Digests
from nanojunction.analysis.chip_report.places import ChipPlaces
from nanojunction.analysis.chip_report.words import (
    NUMBERS,
    STAGES,
    least_ratio,
    numbers_shown,
    ratio_shown,
    shown,
)
from nanojunction.analysis.report.sources import date_text
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.on_chip import judge_on_chip
from nanojunction.analysis.screening.screening import Screening
from nanojunction.analysis.screening.story import Runs, moment
from nanojunction.analysis.screening.verdicts import JunctionVerdict, Stage

_GLANCE = ("resistance_ohm", "v_off_V", "i_off_A", "p_max_W")


def glance(screening: Screening, places: ChipPlaces) -> Markup:
    """Return what the map shows of all junctions, as JSON of lists in the chip's order."""
    verdicts = screening.verdicts
    return json_text(
        {
            "name": [one.junction for one in verdicts],
            "verdict": [one.verdict for one in verdicts],
            "kind": [one.kind or "" for one in verdicts],
            "at": [[round(x, 4), round(y, 4)] for x, y in places.at],
            "place": [_place_words(n, screening) for n in range(len(verdicts))],
            "split": [one.split for one in screening.chip.junctions],
            "tip": [_tip(one) for one in verdicts],
            "reason": [one.reasons[0] for one in verdicts],
            "values": {
                "R": [_size(one, "resistance_ohm") for one in verdicts],
                "P_max": [_size(one, "p_max_W") for one in verdicts],
                "ratio": [least_ratio(one) for one in verdicts],
            },
        }
    )


def whole(
    verdict: JunctionVerdict, runs: Runs, screening: Screening, folder: Path, digests: Digests
) -> Markup:
    """Return all of one junction as a line of JSON: numbers, reasons, curves, files, history.

    `folder` is that of the page, to which the links are relative.
    """
    in_time = sorted(
        ((result, stage) for stage, several in runs.items() for result in several),
        key=lambda one: moment(one[0]),
    )
    files, curves = [], []
    for result, stage in in_time:
        curve = drawn_curve(result)
        if curve is not None:
            curves.append({"stage": stage, "told": _is_told(curve, verdict), **curve})
        files += [_file(result, stage, path, folder, digests) for path in _paths(result)]
    return json_text(
        {
            "numbers": numbers_shown(verdict),
            "reasons": list(verdict.reasons),
            "next": STAGES[verdict.next_stage] if verdict.next_stage else "",
            "history": _history(verdict, in_time, screening),
            "files": list({one["href"]: one for one in files}.values()),
            "curves": curves,
        }
    )


def json_text(value: Any) -> Markup:
    """Return JSON that cannot end the element of the page in which it stands."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _is_told(curve: dict[str, Any], verdict: JunctionVerdict) -> bool:
    """Tell whether the numbers of the verdict are those of this curve."""
    told = [verdict.numbers[key].value for key in ("v_off_V", "i_off_A") if key in verdict.numbers]
    return told == [curve.get("v_off"), curve.get("i_off")]


def _history(
    verdict: JunctionVerdict, in_time: Sequence[tuple[RunResult, Stage]], screening: Screening
) -> list[list[str]]:
    """Return what was known after each stage, as the thresholds of the chip have it."""
    junction = screening.chip.junction(verdict.junction)
    known: dict[Stage, list[RunResult]] = {}
    said: list[list[str]] = []
    for n, (result, stage) in enumerate(in_time, 1):
        known.setdefault(stage, []).append(result)
        if n < len(in_time) and in_time[n][1] == stage:
            continue
        now = verdict
        if n < len(in_time):
            now = judge_on_chip(screening.chip, junction, known, screening.line, screening.doubts)
        asked = STAGES[now.next_stage] if now.next_stage else ""
        said.append([STAGES[stage], now.verdict, now.reasons[0], asked])
    return said


def _file(
    result: RunResult, stage: Stage, path: Path, folder: Path, digests: Digests
) -> dict[str, Any]:
    run = result.run
    return {
        "stage": STAGES[stage],
        "name": path.name,
        "href": link(path, folder),
        "sha256": digests.of(path),
        "started": date_text(run.header.get("Started", "")),
        "status": run.status or "cut off",
    }


def _paths(result: RunResult) -> Iterable[Path]:
    return (result.run.file, *result.run.parts)


def link(path: Path, folder: Path) -> str:
    """Return the address of a file for a page in `folder`: relative where there is a way."""
    from urllib.parse import quote

    try:
        way = os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:  # another drive
        return path.resolve().as_uri()
    return quote(Path(way).as_posix())


def _tip(verdict: JunctionVerdict) -> list[str]:
    said = [
        f"{NUMBERS[key][0]} = {shown(verdict.numbers[key], NUMBERS[key][1])}"
        for key in _GLANCE
        if key in verdict.numbers and verdict.numbers[key].value is not None
    ]
    ratio = least_ratio(verdict)
    return said if ratio is None else [*said, f"{ratio_shown(ratio)} the line's offsets"]


def _place_words(index: int, screening: Screening) -> str:
    one = screening.chip.junctions[index]
    words = []
    if one.x_m is not None and one.y_m is not None:
        words.append(f"({one.x_m * 1e3:g}, {one.y_m * 1e3:g}) mm")
    elif one.column is not None and one.row is not None:
        words.append(f"column {one.column}, row {one.row}")
    words += [text for text in (one.split, one.stack) if text]
    if one.diameter_m is not None:
        words.append(f"⌀ {one.diameter_m * 1e6:g} µm")
    return ", ".join(words)


def _size(verdict: JunctionVerdict, key: str) -> float | None:
    quantity = verdict.numbers.get(key)
    if quantity is None or not quantity.value:
        return None
    return float(f"{abs(quantity.value):.4g}")
