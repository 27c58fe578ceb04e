"""The report: one page that needs nothing else, whatever the runs are."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from nanojunction.analysis.analyse import Analysis, analyse
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.figures.select import (
    MOST_FIGURES,
    devices_of,
    line_figure,
    share_figures,
)
from nanojunction.analysis.figures.style import lay_out, publication_style
from nanojunction.analysis.report.page import write_report
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array, Quantity

K_B_eV_PER_K = 8.617333262e-5
COLUMNS = "Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Field (T),Temperature (K)"
NASTY = 'Å <b>"C60"</b> & $x$_1'
VOID = {"meta", "br", "hr", "img", "link", "input"}

COMPARED = (
    ComparedRow(
        "B",
        "40 K",
        "V_off",
        "84 mV",
        "value",
        Quantity(0.08401, 2e-5),
        unit="mV",
        scale=1e3,
        expected=84.0,
        tolerance=0.02,
        source="Chowrira 2020, Fig. 2",
    ),
    ComparedRow(
        NASTY,
        "40 K & cold",
        "R_s",
        "157 Ω",
        "value",
        Quantity(170.0, 1.0),
        unit="Ω",
        expected=157.0,
        tolerance=0.02,
        source="Chowrira 2020, Fig. 1d",
    ),
    ComparedRow("C", "40 K", "MC", "−185 %", "bound", Quantity(-1.7, 0.02), "%", 100.0, high=-100),
    ComparedRow("A", "240 K", "I_sp", "−10 µA", "choice", Quantity(-1.2e-5, 1e-8), "µA", 1e6),
)


class Page(HTMLParser):
    """A page's elements, its text, and what is wrong with its nesting."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(self.source)
        self.close()
        self.wrong += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def write_run(path: Path, sample: str, rows: Array, kind: str = "iv", **header: str) -> Path:
    """Write a run file as the runner does; columns of `rows` are those of COLUMNS."""
    names = {"Kind": kind, "Software": "nanojunction 9.9", **header}
    lines = [
        "#Procedure: <nanojunction.procedures.iv.IVSweep>",
        "#Parameters:",
        f"#\tSample: {sample}",
        "#Metadata:",
        *(f"#\t{key}: {value}" for key, value in names.items()),
        "#Data:",
        COLUMNS,
        *(f"{r[0]!r},{int(r[1])}," + ",".join(repr(v) for v in r[2:]) for r in rows.tolist()),
        f'# End: {{"status": "finished", "rows": {len(rows)}}}',
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def sweep(
    line: tuple[float, float], held: tuple[float, float], vmax: float, noise: float, seed: int
) -> Array:
    """Return rows of an I(V) up and down: V_off and R of the line, T and H held."""
    (v_off, resistance), (T, H) = line, held
    rng = np.random.default_rng(seed)
    down = np.linspace(vmax, -vmax, 31)
    V = np.concatenate([down[::-1], down])
    current = (V - v_off) / resistance + noise * rng.standard_normal(len(V))
    n = len(V)
    leg = np.repeat([0.0, 1.0], n // 2)
    return np.column_stack([0.1 * np.arange(n), leg, V, V, current, np.full(n, H), np.full(n, T)])


def loop(voltage: float, seed: int) -> Array:
    """Return rows of an I(H) with two states and hysteresis."""
    rng = np.random.default_rng(seed)
    down = np.linspace(0.6, -0.6, 61)
    H = np.concatenate([down[::-1], down])
    shift = np.repeat([0.05, -0.05], len(down))
    parallel = np.abs(H - shift) > 0.3
    current = np.where(parallel, (voltage - 2.13e-3) / 550.0, (voltage - 2.76e-3) / 63.0)
    n = len(H)
    return np.column_stack(
        [
            np.arange(n),
            np.repeat([0.0, 1.0], n // 2),
            np.full(n, voltage),
            np.full(n, voltage),
            current + 1e-9 * rng.standard_normal(n),
            H,
            np.full(n, 40.0),
        ]
    )


def write_campaign(folder: Path) -> Path:
    """Write a campaign: a series, two states, loops, resistors, rest, a foreign and a bad file."""
    station = json.dumps({"name": "virtual", "simulated": True})
    header = {"Station": station, "Started": "2026-01-02T03:04:05+00:00"}
    for k, T in enumerate((40.0, 55.0, 70.0, 90.0, 120.0, 160.0, 220.0, 300.0)):
        e_a = 0.0064 if T < 120 else 0.014
        v_off = 0.0245 * np.exp(e_a / K_B_eV_PER_K * (1 / T - 1 / 120))
        R = 705.0 * np.exp(0.0124 / K_B_eV_PER_K / T)
        rows = sweep((v_off, R), (T, 0.0), 1.3 * v_off, 1e-4 * v_off / R, k)
        write_run(folder / f"series_{T:g}K.csv", NASTY, rows, **header)
    for name, R, v_off, H in (("0T", 63.0, 2.76e-3, 0.0), ("-0.5T", 550.0, 2.13e-3, -0.5)):
        rows = sweep((v_off, R), (40.0, H), 5e-3, 5e-9, 20)
        write_run(folder / f"C_{name}.csv", "C", rows, **header)
    for k, voltage in enumerate((2.13e-3, 2.67e-3, 2.76e-3)):
        write_run(folder / f"C_IH_{k}.csv", "C", loop(voltage, k), "ih", **header)
    for R in (100.0, 1e4):
        rows = sweep((5e-6, R), (295.0, 0.0), 0.01, 1e-7 / R, 30)
        write_run(folder / f"resistor-{R:g}.csv", f"resistor-{R:g}", rows, "calibration", **header)
    rest = sweep((1e-3, 500.0), (40.0, 0.0), 1e-9, 1e-9, 40)
    rest[:, 2:4] = 0.0
    write_run(folder / "rest.csv", "C", rest, "it", **header)
    V = np.linspace(-0.05, 0.05, 41)
    foreign = "\n".join(["V,I", *(f"{v:.6g},{v / 2e4 + 1e-7 * v**2:.9g}" for v in V.tolist())])
    (folder / "théirs.csv").write_text(foreign + "\n", encoding="utf-8")
    (folder / "broken.csv").write_text("no table at all", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analyse([write_campaign(tmp_path_factory.mktemp("runs"))])


@pytest.fixture(scope="module")
def folder(campaign: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report(
        campaign,
        out,
        title=f"Campaign of {NASTY}",
        comparison=COMPARED,
        software="nanojunction 9.9",
    )
    return out


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page(folder / "report.html")


def test_the_page_is_well_formed(page: Page) -> None:
    assert page.wrong == []
    identifiers = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))


def test_the_page_needs_nothing_else(page: Page) -> None:
    assert not re.search(r"\bsrc\s*=|@import|url\((?!#)", page.source)
    assert not page.all("script") and not page.all("link")
    known = {a["id"] for _, a in page.elements if "id" in a}
    references = [a[key] for _, a in page.elements for key in ("href", "xlink:href") if key in a]
    assert references
    assert all(reference.removeprefix("#") in known for reference in references)
    used = set(re.findall(r"url\(#([^)]+)\)", page.source))
    assert used <= known
    assert len(page.source) < 5_000_000


def test_every_figure_says_in_words_what_it_shows(page: Page) -> None:
    drawings = page.all("svg")
    assert len(drawings) == len(page.all("figure")) == len(page.all("figcaption"))
    assert all(a["role"] == "img" and len(a["aria-label"]) > 10 for a in drawings)


def test_every_figure_is_there_as_a_vector_file(folder: Path, page: Page) -> None:
    named = set(re.findall(r"figures/([\w.-]+)\.svg", page.text))
    assert named == {path.stem for path in (folder / "figures").glob("*.svg")}
    assert named == {path.stem for path in (folder / "figures").glob("*.pdf")}
    for path in (folder / "figures").glob("*.pdf"):
        assert path.read_bytes().startswith(b"%PDF")


def test_the_papers_figures_are_drawn_from_what_the_runs_are(folder: Path) -> None:
    kinds = {path.stem.split("-")[0] for path in (folder / "figures").glob("*.svg")}
    assert {"iv", "arrhenius", "ih", "rs", "mc", "time", "measuring"} <= kinds


def test_names_from_files_are_text(page: Page) -> None:
    assert NASTY in page.text
    assert "<b>&#34;C60" not in page.source and '<b>"C60' not in page.source


def test_the_head_says_that_runs_are_simulated(page: Page) -> None:
    assert "SIMULATED" in page.text
    assert "16 of 17 runs were measured on a virtual cryostat" in page.text
    assert "2026-01-02 03:04" in page.text
    assert "nanojunction 9.9" in page.text


def test_every_compared_row_is_there_and_failures_stand_out_in_words(page: Page) -> None:
    for row in COMPARED:
        assert row.published in page.text
        assert row.condition in page.text
    assert "84.010(20) mV" in page.text.replace("\u00a0", " ")
    assert "✗ 2 of 3 rows hold." in page.text
    assert page.text.count("✗ FAILS") == 1
    assert page.text.count("✓ holds") == 2
    assert "deviates by more than the tolerance" in page.text


def test_every_run_is_named_with_its_digest(campaign: Analysis, page: Page) -> None:
    for number, result in enumerate(campaign.run_results, 1):
        assert any(a.get("id") == f"run-{number}" for a in page.all("tr"))
        assert result.run.file.name in page.text
        assert hashlib.sha256(result.run.file.read_bytes()).hexdigest() in page.text


def test_a_file_that_could_not_be_read_is_named_with_its_sentence(
    campaign: Analysis, page: Page
) -> None:
    assert len(campaign.errors) == 1
    assert campaign.errors[0].error in page.text


def test_a_missing_value_is_a_dash_with_its_reason(campaign: Analysis, page: Page) -> None:
    reasons = {
        quantity.note
        for result in campaign.run_results
        for key, quantity in result.quantities.items()
        if key in ("v_off_V", "p_max_W") and isinstance(quantity, Quantity) and quantity.note
    }
    assert reasons
    for reason in reasons:
        assert " ".join(reason.split()) in page.text
    assert "—" in page.text


def test_the_same_runs_give_the_same_page(campaign: Analysis, tmp_path: Path) -> None:
    few = Analysis(campaign.run_results[:2], (), ())
    first, second = (write_report(few, tmp_path / name, title="same") for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    for path in (tmp_path / "a" / "figures").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "figures" / path.name).read_bytes()


def test_nothing_of_the_figures_style_remains(folder: Path) -> None:
    import matplotlib

    assert folder.exists()
    assert matplotlib.rcParams["svg.hashsalt"] is None


@pytest.mark.parametrize("kept", ["nothing", "broken", "one I(V)", "foreign", "I(H)"])
def test_any_part_of_a_campaign_makes_a_report(kept: str, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    if kept != "nothing":
        wanted = {
            "broken": "broken.csv",
            "one I(V)": "C_0T.csv",
            "foreign": "th*.csv",
            "I(H)": "C_IH_*.csv",
        }[kept]
        whole = write_campaign(runs)
        for path in set(whole.iterdir()) - set(whole.glob(wanted)):
            path.unlink()
    found = analyse([runs])
    page = Page(write_report(found, tmp_path / "out", title=kept))
    assert page.wrong == []
    assert "SIMULATED" in page.text or kept in ("nothing", "broken", "foreign")
    figures = len(page.all("figure"))
    assert figures >= 1 if kept in ("one I(V)", "foreign", "I(H)") else figures == 0
    assert "Measured and published" not in page.text


def test_runs_without_any_result_make_a_report(campaign: Analysis, tmp_path: Path) -> None:
    bare = tuple(replace(result, quantities={}) for result in campaign.run_results)
    page = Page(write_report(Analysis(bare, (), ()), tmp_path, title="bare"))
    assert page.wrong == []
    assert len(page.all("figure")) >= 3
    assert "not determined" in page.text


def test_odd_sweeps_make_figures(tmp_path: Path) -> None:
    """A falling I(V), one leg alone, one point, rows in compliance, and a step to nowhere."""
    runs = tmp_path / "runs"
    runs.mkdir()
    rows = sweep((-3e-3, -200.0), (40.0, 0.0), 0.01, 1e-8, 1)
    write_run(runs / "falling.csv", "falling", rows)
    write_run(runs / "leg.csv", "leg", rows[:31])
    write_run(runs / "point.csv", "point", rows[:1])
    write_run(runs / "three.csv", "three", rows[10:13])
    zero = rows.copy()
    zero[:, 4] = 0.0
    write_run(runs / "zero.csv", "zero", zero)
    found = analyse([runs])
    page = Page(write_report(found, tmp_path / "out", title="odd"))
    assert page.wrong == []
    names = {path.stem for path in (tmp_path / "out" / "figures").glob("*.svg")}
    assert {"iv-falling-single", "iv-leg-single", "iv-three-single", "iv-zero-single"} <= names


def junctions(campaign: Analysis, count: int) -> Analysis:
    """Return so many junctions with one I(V) each; number 321 alone is beyond the line."""
    one = next(r for r in campaign.run_results if r.run.device == "C" and r.run.kind == "iv")
    plain = {**one.quantities, "candidate": Quantity(0.0)}
    results = [
        replace(one, run=replace(one.run, device=f"J{n:03}"), quantities=plain)
        for n in range(count)
    ]
    for one in range(321, count)[:1]:
        results[one] = replace(results[one], quantities={**plain, "candidate": Quantity(1.0)})
    return Analysis(tuple(results), (), ())


def test_a_report_draws_a_limited_number_of_figures_candidates_first(campaign: Analysis) -> None:
    devices = devices_of(junctions(campaign, 500))
    shares = share_figures(devices)
    assert shares[321] == len(devices[321].draw) > 0
    assert sum(shares) == shares[321]
    repeated = replace(devices[0], groups=(Group("repeat", "J000", {}, ()),))
    assert share_figures([repeated, *devices[1:]])[0] == 0
    none_beyond = devices_of(junctions(campaign, 321))
    shares = share_figures(none_beyond)
    assert sum(shares) == MOST_FIGURES
    assert shares[0] > 0 and shares[-1] == 0


def test_what_is_not_drawn_is_said_and_stands_in_the_tables(
    campaign: Analysis, tmp_path: Path
) -> None:
    many = junctions(campaign, 400)
    line = run_of_one_row(tmp_path)
    rows = tuple(replace(r, run=replace(line, device=r.run.device)) for r in many.run_results)
    page = Page(write_report(Analysis(rows, (), ()), tmp_path, title="chip"))
    assert "400 junctions have no figure here" in page.text
    assert all(f"J{n:03}" in page.text for n in range(400))


def run_of_one_row(folder: Path) -> Run:
    path = write_run(folder / "row.csv", "row", sweep((1e-3, 100.0), (40.0, 0.0), 0.01, 0, 1)[:1])
    return analyse([path]).run_results[0].run


def test_a_folder_that_cannot_be_written_is_an_error(campaign: Analysis, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        write_report(campaign, occupied, title="nowhere")


def labels_of(figure: Figure) -> list[tuple[str, Bbox]]:
    """Return every text that a figure shows, with its box in pixels."""
    found = []
    everything = [*figure.axes, *(child for axes in figure.axes for child in axes.child_axes)]
    for axes in everything:
        texts: list[Any] = [a for a in axes.get_children() if isinstance(a, Text | Legend)]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts.append(axis.label)
            texts += [
                tick.label1
                for tick in axis.get_major_ticks()
                if low <= tick.get_loc() <= high and tick.label1.get_visible()
            ]
        for item in texts:
            words = "legend" if isinstance(item, Legend) else item.get_text()
            if words and item.get_visible():
                found.append((words, item.get_window_extent()))
    return found


def test_no_label_of_a_figure_is_clipped_or_covered_by_another(campaign: Analysis) -> None:
    with publication_style():
        drawers = [draw for device in devices_of(campaign) for draw in device.draw]
        for draw in [*drawers, lambda: line_figure(campaign)]:
            drawn = draw()
            if drawn is None:
                continue
            lay_out(drawn.figure)
            labels = labels_of(drawn.figure)
            assert len(labels) > 5
            for n, (words, box) in enumerate(labels):
                inside = drawn.figure.bbox.padded(1.0)
                assert inside.x0 <= box.x0 and box.x1 <= inside.x1, (drawn.name, words)
                assert inside.y0 <= box.y0 and box.y1 <= inside.y1, (drawn.name, words)
                for other, space in labels[n + 1 :]:
                    assert not box.padded(-1.0).overlaps(space.padded(-1.0)), (
                        drawn.name,
                        words,
                        other,
                    )


CHECK = """<script>
addEventListener("load", () => {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("h1, h2, h3, p, table, figure, figcaption, svg")]
    .filter(e => !e.parentElement.closest("svg") && e.getBoundingClientRect().right > width + 1)
    .map(e => e.tagName);
  const boxes = [...document.querySelectorAll("figure, table, h2, h3, p")]
    .flatMap(e => [...e.getClientRects()]).filter(r => r.width && r.height);
  let overlaps = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 1 && y > 1) overlaps += 1;
  }));
  const drawn = [...document.querySelectorAll("figure > svg")]
    .filter(e => e.getBoundingClientRect().height > 50).length;
  document.body.dataset.found = JSON.stringify({
    scroll: document.documentElement.scrollWidth, width, wide, overlaps, drawn});
});
</script></body>"""


def rendered(chromium: list[str], source: str, width: int, folder: Path) -> dict[str, Any]:
    """Return what a browser finds on a page of a width in pixels."""
    copy = folder / "copy.html"
    copy.write_text(source.replace("</body>", CHECK), encoding="utf-8")
    command = [
        *chromium,
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},1000",
        "--dump-dom",
        copy.as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    found = re.search(r'data-found="([^"]*)"', dom)
    assert found is not None, "the page was not rendered"
    result: dict[str, Any] = json.loads(found[1].replace("&quot;", '"'))
    return result


A4_PIXELS = 680
"""The width of an A4 page within its margins, at CSS's 96 pixels an inch."""


def layouts(page: Page) -> Iterator[tuple[str, int, str]]:
    yield "screen", 1280, page.source
    yield "narrow screen", 700, page.source
    yield "paper", A4_PIXELS, page.source.replace("@media print", "@media all")


@pytest.mark.browser
def test_nothing_overflows_or_overlaps_in_a_browser(
    chromium: list[str], page: Page, tmp_path: Path
) -> None:
    for name, width, source in layouts(page):
        folder = tmp_path / name
        folder.mkdir()
        found = rendered(chromium, source, width, folder)
        assert found["scroll"] <= found["width"], name
        assert found["wide"] == [] or name == "narrow screen", (name, found)
        assert found["overlaps"] == 0, name
        assert found["drawn"] == len(page.all("figure")), name
