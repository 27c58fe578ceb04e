"""The report of a chip of 2000 junctions: how long it takes to open, and how it answers.

Simulated junctions (45 % open, 20 % short, 30 % ohmic, the rest generating) are screened and
written as run files; `nanojunction screen --from` makes the report of a tenth of them, and of all.
A headless Chromium opens the page: a time is from the order to go there to the second frame after
all scripts have run, or from an event until the second frame after it. Times are of the wall clock,
the median of the rounds.

Targets: open in 3 s; hover, click, filter, colours within 0.1 s (the limit of what feels
immediate: Nielsen 1993); the command's memory over 2000 junctions at most 1.5 times that over 200.

Run: make bench, or python benchmarks/chip_report.py [JUNCTIONS]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
from side_by_side import Comparison, in_table

if TYPE_CHECKING:
    from tests.browser import Browser
    from tests.screening_simulation import Law

ROOT = Path(__file__).parents[1]
ROUNDS = 5
OPEN_S, ANSWER_S, MEMORY = 3.0, 0.1, 1.5
EVERY_S = 0.02
CHROMIUM = ("--headless", "--no-sandbox", "--no-first-run", "--disable-gpu")
AFTER_A_FRAME = "new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))"

ANSWERS: Mapping[str, str] = {
    "hover": "const box = marks[n].getBoundingClientRect();"
    "chip.dispatchEvent(new PointerEvent('pointermove', {clientX: box.x + box.width / 2,"
    " clientY: box.y + box.height / 2, pointerType: 'mouse'}));"
    "if (document.getElementById('tip').hidden) throw Error('no tip');",
    "click": "const box = marks[n].getBoundingClientRect();"
    "chip.dispatchEvent(new MouseEvent('click', {clientX: box.x + box.width / 2,"
    " clientY: box.y + box.height / 2}));"
    "if (!document.querySelector('#panel h3')) throw Error('no panel');",
    "filter": "document.querySelector('[data-verdict=open]').click();",
    "colours": "const by = document.getElementById('by'); by.value = n % 2 ? 'R' : 'ratio';"
    "by.dispatchEvent(new Event('change'));",
}


def law_of(n: int, rng: np.random.Generator) -> Law:
    """Return the law of the n-th junction."""
    from tests.screening_simulation import junction_a, junction_b, nothing, resistor

    kind = rng.random()
    if kind < 0.45:
        return nothing
    if kind < 0.65:
        return resistor(float(rng.uniform(1.0, 5.0)))
    if kind < 0.95:
        return resistor(float(10.0 ** rng.uniform(2.0, 4.0)))
    return junction_a if n % 2 else junction_b


def make_chip(folder: Path, junctions: int) -> Path:
    """Screen simulated junctions, write their run files; return the chip file."""
    from tests.screening_simulation import Bench, calibration_runs, line_of, screened, written

    runs = folder / "runs"
    runs.mkdir(parents=True)
    for run in calibration_runs():
        written(run, runs)
    rng, line = np.random.default_rng(17), line_of()
    text = 'name = "bench"\nmax_voltage_V = 0.2\nmax_current_A = 1e-3\ndiameter_um = 20\n'
    for n in range(junctions):
        name, law = f"W{n:04d}", law_of(n, rng)
        bench = Bench(lambda stage, again, law=law: law, seed=n, device=name)
        screened(bench, line)
        for results in bench.runs.values():
            for result in results:
                written(result.run, runs)
        text += f'[[junctions]]\nname = "{name}"\nx_mm = {n % 50}\ny_mm = {n // 50}\n'
    chip_file = folder / "chip.toml"
    chip_file.write_text(text, encoding="utf-8")
    return chip_file


def report(chip_file: Path) -> tuple[Path, float]:
    """Make the report by the command; return the page and the peak of the memory in MB."""
    folder = chip_file.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "nanojunction.cli", "screen", str(chip_file),
         "--from", str(folder / "runs"), "--report", str(folder / "report")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    most = 0
    while process.poll() is None:
        try:
            most = max(most, psutil.Process(process.pid).memory_info().rss)
            process.wait(EVERY_S)
        except (psutil.NoSuchProcess, subprocess.TimeoutExpired):
            continue
    if process.returncode != 0:
        raise RuntimeError(f"nanojunction screen --from ended with {process.returncode}")
    return folder / "report" / "chip.html", most / 1e6


def rounds_of(act: Callable[[int], float]) -> tuple[float, ...]:
    """Return the times of all rounds."""
    return tuple(act(n) for n in range(ROUNDS))


def opening(browser: Browser, url: str) -> float:
    """Return how long the page takes to open (s)."""
    began = time.perf_counter()
    browser.open(url)
    browser.value(AFTER_A_FRAME)
    return time.perf_counter() - began


def answering(browser: Browser, script: str, n: int) -> float:
    """Return how long the page takes to answer an event and show it (s)."""
    junction = 37 * (n + 1)
    return 1e-3 * float(
        browser.value(
            "(async () => { const chip = document.getElementById('chip'),"
            f" marks = chip.querySelectorAll('#marks use'), n = {junction} % marks.length;"
            f" await {AFTER_A_FRAME}; const began = performance.now(); {{ {script} }}"
            f" await {AFTER_A_FRAME}; return performance.now() - began; }})()"
        )
    )


def main() -> int:
    """Measure; return 0 if all targets were met."""
    sys.path.insert(0, str(ROOT))
    from tests.browser import browsing

    junctions = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        print("no Chromium on the path: nothing was measured", file=sys.stderr)
        return 1
    lines = []
    with tempfile.TemporaryDirectory() as place:
        few = report(make_chip(Path(place, "few"), junctions // 10))[1]
        page, many = report(make_chip(Path(place, "many"), junctions))
        print(f"{junctions} junctions: the page has {page.stat().st_size / 1e6:.1f} MB")
        with browsing([found, *CHROMIUM], Path(place, "profile")) as browser:
            url = page.as_uri()
            opening(browser, url)  # what only the first page of a browser takes
            times = {"open": rounds_of(lambda n: opening(browser, url))}
            for what, script in ANSWERS.items():
                times[what] = rounds_of(lambda n, script=script: answering(browser, script, n))
        for what, seconds in times.items():
            target = OPEN_S if what == "open" else ANSWER_S
            ratios = tuple(one / target for one in seconds)
            median = f"{statistics.median(seconds):.3f} s"
            lines.append(Comparison(what, median, f"{target:g} s", ratios, 1.0, "most"))
        lines.append(
            Comparison("memory", f"{many:.0f} MB", f"{few:.0f} MB", (many / few,), MEMORY, "most")
        )
    return in_table(lines, other="allowed")


if __name__ == "__main__":
    raise SystemExit(main())
