"""What the tutorials tell people to type works, in order, and prints what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tutorials import blocks_of, printed_by, prints_the_same

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.campaign
@pytest.mark.parametrize("name", ["analysis-in-python.md"])
def test_a_tutorial_prints_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    page = (DOCS / name).read_text(encoding="utf-8")
    blocks = blocks_of(page)
    assert len(blocks) == page.count("```python\n") > 10
    assert sum(block.said is not None for block in blocks) == page.count("```text\n") > 10
    names: dict[str, Any] = {}
    for block in blocks:
        printed = printed_by(block, names, name)
        assert prints_the_same(printed, block.said or ""), (
            f"{name}, line {block.line + 1}: if what is printed now is right, "
            f"run python -m tests.tutorials docs/{name}; it is\n{printed}"
        )


@pytest.mark.parametrize(
    ("printed", "same"),
    [
        ("V_off = 84.0108(17) mV", True),
        ("V_off  = 84.0109(17) mV", True),
        ("V_off = 84.02(17) mV", True),
        ("V_off = 85.9(17) mV", False),
        ("V_off = 84.0108(19) mV", False),
        ("V_off = -84.0108(17) mV", False),
        ("V_off = 84.0108(17) V", False),
        ("V_off = 84.0108(17) mV 1", False),
    ],
)
def test_numbers_may_differ_by_rounding_and_words_may_not(printed: str, same: bool) -> None:
    assert prints_the_same(printed, "V_off = 84.0108(17) mV") is same
