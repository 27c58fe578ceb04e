"""`nanojunction screen --from`: stored runs judged by the command, with and without a catalogue."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CAMPAIGN = Path(__file__).parents[1] / "sample_data" / "campaign"


@pytest.mark.parametrize("catalogue", [(), ("--catalogue", "lab.sqlite")])
def test_stored_runs_are_judged_again(
    catalogue: tuple[str, ...], nanojunction: Callable[..., Any], tmp_path: Path
) -> None:
    chip = tmp_path / "chip.toml"
    chip.write_text(
        'junctions = [{ name = "A", max_voltage_V = 0.2, max_current_A = 1e-3 }]', encoding="utf-8"
    )
    runs = tmp_path / "runs"
    runs.mkdir()
    for name in ("resistor-1k_295K.csv", "A_40K_10mV.csv"):
        shutil.copy(CAMPAIGN / name, runs)
    results = tmp_path / "results.json"
    report = tmp_path / "report"
    options = [*catalogue[:1], *(tmp_path / one for one in catalogue[1:]), "--report", report]
    again = nanojunction("screen", chip, "--from", runs, "--json", results, *options)
    printed, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert "undecided" in printed
    (found,) = json.loads(results.read_text(encoding="utf-8"))["junctions"]
    assert (found["junction"], found["next_stage"]) == ("A", "contact")
    assert (tmp_path / "lab.sqlite").exists() == bool(catalogue)
    assert f"report: {report / 'chip.html'}" in said
    page = (report / "chip.html").read_text(encoding="utf-8")
    assert '"verdict":["undecided"]' in page
    assert "chip.toml" in (report / "sha256sums.txt").read_text(encoding="utf-8")
