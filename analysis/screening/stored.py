"""The runs of a screening from their files, each with its stage; no journal is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nanojunction.analysis.reading.files import PathLike, find_files
from nanojunction.analysis.reading.parts import Part, families, whole_runs
from nanojunction.analysis.reading.reader import read_part, runs_of
from nanojunction.analysis.reading.run_kind import stated_kind
from nanojunction.analysis.results import FileError
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.verdicts import (
    OPEN_LINE,
    STAGE_KEY,
    Stage,
    is_of_open_line,
    stage_of,
)
from nanojunction.analysis.settings import DEFAULTS
from nanojunction.analysis.work.hands import Hands, outcomes
from nanojunction.analysis.work.kept import ResultStore
from nanojunction.analysis.work.outcomes import Outcome, Work, analyse_run
from nanojunction.analysis.work.shelf import Shelf

Progress = Callable[[int, int], None]
"""Called with the files done and all files."""


@dataclass(slots=True)
class StoredRuns:
    """What files hold of a screening: results by junction and stage, and those of known resistors.

    `open_line` are those with nothing connected, and `others` counts runs that name no stage and
    are no calibrations. Rows and curves are on disk and read when they are asked for.
    """

    junctions: dict[str, dict[Stage, list[RunResult]]]
    calibrations: list[RunResult]
    others: int
    errors: list[FileError]
    open_line: list[RunResult] = field(default_factory=list)

    def of_all(self) -> Iterator[RunResult]:
        """Yield the runs on known resistors and on all junctions."""
        yield from self.calibrations
        for stages in self.junctions.values():
            for several in stages.values():
                yield from several


def stage_results(files: Sequence[PathLike]) -> list[RunResult]:
    """Return what was found in one run whose parts are in `files`, in order.

    One result, or one a plateau of a temperature series. A run that ended before its first row has
    a result without rows and quantities: its status says why. Raises ReadError for what is no run.
    """
    parts = [read_part(Path(file)) for file in files]
    return [
        analyse_run(run, DEFAULTS)
        for run_parts, warning in whole_runs(parts)
        if any(part.rows for part in run_parts)
        for run in runs_of(run_parts, warning)
    ] or [_without_rows(parts)]


def stored_runs(
    paths: Iterable[Path],
    *,
    workers: int = 1,
    progress: Progress | None = None,
    kept: ResultStore | None = None,
) -> StoredRuns:
    """Analyse the run files of a screening, as `nanojunction.analysis.analyse` does files.

    `paths` are files, or folders for their *.csv; parts of one run are joined. A file that cannot
    be read goes to the errors. What `kept` has of a run that did not change is not found again.
    """
    found = find_files(paths)
    stored = StoredRuns({}, [], 0, [FileError.of(*item) for item in found.problems.items()])
    todo = [Work(family, None, DEFAULTS) for family in families(found.files)]
    shelf, done, total = Shelf(), 0, len(found.files)
    with closing(outcomes(todo, Hands(workers), kept)) as coming:
        for work, outcome in coming:
            if kept is not None:
                kept.keep(outcome.fresh)
            for result in _results(work, outcome, shelf):
                _sort_in(result, stored)
            stored.errors += [one for one in outcome.errors if not _was_made_anew(one)]
            done += len(work.files)
            if progress is not None:
                progress(done, total)
    return stored


def _was_made_anew(error: FileError) -> bool:
    """Tell whether a file is a look at the open line that was killed before its first row.

    Such a look is made again under another name, since only a whole one tells anything.
    """
    try:
        part = read_part(Path(error.file))
    except (OSError, ValueError):
        return False
    return not part.rows and part.table.header.get(STAGE_KEY, "").strip() == OPEN_LINE


def _results(work: Work, outcome: Outcome, shelf: Shelf) -> list[RunResult]:
    empty = [_without_rows([read_part(path)]) for path in outcome.empty]
    return [*outcome.put_on(shelf, work), *empty]


def _sort_in(result: RunResult, stored: StoredRuns) -> None:
    run = result.run
    stage = stage_of(run)
    if stage is not None:
        stored.junctions.setdefault(run.device, {}).setdefault(stage, []).append(result)
    elif is_of_open_line(run):
        stored.open_line.append(result)
    elif run.kind == "calibration":
        stored.calibrations.append(result)
    else:
        stored.others += 1


def _without_rows(parts: Sequence[Part]) -> RunResult:
    """Return the result of a run that ended before its first row."""
    first, last = parts[0].table, parts[-1].table
    status = (last.end or {}).get("status")
    none = np.empty(0)
    run = Run(
        file=parts[0].path,
        parts=tuple(part.path for part in parts[1:]),
        device=first.header.get("Sample", ""),
        kind=stated_kind(first.header) or "unknown",
        time_s=none,
        leg=np.empty(0, dtype=np.int64),
        setpoint_V=none,
        setpoint_A=None,
        voltage_V=none,
        current_A=none,
        field_T=None,
        temperature_K=None,
        in_compliance=np.empty(0, dtype=np.bool_),
        header=first.header,
        status=None if status is None else str(status),
    )
    return RunResult(run, {}, ())
