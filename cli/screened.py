"""What a screening came to, on the screen and in files; also of stored runs, without measuring."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.analysis.notation import in_words, times
from nanojunction.analysis.screening.chip import Chip
from nanojunction.analysis.screening.chip_map import chip_map, legend
from nanojunction.analysis.screening.verdicts import VERDICTS, Verdict
from nanojunction.cli.catalogues import name_of
from nanojunction.cli.console import FAILED, make_folder, say, steps_of, wide_console

if TYPE_CHECKING:
    from rich.table import Table

    from nanojunction.analysis.screening.screening import Screening
    from nanojunction.analysis.screening.shortlist import Ranked

RESULTS = "screening.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where the results go: the document (screening.json beside the runs if empty, or `-`).

    Runs and results also go to a catalogue, and the page with its figures to a folder, if they are
    given. `against` is the folder of another screening to compare with.
    """

    json_file: str = ""
    catalogue: str = ""
    report: Path | None = None
    against: Path | None = None


def rescreen(chip_file: Path, folder: Path, wanted: Wanted) -> int:
    """Judge stored runs again, with the thresholds that the chip file has now; measure nothing."""
    from nanojunction.analysis.screening.chip_file import load_chip

    chip = load_chip(chip_file)
    if wanted.report is not None:  # found out before the work, not after it
        make_folder(wanted.report, "--report")
    return conclude(chip, chip_file, folder, wanted)


def conclude(chip: Chip, chip_file: Path, folder: Path, wanted: Wanted) -> int:
    """Judge the runs in a folder, print what came of it, write it; return the exit status."""
    from nanojunction.analysis.screening.document import screening_text, write_screening
    from nanojunction.analysis.screening.screening import screen_with_runs

    with steps_of("judging") as show:
        found, stored = screen_with_runs(
            chip, [folder], progress=show, catalogue=name_of(wanted.catalogue) or None
        )
    if wanted.json_file == "-":  # UTF-8, whatever the console, and nothing else
        sys.stdout.buffer.write(screening_text(found.to_json()).encode("utf-8"))
        sys.stdout.flush()
    else:
        path = Path(wanted.json_file) if wanted.json_file else folder / RESULTS
        write_screening(found.to_json(), path)
        _print(found)
        if wanted.against is not None:
            from nanojunction.cli.screening_compared import print_comparison

            print_comparison(found, wanted.against)
        say(f"results: {path}")
    _say_troubles(found)
    if wanted.report is not None:
        from nanojunction.analysis.chip_report.page import write_chip_report
        from nanojunction.procedures.screening.protocol import read_protocol

        software = f"nanojunction {version('nanojunction')}"
        page = write_chip_report(
            found, stored, wanted.report, chip_file=chip_file, software=software,
            protocol=read_protocol(chip.protocol, str(chip_file)).used(),
        )  # fmt: skip
        say(f"report: {page}")
    return FAILED if found.errors else 0


def _print(found: Screening) -> None:
    """Print the map, the yields, the shortlist, and what somebody should look at."""
    console = wide_console()
    verdicts = {one.junction: one.verdict for one in found.verdicts}
    print("\n".join(map_lines(found.chip, verdicts)))
    console.print(_yields(found))
    if found.shortlist:
        console.print(_shortlist(found))
    if found.look_again:
        print(f"look again at: {', '.join(found.look_again)}")
    for change in found.line_changes:
        if change.changed:
            unit = change.key[-1]
            print(
                f"the measuring line has changed on {change.device}: {change.key} was "
                f"{in_words(change.first, unit, 2)} and is {in_words(change.last, unit, 2)}"
            )


def _say_troubles(found: Screening) -> None:
    for warning in found.warnings:
        say(f"warning: {warning}")
    for error in found.errors:
        say(f"error: {error}")


def map_lines(chip: Chip, verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return the chip's map and its legend, in signs that the console can show."""
    plain = not _shows("○■★✕")
    return [*chip_map(chip, verdicts, ascii_only=plain), legend(ascii_only=plain)]


def _shows(signs: str) -> bool:
    try:
        signs.encode(sys.stdout.encoding or "ascii")
        signs.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _yields(found: Screening) -> Table:
    from rich.table import Table

    table = Table(title=f"{found.chip.name or 'chip'}: {len(found.verdicts)} junctions")
    for heading in ("verdict", "count", "yield", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "verdict" else "right")
    whole = found.statistics.groups[0]
    for verdict in VERDICTS:
        one = whole.yields[verdict]
        table.add_row(
            verdict, str(one.count), f"{one.fraction:.1%}", f"{one.low:.1%} … {one.high:.1%}"
        )
    return table


def _shortlist(found: Screening) -> Table:
    from rich.table import Table

    table = Table(title="Shortlist, by P_max")
    for heading in ("junction", "kind", "P_max", "over the line", "place by ratio", "why"):
        table.add_column(heading, justify="left" if heading in ("junction", "kind", "why")
                         else "right")  # fmt: skip
    for one in found.shortlist:
        reason = found.verdict(one.junction).reasons[0]
        table.add_row(one.junction, one.kind or "", _power(one), _ratio(one),
                      str(one.by_offset_ratio), reason)  # fmt: skip
    return table


def _power(one: Ranked) -> str:
    return "not known" if one.p_max_W is None else in_words(one.p_max_W, "W", 3)


def _ratio(one: Ranked) -> str:
    return "not known" if one.offset_ratio is None else times(one.offset_ratio)
