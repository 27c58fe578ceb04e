"""The report on paper: a browser prints it, and figures and colours are still there."""

from __future__ import annotations

import re
import subprocess
import zlib

import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.report.page import write_report
from tests.test_report import COMPARED, write_campaign

pytestmark = pytest.mark.browser

A4_POINTS = (595, 842)


@pytest.fixture(scope="module")
def printed(chromium: list[str], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the PDF that a browser prints of the report of a campaign, as a user would."""
    folder = tmp_path_factory.mktemp("paper")
    runs = folder / "runs"
    runs.mkdir()
    found = analyse([write_campaign(runs)])
    page = write_report(found, folder / "out", title="On paper", comparison=COMPARED)
    pdf = folder / "report.pdf"
    command = [
        *chromium,
        f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={pdf}",
        page.as_uri(),
    ]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    return pdf.read_bytes()


def drawn(pdf: bytes) -> list[str]:
    """Return what the drawing operators of each stream of a PDF say."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    texts = []
    for stream in streams:
        try:
            texts.append(zlib.decompress(stream).decode("latin-1"))
        except zlib.error:  # a font or an image, which are packed otherwise
            continue
    return texts


def rgb(colour: str) -> str:
    """Return how a PDF sets a colour that CSS writes as #RRGGBB, to two decimals."""
    parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return " ".join(f"{part:.2f}"[:4] for part in parts)


def colours_of(pages: list[str]) -> set[str]:
    """Return the colours with which lines and areas are drawn, to two decimals."""
    found = re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) (?:RG|rg)\b", " ".join(pages))
    return {" ".join(f"{float(part):.2f}" for part in triple) for triple in found}


def test_pages_are_a4_and_not_empty(printed: bytes) -> None:
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert len(boxes) > 3
    for width, height in boxes:
        assert float(width) == pytest.approx(A4_POINTS[0], abs=2)
        assert float(height) == pytest.approx(A4_POINTS[1], abs=2)


def test_the_colours_of_the_figures_survive_printing(printed: bytes) -> None:
    """A browser leaves out backgrounds, not lines: what matters is never told by a background."""
    colours = colours_of(drawn(printed))
    for name in ("#0072B2", "#D55E00", "#D0008F"):  # P, AP or falling, the measuring line
        assert rgb(name) in colours, name


def test_no_figure_is_a_picture_of_pixels(printed: bytes) -> None:
    assert b"/Subtype /Image" not in printed


def test_the_ink_on_paper_is_the_dark_one(printed: bytes) -> None:
    colours = colours_of(drawn(printed))
    assert rgb("#1c1f24") in colours
    assert rgb("#e6e9ee") not in colours  # the ink of the dark scheme
