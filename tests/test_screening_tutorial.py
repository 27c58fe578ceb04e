"""What the tutorial on screening tells people to type works, in order, and says what it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nanojunction.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "screening-a-chip.md"
_BLOCK = re.compile(r"^```(toml|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.campaign
def test_the_tutorial_on_screening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert commands == 8
    strict = json.loads(Path("strict.json").read_text(encoding="utf-8"))
    candidates = [one["junction"] for one in strict["junctions"] if one["verdict"] == "candidate"]
    assert candidates == ["pad-001"]
    found = CliRunner().invoke(app, ["screen", "strict.toml", "--from", "runs", "--json", "-"])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["junctions"] == strict["junctions"]
    found = CliRunner().invoke(app, ["screen", "strict.toml", "--from", "runs", "--against", "."])
    assert found.exit_code == 1
    assert "give the folder of another screening" in found.stderr
