"""What a report says beside its figures: origins of numbers, rows left out, estimates, pages."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from nanojunction.analysis.analyse import Analysis, analyse
from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.estimates.device_file import Devices, Stated
from nanojunction.analysis.geometry import parse_area
from nanojunction.analysis.report.page import MOST_OPEN_ROWS, write_report
from nanojunction.analysis.values import Quantity
from tests.test_report import COLUMNS, Page, sweep, write_run

SIZE = parse_area("300 nm ± 10 nm", "diameter", "SEM")


def write_runs(folder: Path) -> Path:
    """J generates at two temperatures, K does not; a resistor stands in a folder of its own."""
    runs = folder / "runs"
    runs.mkdir()
    (folder / "line").mkdir()
    line = sweep((5e-6, 1e3), (295.0, 0.0), 0.01, 1e-10, 1)
    write_run(folder / "line" / "known.csv", "resistor-1k", line, "calibration")
    for n, T in enumerate((40.0, 300.0)):
        rows = sweep((4e-3, 1e3), (T, 0.0), 0.01, 1e-9, 2 + n)
        rows[7, 4] += 1e-4  # an outlier
        write_run(runs / f"J_{T:g}K.csv", "J", rows, Started="2026-01-02T03:04:05+00:00")
    write_run(runs / "K.csv", "K/2", sweep((0.0, 2e3), (40.0, 0.0), 0.01, 1e-9, 9))
    return folder


def analysed(folder: Path) -> Analysis:
    devices = Devices(Stated(area=SIZE, pitch_m=90e-9, layers=3.0))
    return analyse([folder / "runs"], calibration=folder / "line", devices=devices)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analysed(write_runs(tmp_path_factory.mktemp("pages")))


@pytest.fixture(scope="module")
def out(found: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(found, folder, title="J and K", by_device=True)
    return folder


@pytest.fixture(scope="module")
def page(out: Path) -> Page:
    return Page(out / "report.html")


def row_of(page: Page, identifier: str) -> str:
    """Return the source of the table row with an id."""
    match = re.search(rf'<tr id="{identifier}".*?</tr>', page.source, re.DOTALL)
    assert match is not None, identifier
    return match[0]


# Where a number is from


def test_a_number_leads_to_its_run_with_window_and_rows_and_on_to_its_file(page: Page) -> None:
    overview = page.source[page.source.index('class="overview"') :]
    largest = re.search(r'nW</td>.*?<a href="#(run-\d+)">', overview)
    assert largest is not None
    run = row_of(page, largest[1])
    assert "at 0\u00a0V, within ±" in run
    assert "61 of 62" in run
    file = re.search(r'href="#(file-\d+)"', run)
    assert file is not None
    assert re.search(r"<code>[0-9a-f]{64}</code>", row_of(page, file[1]))


def test_the_files_of_the_measuring_line_are_listed_though_they_were_given_apart(
    found: Analysis, page: Page
) -> None:
    (known,) = found.calibrations
    assert hashlib.sha256(known.run.file.read_bytes()).hexdigest() in page.text
    assert "Calibrated resistors" in page.text
    assert 'id="line"' in page.source


def test_a_calibration_among_the_runs_is_listed_once(tmp_path: Path) -> None:
    folder = write_runs(tmp_path)
    found = analyse([folder], calibration=folder / "line")
    assert found.calibrations == ()


def test_sizes_starts_and_settings_are_stated(page: Page) -> None:
    assert "2026-01-02 03:04 UTC" in page.text
    assert re.search(r"\d kB", page.text.replace("\u00a0", " "))
    for words in ("local_zero", "chosen from the data of each run", "numpy", "scipy", "lmfit"):
        assert words in page.text[page.text.index("Settings") :]
    assert "nanojunction 0." in page.text


# What was left out


def test_rows_that_entered_no_fit_are_listed_with_their_reason(tmp_path: Path) -> None:
    rows = sweep((4e-3, 1e3), (40.0, 0.0), 0.01, 1e-9, 5)
    rows[7, 4] += 1e-4
    file = write_run(tmp_path / "J.csv", "J", rows)
    text = file.read_text(encoding="utf-8").replace(COLUMNS, f"{COLUMNS},In compliance")
    lines = [f"{one},0" if one[:1].isdigit() else one for one in text.splitlines()]
    first = next(n for n, one in enumerate(lines) if one[:1].isdigit())
    lines[first + 20] = lines[first + 20][:-1] + "1"
    lines[first + 21] = lines[first + 21][:-1] + "1"
    lines[first + 40] = ",".join(lines[first + 40].split(",")[:5] + ["", "0.0", "40.0", "0"][:4])
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    notes = '[[exclude]]\nrows = [50, 52]\nreason = "a door slammed"\n'
    (tmp_path / "J.notes.toml").write_text(notes, encoding="utf-8")
    page = Page(write_report(analyse([file]), tmp_path / "out", title="J"))
    table = re.search(r'<table class="left-out">.*?</table>', page.source, re.DOTALL)
    assert table is not None
    for words in (
        "3 rows: 50–52 of the file",
        "a door slammed",
        "2 rows: 21–22",
        "in compliance",
        "row 8",
        "outliers",
        "dropped for",
    ):
        assert words in table[0], words


def test_a_run_that_lost_no_row_has_no_such_table(tmp_path: Path) -> None:
    file = write_run(tmp_path / "K.csv", "K", sweep((0.0, 2e3), (40.0, 0.0), 0.01, 1e-9, 9))
    page = Page(write_report(analyse([file]), tmp_path / "out", title="K"))
    assert 'id="left-out"' not in page.source


# Estimates


def test_a_device_stands_among_published_spin_engines(page: Page) -> None:
    own = re.findall(r'<tr class="own">.*?</tr>', page.source, re.DOTALL)
    assert len(own) == 2
    assert all(re.search(r'<b>J</b>, <a href="#run-\d+">', row) for row in own)
    assert "Katcko et al." in page.text and "MnAs" in page.text
    for words in ("98400(6600)", "diameter 300 nm ± 10 nm", "SEM", "per nm²", "90 nm"):
        assert words in page.text


def test_ra_products_stand_with_each_run(page: Page) -> None:
    # 1 kΩ and 0.0707 µm²; the tolerance of the diameter counts twice.
    assert page.text.replace("\u00a0", " ").count("71(5) Ω·µm²") >= 3


# Pages of devices, and many runs


def test_each_device_has_a_page_with_its_own_runs_and_a_way_back(out: Path, page: Page) -> None:
    links = sorted(a["href"] for a in page.all("a") if a.get("class") == "page")
    assert sorted(set(links)) == ["devices/J/report.html", "devices/K-2/report.html"]
    for link in set(links):
        own = Page(out / link)
        assert own.wrong == []
        assert any(a["href"] == "../../report.html" for a in own.all("a"))
        named = set(re.findall(r"figures/([\w.-]+)\.svg", own.text))
        assert named
        assert named == {p.stem for p in (out / link).parent.glob("figures/*.svg")}
    molecular = Page(out / "devices/J/report.html")
    assert "J_40K.csv" in molecular.text and "known.csv" in molecular.text
    assert "K/2" not in molecular.text


def test_many_runs_are_folded_on_the_screen_and_whole_on_paper(
    found: Analysis, tmp_path: Path
) -> None:
    passive = next(r for r in found.run_results if r.run.device == "K/2")
    many = [
        replace(passive, run=replace(passive.run, device=f"K{n:03}"))
        for n in range(MOST_OPEN_ROWS + 1)
    ]
    results = (*found.run_results, *many)
    page = Page(write_report(replace(found, run_results=results), tmp_path, title="many"))
    assert page.wrong == []
    summaries = re.findall(r"<summary>(.*?)</summary>", page.source, re.DOTALL)
    assert "<b>I(V)</b>: 64 runs" in summaries
    assert any("more junctions" in one for one in summaries)
    assert all(f"K{n:03}" in page.text for n in range(MOST_OPEN_ROWS + 1))
    assert "details-content { content-visibility: visible" in page.source
    first = page.source[page.source.index('class="overview"') :]
    assert first.index(">J<") < first.index("K000")


def test_many_devices_without_a_figure_and_many_remarks_are_folded(
    found: Analysis, tmp_path: Path
) -> None:
    """Repeats on each junction of a chip, one of which generates."""
    devices = [f"K{n:03}" for n in range(60)]
    passive = next(r for r in found.run_results if r.run.device == "K/2")
    many = [replace(passive, run=replace(passive.run, device=d)) for d in devices]
    repeats = [Group("repeat", d, {"r_s_ohm": Quantity(2e3, 1.0)}, ()) for d in devices]
    said = tuple(f"remark {n}" for n in range(MOST_OPEN_ROWS + 1))
    whole = replace(
        found,
        run_results=(*found.run_results, *many),
        groups=(*found.groups, *repeats),
        warnings=said,
    )
    page = Page(write_report(whole, tmp_path, title="chip"))
    assert page.wrong == []
    contents = page.source[page.source.index("<nav") : page.source.index("</nav>")]
    assert ">J<" in contents and "K000" not in contents
    folds = re.findall(r"<summary>(.*?)</summary>", page.source, re.DOTALL)
    assert any("60 more devices without a figure" in one for one in folds)
    assert any("61 remarks" in one for one in folds)
    assert "remark 60" in page.text


def test_the_page_follows_the_reader_s_dark_scheme_and_prints_light(page: Page) -> None:
    assert {"name": "color-scheme", "content": "light dark"} in page.all("meta")
    assert "@media screen and (prefers-color-scheme: dark)" in page.source
    assert re.search(r"figure svg \{[^}]*background: #fff", page.source)
