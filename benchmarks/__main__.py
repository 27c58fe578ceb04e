"""Runs the benchmarks one after another, each in a process of its own, and says what held.

Without names it leaves out what takes longer than a few minutes.

Run: make bench, or python benchmarks [name …]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from side_by_side import HOLDS, MISSED

HERE = Path(__file__).parent
HELPERS = ("__main__", "side_by_side")
#: Takes more than a few minutes: only when it is named.
LONG = ("memory", "night", "screening", "transport_trials")


def run(script: Path) -> tuple[list[str], bool]:
    """Run one benchmark and show what it prints; return its lines of a table, and if it held."""
    print(f"== {script.stem}", flush=True)
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None  # it is a pipe
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.rstrip().endswith((HOLDS, MISSED)):
                lines.append(f"{script.stem}: {line.rstrip()}")
    return lines, process.returncode == 0


def main() -> int:
    """Run those named, all by default; return 0 if all targets were met."""
    known = {one.stem: one for one in sorted(HERE.glob("*.py")) if one.stem not in HELPERS}
    wanted = sys.argv[1:] or [name for name in known if name not in LONG]
    if unknown := [name for name in wanted if name not in known]:
        print(f"no benchmark {unknown[0]!r}: known are {', '.join(known)}", file=sys.stderr)
        return 2
    table, missed = [], []
    for name in wanted:
        lines, held = run(known[name])
        table += lines or [f"{name}: {HOLDS if held else MISSED}"]
        missed += [] if held else [name]
    print("== summary", *table, sep="\n")
    if left := [name for name in LONG if name in known and name not in wanted]:
        print(f"not run, takes longer: python benchmarks {' '.join(left)}")
    print(f"missed in: {', '.join(missed)}" if missed else "all targets were met")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
