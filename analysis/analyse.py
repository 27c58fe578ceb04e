"""The whole offline analysis: files to runs, runs to quantities, groups and the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanojunction.analysis.calibration import (
    CalibrationError,
    MeasuringLine,
    against_line,
    is_calibration,
    measuring_line,
    not_as_stated,
)
from nanojunction.analysis.controls import find_controls
from nanojunction.analysis.groups import Group, find_groups
from nanojunction.analysis.ih import analyse_at_rest, analyse_ih
from nanojunction.analysis.iv import IVSettings, RunResult, analyse_iv
from nanojunction.analysis.reader import ReadError, find_files, read_runs
from nanojunction.analysis.results import FileError, build_results
from nanojunction.analysis.run import Run
from nanojunction.analysis.states import LARGEST_AGAINST_ZERO, FieldReference

Progress = Callable[[int, int], None]
"""Called with the number of files done and the number of all files."""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What an analysis of files found: results a run, groups of runs, and what failed."""

    run_results: tuple[RunResult, ...]
    groups: tuple[Group, ...]
    errors: tuple[FileError, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document `nanojunction-results/1`, checked."""
        return build_results(self.run_results, self.groups, self.errors)


def analyse(
    paths: Iterable[Path],
    *,
    pattern: str | None = None,
    calibration: Path | None = None,
    settings: IVSettings = IVSettings(),  # noqa: B008
    reference: FieldReference = LARGEST_AGAINST_ZERO,
    subtract_offsets: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse run files and find the groups among them.

    `paths` are files, or folders for their *.csv. `calibration` is a file or folder with runs of
    calibrated resistors; runs of kind calibration among `paths` serve as well. A file that cannot
    be read goes to the errors with its sentence and never stops the others. `reference` says which
    fields of I(H) are compared; `subtract_offsets` adds the offsets without the line's beside the
    measured ones. `workers` processes share the files where it is more than one. Raises
    ValueError for fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}: give at least 1")
    errors: list[FileError] = []
    files = _files(paths, errors)
    extra = [] if calibration is None else _files([calibration], errors)
    todo = list(dict.fromkeys([*files, *extra]))
    found: dict[Path, list[RunResult]] = {}
    for done, (path, outcome) in enumerate(_outcomes(todo, pattern, settings, workers), 1):
        if isinstance(outcome, FileError):
            errors.append(outcome)
        else:
            found[path] = outcome
        if progress is not None:
            progress(done, len(todo))
    asked = [result for path in files for result in found.get(path, [])]
    given = [result for path in extra for result in found.get(path, [])]
    line = _line(asked, given, errors)
    if line is not None:
        asked = [_compared(result, line, subtract_offsets) for result in asked]
    groups = (*find_groups(asked, line, reference), *find_controls(asked))
    return Analysis(tuple(asked), groups, tuple(errors))


def _files(paths: Iterable[Path], errors: list[FileError]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        try:
            files.update(dict.fromkeys(find_files([path])))
        except ReadError as error:
            errors.append(FileError(path.as_posix(), str(error)))
    return list(files)


Outcome = list[RunResult] | FileError


def _outcomes(
    files: Sequence[Path], pattern: str | None, settings: IVSettings, workers: int
) -> Iterator[tuple[Path, Outcome]]:
    """Yield each file and what came of it, in order."""
    if workers == 1 or len(files) < 2:
        for path in files:
            yield path, analyse_file(path, pattern, settings)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    count = min(workers, len(files))
    share = max(1, min(32, len(files) // (4 * count)))
    columns = (files, [pattern] * len(files), [settings] * len(files))
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        with _single_threaded_children():
            outcomes = pool.map(analyse_file, *columns, chunksize=share)
        yield from zip(files, outcomes, strict=True)


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Let processes that start meanwhile use one thread each for linear algebra.

    The threads of several processes would wait for one another on small matrices.
    """
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: value or "1" for name, value in before.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


def analyse_file(path: Path, pattern: str | None, settings: IVSettings) -> Outcome:
    """Return the results of the runs in one file, or the sentence that says why there are none."""
    try:
        return [analyse_run(run, settings) for run in read_runs(path, pattern=pattern)]
    except (OSError, ValueError) as error:
        return FileError(path.as_posix(), str(error))
    except Exception as error:
        # Whatever a stranger's table provokes, the night's other files have their results.
        return FileError(path.as_posix(), f"{type(error).__name__}: {error}, in this file")


def analyse_run(run: Run, settings: IVSettings) -> RunResult:
    """Return the quantities of one run, whatever its kind."""
    if run.kind in ("iv", "calibration"):
        return analyse_iv(run, settings)
    if run.kind == "ih":
        return analyse_ih(run)
    if run.kind in ("it", "vt"):
        return analyse_at_rest(run)
    warning = "neither voltage nor field alone was swept: no quantities"
    return RunResult(run, {}, (*run.warnings, warning))


def _line(
    asked: Sequence[RunResult], given: Sequence[RunResult], errors: list[FileError]
) -> MeasuringLine | None:
    """Return the measuring line, None where there is none.

    Runs that were given as calibration are the line, and they alone; without any, runs of kind
    calibration among those asked for are.
    """
    candidates = given or [result for result in asked if result.run.kind == "calibration"]
    runs = []
    for result in candidates:
        if not is_calibration(result.run):
            wrong: str | None = (
                f"device {result.run.device!r} is not recognised as a calibrated resistor: "
                "name it resistor-… or give a run of kind calibration"
            )
        else:
            wrong = not_as_stated(result)
        if wrong is None:
            runs.append(result)
        else:
            file = result.run.file.as_posix()
            errors.append(FileError(file, f"{file}: {wrong}"))
    if not runs:
        return None
    try:
        return measuring_line(runs)
    except CalibrationError as error:
        errors.append(FileError(runs[0].run.file.as_posix(), str(error)))
        return None


def _compared(result: RunResult, line: MeasuringLine, subtract: bool) -> RunResult:
    """Compare an I(V) of a junction with the line; anything else stays as it is."""
    if result.run.kind == "iv" and not is_calibration(result.run):
        return against_line(result, line, subtract=subtract)
    return result
