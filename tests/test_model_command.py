"""`nanojunction model`: what it prints, writes and draws, and what it says of wrong usage."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nanojunction.cli.main import app


def model(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["model", *map(str, arguments)])


def document(*arguments: str | Path) -> dict[str, Any]:
    done = model(*arguments, "--json", "-")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


POINT = ["exchange", "--mu", "-2", "--bias", "2", "--p-left", "0.8", "--p-right", "0.2"]


def test_a_point_is_a_number_each() -> None:
    done = model(*POINT)
    assert done.exit_code == 0
    assert re.findall(r"^(\S+) +(-?[\d.]+) meV$", done.stdout, re.MULTILINE) == [
        ("J12", "0.118651"),
        ("I12", "-0.0340686"),
        ("D12", "-0.299421"),
    ]
    assert "the paper calls this sign antiferromagnetic" in done.stderr


def test_a_document_names_units_and_holds_lists() -> None:
    found = document(*POINT)
    assert found["model"] == "exchange"
    assert found["parameters"]["t_left_K"] == 1.0
    assert found["axes"] == {"mu_meV": [-2.0]}
    assert found["results"]["j_meV"] == [pytest.approx(0.118651, abs=5e-7)]


def test_two_axes_are_a_map_in_their_order(tmp_path: Path) -> None:
    found = document(
        "exchange", "--sweep", "bias=-2:2:5", "--sweep", "t-left=1:9:3", "--mu", "-2"
    )  # fmt: skip
    assert found["axes"] == {"bias_meV": [-2, -1, 0, 1, 2], "t_left_K": [1, 5, 9]}
    assert {"bias_meV", "t_left_K"}.isdisjoint(found["parameters"])
    one = document("exchange", "--bias", "1", "--t-left", "9", "--mu", "-2")
    assert found["results"]["j_meV"][3][2] == pytest.approx(one["results"]["j_meV"][0], rel=1e-9)


def test_a_preset_has_a_curve_a_pair_of_polarisations_and_what_is_given_wins() -> None:
    found = document("exchange", "--preset", "fig2c", "--sweep", "delta-t=0:100:11")
    assert list(found["axes"]) == ["curve", "delta_t_K"]
    assert found["parameters"]["mu_meV"] == -2.0
    curve = found["parameters"]["p_left"].index(0.5)
    assert found["parameters"]["p_right"][curve] == 0.0
    negative = [value < 0 for value in found["results"]["j_meV"][curve]]
    assert negative == [False, False, *[True] * 4, *[False] * 5]  # between 12.5 and 57.5 K
    alone = document("exchange", "--preset", "fig2c", "--p-left", "0.5", "--mu", "-1.9")
    assert list(alone["axes"]) == ["delta_t_K"]
    assert alone["parameters"]["mu_meV"] == -1.9


def test_it_writes_json_and_figures(tmp_path: Path) -> None:
    for name in ("map.svg", "map.pdf", "map.png"):
        done = model(
            "exchange", "--sweep", "mu=-2:2:9", "--sweep", "bias=-2:2:7",
            "--figure", tmp_path / name, "--json", tmp_path / "map.json",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert "J12 (meV)" in done.stdout
    kinds = {path.suffix: path.read_bytes()[:8] for path in tmp_path.iterdir()}
    assert kinds[".svg"].startswith(b"<?xml")
    assert kinds[".pdf"].startswith(b"%PDF-")
    assert kinds[".png"] == b"\x89PNG\r\n\x1a\n"
    assert len(json.loads((tmp_path / "map.json").read_text("utf-8"))["results"]["d_meV"]) == 9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--p-left", "2"], "--p-left: 2 is no polarisation: give -1 to 1"),
        (["--gamma", "0"], "--gamma: 0 is no energy above 0 meV"),
        (["--mu", "nan"], "--mu: is not finite"),
        (["--delta-t", "-1"], "--delta-t: makes a lead 0 K cold"),
        (["--p-left", "1", "--p-right", "1"], "--p-right: 1 in both leads leaves one spin"),
        (["--sweep", "mu=1:2"], "--sweep: 'mu=1:2' is no NAME=FROM:TO:N"),
        (["--sweep", "nu=1:2:3"], "--sweep: no parameter 'nu' to sweep; there are mu, bias"),
        (["--sweep", "mu=1:2:3", "--mu", "1"], "--mu: is given and swept"),
        (["--sweep", "mu=1:2:3", "--sweep", "mu=1:2:3"], "--sweep: mu is given twice"),
        (["--sweep", "p-left=0:2:3"], "--p-left: 2 is no polarisation"),
        ([*["--sweep", "mu=1:2:3"] * 3], "--sweep: 3 of them"),
        (["--sweep", "mu=1:2:4000", "--sweep", "bias=1:2:4000"], "--sweep: 16000000 points"),
        (["--preset", "fig9"], "--preset: no 'fig9'; there are fig2, fig3, fig4, fig2a"),
        (["--preset", "fig2", "--json", "-"], "--json: fig2 has three sets of axes"),
        (["--preset", "fig2b", "--bias", "1"], "--bias: is what the preset sweeps"),
        (["--figure", "a.gif"], "--figure: a.gif: the name must end in .svg, .pdf, .png"),
        (["--figure", "a.svg"], "--figure: nothing is swept"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "--workers and --scheduler"),
    ],
)  # fmt: skip
def test_wrong_usage_names_the_option(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = model("exchange", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(re.sub("[│╭╮╰╯─]", " ", done.stderr).split())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_found_out_before_the_work(tmp_path: Path) -> None:
    done = model("exchange", "--sweep", "mu=1:2:3", "--json", tmp_path / "none" / "a.json")
    assert done.exit_code == 1
    assert "there is no such folder" in done.stderr
