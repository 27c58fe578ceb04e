"""What the pages about the models tell people to type works, and prints what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nanojunction.cli.main import app
from tests.tutorials import prints_the_same

DOCS = Path(__file__).parents[1] / "docs"
_COMMANDS = re.compile(
    r"^```\n(nanojunction model .*?)^```\n(?:\n^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("name", ["model-exchange.md", "model-engine.md"])
def test_the_commands_of_a_page_do_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (DOCS / name).read_text(encoding="utf-8")
    blocks = _COMMANDS.findall(page)
    assert len(blocks) == page.count("```\nnanojunction ") > 0
    for commands, said in blocks:
        printed = ""
        for line in commands.splitlines():
            done = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
            assert done.exit_code == 0, f"{line}\n{done.output}"
            printed += done.stdout
        assert not said or prints_the_same(printed, said), printed
    pictures = set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", page))
    assert {path.name for path in tmp_path.iterdir()} == pictures
    assert all((DOCS / picture).is_file() for picture in pictures)
