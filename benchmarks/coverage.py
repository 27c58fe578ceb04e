"""Whether standard errors mean what they say: a table of repeated simulated measurements.

A cell is one curve, one sweep and one kind of noise, repeated with other noise. For every quantity
it gives the share of repeats in which ±1 stderr holds the noiseless value (68 % is ideal, 55–80 %
is asked for), and the usual stderr over the scatter of the values (at most 1.5). Below stands how
often something is claimed of data in which there is nothing (at most 5 %). The truth comes from
the law by root finding and numerical derivative, without the analysis.

Run: make bench, or python benchmarks coverage; alone with
python benchmarks/coverage.py [--repeats N] [--cells TEXT] [--markdown docs/coverage.md]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from side_by_side import HOLDS, MISSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.coverage_cells import Found

HERE = Path(__file__).parent
REPEATS = 200
COLUMNS = {
    "i_off_A": "I_off",
    "v_off_V": "V_off",
    "r_s_local_zero_ohm": "R_s(0)",
    "r_s_local_offset_ohm": "R_s(V_off)",
    "r_s_chord_ohm": "R_s chord",
    "p_max_W": "P_max",
    "v_at_p_max_V": "V(P_max)",
    "fill_factor": "FF",
    "hysteresis rms": "hysteresis",
    "feature at": "feature at",
    "FWHM": "FWHM",
    "T_eff": "T_eff",
}
ACTIVATION = {
    "e_a_meV": "E_a",
    "e_a_low_meV": "E_a low",
    "e_a_high_meV": "E_a high",
    "t_cross_K": "T*",
}


def _cell(found: Found | None) -> str:
    """Say "coverage/width", with the share of repeats that gave a number if not all did."""
    if found is None:
        return ""
    if len(found.value) < 2:
        return "none"
    text = f"{100.0 * found.coverage:.0f}/{found.width:.2f}"
    if len(found.value) < found.repeats:
        text += f" ({100.0 * len(found.value) / found.repeats:.0f} %)"
    return text if found.is_honest else f"**{text}**"


def lines_of(
    columns: Mapping[str, str], cells: Iterator[tuple[str, Mapping[str, Found]]]
) -> Iterator[tuple[str, bool]]:
    """Yield the lines of one table, each with whether all of it is honest."""
    yield f"| | {' | '.join(columns.values())} |", True
    yield f"|---|{'---|' * len(columns)}", True
    for name, found in cells:
        honest = all(one.is_honest for one in found.values())
        row = " | ".join(_cell(found.get(key)) for key in columns)
        yield f"| {name} | {row} |", honest


def alarms(repeats: int) -> Iterator[tuple[str, bool]]:
    """Yield the lines of the table of false alarms, each with whether it is within its bound."""
    from tests import coverage_nulls as nulls

    rng = np.random.default_rng(7)

    def line(what: str, where: str, hits: int, tries: int, most: float) -> tuple[str, bool]:
        share = f"{100.0 * hits / tries:.2g} % of {tries}"
        # A bound is missed where chance does not explain it: two standard deviations.
        held = hits <= most * tries + 2.0 * np.sqrt(most * tries)
        return f"| {what} | {where} | {share if held else f'**{share}**'} | {most:.1%} |", held

    yield "| claim | data | share | at most |", True
    yield "|---|---|---|---|", True
    for where, make in nulls.RUNS.items():
        results = [make(rng) for _ in range(repeats)]
        for what, claims in nulls.CLAIMS.items():
            yield line(what, where, sum(map(claims, results)), repeats, nulls.MOST_ALARMS)
    for where, make in nulls.STRUCTURELESS.items():
        hits = sum(nulls.CLAIMS["a feature"](make(rng)) for _ in range(repeats))
        yield line("a feature", where, hits, repeats, nulls.MOST_ALARMS)
    for where, make in nulls.CLEAN.items():
        lost = sum(nulls.loses_a_row(make(rng)) for _ in range(5 * repeats))
        yield line("an outlier", where, lost, 5 * repeats, nulls.MOST_LOST)
    tried: dict[tuple[str, str], Callable[[], bool]] = {
        ("candidate", "resistors, 30 µV"): lambda: nulls.is_called_candidate(rng),
        ("opposite currents", "two resistors"): lambda: nulls.has_a_window(rng),
    }
    for (what, where), claim in tried.items():
        hits = sum(claim() for _ in range(repeats))
        yield line(what, where, hits, repeats, nulls.MOST_ALARMS)
    for temperatures in nulls.TEMPERATURES_K:
        for scatter in (1e-3, 0.02):
            hits = sum(nulls.has_two_regimes(rng, temperatures, scatter) for _ in range(repeats))
            where = f"one regime, {len(temperatures)} points ± {scatter:.1%}"
            yield line("two regimes", where, hits, repeats, nulls.MOST_ALARMS)


def study(repeats: int, only: str) -> Iterator[tuple[str, bool]]:
    """Yield the lines of all tables, each with whether it keeps its bounds."""
    from tests.coverage_activation import SERIES, repeat_series
    from tests.coverage_cells import CELLS, repeat

    wanted = {name: cell for name, cell in CELLS.items() if only in name}
    yield from lines_of(
        COLUMNS, ((name, repeat(cell, repeats, seed=1)) for name, cell in wanted.items())
    )
    series = {name: one for name, one in SERIES.items() if only in name}
    yield "", True
    yield from lines_of(
        ACTIVATION, ((name, repeat_series(one, repeats, seed=1)) for name, one in series.items())
    )
    if not only:
        yield "", True
        yield from alarms(repeats)


def main() -> int:
    """Print the tables, and write them where asked; return 0 if every bound is kept."""
    parser = argparse.ArgumentParser(description="Coverage of standard errors, and false alarms.")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--cells", default="", help="only those whose name contains this")
    parser.add_argument("--markdown", type=Path, help="write the tables into this file, too")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    written, missed = [], 0
    for line, held in study(options.repeats, options.cells):
        print(line, flush=True)
        written.append(line)
        missed += not held
    print(f"cells and claims out of bounds: {missed}  {MISSED if missed else HOLDS}")
    if options.markdown:
        heading = (HERE / "coverages" / "heading.md").read_text(encoding="utf-8")
        text = heading.format(repeats=options.repeats, missed=missed) + "\n".join(written) + "\n"
        options.markdown.write_text(text, encoding="utf-8")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
