"""A whole chip of known truth: judged while it is measured, and again from its stored runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.store import CatalogueStore
from nanojunction.analysis.frames import catalogue_frame
from nanojunction.analysis.results_check import ResultsError
from nanojunction.analysis.screening.chip import Chip
from nanojunction.analysis.screening.chip_file import chip_from
from nanojunction.analysis.screening.document import check_screening, write_screening
from nanojunction.analysis.screening.screening import (
    Screening,
    compare_screenings,
    screen_files,
)
from nanojunction.analysis.screening.stored import stage_results
from nanojunction.analysis.screening.verdicts import JunctionVerdict, Stage
from tests.screening_simulation import (
    Bench,
    Law,
    calibration_runs,
    junction_a,
    junction_b,
    line_of,
    nothing,
    resistor,
    screened,
    written,
)


def weak_a(v: np.ndarray, t: np.ndarray) -> np.ndarray:
    return 0.3 * junction_a(v, t)


def two_faced(stage: Stage, again: int) -> Law:
    return resistor(8e3) if stage in ("repeats", "contact_again", "at_zero") else junction_b


TRUTHS: dict[str, tuple[Callable[[Stage, int], Law], str]] = {
    **{f"J0{n}": (lambda stage, again: nothing, "open") for n in range(1, 7)},
    **{f"J1{n}": (lambda stage, again: resistor(1.0), "short") for n in range(1, 6)},
    **{f"J2{n}": (lambda stage, again, n=n: resistor(900.0 * n), "ohmic") for n in range(1, 6)},
    "J31": (lambda stage, again: junction_a, "candidate"),
    "J32": (lambda stage, again: weak_a, "candidate"),
    "J33": (lambda stage, again: junction_b, "candidate"),
    "J34": (two_faced, "broken"),
}
CHIP = """
name = "chip 17"
max_voltage_V = 0.2
max_current_A = 1e-3
diameter_um = 20
[[calibrations]]
name = "resistor-100"
nominal_ohm = 100
""" + "".join(
    f'[[junctions]]\nname = "{name}"\nx_mm = {n % 5}\ny_mm = {n // 5}\n'
    f'column = {n % 5}\nrow = {n // 5}\nsplit = "{"annealed" if n % 2 else "as grown"}"\n'
    for n, name in enumerate(TRUTHS)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run files of a screening, named so that their order is not that of time."""
    folder = tmp_path_factory.mktemp("screening")
    (folder / "calibration").mkdir()
    for run in calibration_runs():
        written(run, folder / "calibration")
    line = line_of()
    for seed, (name, (law_of, _)) in enumerate(TRUTHS.items()):
        bench = Bench(law_of, seed=seed, device=name)
        screened(bench, line)
        for results in bench.runs.values():
            for result in results:
                written(result.run, folder)
    return folder


@pytest.fixture(scope="module")
def chip() -> Chip:
    return chip_from(CHIP, "chip17.toml")


@pytest.fixture(scope="module")
def found(chip: Chip, folder: Path) -> Screening:
    return screen_files(chip, [folder])


def test_every_junction_gets_the_verdict_of_its_truth(found: Screening) -> None:
    truths = {name: truth for name, (_, truth) in TRUTHS.items()}
    assert {one.junction: one.verdict for one in found.verdicts} == truths
    assert all(one.next_stage is None for one in found.verdicts)
    assert not found.errors
    assert not found.warnings
    assert found.line_changes == ()


def test_stored_runs_give_the_verdicts_that_they_gave_while_they_were_measured(
    found: Screening,
) -> None:
    line = line_of()
    for seed, (name, (law_of, _)) in enumerate(TRUTHS.items()):
        online = screened(Bench(law_of, seed=seed, device=name), line)
        offline = found.verdict(name)
        assert online.verdict == offline.verdict
        assert online.reasons == offline.reasons


def test_the_shortlist_is_ranked_by_power_and_by_offset(found: Screening) -> None:
    assert [one.junction for one in found.shortlist] == ["J33", "J31", "J32"]
    assert [one.by_p_max for one in found.shortlist] == [1, 2, 3]
    assert {one.by_offset_ratio for one in found.shortlist} == {1, 2, 3}
    assert found.shortlist[0].p_max_W == pytest.approx(450e-9, rel=0.02)
    # What generated and broke is not on it, and not forgotten.
    assert found.look_again == ("J34",)


def test_yields_are_those_of_all_and_of_each_split(found: Screening) -> None:
    every, *groups = found.statistics.groups
    assert {key: one.count for key, one in every.yields.items()} == {
        "open": 6,
        "short": 5,
        "ohmic": 5,
        "candidate": 3,
        "unstable": 0,
        "broken": 1,
        "undecided": 0,
        "neither_open_nor_short": 9,
        "generating": 4,
    }
    splits = [one for one in groups if one.by == "split"]
    assert {one.name for one in splits} == {"annealed", "as grown"}
    for verdict in ("open", "short", "candidate"):
        assert sum(one.yields[verdict].count for one in splits) == every.yields[verdict].count
    assert sum(one.by == "column" for one in groups) == 5
    # Of 900, 1800 … 4500 Ω and three candidates; RA at 20 µm.
    assert every.resistance_ohm.value == pytest.approx(2250.0, rel=0.01)
    assert every.ra_ohm_um2.value == pytest.approx(2250.0 * 314.16, rel=0.01)
    histogram = found.statistics.histograms[0]
    assert sum(histogram.counts) == 8


def test_other_thresholds_need_no_measuring(folder: Path, chip: Chip) -> None:
    strict = chip_from(CHIP + "[thresholds]\ncandidate_ratio = 1000\n", "chip17.toml")
    found = screen_files(strict, [folder])
    assert [one.junction for one in found.shortlist] == ["J33"]
    assert found.verdict("J31").verdict == "ohmic"
    shorts = chip_from(CHIP + "[thresholds]\nshort_below_ohm = 2000\n", "chip17.toml")
    assert screen_files(shorts, [folder]).verdict("J21").verdict == "short"
    # What was not measured because it was not needed is asked for, and not guessed.
    loose = chip_from(CHIP + "[thresholds]\ncandidate_ratio = 0.1\n", "chip17.toml")
    asked = screen_files(loose, [folder]).verdict("J21")
    assert (asked.verdict, asked.next_stage) == ("candidate", "repeats")


def test_the_document_keeps_its_promise_and_comes_back(found: Screening, tmp_path: Path) -> None:
    file = tmp_path / "screening.json"
    write_screening(found.to_json(), file)
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document == json.loads(json.dumps(found.to_json()))
    check_screening(document)
    assert document["schema"] == "nanojunction-screening/1"
    (first,) = (one for one in document["junctions"] if one["junction"] == "J31")
    assert first["numbers"]["v_off_V"]["value"] == pytest.approx(4.09e-3, rel=0.05)
    assert first["x_mm"] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["screening.json"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda d: d.update(schema="x"), "schema"),
        (lambda d: d["junctions"].append(d["junctions"][0]), "each junction once"),
        (lambda d: d["junctions"][0].update(verdict="good"), r"junctions\[0\]\.verdict"),
        (lambda d: d["junctions"][0].update(reasons=[]), r"junctions\[0\]\.reasons"),
        (lambda d: d["junctions"][0].update(verdict="short"), "count the junctions"),
        (lambda d: d["shortlist"][0].update(junction="J01"), "must be a candidate"),
        (lambda d: d["look_again"].append("Z"), "must be a junction of the chip"),
        (
            lambda d: d["junctions"][0]["numbers"].update(v_off_V={"value": None, "stderr": None}),
            "needs a note",
        ),
        (lambda d: d["thresholds"].update(confidence=math.nan), "thresholds.confidence"),
    ],
)
def test_a_document_that_is_wrong_is_not_written(
    found: Screening,
    tmp_path: Path,
    damage: Callable[[dict[str, object]], None],
    said: str,
) -> None:
    document = json.loads(json.dumps(found.to_json()))
    damage(document)
    with pytest.raises(ResultsError, match=said):
        write_screening(document, tmp_path / "screening.json")
    assert not list(tmp_path.iterdir())


def test_parts_of_a_resumed_run_are_one_run(chip: Chip, folder: Path, tmp_path: Path) -> None:
    for file in folder.rglob("*.csv"):
        if not file.name.startswith("J31"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    bench = Bench(lambda stage, again: junction_a, device="J31")
    screened(bench, line_of())
    for stage, (result,) in bench.runs.items():
        if stage == "short_iv":
            cut_off = result.run
            first = written(cut_off, tmp_path, slice(0, 17))
            text = first.read_text(encoding="utf-8")
            first.write_text(text.partition("# End")[0], encoding="utf-8")
            second = written(
                cut_off, tmp_path, slice(17, None), f"2, after 17 rows in {first.name}"
            )
        else:
            written(result.run, tmp_path)
    (joined,) = stage_results([first, second])
    assert len(joined.run) == len(cut_off)
    assert screen_files(chip, [tmp_path]).verdict("J31").verdict == "candidate"


def test_runs_that_failed_before_their_first_row_count_as_failed(
    chip: Chip, folder: Path, tmp_path: Path
) -> None:
    (result,) = stage_results([folder / "J31_short_iv_0.csv"])
    lines = (folder / "J31_short_iv_0.csv").read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if line.startswith(("#P", "#\t", "#D", "Time"))]
    for file in folder.rglob("*.csv"):
        if not file.name.startswith("J31_"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "J31_contact_0.csv").write_bytes((folder / "J31_contact_0.csv").read_bytes())
    failed = '# End: {"status": "failed", "rows": 0, "error": "no answer"}'
    for n in range(2):
        path = tmp_path / f"J31_short_iv_{n}.csv"
        path.write_text("\n".join([*head, failed]) + "\n", encoding="utf-8")
    (empty,) = stage_results([path])
    assert (len(empty.run), empty.run.status, empty.run.device) == (0, "failed", "J31")
    found = screen_files(chip, [tmp_path]).verdict("J31")
    assert found.verdict == "undecided"
    assert "failed 2 times" in found.reasons[0]
    assert result.run.status == "finished"


def test_what_does_not_belong_to_the_chip_is_said(chip: Chip, folder: Path, tmp_path: Path) -> None:
    for file in folder.glob("J0*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    stranger = Bench(lambda stage, again: nothing, device="X9")
    written(stranger.measure("contact", None).run, tmp_path)
    (tmp_path / "notes.csv").write_text("no, run, at, all\n", encoding="utf-8")
    found = screen_files(chip, [tmp_path])
    assert any("1 junctions are not on the chip and not judged: X9" in w for w in found.warnings)
    assert any("no calibration run serves" in warning for warning in found.warnings)
    assert [Path(error.file).name for error in found.errors] == ["notes.csv"]
    # Not measured yet is nothing to look at again.
    assert found.verdict("J31").next_stage == "contact"
    assert found.look_again == ()
    check_screening(found.to_json())


def test_a_line_that_changed_from_beginning_to_end_is_said(chip: Chip, tmp_path: Path) -> None:
    for run in calibration_runs():
        written(run, tmp_path)
        for hours, shift_V in ((1, 0.0), (2, 4e-6 if run.device == "resistor-100" else 0.0)):
            started = run.header["Started"].replace("T08", f"T{8 + hours:02d}")
            later = replace(
                run,
                file=Path(f"{hours}_{run.file.name}"),
                voltage_V=run.voltage_V + shift_V,
                header={**run.header, "Started": started},
            )
            written(later, tmp_path)
    changes = screen_files(chip, [tmp_path]).line_changes
    assert len(changes) == 6
    assert [one.device for one in changes if one.changed] == ["resistor-100", "resistor-100"]
    (volts,) = (one for one in changes if one.changed and one.key == "v_off_V")
    assert (volts.first, volts.last) == pytest.approx((4.9e-6, 8.9e-6), rel=0.1)


def test_two_chips_are_compared(found: Screening, chip: Chip, folder: Path) -> None:
    same = compare_screenings(found, found)
    assert {one.what for one in same} == {
        "open",
        "short",
        "candidate",
        "neither_open_nor_short",
        "generating",
        "resistance_ohm",
        "ra_ohm_um2",
    }
    assert all(one.p_corrected == pytest.approx(1.0) for one in same)
    ratio = next(one for one in same if one.what == "resistance_ohm")
    assert ratio.value == pytest.approx(1.0)


def test_a_verdict_on_an_unknown_junction_is_refused(found: Screening) -> None:
    with pytest.raises(KeyError, match="no junction 'J99'"):
        found.verdict("J99")
    assert isinstance(found.verdict("J01"), JunctionVerdict)


def test_verdicts_are_found_in_the_catalogue_and_runs_are_not_analysed_again(
    chip: Chip, folder: Path, found: Screening, tmp_path: Path
) -> None:
    catalogue = tmp_path / "lab.sqlite"
    entered = screen_files(chip, [folder], catalogue=catalogue)
    assert entered.to_json() == found.to_json()
    asked = ["screening_verdict ~ candidate", "screening_stage ~ repeats"]
    listed = catalogue_frame(catalogue, where=asked)
    assert sorted(listed["device"]) == ["J31", "J32", "J33"]
    assert len(catalogue_frame(catalogue, where=["offset_ratio_v > 100"])) > 3
    broken = catalogue_frame(catalogue, where=["screening_verdict ~ broken"])
    assert set(broken["device"]) == {"J34"}
    assert screen_files(chip, [folder], catalogue=catalogue).to_json() == found.to_json()
    with Catalogue(str(catalogue)) as opened:
        kept = CatalogueStore(opened)
        assert len(kept.find(sorted(folder.rglob("*.csv")))) == len(list(folder.rglob("*.csv")))
