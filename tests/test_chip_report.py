"""The report of a screening in a browser: what the mouse, the keys and paper show."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis.chip_report.curves import seen
from nanojunction.analysis.chip_report.figures import (
    histogram_figure,
    map_figure,
    ratio_figure,
    yields_figure,
)
from nanojunction.analysis.chip_report.page import DIGESTS, write_chip_report
from nanojunction.analysis.chip_report.places import chip_places
from nanojunction.analysis.chip_report.words import MEANINGS, NUMBERS, STAGES, THRESHOLDS
from nanojunction.analysis.figures.style import lay_out, publication_style
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.chip_file import chip_from
from nanojunction.analysis.screening.numbers import NUMBERS as NUMBER_KEYS
from nanojunction.analysis.screening.screening import Screening, screening_of
from nanojunction.analysis.screening.stored import StoredRuns, stored_runs
from nanojunction.analysis.screening.thresholds import THRESHOLD_NAMES
from nanojunction.analysis.screening.verdicts import STAGES as EVERY_STAGE
from nanojunction.analysis.screening.verdicts import VERDICTS, Verdict
from tests.browser import Browser, browsing
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
    telegraph,
    written,
)
from tests.test_report import labels_of

LAWS: Mapping[str, Law] = {
    "J1": nothing,
    "J2": resistor(3.0),
    "J3": junction_a,
    "J4": junction_b,
    "J5 <i>&": resistor(1e3),
    "J6": telegraph(junction_a, 0.5, 2.0, seed=3),
}
TRUTH: Mapping[str, Verdict] = {
    "J1": "open",
    "J2": "short",
    "J3": "candidate",
    "J4": "candidate",
    "J5 <i>&": "ohmic",
    "J6": "unstable",
}
TEXT = """
name = "chip </script> 7"
max_voltage_V = 0.2
max_current_A = 1e-3
diameter_um = 20
[thresholds]
candidate_ratio = 12
[protocol]
repeats = 3
""" + "".join(
    f"[[junctions]]\nname = '{name}'\nx_mm = {0.5 * (n % 3)}\ny_mm = {0.5 * (n // 3)}\n"
    f"split = '{'baked' if n % 2 else '<u>raw</u>'}'\n"
    for n, name in enumerate(LAWS)
)


@dataclass(frozen=True)
class Made:
    """A screening, its runs, and the page about it."""

    screening: Screening
    stored: StoredRuns
    page: Path

    def mark(self, name: str) -> str:
        """The script that finds the mark of a junction on the map."""
        index = [one.name for one in self.screening.chip.junctions].index(name)
        return f"document.querySelectorAll('#marks use')[{index}]"

    def shown(self, name: str, key: str) -> str:
        """A number of a junction as it is written."""
        unit = NUMBERS[key][1]
        one = self.screening.verdict(name).numbers[key]
        return str(type(one)(one.value, one.stderr, unit=unit)).replace("-", "−")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("chip")
    runs = folder / "runs"
    runs.mkdir()
    for run in calibration_runs():
        written(run, runs)
    line = line_of()
    for name, law in LAWS.items():
        bench = Bench(lambda stage, again, law=law: law, seed=7, device=name)
        screened(bench, line)
        for results in bench.runs.values():
            for result in results:
                written(result.run, runs)
    chip_file = folder / "chip.toml"
    chip_file.write_text(TEXT, encoding="utf-8")
    stored = stored_runs([runs])
    found = screening_of(chip_from(TEXT, "chip.toml"), stored)
    assert {one.junction: one.verdict for one in found.verdicts} == TRUTH
    page = write_chip_report(found, stored, folder / "report", chip_file=chip_file)
    return Made(found, stored, page)


@pytest.fixture(scope="module")
def chromium_page(
    chromium: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    with browsing(chromium, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(chromium_page: Browser, made: Made) -> Iterator[Browser]:
    """The page in a browser; whatever is done to it, it asks nobody and complains of nothing."""
    url = made.page.as_uri()
    chromium_page.open(url)
    yield chromium_page
    assert chromium_page.complaints() == []
    assert [one.partition("#")[0] for one in chromium_page.asked()] == [url]


@pytest.mark.browser
def test_the_mouse_over_a_junction_shows_its_numbers(browser: Browser, made: Made) -> None:
    for name, verdict in TRUTH.items():
        browser.hover(made.mark(name))
        tip = browser.text("#tip")
        assert tip.startswith(name)
        assert verdict in tip
        for key in ("v_off_V", "p_max_W") if verdict == "candidate" else ():
            assert made.shown(name, key) in tip.replace("\u00a0", " ")
        first = made.screening.verdict(name).reasons[0]
        assert re.sub(r"\W+", "", first)[:30] in re.sub(r"\W+", "", tip)
    browser.mouse("mouseMoved", (2.0, 2.0))
    assert browser.value("document.getElementById('tip').hidden")


@pytest.mark.browser
def test_a_click_opens_the_curves_reasons_and_files_of_a_junction(
    browser: Browser, made: Made
) -> None:
    browser.click(made.mark("J4"))
    panel = browser.text("#panel")
    verdict = made.screening.verdict("J4")
    assert panel.startswith("J4")
    assert "candidate, semiconducting" in panel
    for file in verdict.files:
        assert file in panel
        path = made.page.parent.parent / "runs" / file
        assert hashlib.sha256(path.read_bytes()).hexdigest() in panel
    links = browser.value("[...document.querySelectorAll('#panel a')].map(one => one.href)")
    assert sorted(Path(one.removeprefix("file://")).name for one in links) == sorted(verdict.files)
    drawn = browser.value(
        "[...document.querySelectorAll('#panel .plot path')].map(one => one.getAttribute('class'))"
    )
    stages = [f"s-{stage}" for stage in ("contact", "short_iv", "wide_iv", "repeats", "at_zero")]
    assert set(drawn) == set(stages)
    value = verdict.numbers["v_off_V"].value
    assert value is not None
    assert f"{1e3 * value:.4g} mV" in browser.text("#panel .plot")
    assert "84" in browser.text("#panel .plot")


@pytest.mark.browser
def test_the_drawn_curve_is_the_measured_one(browser: Browser, made: Made) -> None:
    browser.click(made.mark("J3"))
    drawn = browser.value(
        "document.querySelector('#panel .plot path.s-short_iv').getAttribute('d')"
    )
    (result,) = made.stored.junctions["J3"]["short_iv"]
    run = result.run
    assert run.voltage_V is not None
    assert run.current_A is not None
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", drawn), dtype=float)
    assert len(points) == len(run)
    for measured, pixels in ((run.voltage_V, points[:, 0]), (run.current_A, -points[:, 1])):
        slope, offset = np.polyfit(measured, pixels, 1)
        assert slope > 0.0
        np.testing.assert_allclose(slope * measured + offset, pixels, atol=0.15)


@pytest.mark.browser
def test_a_range_and_a_stage_can_be_left_out(browser: Browser, made: Made) -> None:
    browser.click(made.mark("J4"))
    before = browser.text("#panel .plot")
    browser.click(
        "[...document.querySelectorAll('#panel .bar button')]"
        ".find(one => one.textContent.startsWith('±1 mV'))"
    )
    assert browser.text("#panel .plot") != before
    browser.click("document.querySelector('#panel .bar button')")
    stages = browser.value(
        "[...document.querySelectorAll('#panel .plot path')].map(one => one.getAttribute('class'))"
    )
    assert "s-contact" not in stages


@pytest.mark.browser
def test_points_in_compliance_are_hollow(browser: Browser, made: Made) -> None:
    held = [
        (name, int(np.count_nonzero(result.run.in_compliance)))
        for name in LAWS
        for result in made.stored.junctions[name].get("contact", ())
    ]
    assert any(count for _, count in held)
    for name, count in held:
        browser.click(made.mark(name))
        assert count == browser.value("document.querySelectorAll('.s-contact.held').length"), name


@pytest.mark.browser
def test_a_filter_leaves_what_was_asked_for(browser: Browser, made: Made) -> None:
    def lit() -> list[str]:
        marks = browser.value(
            "[...document.querySelectorAll('#marks use')].map(one => one.matches('.dim'))"
        )
        return [name for name, is_dim in zip(LAWS, marks, strict=True) if not is_dim]

    assert lit() == list(LAWS)
    browser.click("document.querySelector('[data-verdict=candidate]')")
    assert lit() == ["J1", "J2", "J5 <i>&", "J6"]
    browser.hover(made.mark("J3"))
    assert browser.value("document.getElementById('tip').hidden")
    browser.click("document.querySelector('[data-verdict=candidate]')")
    choose = "const s = document.getElementById('split'); s.value = 'baked';"
    browser.value(f"{{ {choose} s.dispatchEvent(new Event('change')); }}")
    assert lit() == ["J2", "J4", "J6"]
    assert browser.text("[data-verdict=candidate] .count") == "1"


@pytest.mark.browser
def test_keys_move_over_the_map_and_open(browser: Browser) -> None:
    browser.value("document.getElementById('chip').focus()")
    browser.press("ArrowRight")
    assert browser.text("#tip").startswith("J1")
    browser.press("ArrowRight")
    assert browser.text("#tip").startswith("J2")
    browser.press("ArrowUp")  # y is drawn upwards
    assert browser.text("#tip").startswith("J5 <i>&")
    browser.press("Enter")
    assert browser.text("#panel h3").strip() == "J5 <i>&"
    browser.press("Escape")
    assert browser.value("document.getElementById('tip').hidden")


@pytest.mark.browser
def test_another_quantity_colours_the_map(browser: Browser) -> None:
    def choose(by: str) -> list[str]:
        script = f"const s = document.getElementById('by'); s.value = '{by}';"
        browser.value(f"{{ {script} s.dispatchEvent(new Event('change')); }}")
        marks = "[...document.querySelectorAll('#marks use')]"
        found = browser.value(f"{marks}.map(one => one.style.getPropertyValue('--m'))")
        return list(found)

    by_power = dict(zip(LAWS, choose("P_max"), strict=True))
    assert by_power["J4"] == "rgb(253,231,37)"  # the largest P_max
    assert by_power["J1"] == by_power["J2"] == "var(--none)"
    assert "W" in browser.text("#bar")
    browser.click("document.querySelector('[data-verdict=candidate]')")
    left = dict(zip(LAWS, choose("R"), strict=True))
    assert left["J5 <i>&"] == "rgb(253,231,37)"  # the largest R of those that are shown
    assert choose("") == [""] * len(LAWS)


@pytest.mark.browser
def test_the_shortlist_sorts_by_what_is_clicked(browser: Browser, made: Made) -> None:
    rows = (
        "[...document.querySelectorAll('table.shortlist tbody tr')].map(r => r.cells[2].innerText)"
    )
    assert browser.value(rows) == [one.junction for one in made.screening.shortlist]
    browser.click("document.querySelectorAll('table.shortlist th')[8]")  # R
    ohms = {one.junction: one.numbers["resistance_ohm"].value or 0.0
            for one in made.screening.verdicts}  # fmt: skip
    assert browser.value(rows) == sorted(
        (one.junction for one in made.screening.shortlist), key=lambda name: -ohms[name]
    )
    browser.click("document.querySelector('table.shortlist a')")
    assert browser.text("#panel h3").strip() in ohms


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1366, 1920])
def test_nothing_runs_out_of_the_window(browser: Browser, made: Made, width: int) -> None:
    browser.open(f"{made.page.as_uri()}#j=J4", width)
    assert browser.text("#panel h3").strip() == "J4"
    assert browser.value("document.documentElement.scrollWidth") <= width
    marks = browser.value(
        "[...document.querySelectorAll('#marks use')].map(one => one.getBoundingClientRect().width)"
    )
    assert min(marks) > 5.0


@pytest.mark.browser
def test_paper_keeps_the_map_with_its_shapes(browser: Browser, made: Made) -> None:
    browser.ask("Emulation.setEmulatedMedia", media="print")
    seen_on_paper = browser.value(
        "[...document.querySelectorAll('#marks use')].map(one => "
        "[one.getAttribute('href'), one.getBoundingClientRect().width > 3, "
        "getComputedStyle(one).opacity])"
    )
    assert seen_on_paper == [[f"#m-{verdict}", True, "1"] for verdict in TRUTH.values()]
    assert browser.value("getComputedStyle(document.querySelector('.tools')).display") == "none"
    assert browser.printed().startswith(b"%PDF")
    browser.ask("Emulation.setEmulatedMedia", media="")


def test_the_page_says_all_that_was_found(made: Made) -> None:
    page = made.page.read_text(encoding="utf-8")
    assert "<i>&<" not in page
    assert "<u>raw" not in page
    assert page.count("</script>") == 3
    for name in THRESHOLD_NAMES:
        assert f"<code>{name}</code>" in page
    assert "from the chip file" in page
    assert "<code>repeats</code>" in page
    assert "12×" in page
    figures = {path.name for path in (made.page.parent / "figures").iterdir()}
    for name in ("map", "yields", "histogram_resistance", "histogram_offset_ratio"):
        assert {f"{name}.svg", f"{name}.pdf"} <= figures


def test_a_chip_on_which_nothing_conducts_has_a_page_too(tmp_path: Path) -> None:
    bench = Bench(lambda stage, again: nothing, device="J1")
    assert screened(bench, None).verdict == "open"
    runs = [result.run for results in bench.runs.values() for result in results]
    for run in runs:
        station = {"Station": '{"name": "Cryostat", "simulated": true}'}
        written(replace(run, header={**run.header, **station}), tmp_path)
    stored = stored_runs([tmp_path])
    text = 'max_voltage_V = 0.2\nmax_current_A = 1e-3\njunctions = [{name = "J1"}]'
    page = write_chip_report(
        screening_of(chip_from(text, "chip.toml"), stored), stored, tmp_path / "report"
    ).read_text(encoding="utf-8")
    for words in (
        "Without a measuring line no offset could be compared with it",
        "SIMULATED",
        "No candidates",
        "Every junction is open or short",
        "Nothing conducts",
        "No calibration run serves",
    ):
        assert words in page


def test_no_label_of_a_figure_is_clipped_or_covered_by_another(made: Made) -> None:
    """With every verdict in the legends."""
    verdicts = [
        replace(one, verdict=verdict)
        for verdict, one in zip(VERDICTS, (*made.screening.verdicts,) * 2, strict=False)
    ]
    junctions = [
        replace(one, name=f"J{n}", x_m=1e-3 * (n % 4), y_m=1e-3 * (n // 4))
        for n, one in enumerate((*made.screening.chip.junctions,) * 2)
    ][: len(verdicts)]
    chip = replace(made.screening.chip, junctions=tuple(junctions))
    found = replace(made.screening, chip=chip, verdicts=tuple(verdicts))
    with publication_style():
        drawn = [map_figure(found, chip_places(found.chip.junctions)), yields_figure(found)]
        drawn += [histogram_figure(found, one) for one in found.statistics.histograms]
        ratios = ratio_figure(found)
        assert ratios is not None
        for one in (*drawn, ratios):
            lay_out(one.figure)
            labels = labels_of(one.figure)
            labels += [("legend", legend.get_window_extent()) for legend in one.figure.legends]
            assert len(labels) > 5
            inside = one.figure.bbox.padded(1.0)
            for n, (words, box) in enumerate(labels):
                assert inside.x0 <= box.x0 and box.x1 <= inside.x1, (one.name, words)
                assert inside.y0 <= box.y0 and box.y1 <= inside.y1, (one.name, words)
                for other, space in labels[n + 1 :]:
                    apart = not box.padded(-1.0).overlaps(space.padded(-1.0))
                    assert apart, (one.name, words, other)


def test_every_file_is_listed_with_its_digest(made: Made) -> None:
    folder = made.page.parent
    listed = {}
    for line in (folder / DIGESTS).read_text(encoding="utf-8").splitlines():
        digest, way = line.split("  ", 1)
        assert hashlib.sha256((folder / way).read_bytes()).hexdigest() == digest
        listed[(folder / way).resolve().name] = digest
    runs = {path.name for path in (folder.parent / "runs").glob("*.csv")}
    assert listed.keys() == runs | {"chip.toml"}
    own = hashlib.sha256((folder / DIGESTS).read_bytes()).hexdigest()
    assert own in made.page.read_text(encoding="utf-8")


def test_the_last_step_of_a_history_is_the_verdict(made: Made) -> None:
    page = made.page.read_text(encoding="utf-8")
    lines = page.partition('id="wholes">')[2].partition("</script>")[0].strip().splitlines()
    for line, verdict in zip(lines, made.screening.verdicts, strict=True):
        history = json.loads(line)["history"]
        assert history[-1][1:3] == [verdict.verdict, verdict.reasons[0]]
        assert history[0][0] == STAGES["contact"]
        assert all(step[3] for step in history[:-1])


def test_everything_has_a_name_on_the_page() -> None:
    assert set(MEANINGS) == set(VERDICTS)
    assert set(STAGES) == set(EVERY_STAGE)
    assert set(NUMBERS) == set(NUMBER_KEYS)
    assert set(THRESHOLDS) == set(THRESHOLD_NAMES)


def test_a_long_run_is_thinned_and_keeps_its_peaks() -> None:
    rng = np.random.default_rng(4)
    values = np.sin(np.linspace(0.0, 9.0, 50_000)) + rng.normal(0.0, 0.01, 50_000)
    values[31_234] = 7.0
    held = np.zeros(50_000, dtype=bool)
    held[20_000:20_100] = True
    rows = seen(values, 600, held)
    assert len(rows) <= 620
    assert {0, 31_234, 49_999, 19_999, 20_000, 20_099, 20_100} <= set(rows.tolist())
    assert bool(np.all(np.diff(rows) > 0))


def test_places_are_true_in_millimetres_else_columns_and_rows_else_an_order() -> None:
    one = Junction("J1", max_voltage_V=0.2, max_current_A=1e-3)
    at = ((0.0, 0.0), (1e-3, 0.0), (1e-3, 3e-3))
    far = chip_places([replace(one, name=f"J{n}", x_m=x, y_m=y) for n, (x, y) in enumerate(at)])
    assert far.frame == "mm"
    (x1, y1), (x2, y2), (x3, y3) = far.at
    assert (x2 - x1, y1 - y2) == pytest.approx((1.0, 0.0))
    assert (x3 - x2, y2 - y3) == pytest.approx((0.0, 3.0))
    grid = chip_places(
        [replace(one, column="A", row=2), replace(one, name="J2", column="C", row=7)]
    )
    assert (grid.frame, grid.at) == ("grid", ((0.0, 0.0), (1.0, 1.0)))
    assert grid.x_ticks == ((0.0, "A"), (1.0, "C"))
    assert chip_places([one, replace(one, name="J2")]).at == ((0.0, 0.0), (1.0, 0.0))
