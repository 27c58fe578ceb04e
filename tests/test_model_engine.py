"""`nanojunction model engine`: what it prints, writes and draws; what it says of wrong usage."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis.theory.axes import parse_axis
from nanojunction.analysis.theory.engine_sweeps import UNITS, engine_task
from nanojunction.models.engine import PRESETS
from tests.test_model_command import document, model

PUMP = ["engine", "--preset", "fig6a", "--cycles", "50"]


def test_a_run_is_a_list_of_cycles_and_its_limit() -> None:
    found = document("engine", "--preset", "fig3a", "--cycles", "3")
    assert found["model"] == "engine"
    assert found["axes"] == {"cycle": [1.0, 2.0, 3.0]}
    results = found["results"]
    assert results["delta_e_meV"][0] == pytest.approx(-2.33e-5, rel=2e-3)
    assert results["delta_e_limit_meV"] == results["power_W"] == 0.0
    assert results["perturbative_delta_e_meV"] == {
        "corrected": pytest.approx(-7.19e-4, rel=1e-3),
        "printed": pytest.approx(1.80e-5, rel=5e-3),
    }
    assert {name: found["parameters"][name] for name in ("tl_plus_meV", "tau_per_meV")} == {
        "tl_plus_meV": 0.1,
        "tau_per_meV": 1.0,
    }


def test_a_million_cycles_are_kept_in_even_ratios_with_the_first_and_the_last() -> None:
    found = document("engine", "--preset", "fig7a", "--record", "100")
    cycles = found["axes"]["cycle"]
    assert (cycles[0], cycles[-1]) == (1.0, 1e6)
    assert 60 < len(cycles) == len(found["results"]["delta_e_meV"]) <= 100
    assert found["results"]["delta_e_meV"][-1] == pytest.approx(1.35e-3, rel=5e-3)


def test_the_energies_of_a_cycle_sum_to_zero() -> None:
    results = document(*PUMP)["results"]
    assert results["delta_e_limit_meV"] == pytest.approx(0.548, abs=5e-4)
    assert sum(results["energy_per_cycle_meV"].values()) == pytest.approx(0.0, abs=1e-9)
    measured = results["energy_per_cycle_meV"]["measurement"]
    assert measured == pytest.approx(results["delta_e_limit_meV"], abs=1e-10)
    assert sum(results["electrons_per_cycle"].values()) == pytest.approx(0.0, abs=1e-12)
    assert results["sign_of_limit"] == 1.0


def test_the_papers_power_takes_the_time_of_another_cycle() -> None:
    found = document(*PUMP, "--tau", "inf", "--cycle-time", "0.0071429")
    assert found["parameters"]["tau_per_meV"] is None
    assert found["results"]["power_at_cycle_time_W"] == pytest.approx(104e-9, rel=5e-3)
    assert found["results"]["energy_per_cycle_meV"] is None
    done = model(*PUMP, "--cycle-time", "0.0071429")
    assert "no engine's power" in done.stderr


def test_outcomes_that_are_read_differ_with_the_seed() -> None:
    runs = [
        document(*PUMP, "--measurement", "selective", "--seed", seed)["results"]
        for seed in ("4", "4", "5")
    ]
    assert runs[0] == runs[1]
    assert runs[0]["outcome"] != runs[2]["outcome"]
    assert set(runs[0]["outcome"]) == {0.0, 1.0}
    assert len(runs[0]["energy_change_meV"]) == 50


def test_names_of_both_rates_of_a_lead_and_of_the_stroke_can_be_swept() -> None:
    found = document(*PUMP, "--sweep", "tl=0.05:0.2:3", "--sweep", "tau=1:3:2")
    assert list(found["axes"]) == ["tl_meV", "tau_per_meV"]
    assert {"tl_plus_meV", "tl_minus_meV", "tau_per_meV"}.isdisjoint(found["parameters"])
    alone = document(*PUMP, "--tl-plus", "0.2", "--tl-minus", "0.2", "--tau", "3")["results"]
    for name in ("delta_e_limit_meV", "power_W"):
        assert found["results"][name][2][1] == pytest.approx(alone[name], rel=1e-9)
    assert found["results"]["delta_e_meV"][2][1] == pytest.approx(alone["delta_e_meV"][-1])


def test_a_task_evaluates_to_the_same_in_another_process() -> None:
    """What is handed to it is pickled; processes and clusters: test_theory_sweeps."""
    task = engine_task({"initial": "ud,dd"}, [parse_axis("u=1:1000:4", UNITS)])
    points = {"u": task.axes[0].values}
    here, there = (one.at(points) for one in (task, pickle.loads(pickle.dumps(task))))
    assert here.keys() == there.keys() == {"delta_e_meV", "delta_e_limit_meV", "power_W"}
    assert all(np.array_equal(here[name], there[name]) for name in here)


def test_a_limit_that_there_is_not_is_null() -> None:
    found = document("engine", "--gamma", "0", "--cycles", "2")
    assert found["results"]["delta_e_limit_meV"] is None
    assert found["results"]["delta_e_meV"] == [0.0, 0.0]


@pytest.mark.parametrize("name", ["fig4c", "fig5b"])
def test_figures_are_drawn_as_curves_and_maps(name: str, tmp_path: Path) -> None:
    sweep = {"fig4c": ["tr-minus=0.01:1:5:log", "tr-plus=0.01:1:4:log"]}.get(name, [])
    axes = [part for text in sweep for part in ("--sweep", text)]
    done = model("engine", "--preset", name, *axes, "--figure", tmp_path / "a.svg")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


def test_presets_that_are_maps_have_the_axes_of_the_figure() -> None:
    found = document("engine", "--preset", "fig7d")
    assert list(found["axes"]) == ["tr_minus_meV", "tr_plus_meV"]
    limit = np.array(found["results"]["delta_e_limit_meV"])
    minus, plus = np.meshgrid(*found["axes"].values(), indexing="ij")
    # Λ⁺T_L⁺T_R⁻ > Λ⁻T_L⁻T_R⁺: the engine's region is not T_R⁺ < T_R⁻, as the paper's words have it.
    assert np.array_equal(limit > 0, 0.01 * 0.2 * minus > 0.0101 * 0.1 * plus)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tl-plus", "-1"], "--tl-plus: -1 is no rate: give 0 meV or more"),
        (["--u", "nan"], "--u: is not finite"),
        (["--tau", "0"], "--tau: 0 is no duration"),
        (["--tau-spread", "2"], "--tau-spread: 2 is no spread"),
        (["--initial", "du"], "--initial: no ket 'du'; there are 00 0d u0 ud d0 dd 20 2d"),
        (["--initial", "ud,ud"], "--initial: 'ud,ud' has a ket twice"),
        (["--cycles", "0"], "--cycles: 0: give 1 to 10000000"),
        (["--preset", "fig8"], "--preset: no figure 'fig8'; there are fig3a"),
        (["--measurement", "both"], "--measurement: no 'both'; there are unselective, selective"),
        (["--observable", "up"], "--observable: no 'up'; there are right, left"),
        (["--sweep", "tau=1:2:3", "--tau", "1"], "--tau: is given and swept"),
        (["--sweep", "tl=1:2:3", "--tl-plus", "1"], "--tl-plus: is given and swept"),
        (["--sweep", "tl=1:2:3", "--sweep", "tl-plus=1:2:3"], "--sweep: tl-plus is swept twice"),
        (["--sweep", "u=1:2:3", "--measurement", "selective"], "--measurement: selective ones"),
        (["--sweep", "u=1:2:3", "--cycle-time", "1"], "--cycle-time: is for a single run"),
        (["--cycle-time", "0"], "--cycle-time: 0 is no duration"),
        (["--gamma", "0", "--tau", "inf"], "--tau: without end leads to no single state"),
        (["--cycles", "1", "--figure", "a.svg"], "--figure: one cycle is a number"),
    ],
)
def test_wrong_usage_names_the_option(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = model("engine", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(re.sub("[│╭╮╰╯─]", " ", done.stderr).split())
    assert not list(tmp_path.iterdir())


def test_every_preset_is_listed_by_the_error_and_none_is_heavy() -> None:
    done = model("engine", "--preset", "none")
    assert all(name in done.stderr for name in PRESETS)
    found = document("engine", "--preset", "fig4a")
    assert found["parameters"]["cycles"] == 1
    assert list(found["axes"]) == ["tl_meV", "u_meV"]
