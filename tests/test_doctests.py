"""The examples in docstrings say what the analysis does, on the sample runs."""

from __future__ import annotations

import doctest
from importlib import import_module, resources
from pathlib import Path

import pytest

from nanojunction import analysis

ROOT = Path(__file__).parents[1] / "analysis"
DOCS = Path(__file__).parents[1] / "docs"
CAMPAIGN = Path(str(resources.files("nanojunction.sample_data"))) / "campaign"


def with_examples() -> list[str]:
    """The modules of the analysis that hold an example."""
    return [
        ".".join(("nanojunction.analysis", *path.relative_to(ROOT).with_suffix("").parts))
        for path in sorted(ROOT.rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", with_examples())
def test_examples_do_what_they_say(name: str) -> None:
    module = import_module(name.removesuffix(".__init__"))
    public = {one: getattr(analysis, one) for one in analysis.__all__}
    outcome = doctest.testmod(
        module, extraglobs={**public, "campaign": CAMPAIGN}, optionflags=doctest.ELLIPSIS
    )
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize(
    "page",
    [path for path in DOCS.glob("*.md") if ">>> " in path.read_text(encoding="utf-8")],
    ids=lambda path: path.name,
)
def test_examples_on_a_page_do_what_they_say(page: Path) -> None:
    outcome = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 0
    assert outcome.failed == 0
