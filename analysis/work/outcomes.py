"""What came of files: their runs' results, errors and what had no row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nanojunction.analysis.calibration import is_calibration
from nanojunction.analysis.ih import analyse_at_rest, analyse_ih
from nanojunction.analysis.iv.quantities import iv_analysis
from nanojunction.analysis.reading.corrections import as_measured
from nanojunction.analysis.reading.parts import Part, whole_runs
from nanojunction.analysis.reading.reader import read_part, runs_of
from nanojunction.analysis.results import FileError
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.together import Analysis, together
from nanojunction.analysis.values import Quantity
from nanojunction.analysis.work.kept import Kept, provenance_of
from nanojunction.analysis.work.packed import Packed
from nanojunction.analysis.work.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Work:
    """The parts of a run (or one file) to analyse, and how; all runs or calibrations alone."""

    files: tuple[Path, ...]
    pattern: str | None
    settings: IVSettings
    only_calibrations: bool = False


@dataclass(slots=True)
class Outcome:
    """The results of the runs in some files, what failed, and what there was nothing to do for.

    `empty` names files of runs that ended before their first row, with how they ended;
    `passed_over` are the devices of runs that are no calibrations, where only these were
    asked for. `fresh` are new results, packed to be kept, and `taken` counts those that were kept,
    both only where there is something that keeps them. `packed` are results on their way from
    another process.
    """

    results: list[RunResult] = field(default_factory=list)
    errors: list[FileError] = field(default_factory=list)
    empty: dict[Path, str] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    fresh: list[Kept] = field(default_factory=list)
    taken: int = 0
    packed: list[Packed] = field(default_factory=list)

    def to_send(self) -> Outcome:
        """Return the same with its results packed."""
        return replace(self, results=[], packed=[Packed.of(one) for one in self.results])

    def put_on(self, shelf: Shelf, work: Work) -> tuple[RunResult, ...]:
        """Put the results on a shelf, their files named as in the work, and return them."""
        packed = [one.named_as(work.files) for one in self.packed]
        return (*map(shelf.put, self.results), *map(shelf.put, packed))


def analyse_works(
    works: Sequence[Work], known: Sequence[Mapping[str, Kept] | None]
) -> list[Outcome]:
    """Return what came of families of files; a file that cannot be used never stops another.

    `known` are the results that were kept of each, by the keys of their provenance; None keeps
    none. Runs of equal legs and setpoints are worked out together.
    """
    return together(map(_analysis, works, known))


def _analysis(work: Work, known: Mapping[str, Kept] | None) -> Analysis[Outcome]:
    outcome = Outcome()
    parts = [part for path in work.files if (part := _part(path, outcome)) is not None]
    for run_parts, warning in whole_runs(parts):
        if any(part.rows for part in run_parts):
            with _failures_of(run_parts[0].path, outcome):
                for run in runs_of(run_parts, warning, pattern=work.pattern):
                    if work.only_calibrations and not is_calibration(run):
                        outcome.passed_over.append(run.device)
                    else:
                        contents = [part.sha256 for part in run_parts]
                        result = yield from _result(run, work, contents, known, outcome)
                        outcome.results.append(result)
        else:
            _nothing_in(run_parts, outcome)
    return outcome


def _nothing_in(run_parts: Sequence[Part], outcome: Outcome) -> None:
    """Say what became of a run without a row: it ended by itself, or it was cut off."""
    for part in run_parts:
        if part.table.end is None:
            begun = "the run was cut off before its first row" if part.table.header else "is empty"
            sentence = f"{begun}: nothing to analyse"
            outcome.errors.append(FileError.of(part.path, sentence))
        else:
            outcome.empty[part.path] = _how_ended(part)


def _result(
    run: Run,
    work: Work,
    contents: Sequence[str],
    known: Mapping[str, Kept] | None,
    outcome: Outcome,
) -> Analysis[RunResult]:
    """Return a run's results: those that were kept if they follow from the same, or new ones."""
    provenance = provenance_of(run, contents, work.pattern, work.settings)
    if known is not None and (kept := known.get(provenance.key)) is not None:
        outcome.taken += 1
        return kept.result_of(run)
    result = replace((yield from _analysed(run, work.settings)), provenance=provenance)
    if known is not None:
        outcome.fresh.append(Kept.of(result, provenance))
    return result


def _part(path: Path, outcome: Outcome) -> Part | None:
    with _failures_of(path, outcome):
        return read_part(path)
    return None


@contextmanager
def _failures_of(path: Path, outcome: Outcome) -> Iterator[None]:
    """Keep what goes wrong with a file as its error."""
    before, fresh, taken = len(outcome.results), len(outcome.fresh), outcome.taken
    try:
        yield
        return
    except (OSError, ValueError) as error:
        failure = FileError.of(path, error)
    except Exception as error:
        # Whatever a stranger's table provokes, the night's other files have their results.
        failure = FileError.of(path, f"{type(error).__name__}: {error}, in this file")
    del outcome.results[before:], outcome.fresh[fresh:]
    outcome.taken = taken
    outcome.errors.append(failure)


def _how_ended(part: Part) -> str:
    end = part.table.end or {}
    return ": ".join(str(end[key]) for key in ("status", "error") if end.get(key))


def analyse_run(run: Run, settings: IVSettings) -> RunResult:
    """Return the quantities of one run, whatever its kind.

    Where notes subtract an offset, the values before that stand beside those after it.
    """
    return together([_analysed(run, settings)])[0]


def _analysed(run: Run, settings: IVSettings) -> Analysis[RunResult]:
    result = yield from _quantities(run, settings)
    if run.notes is None or run.notes.why_zero is None:
        return result
    before = (yield from _quantities(as_measured(run), settings)).quantities
    quantities = dict(result.quantities)
    for key in _SHIFTED & quantities.keys() & before.keys():
        zeroed, measured = quantities[key], before[key]
        if isinstance(zeroed, Quantity) and isinstance(measured, Quantity):
            extra = {**zeroed.extra, "before_zero": measured.value}
            quantities[key] = replace(zeroed, extra=extra)
    return replace(result, quantities=quantities)


_SHIFTED = frozenset(
    {"v_off_V", "i_off_A", "v_mean_V", "i_mean_A", "voltage_V", "i_zero_field_A", "i_max_field_A"}
)


def _quantities(run: Run, settings: IVSettings) -> Analysis[RunResult]:
    if run.kind in ("iv", "calibration"):
        return (yield from iv_analysis(run, settings))
    if run.kind == "ih":
        return analyse_ih(run)
    if run.kind in ("it", "vt"):
        return analyse_at_rest(run)
    warning = "neither voltage nor field alone was swept: no quantities"
    return RunResult(run, {}, (*run.warnings, warning))
