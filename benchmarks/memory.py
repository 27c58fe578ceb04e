"""The memory that an analysis of many files takes, against that of few.

`nanojunction analyse` over 200 and over 20,000 files of 400 rows (those of `reanalysis`), a
device each, and then of one device: with --json alone, with a report, with two workers, and with a
catalogue. The peak is that of the resident memory of the command and its workers together, looked
at every 20 ms; the workers by themselves have what they would have for any number of files.

Target (DESIGN.md): over 20,000 files within 200 MB of the peak over 200.

Run: make bench leaves it out, it takes half an hour: python benchmarks memory, or
python benchmarks/memory.py [FILES [NAME …]]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from side_by_side import Comparison, in_table

FEW, MANY = 200, 20_000
MOST_MB = 200.0
EVERY_S = 0.02
SAMPLE = "#\tSample: "

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "json": (),
    "report": ("--report", "report"),
    "workers": ("--workers", "2"),
    "catalogue": ("--catalogue", "catalogue.sqlite"),
    "everything": (
        "--report", "report", "--workers", "2", "--catalogue", "both.sqlite",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest resident memory of a command and its workers, and how long it took."""

    megabytes: float
    seconds: float


def peak_of(files: Path, options: Sequence[str]) -> Peak:
    """Analyse a folder by the command; raises RuntimeError if that fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "nanojunction.cli", "analyse", str(files), *options]
        log = Path(folder, "log.txt")
        began, most = time.perf_counter(), 0
        with log.open("wb") as said:
            process = subprocess.Popen(
                [*command, "--json", "results.json"], cwd=folder, stdout=said, stderr=said
            )
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            try:
                process.wait(EVERY_S)
            except subprocess.TimeoutExpired:
                continue
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{log.read_text(errors='replace')[-2000:]}")
        return Peak(most / 1e6, time.perf_counter() - began)


def _resident(pid: int) -> int:
    """Return the resident memory (bytes) of a process and its children."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for one in family:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def of_one_device(files: Path, folder: Path) -> None:
    """Write the same files as runs of one device."""
    folder.mkdir()
    for file in files.iterdir():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        lines = [f"{SAMPLE}J\n" if line.startswith(SAMPLE) else line for line in lines]
        (folder / file.name).write_text("".join(lines), encoding="utf-8")


def compare(what: str, few: Path, many: Path, options: Sequence[str]) -> Comparison:
    """Return what many files take more than few."""
    less, more = peak_of(few, options), peak_of(many, options)
    texts = (f"{one.megabytes:.0f} MB, {one.seconds:.0f} s" for one in (more, less))
    growth = (more.megabytes - less.megabytes,)
    return Comparison(f"memory, {what} (MB more)", *texts, growth, MOST_MB, "most")


def main() -> int:
    """Measure, print, and return 0 if memory stays flat."""
    from reanalyses.files import write_files

    count = int(sys.argv[1]) if sys.argv[1:] else MANY
    names = sys.argv[2:] or [*OPTIONS, "one-device"]
    with tempfile.TemporaryDirectory() as folder:
        few, many, same = (Path(folder, name) for name in ("few", "many", "same"))
        many.mkdir()
        few.mkdir()
        for file in write_files(many, count)[:FEW]:
            shutil.copy(file, few)
        lines = [compare(name, few, many, OPTIONS[name]) for name in names if name in OPTIONS]
        if "one-device" in names:
            shutil.rmtree(few)
            of_one_device(many, same)
            few.mkdir()
            for file in sorted(same.iterdir())[:FEW]:
                shutil.copy(file, few)
            lines.append(compare("one device", few, same, ()))
        return in_table(lines)


if __name__ == "__main__":
    raise SystemExit(main())
