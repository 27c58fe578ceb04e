"""The benchmarks run on a tiny size and say what held; what they measure is measured elsewhere."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a way to import a benchmark by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def named(name: str) -> ModuleType:
        return importlib.import_module(name)

    return named


def test_every_script_compiles_and_says_how_to_run_it() -> None:
    for script in FOLDER.glob("*.py"):
        text = script.read_text(encoding="utf-8")
        compile(text, str(script), "exec")
        if script.stem != "side_by_side":
            assert "Run: make bench" in text, script


@pytest.mark.parametrize(
    ("ratios", "target", "at", "verdict"),
    [
        ((0.8, 0.9, 2.0), 0.9, "least", "holds"),
        ((0.8, 0.89, 2.0), 0.9, "least", "MISSED"),
        ((1.0, 1.05, 9.0), 1.05, "most", "holds"),
        ((1.0, 1.06, 1.07), 1.05, "most", "MISSED"),
    ],
)
def test_the_median_of_the_rounds_decides(
    benchmark: Any, ratios: tuple[float, ...], target: float, at: str, verdict: str
) -> None:
    side_by_side = benchmark("side_by_side")
    one = side_by_side.Comparison("what", "1 s", "2 s", ratios, target, at)
    assert one.line().endswith(verdict)
    assert side_by_side.in_table([one]) == (verdict == "MISSED")


def test_stored_rows_of_ours_and_pymeasures(benchmark: Any, tmp_path: Path) -> None:
    stored_rows = benchmark("stored_rows")
    with stored_rows.open_station(watchdog=False) as station:
        assert stored_rows.ours(station, 30, tmp_path) > 0.0
    assert stored_rows.pymeasure(30, tmp_path) > 0.0


@pytest.mark.parametrize("with_setpoints", [True, False])
def test_stored_rows_of_qcodes(benchmark: Any, tmp_path: Path, with_setpoints: bool) -> None:
    pytest.importorskip("qcodes", reason="an extra: pip install nanojunction[bench]")
    stored_rows = benchmark("stored_rows")
    with stored_rows.qcodes_database(tmp_path) as experiment:
        assert stored_rows.qcodes(experiment, 10, with_setpoints=with_setpoints) > 0.0


def test_points_over_a_socket(benchmark: Any) -> None:
    socket_point = benchmark("socket_point")
    took = socket_point.times_of_points(5, 2)
    assert {side: times.shape for side, times in took.items()} == {
        "socket": (2, 5),
        "in-process": (2, 5),
    }
    assert socket_point.times_of_stock(2).size == 2


def test_a_cluster_at_40_ms_is_a_miss(benchmark: Any) -> None:
    socket_point = benchmark("socket_point")
    fine = np.full((2, 100), 2e-4)
    stalling = fine.copy()
    stalling[:, ::20] = 0.044
    inside = {"in-process": fine}
    assert all(one.holds for one in socket_point.compare({"socket": fine} | inside))
    assert not all(one.holds for one in socket_point.compare({"socket": stalling} | inside))


@pytest.mark.parametrize("buffered", [False, True])
def test_time_of_a_sweep(benchmark: Any, buffered: bool) -> None:
    sweep_time = benchmark("sweep_time")
    case = sweep_time.Case(0.01, autozero=False, settle_s=0.0, points=8, buffered=buffered)
    (line,) = sweep_time.compare((case,), rounds=1)
    assert line.ratio > 0.9, "it cannot be faster than what was asked for"


def test_what_a_sweep_is_asked_for_is_added_up(benchmark: Any) -> None:
    """100 points of 10 ms settling, 2 conversions of 2 ms, 5 ms bus; T, T and H each second."""
    sweep_time = benchmark("sweep_time")
    points = sweep_time.Case(0.1, autozero=False, settle_s=0.01, points=100)
    assert points.asked_s(rows=100, at_once=0, interval_s=1.0) == pytest.approx(1.9 + 2 * 0.015)
    lists = sweep_time.Case(0.01, autozero=False, settle_s=0.0, points=400, buffered=True)
    per_point_s = 2 * 0.01 / 50 + 0.46e-3
    assert lists.asked_s(rows=450, at_once=250, interval_s=1.0) == pytest.approx(
        450 * per_point_s + (3 + 1 + 2 + 1) * 0.005 + 0.015
    )


def test_lists_against_points(benchmark: Any) -> None:
    buffered_sweep = benchmark("buffered_sweep")
    lines = buffered_sweep.compare(["keithley2400"], points=8, rounds=1)
    assert [line.what for line in lines] == [
        "keithley2400, driver, 8 points",
        "keithley2400, IVSweep, 8 points",
    ]


def test_a_reanalysis_by_three_sides_that_agree(benchmark: Any, tmp_path: Path) -> None:
    """Twenty files: straight lines, power laws, and one with features."""
    files = benchmark("reanalyses.files").write_files(tmp_path, 20)
    reanalysis = benchmark("reanalysis")
    share = reanalysis.check([*files[:2], files[-1]], lmfit_too=2)
    assert {"v_off_V", "p_max_W", "conductance_S", "features: fwhm"} <= share.keys()
    assert reanalysis.ours(files[:2]) > 0.0


def test_a_reanalysis_of_sides_that_disagree_is_no_result(benchmark: Any, tmp_path: Path) -> None:
    answer = benchmark("reanalyses.answer")
    files = benchmark("reanalyses.files").write_files(tmp_path, 2)
    one, other = (benchmark("reanalyses.with_numpy").analyse(file) for file in files)
    apart = dict(answer.disagreements(one, other))
    assert apart["device and crossings"] == np.inf
    assert apart["r_s_local_zero_ohm"] > 4.0


def test_exchange_by_two_sides_that_agree(benchmark: Any) -> None:
    (line,) = benchmark("exchange").compare(50, part=3, rounds=1)
    assert line.ratio > 1.0


def test_cycles_of_the_engine_against_qutip(benchmark: Any) -> None:
    pytest.importorskip("qutip", reason="of the extra: pip install nanojunction[dev]")
    lines = benchmark("engine").compare(("fig7a",), ours=100, qutips=1, rounds=1)
    assert [line.what for line in lines] == ["fig7a, unselective, 1e+02 cycles"]


def test_transport_by_two_sides_that_agree(benchmark: Any) -> None:
    (line,) = benchmark("transport").compare(20, part=1, rounds=1)
    assert line.ratio > 1.0


def test_an_unknown_benchmark_is_named() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER, "faster"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'faster'" in done.stderr
    assert "stored_rows" in done.stderr
