"""Offline reanalysis of a campaign's folder: ours, lmfit on Results.load, and pandas with numpy.

2000 run files of 400 rows (Katcko's legs), a device each: half of them straight, half of them
power laws, one in twenty with three features in dI/dV. All sides give, in one process, the same
quantities with standard errors: conditions, I_off, all crossings and V_off, R_s in three
conventions, P_max, its voltage and the fill factor; P(V), dI/dV per direction and as a mean,
hysteresis with its rms; peaks of dI/dV with place, width and height, Gaussian or Lorentzian.

- ours: `analyse`, as the command calls it. On top of what the others give it finds legs, outliers
  and rows in compliance, weighs several descriptions, looks for groups and controls.
- lmfit: `pymeasure.experiment.Results.load`, lmfit's models, as one writes it for a few files.
- numpy: `pandas.read_csv` of the columns that matter and fits that were written for speed. It
  knows what the files hold: that legs are whole, and that each file is one of the three laws.

The sides are compared with each other, file by file, within their standard errors. Rounds of all
sides in turn over the same files; lmfit, which is slow, has a part of them. Processor time, all
threads of it, so that other programs count little; two workers are timed by the clock on the wall.

Targets (DESIGN.md): 5 times lmfit, 1.5 times numpy; two processes 1.4 times one.

Run: make bench, or python benchmarks/reanalysis.py [FILES]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from side_by_side import Comparison, in_table

FILES, ROUNDS = 2000, 5
FEW = 100
"""Files of a round for lmfit."""
AGREE = 0.97
"""At least this part of the files has a quantity within four combined standard errors."""


def ours(
    files: Sequence[Path], workers: int = 1, clock: Callable[[], float] = time.process_time
) -> float:
    """Return the seconds a file that our analysis takes."""
    from nanojunction.analysis.analyse import analyse

    began = clock()
    found = analyse(files, workers=workers)
    took_s = clock() - began
    if found.errors or len(found.run_results) != len(files):
        raise RuntimeError(f"ours: {len(found.run_results)} of {len(files)}: {found.errors[:3]}")
    return took_s / len(files)


def lmfit(files: Sequence[Path]) -> float:
    """Return the seconds a file of Results.load and lmfit."""
    from reanalyses.with_lmfit import analyse

    return _timed(analyse, files)


def numpy(files: Sequence[Path]) -> float:
    """Return the seconds a file of pandas and numpy."""
    from reanalyses.with_numpy import analyse

    return _timed(analyse, files)


def _timed(analyse: Callable[[Path], object], files: Sequence[Path]) -> float:
    began = time.process_time()
    kept = [analyse(file) for file in files]
    return (time.process_time() - began) / len(kept)


def check(files: Sequence[Path], *, lmfit_too: int) -> Mapping[str, float]:
    """Return which part of the files agrees in each quantity; raises RuntimeError if too few do."""
    from reanalyses import with_lmfit, with_numpy
    from reanalyses.answer import disagreements
    from reanalyses.with_ours import analyse

    apart: dict[str, list[float]] = defaultdict(list)
    for number, file in enumerate(files):
        mine = analyse(file)
        sides = [with_numpy.analyse(file)]
        sides += [with_lmfit.analyse(file)] if number < lmfit_too else []
        for side in sides:
            for key, sigmas in disagreements(mine, side):
                apart[key].append(sigmas)
    share = {key: float(np.mean(np.array(sigmas) <= 4.0)) for key, sigmas in apart.items()}
    wrong = [f"{key} in {part:.0%}" for key, part in share.items() if part < AGREE]
    if wrong:
        raise RuntimeError(f"the sides agree too rarely: {', '.join(wrong)} of the files")
    return share


def compare(files: Sequence[Path], rounds: int, few: int) -> list[Comparison]:
    """Run all sides in turn, `rounds` times, and return what came of it."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        found["ours"].append(ours(files))
        found["numpy"].append(numpy(files))
        found["one"].append(ours(files, 1, time.perf_counter))
        found["two"].append(ours(files, 2, time.perf_counter))
        found["few"].append(ours(files[:few]))
        found["lmfit"].append(lmfit(files[:few]))
    return [
        _line("reanalysis, against Results.load + lmfit", found["few"], found["lmfit"], 5.0),
        _line("reanalysis, against pandas + numpy", found["ours"], found["numpy"], 1.5),
        _line("reanalysis, two workers against one", found["two"], found["one"], 1.4),
    ]


def _line(what: str, ours: Sequence[float], other: Sequence[float], least: float) -> Comparison:
    ratios = tuple(theirs / mine for mine, theirs in zip(ours, other, strict=True))
    texts = (f"{1e3 * np.median(side):.2f} ms/file" for side in (ours, other))
    return Comparison(what, *texts, ratios, least, "least")


def main() -> int:
    """Measure, print, and return 0 if the targets are met."""
    from reanalyses.files import write_files

    count = int(sys.argv[1]) if sys.argv[1:] else FILES
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), count)
        share = check(files[: count // 5], lmfit_too=FEW)
        print(
            f"agreement in {count // 5} files: at least {min(share.values()):.1%} in every quantity"
        )
        return in_table(compare(files, ROUNDS, FEW))


if __name__ == "__main__":
    raise SystemExit(main())
