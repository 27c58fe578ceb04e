"""Whether fits of the spin engine give back what they say is identified: 100 trials a truth.

A trial is a pair of I(V) that the model has made, 81 voltages from -10 to 10 mV in either state,
with 2 % of noise in the current (of the largest, or of each), fitted from two starts or more. It is
good if every identified parameter lies within three of its standard errors. Some four minutes a row
of the table.

Target: 95 of 100 good.

Run: make bench, or python benchmarks transport_trials; alone with
python benchmarks/transport_trials.py [--trials N]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from side_by_side import HOLDS, MISSED

if TYPE_CHECKING:
    from collections.abc import Mapping

TRIALS, SHARE, STDERRS = 100, 0.95, 3.0


def good(
    truth: Mapping[str, float], noise: Literal["of the largest", "of each"], trials: int
) -> int:
    """Return how many trials are good, and print those that are not."""
    from tests.transport_trials import off_by, trial

    count = 0
    for seed in range(trials):
        off = off_by(trial(truth, seed, noise, starts=2), truth)
        far = {name: round(value, 1) for name, value in off.items() if abs(value) >= STDERRS}
        count += not far
        if far:
            print(f"  seed {seed}: {far} standard errors off", flush=True)
    return count


def main() -> int:
    """Print the table; return 1 if a target was missed."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.transport_trials import OTHER, PUBLISHED, SPLIT

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS)
    trials: int = parser.parse_args().trials
    missed = False
    for name, truth, noise in (
        ("split centres", SPLIT, "of the largest"),
        ("split centres", SPLIT, "of each"),
        ("as published", PUBLISHED, "of the largest"),
        ("another", OTHER, "of the largest"),
    ):
        found = good(truth, noise, trials)
        holds = found >= SHARE * trials
        missed |= not holds
        print(f"{name}, 2 % {noise}: {found} of {trials} good  {HOLDS if holds else MISSED}")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
