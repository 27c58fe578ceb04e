"""A whole chip: the verdict on every junction, the shortlist, and what it all came to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanojunction.analysis.calibration import MeasuringLine, line_of
from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.results import FileError
from nanojunction.analysis.screening.chip import Chip, Junction
from nanojunction.analysis.screening.comparison import Compared, compare_yields_and_resistances
from nanojunction.analysis.screening.document import SCHEMA
from nanojunction.analysis.screening.line_drift import LineChange, line_changes
from nanojunction.analysis.screening.on_chip import judge_on_chip
from nanojunction.analysis.screening.open_line import Doubt, doubts, without_doubt
from nanojunction.analysis.screening.shortlist import Ranked, look_again, shortlist
from nanojunction.analysis.screening.statistics import Statistics, statistics_of, values_of
from nanojunction.analysis.screening.stored import Progress, StoredRuns, stored_runs
from nanojunction.analysis.screening.verdicts import JunctionVerdict
from nanojunction.analysis.values import plain


@dataclass(frozen=True, slots=True)
class Screening:
    """What a screening found: a verdict for each of the chip's junctions, in their order.

    `line` is the measuring line of all calibration runs, None without one, and `line_changes` how
    it differed at the end from the beginning. `shortlist` has the candidates, the one with the
    largest P_max first; `look_again` names junctions that generate, or may, and are no candidates.
    `doubts` are stretches of time whose runs count for nothing, since the line was not open after
    them.
    """

    chip: Chip
    verdicts: tuple[JunctionVerdict, ...]
    line: MeasuringLine | None
    line_changes: tuple[LineChange, ...]
    statistics: Statistics
    shortlist: tuple[Ranked, ...]
    look_again: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[FileError, ...] = ()

    def verdict(self, junction: str) -> JunctionVerdict:
        """Return the verdict on a junction; raises KeyError with a sentence if there is none."""
        for one in self.verdicts:
            if one.junction == junction:
                return one
        raise KeyError(f"the chip has no junction {junction!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the document `nanojunction-screening/1`."""
        chip = self.chip
        return {
            "schema": SCHEMA,
            "chip": {
                "name": chip.name,
                "junctions": len(chip.junctions),
                "stacks": {name: list(layers) for name, layers in chip.stacks.items()},
            },
            "thresholds": dataclasses.asdict(chip.thresholds),
            "line": [] if self.line is None else self.line.to_json(),
            "line_changes": [plain(dataclasses.asdict(one)) for one in self.line_changes],
            "junctions": [
                {**_place(junction), **verdict.to_json()}
                for junction, verdict in zip(chip.junctions, self.verdicts, strict=True)
            ],
            "shortlist": [plain(dataclasses.asdict(one)) for one in self.shortlist],
            "look_again": list(self.look_again),
            "statistics": self.statistics.to_json(),
            "warnings": list(self.warnings),
            "errors": [error.to_json() for error in self.errors],
        }


def screening_of(chip: Chip, stored: StoredRuns) -> Screening:
    """Return the screening of a chip from its runs, judged with the thresholds of the chip file.

    The measuring line is that of all calibration runs, those at the end among them. A junction
    without runs is undecided. Runs of junctions that the chip does not have are named in a warning.
    """
    doubted = doubts(stored.open_line, stored.of_all(), chip.thresholds)
    calibrations = without_doubt(stored.calibrations, doubted)
    line, refused = line_of(calibrations)
    warnings = [f"{result.run.file.name}: {why}" for result, why in refused]
    if line is None:
        warnings.append("no calibration run serves: offsets were not compared with the line")
    warnings += [f"{one.reason}; what was measured before is in doubt" for one in doubted]
    verdicts = tuple(
        judge_on_chip(chip, one, stored.junctions.get(one.name, {}), line, doubted)
        for one in chip.junctions
    )
    known = {one.name for one in chip.junctions}
    if strangers := sorted(stored.junctions.keys() - known):
        names = ", ".join(strangers[:5])
        warnings.append(f"{len(strangers)} junctions are not on the chip and not judged: {names}")
    if stored.others:
        warnings.append(f"{stored.others} runs belong to no stage of a screening: not used")
    return Screening(
        chip=chip,
        verdicts=verdicts,
        line=line,
        line_changes=line_changes(calibrations),
        statistics=statistics_of(chip, verdicts),
        shortlist=shortlist(verdicts),
        look_again=look_again(verdicts),
        doubts=doubted,
        warnings=tuple(warnings),
        errors=tuple(stored.errors),
    )


def screen_files(
    chip: Chip,
    paths: Iterable[PathLike],
    *,
    workers: int = 1,
    progress: Progress | None = None,
    catalogue: PathLike | None = None,
) -> Screening:
    """Judge the stored runs of a chip again: `paths` are files, or folders for their *.csv.

    Nothing is measured, and no journal is needed: the runs say which stage of which junction they
    are. With other thresholds in the chip file other verdicts come of the same runs; what they
    would have measured more stands in `next_stage` of a verdict. `workers` processes share the
    files, `progress` is called with files done and all files. Runs and verdicts go into `catalogue`
    (a file, made if need be, or a database URL), and what it has of runs that did not change is not
    found again; raises CatalogueError where it cannot be used.

    >>> chip = chip_from('junctions = [{name="A", max_voltage_V=0.2, max_current_A=1e-3}]', "mine")
    >>> found = screen_files(chip, [campaign])  # runs that are of no screening, but calibrations
    >>> found.verdict("A").verdict, found.verdict("A").next_stage, len(found.line.points)
    ('undecided', 'contact', 3)
    """
    return screen_with_runs(chip, paths, workers=workers, progress=progress, catalogue=catalogue)[0]


def screen_with_runs(
    chip: Chip,
    paths: Iterable[PathLike],
    *,
    workers: int = 1,
    progress: Progress | None = None,
    catalogue: PathLike | None = None,
) -> tuple[Screening, StoredRuns]:
    """Return what `screen_files` does, and the runs that were judged.

    >>> chip = chip_from('junctions = [{name="A", max_voltage_V=0.2, max_current_A=1e-3}]', "mine")
    >>> found, stored = screen_with_runs(chip, [campaign / "resistor-100_295K.csv"])
    >>> len(found.verdicts), [one.run.device for one in stored.calibrations]
    (1, ['resistor-100'])
    """
    files = [Path(path) for path in paths]
    if catalogue is None:
        stored = stored_runs(files, workers=workers, progress=progress)
        return screening_of(chip, stored), stored
    from nanojunction.analysis.catalogue.database import Catalogue
    from nanojunction.analysis.catalogue.store import CatalogueStore
    from nanojunction.analysis.screening.catalogued import enter_screening

    with Catalogue(os.fspath(catalogue)) as entries:
        kept = CatalogueStore(entries)
        stored = stored_runs(files, workers=workers, progress=progress, kept=kept)
        found = screening_of(chip, stored)
        enter_screening(entries, found, stored)
    return found, stored


def compare_screenings(first: Screening, second: Screening) -> tuple[Compared, ...]:
    """Return whether two chips, or batches, differ in their yields and resistances.

    Verdicts are compared as they are: screen both with the same thresholds.

    >>> chip = chip_from('junctions = [{name="A", max_voltage_V=0.2, max_current_A=1e-3}]', "mine")
    >>> found = screen_files(chip, [campaign / "resistor-100_295K.csv"])
    >>> [(one.what, one.p) for one in compare_screenings(found, found)][:2]
    [('open', 1.0), ('short', 1.0)]
    """

    def both(key: str) -> tuple[Sequence[float], Sequence[float]]:
        return values_of(first.verdicts, key), values_of(second.verdicts, key)

    return compare_yields_and_resistances(
        first.statistics.groups[0].yields,
        second.statistics.groups[0].yields,
        both("resistance_ohm"),
        both("ra_ohm_um2"),
        first.chip.thresholds.confidence,
    )


def _place(one: Junction) -> dict[str, Any]:
    return {
        "position": one.position,
        "x_mm": None if one.x_m is None else one.x_m * 1e3,
        "y_mm": None if one.y_m is None else one.y_m * 1e3,
        "column": one.column,
        "row": one.row,
        "split": one.split,
        "stack": one.stack,
        "diameter_um": None if one.diameter_m is None else one.diameter_m * 1e6,
    }
