"""From run files to the results document: groups, errors, shape, and several processes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.devices.groups import find_groups
from nanojunction.analysis.results import (
    FileError,
    build_results,
    write_results,
)
from nanojunction.analysis.results_check import ResultsError, check_results
from nanojunction.analysis.run import Conditions, Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Array, Quantity

K_B_eV_PER_K = 8.617333262e-5
COLUMNS = (
    "Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Field (T),Temperature (K),In compliance"
)


def write_run(path: Path, sample: str, kind: str, rows: Array) -> Path:
    """Write a run file as the runner does; `rows` has setpoint, current, field, T and leg."""
    setpoint, current, field, temperature, leg = rows.T.tolist()
    lines = [
        "#Procedure: <nanojunction.procedures.iv.IVSweep>",
        "#Parameters:",
        f"#\tSample: {sample}",
        "#Metadata:",
        f"#\tKind: {kind}",
        "#Data:",
        COLUMNS,
        *(
            f"{0.1 * k},{int(leg[k])},{setpoint[k]!r},{setpoint[k]!r},{current[k]!r},"
            f"{field[k]!r},{temperature[k]!r},0"
            for k in range(len(rows))
        ),
        f'# End: {{"status": "finished", "rows": {len(rows)}}}',
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def sweep(law: Any, T: float, H: float, rng: np.random.Generator, noise: float) -> Array:
    down = np.linspace(0.01, -0.01, 41)
    V = np.concatenate([down[::-1], down])
    current = law(V) + noise * rng.standard_normal(len(V))
    return np.column_stack(
        [V, current, np.full(len(V), H), np.full(len(V), T), np.repeat([0.0, 1.0], 41)]
    )


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `runs`: a resistor, C in two states, B at five temperatures, one broken file."""
    rng = np.random.default_rng(1)
    monkeypatch.chdir(tmp_path)
    folder = Path("runs")
    folder.mkdir()
    line = sweep(lambda V: (V - 10e-6) / 100 + 20e-9, 295.0, 0.0, rng, 1e-9)
    write_run(folder / "resistor.csv", "resistor-100", "calibration", line)
    for name, r, v, h in (("zero", 63.0, 2.76e-3, 0.0), ("high", 550.0, 2.13e-3, -0.5)):
        rows = sweep(lambda V, r=r, v=v: (V - v) / r, 40.0, h, rng, 1e-9)
        write_run(folder / f"C_{name}.csv", "C", "iv", rows)
    for T in (40.0, 80.0, 120.0, 200.0, 300.0):
        r = 25.9e3 * np.exp(12.43e-3 / K_B_eV_PER_K * (1 / T - 1 / 40))
        rows = sweep(lambda V, r=r: (V - 4e-3) / r, T, 0.0, rng, 1e-10)
        write_run(folder / f"B_{T:g}K.csv", "B", "iv", rows)
    (folder / "broken.csv").write_text("this is,no\nmeasurement,at all\n", encoding="utf-8")
    return folder


def test_a_campaign_becomes_one_document(campaign: Path) -> None:
    document = analyse([campaign]).to_json()
    check_results(document)
    assert document["schema"] == "nanojunction-results/1"
    assert len(document["runs"]) == 8
    assert {(g["kind"], g["device"]) for g in document["groups"]} == {
        ("calibration", "resistor-100"),
        ("magneto", "C"),
        ("arrhenius", "B"),
    }
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_files_are_named_as_they_were_given(campaign: Path) -> None:
    document = analyse([campaign]).to_json()
    assert {run["file"] for run in document["runs"]} >= {"runs/C_zero.csv", "runs/B_40K.csv"}
    assert str(Path.cwd()) not in json.dumps(document)


def test_an_unreadable_file_goes_to_the_errors_and_stops_nothing(campaign: Path) -> None:
    document = analyse([campaign, Path("nowhere.csv")]).to_json()
    assert [error["file"] for error in document["errors"]] == ["nowhere.csv", "runs/broken.csv"]
    assert all(error["error"] for error in document["errors"])


def test_temperatures_of_a_device_make_an_arrhenius_group(campaign: Path) -> None:
    document = analyse([campaign]).to_json()
    (group,) = [g for g in document["groups"] if g["kind"] == "arrhenius"]
    fit = group["quantities"]["r_s_ohm"]
    assert fit["best"] == "one-regime"
    energy = fit["one-regime"]["e_a_meV"]
    assert energy["value"] == pytest.approx(12.43, abs=5 * energy["stderr"] + 1e-3)
    assert {"r_s_ohm", "v_off_V", "p_max_W", "i_off_A"} <= set(group["quantities"])


def test_two_states_of_a_device_make_a_magneto_group(campaign: Path) -> None:
    document = analyse([campaign]).to_json()
    (group,) = [g for g in document["groups"] if g["kind"] == "magneto"]
    found = group["quantities"]
    assert {"mr", "mr_optimistic", "mc", "tmr", "spin_polarisation"} <= set(found)
    assert found["mr"]["value"] == pytest.approx(63 / 550 - 1, abs=1e-3)
    assert found["spin_polarisation"]["value"] == pytest.approx(0.8913, abs=1e-3)
    assert set(found["mc"]) >= {"x", "y", "stderr"}


def test_junctions_are_compared_with_the_line_and_resistors_are_not(campaign: Path) -> None:
    runs = {run["file"]: run["quantities"] for run in analyse([campaign]).to_json()["runs"]}
    assert runs["runs/C_zero.csv"]["candidate"]["value"] == 1.0
    assert runs["runs/C_zero.csv"]["v_off_V"]["syst"] == pytest.approx(8e-6, rel=0.05)
    assert "candidate" not in runs["runs/resistor.csv"]


def test_calibration_may_lie_elsewhere(campaign: Path) -> None:
    other = Path("line")
    other.mkdir()
    (campaign / "resistor.csv").rename(other / "resistor.csv")
    without = analyse([campaign])
    assert all("candidate" not in r.quantities for r in without.run_results)
    found = analyse([campaign], calibration=other)
    assert len(found.run_results) == len(without.run_results)
    assert any("candidate" in r.quantities for r in found.run_results)


def test_a_junction_given_as_calibration_is_an_error(campaign: Path) -> None:
    found = analyse([campaign / "B_40K.csv"], calibration=campaign / "C_zero.csv")
    assert [error.file for error in found.errors] == ["runs/C_zero.csv"]
    assert "not recognised as a calibrated resistor" in found.errors[0].error


def test_two_processes_find_the_same(campaign: Path) -> None:
    seen: list[tuple[int, int]] = []
    alone = analyse([campaign], progress=lambda done, total: seen.append((done, total)))
    together = analyse([campaign], workers=2)
    assert together.to_json() == alone.to_json()
    assert seen == [(k, 9) for k in range(1, 10)]


def test_no_workers_are_refused(campaign: Path) -> None:
    with pytest.raises(ValueError, match="give at least 1"):
        analyse([campaign], workers=0)


def test_nothing_readable_is_an_empty_document_with_errors(campaign: Path) -> None:
    document = analyse([campaign / "broken.csv"]).to_json()
    assert (document["runs"], document["groups"]) == ([], [])
    assert len(document["errors"]) == 1


def test_the_document_is_written_whole(campaign: Path, tmp_path: Path) -> None:
    document = analyse([campaign]).to_json()
    target = tmp_path / "results.json"
    write_results(document, target)
    assert json.loads(target.read_text(encoding="utf-8")) == document
    assert not list(tmp_path.glob("*.part"))


def test_a_current_over_time_has_a_mean_whose_error_counts_the_drift(campaign: Path) -> None:
    rng = np.random.default_rng(3)
    count = 400
    drift = np.linspace(-1e-8, 1e-8, count)
    current = -10e-6 + drift + 1e-10 * rng.standard_normal(count)
    rows = np.column_stack([np.zeros(count), current, np.zeros(count), np.full(count, 240.0)])
    rows = np.column_stack([rows, np.zeros(count)])
    (found,) = analyse([write_run(campaign / "it.csv", "A", "it", rows)]).run_results
    mean = found.quantities["i_mean_A"]
    assert mean.value == pytest.approx(-10e-6, abs=1e-10)
    assert mean.stderr > 1e-9  # the noise alone would give 5e-12 A


def test_a_run_in_which_nothing_is_swept_says_so(campaign: Path) -> None:
    path = campaign / "rest.csv"
    path.write_text("V,I\n" + "0.001,1e-6\n" * 30, encoding="utf-8")
    analysis = analyse([path])
    (found,) = analysis.run_results
    assert found.run.kind == "unknown"
    assert found.quantities == {}
    assert any("no quantities" in warning for warning in found.warnings)
    check_results(analysis.to_json())


# --- groups ---------------------------------------------------------------------------------


def result(
    name: str,
    T: float | None = 40.0,
    H: float | None = 0.0,
    r: Quantity = Quantity(100.0, 1.0),  # noqa: B008
    device: str = "B",
) -> RunResult:
    V = np.linspace(-0.01, 0.01, 21)
    run = Run(
        file=Path(name),
        device=device,
        kind="iv",
        time_s=None,
        leg=np.zeros(21, dtype=np.int64),
        setpoint_V=V,
        setpoint_A=None,
        voltage_V=V,
        current_A=V / 100.0,
        field_T=None,
        temperature_K=None,
        in_compliance=np.zeros(21, dtype=bool),
        conditions=Conditions(T, H),
    )
    return RunResult(run, {"r_s_ohm": r}, ())


def test_repeats_have_a_weighted_mean_and_their_scatter() -> None:
    values = [Quantity(100.0, 1.0), Quantity(104.0, 2.0)]
    (group,) = find_groups([result(f"{k}.csv", r=q) for k, q in enumerate(values)])
    assert group.kind == "repeat"
    mean = group.quantities["r_s_ohm"]
    assert mean.value == pytest.approx((100.0 + 104.0 / 4) / 1.25)
    ratio = np.sqrt((100.8 - 100) ** 2 + (104 - 100.8) ** 2 / 4)
    assert mean.extra["scatter_over_stderr"] == pytest.approx(ratio)
    assert mean.stderr == pytest.approx(1 / np.sqrt(1.25) * ratio)
    assert mean.extra["repeats"] == 2


def test_repeats_that_agree_do_not_shrink_below_their_errors() -> None:
    (group,) = find_groups([result(f"{k}.csv") for k in range(4)])
    assert group.quantities["r_s_ohm"].stderr == pytest.approx(0.5)


def test_three_temperatures_are_no_series() -> None:
    groups = find_groups([result(f"{T}.csv", T=T) for T in (40.0, 80.0, 120.0)])
    assert groups == []


def test_temperatures_at_different_fields_are_different_series() -> None:
    runs = [result(f"{T}-{H}.csv", T=T, H=H) for T in (40.0, 80, 120, 200) for H in (0.0, 1.0)]
    kinds = [group.kind for group in find_groups(runs)]
    assert kinds.count("arrhenius") == 2
    assert kinds.count("magneto") == 4


def test_devices_never_mix() -> None:
    runs = [result(f"{T}.csv", T=T, device=d) for T, d in ((40.0, "A"), (40.0, "B"))]
    assert find_groups(runs) == []


# --- the shape ------------------------------------------------------------------------------


def small_document() -> dict[str, Any]:
    runs = [result(f"{T:g}.csv", T=T, r=Quantity(1000 / T, 0.01)) for T in (40.0, 80, 120, 200)]
    return build_results(runs, find_groups(runs), [FileError("broken.csv", "no data")])


@pytest.mark.parametrize(
    ("place", "bad", "sentence"),
    [
        (("schema",), "other/1", "schema: must be"),
        (("runs",), {}, "runs: must be a list"),
        (("runs", 0, "kind"), "curve", r"runs\[0\].kind: must be one of"),
        (("runs", 0, "conditions", "state"), "Q", "state: must be"),
        (("runs", 0, "conditions", "pressure"), 1.0, "pressure: is unknown"),
        (("runs", 0, "quantities", "r_s_ohm", "value"), "100", "value: must be a number"),
        (("runs", 0, "quantities", "r_s_ohm", "value"), None, "needs a note"),
        (("runs", 0, "quantities", "r_s_ohm", "value"), float("nan"), "nan is not a number"),
        (("groups", 0, "kind"), "family", r"groups\[0\].kind"),
        (("groups", 0, "quantities", "r_s_ohm", "best"), "three", "names no regime"),
        (("errors", 0, "error"), None, r"errors\[0\].error: must be text"),
    ],
)
def test_a_wrong_document_is_refused_with_the_place(
    place: tuple[str | int, ...], bad: Any, sentence: str
) -> None:
    document = copy.deepcopy(small_document())
    target: Any = document
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = bad
    with pytest.raises(ResultsError, match=sentence):
        check_results(document)


@settings(deadline=None)
@given(st.floats() | st.none(), st.floats() | st.none())
def test_no_value_brings_nan_into_the_document(value: float | None, stderr: float | None) -> None:
    quantity = Quantity(value, stderr)
    document = build_results([result("x.csv", r=quantity)])
    json.dumps(document, allow_nan=False)
