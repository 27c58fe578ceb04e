"""What a report says first, which runs it shows of many, and how its sentences are set."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from nanojunction.analysis.analyse import Analysis, analyse
from nanojunction.analysis.devices.claims import find_claims
from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.report import choice
from nanojunction.analysis.report.choice import chosen_for_report
from nanojunction.analysis.report.overview import MOST_ROWS, overview
from nanojunction.analysis.report.page import write_report
from nanojunction.analysis.report.words import in_html, with_links
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity
from tests.test_report import Page, sweep, write_run


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """J delivers 4 nW, K none, L's sweep ends before its V_off; a resistor is the line."""
    folder = tmp_path_factory.mktemp("first")
    line = sweep((5e-6, 1e3), (295.0, 0.0), 0.01, 1e-10, 1)
    write_run(folder / "known.csv", "resistor-1k", line, "calibration")
    for n, (device, v_off) in enumerate((("J", 4e-3), ("K", 0.0), ("L", 30e-3))):
        rows = sweep((v_off, 1e3), (40.0, 0.0), 0.01, 1e-9, 2 + n)
        write_run(folder / f"{device}.csv", device, rows)
    return analyse([folder])


def of_device(found: Analysis, device: str) -> RunResult:
    return next(result for result in found.run_results if result.run.device == device)


def renamed(result: RunResult, device: str, power_W: float | None = None) -> RunResult:
    quantities = dict(result.quantities)
    if power_W is not None:
        quantities["p_max_W"] = replace(quantities["p_max_W"], value=power_W)
    return replace(result, run=replace(result.run, device=device), quantities=quantities)


def as_on_a_page(text: str) -> str:
    return text.replace("\u00a0", " ")


# What comes first


def test_the_page_begins_with_how_many_are_real_and_how_large_the_effect_is(
    found: Analysis, tmp_path: Path
) -> None:
    page = Page(write_report(found, tmp_path, title="three"))
    header = page.source[page.source.index("<header>") : page.source.index("</header>")]
    head = as_on_a_page(re.sub("<[^>]+>", "", header))
    assert "Of 3 junctions: 2 beyond the measuring line and not yet confirmed" in head
    assert "1 not beyond the measuring line" in head
    assert re.search(r"\(beyond the measuring line\): [\d.()]+ nW, J at 40 K \(run \d\)", head)
    assert page.source.index('class="headline"') < page.source.index('class="overview"')


def test_power_that_is_the_measuring_lines_is_not_shown_as_a_junctions(found: Analysis) -> None:
    claims = {claim.device: claim for claim in find_claims(found.run_results, [])}
    rows = {row.device: row for row in overview(found.run_results, claims, {}).first}
    passive = of_device(found, "K").quantities["p_max_W"]
    assert passive.value is not None
    assert rows["K"].power == "—"
    assert rows["K"].v_off != "—"
    assert rows["K"].best_run is not None
    assert "not beyond" in rows["K"].why
    assert "nW" in rows["J"].power


def test_a_v_off_beyond_the_sweep_is_a_bound_on_the_page_and_not_a_value(
    found: Analysis, tmp_path: Path
) -> None:
    page = Page(write_report(found, tmp_path, title="three"))
    row = re.search(r'<tr id="run-\d+">(?:(?!</tr>).)*L\.csv.*?</tr>', page.source, re.DOTALL)
    assert row is not None
    assert "≥ " in row[0] and "× the line" in row[0]
    assert "lies beyond the sweep, which ends at 10 mV" in as_on_a_page(page.text)


def test_of_many_candidates_those_of_the_largest_power_stand_first(found: Analysis) -> None:
    model = of_device(found, "J")
    many = [renamed(model, f"J{n:03}", 1e-9 * (n + 1)) for n in range(MOST_ROWS + 5)]
    claims = {claim.device: claim for claim in find_claims(many, [])}
    shown = overview(many, claims, {})
    assert len(shown.first) == MOST_ROWS
    assert shown.first[0].device == f"J{MOST_ROWS + 4:03}"
    assert [row.device for row in shown.more] == [f"J{n:03}" for n in range(5)]


# Which runs of many are shown


def test_a_report_of_too_many_runs_keeps_the_line_and_what_matters_most(
    found: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    passive, model = of_device(found, "K"), of_device(found, "J")
    runs = [renamed(passive, f"K{n}") for n in range(4)]
    runs += [renamed(model, f"J{n}", 1e-9 * n) for n in range(1, 5)]
    series = Group("repeat", "J1", {"r_s_ohm": Quantity(1e3, 1.0)}, ())
    whole = Analysis((*runs, of_device(found, "resistor-1k")), (series,), ())
    monkeypatch.setattr(choice, "MOST_RUNS", 4)
    shown = chosen_for_report(whole)
    # The line, the device with a group, then by power; in the order in which they came.
    assert [r.run.device for r in shown.run_results] == ["J1", "J3", "J4", "resistor-1k"]
    assert [group.device for group in shown.groups] == ["J1"]
    (warning,) = shown.warnings
    assert "shows 4 of the 9 runs, of 4 of the 9 devices" in warning
    assert "largest power" in warning


def test_a_report_of_fewer_runs_shows_all_without_a_word(found: Analysis) -> None:
    assert chosen_for_report(found) is found


# Sentences


def test_symbols_signs_and_units_of_a_sentence_are_set() -> None:
    said = in_html("V_off: two give E_a, low T = 6.4(3) meV at -0.5 T, not <b>; B_40K_-0.5T.csv")
    assert said == (
        "<i>V</i><sub>off</sub>: two give <i>E</i><sub>a, low T</sub> = 6.4(3) meV at "
        "−0.5\u00a0T, not &lt;b&gt;; B_40K_-0.5T.csv"
    )


def test_a_run_in_a_sentence_is_a_link_to_its_row_and_its_folders_are_left_out() -> None:
    runs = ["/data/a/B.csv#1", "/data/a/B.csv#12"]
    said = with_links("I_off: without /data/a/B.csv#12 and /data/a/B.csv#1", runs, {runs[1]: 7})
    assert '<a href="#run-7">run 7</a> (B.csv#12) and B.csv#1' in said
    assert "/data" not in said
