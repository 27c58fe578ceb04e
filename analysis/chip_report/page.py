"""The report of a screening: one page with its script, which needs nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from markupsafe import Markup

from nanojunction.analysis.chip_report.digests import Digests
from nanojunction.analysis.chip_report.figures import ORDER, counts
from nanojunction.analysis.chip_report.junctions import glance, whole
from nanojunction.analysis.chip_report.places import ChipPlaces, chip_places
from nanojunction.analysis.chip_report.saved import saved_figures
from nanojunction.analysis.chip_report.tables import (
    conducting,
    headline,
    line_rows,
    looked_at_again,
    next_batch_words,
    place_rows,
    protocol_rows,
    ranked_rows,
    stage_rows,
    threshold_rows,
    yield_tables,
)
from nanojunction.analysis.chip_report.words import MEANINGS
from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.report.sources import date_text, first_start, settings_rows, simulated
from nanojunction.analysis.report.templating import rendered
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.screening import Screening
from nanojunction.analysis.screening.stored import StoredRuns
from nanojunction.analysis.written import naming, written_whole

PAGE = "chip.html"
DIGESTS = "sha256sums.txt"


def write_chip_report(
    screening: Screening,
    stored: StoredRuns,
    folder: PathLike,
    *,
    chip_file: PathLike | None = None,
    software: str = "",
    protocol: Mapping[str, object] = MappingProxyType({}),
) -> Path:
    """Write `chip.html`, `figures/` (SVG and PDF) and `sha256sums.txt`; return the page's path.

    The page is one file, with its script; it asks nothing of any network. `stored` are the runs
    that were judged, of which one junction's at a time are in memory. `chip_file` is named among
    the sources, `software` names the version that judged, `protocol` what was measured by, keys
    as in the chip file, where that is more than the file says. Raises OSError where the folder
    cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> chip = chip_from('junctions = [{name="A", max_voltage_V=0.2, max_current_A=1e-3}]', "mine")
    >>> found, stored = screen_with_runs(chip, [campaign / "resistor-100_295K.csv"])
    >>> with TemporaryDirectory() as folder:
    ...     write_chip_report(found, stored, folder, protocol={"contact.vmax": "1 mV"}).name
    'chip.html'
    """
    folder = Path(folder)
    path, digests = folder / PAGE, Digests()
    with naming(folder):
        (folder / "figures").mkdir(parents=True, exist_ok=True)
    some = _some(stored)
    places = chip_places(screening.chip.junctions)
    sources = [*([] if chip_file is None else [Path(chip_file)])]
    sources += [file for one in stored.calibrations for file in (one.run.file, *one.run.parts)]
    with written_whole(path) as file:
        file.writelines(
            rendered(
                "nanojunction.analysis.chip_report",
                "chip.html.j2",
                title=screening.chip.name or "chip",
                screening=screening,
                chip=screening.chip,
                headline=headline(screening),
                counts=counts(screening),
                order=ORDER,
                meanings=MEANINGS,
                places=places,
                margin=_margin(places),
                marks=list(zip(places.at, screening.verdicts, strict=True)),
                figures=saved_figures(screening, places, folder / "figures"),
                shortlist=ranked_rows(screening),
                look_again=looked_at_again(screening),
                conducting=conducting(screening),
                yields=yield_tables(screening),
                groups_show=("candidate", "generating", "neither_open_nor_short", "open", "short"),
                place_tests=place_rows(screening),
                next_batch=next_batch_words(screening),
                line=line_rows(screening),
                thresholds=threshold_rows(screening),
                protocol=protocol_rows(screening.chip, protocol),
                stages=stage_rows(stored),
                simulated=simulated([one.run for one in some]),
                started=date_text(first_start([one.run for one in some])),
                settings=settings_rows(some),
                software=software,
                glance=glance(screening, places),
                wholes=_wholes(screening, stored, folder, digests),
                digests=_digests(digests, sources, folder),
                split_names=list(dict.fromkeys(one.split for one in screening.chip.junctions)),
                percent=f"{100 * screening.chip.thresholds.confidence:g}",
            )
        )
    return path


@dataclass(frozen=True, slots=True)
class Margin:
    """Room around the places of the map, and the height of its letters, in its unit."""

    left: float
    right: float
    top: float
    bottom: float
    letters: float


def _margin(places: ChipPlaces) -> Margin:
    """Return the room that the labels at the map's edges take."""
    letters = round(min(max(0.35, (places.width + 2.0) / 60.0), 1.5), 3)
    longest = max((len(text) for _, text in places.y_ticks), default=0)
    return Margin(
        left=round(1.0 + 0.65 * letters * longest, 3),
        right=0.8,
        top=0.9 + 1.2 * letters if places.x_ticks else 0.8,
        bottom=0.9 + 1.4 * letters if places.frame == "mm" else 0.8,
        letters=letters,
    )


def _wholes(
    screening: Screening, stored: StoredRuns, folder: Path, digests: Digests
) -> Iterator[Markup]:
    """Yield a line for each junction, whose runs are read as it comes."""
    for verdict in screening.verdicts:
        runs = stored.junctions.get(verdict.junction, {})
        yield whole(verdict, runs, screening, folder, digests)


def _digests(digests: Digests, sources: list[Path], folder: Path) -> Iterator[dict[str, object]]:
    """Write the list of all files with their digests; yield what the page says of it, once.

    It is asked for at the page's end, when every file has been read.
    """
    for path in sources:
        digests.of(path)
    lines = digests.lines(folder)
    text = "".join(f"{line}\n" for line in lines)
    with written_whole(folder / DIGESTS) as file:
        file.write(text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    yield {"name": DIGESTS, "files": len(lines), "sha256": sha256}


def _some(stored: StoredRuns) -> list[RunResult]:
    """Return results that say how all were analysed: the calibrations', else some junction's."""
    if stored.calibrations:
        return stored.calibrations
    several = (runs for stages in stored.junctions.values() for runs in stages.values())
    return list(next(several, []))
