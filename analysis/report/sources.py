"""The report's provenance: files with digests and sizes, rows that were left out, settings."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nanojunction.analysis.iv.traces import traces_of
from nanojunction.analysis.notation import amount, numbered, plain_number
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult

_MOST_SPANS = 8
_NUMERICAL = ("numpy", "scipy", "lmfit", "matplotlib")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was when the page was written."""

    name: str
    sha256: str
    size: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers come from: a run file with its parts and notes, and how it was measured."""

    number: int
    files: tuple[SourceFile, ...]
    runs: list[tuple[int, int]]
    rows: int
    started: str
    status: str
    software: str
    station: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows of a run that entered no fit; `run` counts the report's runs from 1."""

    run: int
    file: str
    rows: str
    reason: str


def sources_of(runs: Sequence[Run], names: Sequence[str]) -> list[Source]:
    """Return a source for each run file, in order of appearance."""
    files: dict[Path, list[tuple[int, Run]]] = {}
    for number, run in enumerate(runs, 1):
        files.setdefault(run.file, []).append((number, run))
    return [
        _source(n, path, names[members[0][0] - 1], members)
        for n, (path, members) in enumerate(files.items(), 1)
    ]


def _source(number: int, path: Path, name: str, members: Sequence[tuple[int, Run]]) -> Source:
    run = members[0][1]
    others = [*run.parts, *([] if run.notes is None else [run.notes.file])]
    return Source(
        number=number,
        files=(_file(path, name), *(_file(other, other.name) for other in others)),
        runs=numbered(number for number, _ in members),
        rows=sum(len(member) for _, member in members),
        started=date_text(run.header.get("Started", "")) or "not stated",
        status=run.status or "not stated",
        software=run.header.get("Software", "not stated"),
        station=str(_station(run).get("name") or "not stated"),
    )


def _file(path: Path, name: str) -> SourceFile:
    try:
        data = path.read_bytes()
    except OSError as error:
        return SourceFile(name, f"cannot be read any more ({error.strerror})", "")
    return SourceFile(name, hashlib.sha256(data).hexdigest(), _bytes(len(data)))


def _bytes(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    prefix, size = ("k", 1e-3) if count < 1_000_000 else ("M", 1e-6)
    return f"{plain_number(count * size, 3)} {prefix}B"


def short_names(runs: Sequence[Run]) -> list[str]:
    """Return the runs' file names, with as many folders as tell them apart."""
    files = list(dict.fromkeys(run.file for run in runs))
    short = {path: path.name for path in files}
    if len(set(short.values())) < len(files):
        short = {path: path.as_posix() for path in files}
    return [short[run.file] for run in runs]


def first_start(runs: Sequence[Run]) -> str:
    """Return the first start that a run's header names, "" where none does."""
    starts = sorted(run.header["Started"] for run in runs if "Started" in run.header)
    return starts[0] if starts else ""


def date_text(text: str) -> str:
    """Return an ISO date and time to the minute; any other text as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{when:%Y-%m-%d %H:%M %Z}".strip()


def _station(run: Run) -> Mapping[str, Any]:
    try:
        station = json.loads(run.header.get("Station", "null"))
    except (ValueError, RecursionError):
        return {}
    return station if isinstance(station, dict) else {}


def simulated(runs: Sequence[Run]) -> str:
    """Return "", or how many of the runs were measured on a virtual cryostat."""
    count = sum(_station(run).get("simulated") is True for run in runs)
    if count == 0:
        return ""
    whole = "all" if count == len(runs) else f"{count} of {len(runs)}"
    return f"{whole} runs were measured on a virtual cryostat"


def used_rows(run: Run) -> int:
    """Return how many of a run's rows enter its fits."""
    if run.kind in ("iv", "calibration"):
        return len(traces_of(run)[0])
    return int(np.count_nonzero(~run.in_compliance))


def left_out(results: Sequence[RunResult], names: Sequence[str]) -> list[LeftOut]:
    """Return the rows of each run that entered no fit, with their numbers and the reason.

    Rows are counted from 1, in the file for those that notes exclude, and in what is left of the
    run for the others. Rows that were never read are named as the reader names them.
    """
    found = []
    for number, (result, name) in enumerate(zip(results, names, strict=True), 1):
        run = result.run
        for excluded in () if run.notes is None else run.notes.excluded:
            rows = _spans(excluded.rows, excluded.count)
            found.append(LeftOut(number, name, f"{rows} of the file", f"notes: {excluded.reason}"))
        limited = np.flatnonzero(run.in_compliance) + 1
        if len(limited):
            found.append(LeftOut(number, name, _rows(limited.tolist()), "in compliance"))
        if run.kind in ("iv", "calibration"):
            kept = np.zeros(len(run), dtype=bool)
            kept[traces_of(run)[0].row] = True
            lone = np.flatnonzero(~kept & ~run.in_compliance) + 1
            if len(lone):
                why = "outliers: eight noise standard deviations from both neighbours"
                found.append(LeftOut(number, name, _rows(lone.tolist()), why))
        said = [warning for warning in run.warnings if " dropped" in warning]
        found += [LeftOut(number, name, "of the file", warning) for warning in said]
    return found


def _rows(numbers: Sequence[int]) -> str:
    return _spans(numbered(numbers), len(numbers))


def _spans(spans: Sequence[tuple[int, int]], count: int) -> str:
    shown = [f"{a}" if a == b else f"{a}–{b}" for a, b in spans[:_MOST_SPANS]]
    more = ", …" if len(spans) > _MOST_SPANS else ""
    return f"row {shown[0]}" if count == 1 else f"{count} rows: {', '.join(shown)}{more}"


def settings_rows(results: Sequence[RunResult]) -> list[tuple[str, str]]:
    """Return what the analysis was told and made with, as (what, value) rows."""
    known = [result.provenance for result in results if result.provenance is not None]
    rows: list[tuple[str, str]] = []
    for text in dict.fromkeys(one.settings for one in known):
        settings = json.loads(text)
        window, chord = settings.get("window_V"), settings.get("chord_V")
        rows += [
            ("convention of R_s", str(settings.get("slope_convention"))),
            (
                "half width of its window",
                "chosen from the data of each run" if window is None else amount(window, "V"),
            ),
            (
                "voltage of the chord",
                "10 mV, or the end of a shorter range" if chord is None else amount(chord, "V"),
            ),
            ("pattern of file names", settings.get("pattern") or "none"),
        ]
    rows += [("analysis", f"nanojunction {v}") for v in dict.fromkeys(one.version for one in known)]
    analysed = sorted(one.analysed for one in known)
    if analysed:
        first, last = date_text(analysed[0]), date_text(analysed[-1])
        rows.append(("analysed", first if first == last else f"{first} to {last}"))
    packages = ", ".join(f"{name} {version(name)}" for name in _NUMERICAL)
    rows.append(("with", f"Python {sys.version.split()[0]}, {packages}"))
    return rows
