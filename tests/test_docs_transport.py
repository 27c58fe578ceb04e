"""What the page on the spin engine tells people to type works, and says what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nanojunction.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "model-transport.md"
_BLOCK = re.compile(r"^```(toml|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.campaign
def test_the_page_on_the_spin_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said, commands = "", 0
    for kind, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "toml":
            name = text.partition("\n")[0].removeprefix("# ")
            Path(name).write_text(text, encoding="utf-8")
        elif kind == "text":
            for line in text.splitlines():
                assert line in said, line
        else:
            said = ""
            for line in text.splitlines():
                words = shlex.split(line)
                assert words[0] == "nanojunction"
                found = CliRunner().invoke(app, words[1:])
                assert found.exit_code == 0, f"{line}\n{found.output}"
                said += found.stdout + found.stderr
                commands += 1
    assert commands == 4
    for name in ("fig3c.svg", "fit.svg"):
        assert Path(name).read_text(encoding="utf-8").startswith("<?xml")
