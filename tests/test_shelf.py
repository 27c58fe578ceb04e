"""Results that wait on disk are what they were, and many files take no more memory than few."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanojunction.analysis.analyse import analyse, analyse_run
from nanojunction.analysis.reading.reader import read_runs
from nanojunction.analysis.results import coming_results, texts_of, write_results
from nanojunction.analysis.results_check import ResultsError
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.values import Quantity
from nanojunction.analysis.work.packed import Packed
from nanojunction.analysis.work.packing import pack
from nanojunction.analysis.work.shelf import Shelf
from tests.catalogues import iv_file

SAMPLES = Path(__file__).parents[1] / "sample_data" / "campaign"


def results_of(name: str) -> list[RunResult]:
    return [analyse_run(run, IVSettings()) for run in read_runs(SAMPLES / name)]


def assert_same(found: RunResult, result: RunResult) -> None:
    assert list(found.quantities) == list(result.quantities)
    assert pack(dict(found.quantities)) == pack(dict(result.quantities))
    assert (found.warnings, found.provenance) == (result.warnings, result.provenance)
    assert len(found.run) == len(result.run)
    for one in fields(Run):
        was, now = getattr(result.run, one.name), getattr(found.run, one.name)
        if isinstance(was, np.ndarray):
            assert now.dtype == was.dtype
            assert now.tobytes() == was.tobytes()
        else:
            assert now == was


@pytest.mark.parametrize("in_memory_bytes", [1, 1 << 30])
@pytest.mark.parametrize("name", ["A_240K_10mV.csv", "C_40K_IH_2.13mV.csv"])
def test_what_comes_from_the_shelf_is_what_was_put_there(name: str, in_memory_bytes: int) -> None:
    results = results_of(name)
    shelf = Shelf(in_memory_bytes)
    found = [shelf.put(result) for result in results]
    found += [shelf.put(Packed.of(result)) for result in results]
    for one, result in zip(found, 2 * results, strict=True):
        assert_same(one, result)


def test_other_quantities_are_put_beside_the_same_rows() -> None:
    shelf = Shelf(1)
    (result,) = results_of("A_240K_10mV.csv")
    first = shelf.put(Packed.of(result))
    more = {**first.quantities, "candidate": Quantity(1.0, note="beyond")}
    second = shelf.put_again(first, replace(first, quantities=more))
    assert_same(first, result)
    assert_same(second, replace(result, quantities=more))
    assert second.run is first.run


def test_a_changed_or_pickled_copy_needs_no_shelf() -> None:
    (result,) = results_of("A_240K_10mV.csv")
    on_shelf = Shelf().put(Packed.of(result))
    changed = replace(on_shelf, run=replace(on_shelf.run, device="other"), warnings=("one",))
    assert (changed.run.device, len(changed.run), changed.warnings) == (
        "other", len(result.run), ("one",),
    )  # fmt: skip
    assert_same(pickle.loads(pickle.dumps(on_shelf)), result)


def test_an_unknown_name_is_no_field() -> None:
    on_shelf: Any = Shelf().put(Packed.of(results_of("A_240K_10mV.csv")[0]))
    for item in (on_shelf, on_shelf.run):
        assert not hasattr(item, "quantitties")


def test_the_document_is_the_same_when_it_is_written_run_by_run(tmp_path: Path) -> None:
    found = analyse([SAMPLES / "A_240K_10mV.csv", SAMPLES / "resistor-100_295K.csv"])
    target = tmp_path / "results.json"
    write_results(found.coming_json(), target)
    assert json.loads(target.read_text(encoding="utf-8")) == found.to_json()
    assert "".join(texts_of(found.to_json())) == target.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_document_that_fails_half_way_leaves_the_older_file(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    target.write_text("older", encoding="utf-8")
    (good,) = results_of("A_240K_10mV.csv")
    wrong: Any = "nonsense"
    bad = replace(good, run=replace(good.run, kind=wrong))
    with pytest.raises(ResultsError, match=r"runs\[1\].kind: must be one of"):
        write_results(coming_results([good, bad]), target)
    assert target.read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


PEAK = """
import json, sys
from pathlib import Path
import psutil
from nanojunction.cli.main import main
if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        status = end.code
    if sys.platform == "win32":
        peak = psutil.Process().memory_info().peak_wset
    else:
        import resource
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    Path("peak.json").write_text(json.dumps([status, peak]))
"""


def peak_MB(folder: Path, files: Path) -> float:
    """Return the peak memory of the command over a folder."""
    (folder / "peak.py").write_text(PEAK, encoding="utf-8")
    subprocess.run(
        [sys.executable, "peak.py", "analyse", str(files), "--json", "results.json"],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    status, peak = json.loads((folder / "peak.json").read_text(encoding="utf-8"))
    assert status == 0
    return float(peak) / 1e6


@pytest.mark.campaign
def test_many_files_take_hardly_more_memory_than_few(tmp_path: Path) -> None:
    """Kept whole, 3200 more runs of 320 rows take 140 MB more."""
    one = iv_file(tmp_path / "one.csv", "NAME", 40.0, step_V=0.125e-3)
    text = one.read_text(encoding="utf-8")
    for name, count in (("few", 300), ("many", 3500)):
        (tmp_path / name).mkdir()
        for number in range(count):
            run = text.replace("NAME", f"J{number}")
            (tmp_path / name / f"{number}.csv").write_text(run, encoding="utf-8")
    assert peak_MB(tmp_path, tmp_path / "many") < peak_MB(tmp_path, tmp_path / "few") + 95
