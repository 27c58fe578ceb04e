"""The whole offline analysis: files to runs, runs to quantities, groups and the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanojunction.analysis.calibration import (
    MeasuringLine,
    against_line,
    is_calibration,
    line_of,
)
from nanojunction.analysis.controls.carried_out import find_controls
from nanojunction.analysis.devices.groups import Group, find_groups, run_name
from nanojunction.analysis.estimates.device_file import Devices
from nanojunction.analysis.estimates.of_device import DeviceEstimates, estimates_of, with_ra_product
from nanojunction.analysis.field.states import LARGEST_AGAINST_ZERO, FieldReference
from nanojunction.analysis.reading.conditions import check_pattern
from nanojunction.analysis.reading.parts import families
from nanojunction.analysis.reading.reader import find_files
from nanojunction.analysis.results import FileError, build_results, coming_results
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.settings import DEFAULTS, IVSettings
from nanojunction.analysis.work.hands import Hands, outcomes
from nanojunction.analysis.work.kept import ResultStore
from nanojunction.analysis.work.outcomes import Work, analyse_run
from nanojunction.analysis.work.shelf import Shelf

__all__ = ["Analysis", "Progress", "analyse", "analyse_run"]

NO_DEVICES = Devices()

Progress = Callable[[int, int], None]
"""Called with the number of files done and the number of all files."""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What an analysis of files found: results a run, groups of runs, and what failed.

    `warnings` are about no single run: files without a row, runs passed over. `taken` counts the
    runs whose results were kept from an earlier analysis, `calibrations` are the runs of known
    resistors that make the measuring line and are not among `run_results`.
    """

    run_results: tuple[RunResult, ...]
    groups: tuple[Group, ...]
    errors: tuple[FileError, ...]
    warnings: tuple[str, ...] = ()
    taken: int = 0
    estimates: tuple[DeviceEstimates, ...] = ()
    calibrations: tuple[RunResult, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the document `nanojunction-results/1`, checked."""
        return build_results(
            self.run_results, self.groups, self.errors, self.warnings, self.estimates
        )

    def coming_json(self) -> dict[str, Any]:
        """Return the document for `write_results`, which makes and checks it run by run."""
        return coming_results(
            self.run_results, self.groups, self.errors, self.warnings, self.estimates
        )


def analyse(
    paths: Iterable[Path],
    *,
    pattern: str | None = None,
    calibration: Path | None = None,
    settings: IVSettings = DEFAULTS,
    reference: FieldReference = LARGEST_AGAINST_ZERO,
    subtract_offsets: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
    kept: ResultStore | None = None,
    devices: Devices = NO_DEVICES,
) -> Analysis:
    """Analyse run files and find the groups among them.

    `paths` are files, or folders for their *.csv. Files that state to be parts of one run are
    analysed as one, in whatever order they come. `calibration` is a file or folder with runs of
    calibrated resistors (other runs in the folder are passed over); without it, runs of kind
    calibration among `paths` serve. A file that cannot be read goes to the errors with its
    sentence and never stops the others. `reference` says which fields of I(H) are compared;
    `subtract_offsets` adds the offsets without the line's beside the measured ones. `workers`
    processes share the files where it is more than one, or those of the Dask cluster whose
    `scheduler` is named; the results are the same, in the same order. What `kept` has of a run
    that did not change is not found again; groups are made of all runs. Rows and curves of many
    runs are on disk and read when they are asked for. `devices` states what no run shows of
    them, such as their sizes, for estimates.

    Raises ValueError for fewer than one worker, both kinds of them, and a pattern with a field
    that there is not; ClusterError for a cluster that cannot be used.
    """
    hands = Hands(workers, scheduler)
    if pattern is not None:
        check_pattern(pattern)
    errors: list[FileError] = []
    stray: dict[Path, str] = {}
    asked = [Work(family, pattern, settings) for family in families(_files(paths, errors, stray))]
    extra = [] if calibration is None else families(_files([calibration], errors, stray))
    also_asked = {work.files: work for work in asked}
    given = [also_asked.get(family, Work(family, pattern, settings, True)) for family in extra]
    todo = list(dict.fromkeys([*asked, *given]))
    shelf = Shelf()
    show = progress or (lambda done, total: None)
    found = _analysed(todo, shelf, hands, kept, show)
    errors += [error for work in todo for error in found[work].errors]
    results = [result for work in asked for result in found[work].results]
    warnings = _without_rows([one for work in asked for one in found[work].empty])
    warnings += _copies(results)
    warnings += [f"{path.as_posix()}: {why}" for path, why in stray.items()]
    if calibration is None:
        candidates = [result for result in results if result.run.kind == "calibration"]
    else:
        of_these = [found[work] for work in given]
        candidates = _calibrations(calibration, of_these, errors, warnings)
    line = _line(candidates, errors)
    results = [_completed(one, line, subtract_offsets, devices, shelf) for one in results]
    estimates = estimates_of(results, devices)
    groups = (*find_groups(results, line, reference), *find_controls(results))
    taken = sum(found[work].taken for work in asked)
    apart = set() if calibration is None else {run_name(r.run) for r in candidates}
    apart -= {run_name(result.run) for result in results}
    return Analysis(
        tuple(results),
        groups,
        tuple(dict.fromkeys(errors)),
        tuple(warnings),
        taken,
        estimates,
        tuple(result for result in candidates if run_name(result.run) in apart),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of some files, their runs' results on the shelf."""

    results: tuple[RunResult, ...]
    errors: tuple[FileError, ...]
    empty: tuple[tuple[Path, str], ...]
    passed_over: tuple[str, ...]
    taken: int


def _analysed(
    todo: Sequence[Work], shelf: Shelf, hands: Hands, kept: ResultStore | None, show: Progress
) -> dict[Work, _Found]:
    """Return what came of all works, in whatever order they are done."""
    done, total = 0, sum(len(work.files) for work in todo)
    found: dict[Work, _Found] = {}
    with closing(outcomes(todo, hands, kept)) as coming:
        for work, outcome in coming:
            if kept is not None:
                kept.keep(outcome.fresh)
            found[work] = _Found(
                outcome.put_on(shelf, work),
                tuple(outcome.errors),
                tuple(outcome.empty.items()),
                tuple(outcome.passed_over),
                outcome.taken,
            )
            done += len(work.files)
            show(done, total)
    return found


def _files(paths: Iterable[Path], errors: list[FileError], stray: dict[Path, str]) -> list[Path]:
    found = find_files(paths)
    errors += [FileError.of(path, problem) for path, problem in found.problems.items()]
    stray |= found.stray
    return list(found.files)


def _without_rows(ended: Sequence[tuple[Path, str]]) -> list[str]:
    """Return one sentence that names all runs that ended before their first row, if there are."""
    if not ended:
        return []
    names = [f"{path.as_posix()}{f' ({how})' if how else ''}" for path, how in ended]
    which = "1 file holds" if len(names) == 1 else f"{len(names)} files hold"
    return [
        f"{which} no row, of runs that ended before their first, and nothing to analyse: "
        f"{', '.join(names)}"
    ]


def _copies(results: Sequence[RunResult]) -> list[str]:
    """Return one sentence for each set of files whose contents are the same."""
    files: dict[str, dict[Path, None]] = {}
    for result in results:
        if result.provenance is not None:
            files.setdefault(result.provenance.sha256, {})[result.run.file] = None
    return [
        f"{' and '.join(path.as_posix() for path in same)} hold the same, and count as "
        f"{len(same)} measurements: keep one of them"
        for same in files.values()
        if len(same) > 1
    ]


def _calibrations(
    path: Path, given: Sequence[_Found], errors: list[FileError], warnings: list[str]
) -> list[RunResult]:
    """Return the runs of calibrated resistors in what was given as calibration.

    Other runs in a folder are counted in a warning; a file that is named itself and is none, and
    a folder without any, are errors.
    """
    results = [result for outcome in given for result in outcome.results]
    found = [result for result in results if is_calibration(result.run)]
    others = [result.run.device for result in results if not is_calibration(result.run)]
    others += [device for outcome in given for device in outcome.passed_over]
    if found and others:
        warnings.append(
            f"{path.as_posix()}: {len(found)} of the {len(found) + len(others)} runs there make "
            "the measuring line; the others are not of calibrated resistors and were passed over"
        )
    failed = any(outcome.errors for outcome in given)
    if given and not found and (path.is_dir() or not failed):
        which = f"device {others[0]!r} is not" if others else "no run there is"
        if path.is_dir() and others:
            which = f"none of the {len(others)} runs there is"
        errors.append(
            FileError.of(
                path,
                f"{which} recognised as a calibrated resistor: name it resistor-… or give a run "
                "of kind calibration (nanojunction measure calibrate)",
            )
        )
    return found


def _line(candidates: Sequence[RunResult], errors: list[FileError]) -> MeasuringLine | None:
    """Return the measuring line that runs of calibrated resistors make, None without one."""
    line, refused = line_of(candidates)
    errors += [FileError.of(result.run.file, why) for result, why in refused]
    return line


def _completed(
    result: RunResult, line: MeasuringLine | None, subtract: bool, devices: Devices, shelf: Shelf
) -> RunResult:
    """Compare an I(V) of a junction with the line, and add what follows from its size."""
    if result.run.kind != "iv" or is_calibration(result.run):
        return result
    compared = result if line is None else against_line(result, line, subtract=subtract)
    changed = with_ra_product(compared, devices)
    return result if changed is result else shelf.put_again(result, changed)
