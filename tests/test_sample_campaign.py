"""The sample campaign: its README tells the truth, and the analysis finds it in the run files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from nanojunction.analysis.analyse import Analysis, analyse
from nanojunction.analysis.published import compare
from nanojunction.analysis.values import Quantity
from nanojunction.models.junction import JunctionLaw, load_junction
from tests.junction_probes import Curve, after_fields, iv, p_max_W, slope, trace, v_off_V

SAMPLES = Path(str(resources.files("nanojunction.sample_data")))
#: What the measuring line adds: the voltmeter's offset, the ammeter's, gains of a few 1e-5.
LINE_V, LINE_A, GAIN = 8e-6, 1.2e-9, 1e-4


def true_rows() -> list[tuple[str, float, float, float, float, float]]:
    """Return (run, T, V_off, I_off, R_s, P_max) of the README's table, in SI."""
    rows = []
    for line in (SAMPLES / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[1].isdigit():
            kelvin, v, i, r, p = map(float, cells[1:])
            rows.append((cells[0], kelvin, v * 1e-3, i * 1e-6, r, p * 1e-9))
    return rows


def curves(run: str, kelvin: float) -> list[Curve]:
    """Return the law's curves of a run: one a direction where they differ."""
    law: JunctionLaw = load_junction(run.split("_", maxsplit=1)[0])
    if run.startswith("A_"):
        return [trace(law, kelvin, -0.01), trace(law, kelvin, 0.01)]
    return [iv(law, kelvin, after_fields(law, -0.5 if run.endswith("-0.5T") else 0.0))]


@pytest.mark.parametrize("row", true_rows(), ids=lambda row: f"{row[0]}-{row[1]:g}K")
def test_the_readme_tells_the_truth(row: tuple[str, float, float, float, float, float]) -> None:
    run, kelvin, *values = row
    found = []
    for current in curves(run, kelvin):
        v_off = v_off_V(current, 1e-4, 0.12)
        found.append((v_off, current(0.0), 1 / slope(current, 0.0), p_max_W(current, v_off)))
    means = [sum(column) / len(found) for column in zip(*found, strict=True)]
    assert means == pytest.approx(values, rel=1e-4)


@pytest.fixture(scope="module")
def campaign() -> Analysis:
    return analyse([SAMPLES / "campaign"])


def test_every_file_is_read_and_every_run_finished(campaign: Analysis) -> None:
    assert campaign.errors == ()
    assert len(campaign.run_results) == len(list((SAMPLES / "campaign").glob("*.csv"))) + 13
    assert {result.run.status for result in campaign.run_results} == {"finished"}
    assert all(result.run.warnings == () for result in campaign.run_results)


@pytest.mark.parametrize("row", true_rows(), ids=lambda row: f"{row[0]}-{row[1]:g}K")
def test_the_analysis_finds_the_truth(
    campaign: Analysis, row: tuple[str, float, float, float, float, float]
) -> None:
    run, kelvin, v_off, i_off, r_s, p_max = row
    (result,) = [
        result
        for result in campaign.run_results
        if result.run.file.stem == run
        and abs((result.run.conditions.temperature_K or 0.0) - kelvin) < 0.3
    ]
    for key, true, line in (
        ("v_off_V", v_off, LINE_V),
        ("i_off_A", i_off, LINE_A + LINE_V / r_s),
        ("p_max_W", p_max, 2.5 * LINE_V * abs(i_off)),
        ("r_s_ohm", r_s, 0.0),
    ):
        quantity = result.quantities[key]
        assert isinstance(quantity, Quantity)
        assert quantity.value is not None
        assert quantity.stderr is not None
        thermal = 2e-4 * abs(true)  # a few mK beside the setpoint
        allowed = 4.0 * quantity.stderr + line + GAIN * abs(true) + thermal
        assert abs(quantity.value - true) < allowed, key
        # A's features are narrower than the step: nothing tells the slope at 0 V to 1 %.
        sure = 0.03 if key == "r_s_ohm" and run.startswith("A_") else 0.01
        assert quantity.stderr < sure * abs(true), key


def test_every_published_row_holds_on_the_sample_campaign(campaign: Analysis) -> None:
    rows = compare(campaign)
    assert len(rows) > 50
    batches = ("chip", "MTJ batch")  # the campaign has no batch
    assert [row.problem for row in rows if not row.ok and row.device not in batches] == []


def test_the_samples_are_small() -> None:
    size = sum(file.stat().st_size for file in (SAMPLES / "campaign").glob("*"))
    assert size < 5e6
