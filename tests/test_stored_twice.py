"""Rows that a file holds twice are named, and are no further evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis import analyse_iv, load_run
from tests.iv_simulation import line, noisy_run, quantity, sweep

RUN = noisy_run(line, sweep([-0.01, 0.01, -0.01], 5e-4), np.random.default_rng(1), 1e-9)
ROWS = [
    f"{0.1 * k:.1f},{v!r},{i!r}\n"
    for k, (v, i) in enumerate(zip(RUN.voltage_V.tolist(), RUN.current_A.tolist(), strict=True))
]


def table(folder: Path, name: str, rows: list[str]) -> Path:
    path = folder / name
    path.write_text("Time (s),Voltage (V),Current (A)\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        ([row for row in ROWS for _ in range(2)], "81 rows repeat another one"),
        (ROWS + ROWS, "81 rows repeat another one"),
        (ROWS[:5] + ROWS[4:], "1 row repeats another one, its time included: dropped (line 7)"),
    ],
)
def test_rows_stored_twice_count_once(tmp_path: Path, rows: list[str], warning: str) -> None:
    once = load_run(table(tmp_path, "once.csv", ROWS))
    run = load_run(table(tmp_path, "twice.csv", rows))
    (named,) = run.warnings
    assert warning in named
    assert np.array_equal(run.current_A, once.current_A)
    assert np.array_equal(run.leg, once.leg)
    for key in ("i_off_A", "v_off_V", "r_s_ohm"):
        assert quantity(analyse_iv(run), key) == quantity(analyse_iv(once), key)


def test_readings_of_a_coarse_clock_all_count(tmp_path: Path) -> None:
    """Whole seconds, ten readings in each: two that are equal are two readings."""
    rows = [f"{k // 10},{row.split(',', 1)[1]}" for k, row in enumerate(ROWS)]
    rows[3] = rows[2]
    run = load_run(table(tmp_path, "coarse.csv", rows))
    assert len(run) == len(ROWS)
    assert "repeat the time of the row before" in run.warnings[0]
