"""`nanojunction model transport`: numbers, sweeps, figures and wrong usage; fits elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from nanojunction.analysis.theory.transport_sweeps import tmr_peaks
from nanojunction.cli.main import app
from nanojunction.models.transport import ANTIPARALLEL, PARALLEL, spin_engine


def model(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["model", "transport", *map(str, arguments)])


def document(*arguments: str | Path) -> dict[str, Any]:
    done = model(*arguments, "--json", "-")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_without_anything_both_states_are_swept_over_the_bias() -> None:
    found = document()
    assert found["model"] == "transport"
    assert len(found["axes"]["bias_mV"]) == 401
    assert found["results"].keys() == {"P", "AP", "tmr"}
    for state, engine in (("P", PARALLEL), ("AP", ANTIPARALLEL)):
        one = found["results"][state]
        assert one.keys() == {"i_up_A", "i_down_A", "i_A", "p_W"}
        total = engine.currents(np.array(found["axes"]["bias_mV"])).total_A
        assert one["i_A"] == pytest.approx(total.tolist(), rel=1e-9)
        assert one["p_W"][0] == pytest.approx(1e-2 * one["i_A"][0])
    assert found["parameters"]["e0_meV"] == {"P": -2.5, "AP": 0.85}
    assert found["parameters"]["kt_meV"] == 26.0
    assert found["results"]["tmr"][0] == pytest.approx(
        found["results"]["P"]["i_A"][0] / found["results"]["AP"]["i_A"][0] - 1
    )


@pytest.mark.parametrize(
    ("arguments", "nA"),
    [
        (["--state", "P"], "-1.62"),
        (["--state", "AP"], "0.12"),
        (["--state", "P", "--delta1", "-0.2", "--delta2", "-0.2"], "-1.70"),
        (["--state", "AP", "--delta1", "-0.2", "--delta2", "0.2"], "-0.36"),
        (["--state", "AP", "--scale", "100"], "11.83"),
        (["--state", "AP", "--ap", "0.3", "--p-right", "0.35", "--e0", "-2.5", "--asym", "0.5"],
         "-1.62"),
    ],
)  # fmt: skip
def test_check_values_and_what_is_given_by_hand_wins(arguments: list[str], nA: str) -> None:
    found = document(*arguments, "--bias", "0")
    assert found["axes"] == {"bias_mV": [0.0]}
    (state,) = found["results"]
    assert f"{1e9 * found['results'][state]['i_A'][0]:.2f}" == nA
    assert found["results"][state]["p_W"] == [0.0]
    assert found["parameters"]["state"] == state


def test_a_pair_is_that_of_both_states() -> None:
    pair = document("--bias", "0", "--delta1", "-0.2", "--delta2", "-0.2,0.2")["results"]
    assert [f"{1e9 * pair[state]['i_A'][0]:.2f}" for state in ("P", "AP")] == ["-1.70", "-0.36"]
    preset = document("--preset", "fig3c-split", "--bias", "0")["results"]
    assert preset["AP"]["i_A"] == pair["AP"]["i_A"]


def test_any_two_parameters_make_a_map(tmp_path: Path) -> None:
    done = model("--sweep", "SP=0:4:5", "--sweep", "p-left=0:0.5:3", "--state", "P", "--bias", "2",
                 "--json", tmp_path / "map.json", "--figure", tmp_path / "map.svg")  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "map.json").read_text("utf-8"))
    assert {key: len(axis) for key, axis in found["axes"].items()} == {"SP_meV": 5, "p_left": 3}
    point = float(spin_engine(2.0, SP_meV=3.0, p_left=0.25).total_A)
    assert found["results"]["P"]["i_A"][3][1] == pytest.approx(point, rel=1e-9)
    assert (tmp_path / "map.svg").stat().st_size > 1000


def test_it_prints_extremes_peaks_and_what_the_model_cannot_say(tmp_path: Path) -> None:
    done = model("--preset", "fig3c-split", "--figure", tmp_path / "a.png")
    assert done.exit_code == 0
    assert "TMR peak +261 % at -3.75 mV" in done.stdout
    assert "TMR below -100 % from 0.65 to 2.10 mV" in done.stdout
    assert "not from heat" in done.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    spins = model("--preset", "fig3b", "--figure", tmp_path / "b.pdf")
    assert "I up P (A)" in spins.stdout
    assert model("--state", "P", "--bias", "0").stdout.splitlines()[2].startswith("I P")


def test_a_peak_of_tmr_is_none_beside_a_zero_of_the_current_below() -> None:
    V = np.linspace(-5, 5, 201)
    (peak,) = tmr_peaks(V, np.exp(-((V + 1) ** 2)) + 1.0, np.ones_like(V))
    assert peak.bias_mV == pytest.approx(-1.0)
    assert peak.tmr == pytest.approx(1.0)
    assert peak.fwhm_mV == pytest.approx(2 * np.sqrt(np.log(2)), abs=0.01)
    assert tmr_peaks(V, np.ones_like(V), V - 0.013) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--state", "A"], "--state: no 'A'; there are P, AP and both"),
        (["--preset", "fig3d"], "--preset: no 'fig3d'; there are fig3b, fig3c"),
        (["--p-left", "1.5"], "--p-left: 1.5 is no polarisation: give -1 to 1"),
        (["--t2", "0"], "--t2: 0 is no energy above 0 meV"),
        (["--bias", "nan"], "--bias: nan is no finite number"),
        (["--e0", "1,2,3"], "--e0: '1,2,3' is no number, and no pair P,AP of them"),
        (["--sp", "1", "--sweep", "sp=0:1:3"], "--sp: is given and swept"),
        (["--sweep", "V=0:1:3"], "--sweep: no parameter 'V' to sweep; there are bias, ap"),
        (["--bias", "1", "--figure", "a.svg"], "--figure: nothing is swept"),
        (["--hold", "sp"], "--hold, --vary and --pattern go with --fit"),
    ],
)
def test_wrong_usage_names_the_option(arguments: list[str], words: str, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    done = model(*arguments)
    assert done.exit_code == 2, done.output
    assert words in " ".join(re.sub("[│╭╮╰╯─]", " ", done.stderr).split())
