"""`nanojunction demo` as a user runs it: every row holds, and everything it promises is written."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from nanojunction.analysis.results_check import check_results
from tests.conftest import Demonstrated


@pytest.mark.campaign
def test_every_row_holds(demonstrated: Demonstrated) -> None:
    done = demonstrated.process
    assert done.returncode == 0, done.stdout + done.stderr
    assert "62 of 62 rows hold (4 more are choices of the junction files)" in done.stderr
    assert "TMR peak" in done.stdout
    results = json.loads((demonstrated.out / "results.json").read_text(encoding="utf-8"))
    check_results(results)
    assert results["errors"] == []
    assert len(results["comparison"]) == 66
    for row in results["comparison"]:
        assert row["ok"], row
        if row["kind"] == "value":
            assert row["deviation"] is not None
            assert row["stderr"] is not None
    assert results["batches"]["chowrira-193"]["yields"]["candidate"]["count"] == 9
    page = (demonstrated.out / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "SIMULATED" in page
    assert len(demonstrated.campaign) == 22
    assert len(list((demonstrated.out / "runs").rglob("*.csv"))) == 22 + 193 + 216


def test_the_demo_can_be_stopped(nanojunction: Any, eventually: Any, tmp_path: Path) -> None:
    process = nanojunction("demo", "--out", tmp_path / "demo")
    eventually(lambda: len(list(tmp_path.rglob("*.csv"))) > 2, "the first runs")
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "aborted" in words
    assert "Traceback" not in words
    assert not (tmp_path / "demo" / "results.json").exists()
