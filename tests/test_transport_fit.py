"""The spin engine fitted to pairs whose truth is known: values, errors, and what is not known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from nanojunction.analysis.reading.loading import run_from_arrays
from nanojunction.analysis.theory.transport_data import measured_pair, measured_state, read_pair
from nanojunction.analysis.theory.transport_fit import TransportFit, fit_transport
from nanojunction.analysis.theory.transport_parameters import (
    PARAMETERS,
    both_states_A,
    engines_of,
    parameters_of,
)
from nanojunction.analysis.theory.transport_problem import PairProblem
from nanojunction.analysis.theory.transport_rivals import rivals_of
from nanojunction.analysis.theory.transport_words import sentences
from nanojunction.cli.main import app
from nanojunction.models.errors import ModelError
from nanojunction.models.junction import load_junction
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure
from tests.conftest import station_content
from tests.transport_trials import OTHER, PUBLISHED, SPLIT, off_by, pair_of, trial

#: What the curves always tell, and never, with 2 % of noise.
ALWAYS = {"scale", "asym_P_meV", "asym_AP_meV"}
NEVER = {"SP_meV", "line_mV"}


@pytest.fixture(scope="module")
def fit() -> TransportFit:
    return trial(SPLIT, seed=1, starts=1)


def test_identified_parameters_come_back(fit: TransportFit) -> None:
    off = off_by(fit, SPLIT)
    assert off.keys() >= ALWAYS
    assert off.keys().isdisjoint(NEVER)
    assert max(map(abs, off.values())) < 3
    assert fit.agreed >= 2
    assert fit.chi2 / len(fit.residuals) == pytest.approx(1 - 14 / 162, rel=0.03)


@pytest.mark.campaign
@pytest.mark.parametrize("noise", ["of the largest", "of each"])
def test_so_they_do_for_another_truth(noise: Any) -> None:
    """One hundred trials of several truths are in benchmarks/transport_trials.py."""
    off = off_by(trial(OTHER, seed=1, noise=noise, starts=1), OTHER)
    assert off.keys() >= ALWAYS
    assert max(map(abs, off.values())) < 3


def test_it_says_what_is_known_and_what_is_not(fit: TransportFit) -> None:
    said = " ".join(sentences(fit))
    identified = re.search(r"Identified: ([^.]*)\.", said)
    unknown = re.search(r"Not identified: ([^:]*):", said)
    assert identified
    assert unknown
    names = [set(re.findall(r"\w+", found[1])) - {"and"} for found in (identified, unknown)]
    assert names[0] | names[1] == set(fit.varied)
    assert names[0] >= ALWAYS
    assert names[1] >= NEVER
    fixed = re.search(r"The curves fix (\d+) combinations of the 14", said)
    assert fixed
    assert 8 <= int(fixed[1]) <= 11
    assert re.search(r"kt_meV = 26 was held, and could not .* made up for by scale", said)
    assert re.search(
        r"E0_meV = 0 was held, and could not .* for by e0_A?P_meV \+0\.(2|1[5-9])", said
    )


def test_unseen_directions_move_no_current(fit: TransportFit) -> None:
    """The model itself hardly changes along the weakest direction, and clearly along the first."""
    values, directions = fit.directions()
    problem = PairProblem(fit.pair)
    middle = problem.model_A(fit.values)

    def moved(direction: int, share: float) -> float:
        step = share * directions[direction] * fit.widths
        there = {
            **fit.values,
            **dict(
                zip(fit.varied, (step + [fit.values[n] for n in fit.varied]).tolist(), strict=True)
            ),
        }
        return float(np.linalg.norm((problem.model_A(there) - middle) / problem.sigma_A))

    assert moved(-1, 0.2) == pytest.approx(0.2 * values[-1], abs=0.5)
    assert moved(0, 0.01) == pytest.approx(0.01 * values[0], rel=0.1)
    assert values[0] > 100
    assert values[-1] < 3


def test_wrong_models_are_told_from_the_right_one(fit: TransportFit) -> None:
    own, lines, dimer = rivals_of(fit)
    assert own.leaves_noise
    assert set(own.pattern["P"] + own.pattern["AP"]) <= {"·", "+", "−"}
    for wrong in (lines, dimer):
        assert not wrong.leaves_noise
        assert wrong.aicc > own.aicc + 100
        assert {"+", "−"} <= set(wrong.pattern["P"])
    slope, offset = np.polyfit(fit.pair.parallel.voltage_V, fit.pair.parallel.current_A, 1)
    assert lines.values["r_P_ohm"] == pytest.approx(1 / slope, rel=1e-6)
    assert lines.values["i_off_P_A"] == pytest.approx(offset, rel=1e-6)
    assert abs(dimer.values["scale"] / SPLIT["scale"] - 1) > 0.3, "it would have been far off"


def test_where_lines_are_the_truth_the_report_says_so() -> None:
    rng = np.random.default_rng(3)
    V = np.linspace(-0.01, 0.01, 61)
    states = [
        measured_state(
            [run_from_arrays(voltage_V=V, current_A=V / R + 1e-9 * rng.standard_normal(61))], label
        )
        for label, R in (("P", 57.7e3), ("AP", 43e3))
    ]
    held = [name for name in PARAMETERS if name not in ("scale", "e0_P_meV", "e0_AP_meV")]
    found = fit_transport(measured_pair(*states), parameters_of({}, hold=held), starts=1)
    own, lines, _ = rivals_of(found)
    assert lines.leaves_noise
    assert lines.aicc < own.aicc
    said = " ".join(sentences(found, (own, lines)))
    assert "as good a description of these rows, with less behind it" in said


def test_what_is_held_keeps_its_value_and_shifts_the_others() -> None:
    parameters = parameters_of({"kt_meV": 52.0}, hold=["sp_meV", "SP_meV", "ap"], vary=["t2_meV"])
    found = fit_transport(pair_of(PUBLISHED, 0), parameters, starts=1)
    assert found.values["kt_meV"] == 52.0
    assert found.values["sp_meV"] == 8.4
    assert "t2_meV" in found.varied
    assert found.parameters["sp_meV"].identified is None
    assert found.values["scale"] == pytest.approx(50, rel=0.15), "I goes with scale/k_BT"


def test_interpolated_currents_are_the_models() -> None:
    pair = pair_of(OTHER, 0)
    problem = PairProblem(pair)
    exact = both_states_A(1e3 * pair.parallel.voltage_V, OTHER)
    assert problem.model_A(OTHER) == pytest.approx(exact.ravel(), abs=1e-4 * np.abs(exact).max())
    assert problem.is_exact(OTHER)
    sharp = {**OTHER, "t2_meV": 0.05, "kt_meV": 0.3, "asym_P_meV": 0.0}
    assert not PairProblem(pair, nodes=9).is_exact(sharp)


def test_the_line_reads_too_much_by_what_it_says() -> None:
    values = {**SPLIT, "line_mV": 0.5, "line_nA": 3.0}
    read = both_states_A(np.array([1.0]), values)[:, 0]
    for engine, current_A in zip(engines_of(values), read, strict=True):
        assert current_A == pytest.approx(float(engine.currents(0.5).total_A) + 3e-9, rel=1e-12)


def test_kt_follows_the_temperature_unless_it_is_given() -> None:
    assert parameters_of({})["kt_meV"].start == 26.0
    assert parameters_of({}, temperature_K=295.0)["kt_meV"].start == pytest.approx(26.0)
    assert parameters_of({}, temperature_K=29.5)["kt_meV"].start == pytest.approx(2.6)
    assert parameters_of({"kt_meV": 25.4}, temperature_K=10.0)["kt_meV"].start == 25.4


def test_noise_is_taken_from_the_rows() -> None:
    state = pair_of(SPLIT, 0).parallel
    largest = np.abs(state.current_A).max()
    assert np.median(state.sigma_A) == pytest.approx(0.02 * largest, rel=0.4)
    assert state.noise_known
    voltages_V, legs = np.repeat([-0.01, 0.01, 0.02], 4), np.tile([0, 1, 2, 3], 3)
    few = run_from_arrays(voltage_V=voltages_V, current_A=np.arange(12) * 1e-9, leg=legs)
    assert not measured_state([few], "P").noise_known


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: parameters_of({"SP": 1.0}), "start: no parameter 'SP'; there are scale, sp_meV"),
        (lambda: parameters_of({}, hold=["x"]), "hold: no parameter 'x'"),
        (lambda: parameters_of({"ap": -0.3}), "ap: -0.3 is no start: give 0 to 1"),
        (lambda: parameters_of({}, hold=["ap"], vary=["ap"]), "vary: ap is held and varied"),
        (
            lambda: fit_transport(pair_of(SPLIT, 0), parameters_of({}, hold=list(PARAMETERS))),
            "hold: all parameters are held",
        ),
        (
            lambda: measured_state(
                [run_from_arrays(voltage_V=[0, 1, 2], current_A=[0, 1, 2])], "P"
            ),
            "fit: arrays: 3 rows of P are no I(V) to fit: give ten",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        make()
    assert str(caught.value).startswith(said)


# --- the command -----------------------------------------------------------------------------


def model(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["model", "transport", *map(str, arguments)])


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both states of MTJ-transport, measured on the virtual cryostat at 295 K."""
    from nanojunction.instruments.station import Station
    from nanojunction.instruments.station_file import station_from

    folder = tmp_path_factory.mktemp("measured")
    content = station_content(virtual={"junction": "MTJ-transport", "speed": 2000})
    with Station(station_from(content, "test station")) as station:
        for state, field in (("P", "-2000 Oe"), ("AP", "250 Oe")):
            sweep = IVSweep(
                sample="MTJ-transport", state=state, saturate="-2000 Oe", field=field,
                vmax="10mV", step="0.5mV", measure_range="1 uA",
            )  # fmt: skip
            assert run_procedure(sweep, station, folder, name=state).ok
    return folder / "P.csv", folder / "AP.csv"


@pytest.mark.campaign
def test_what_is_measured_on_the_junction_gives_its_parameters_back(
    measured: tuple[Path, Path], tmp_path: Path
) -> None:
    done = model("--fit", *measured, "--starts", "2", "--json", tmp_path / "fit.json",
                 "--figure", tmp_path / "fit.svg")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Identified: scale" in done.stdout
    found = json.loads((tmp_path / "fit.json").read_text("utf-8"))
    law: Any = load_junction("MTJ-transport")
    engine = law.engine("P")
    truth = {
        name: getattr(engine, name) for name in found["fit"]["parameters"] if hasattr(engine, name)
    }
    truth |= {f"{key}_{state}_meV": getattr(law.engine(state), f"{key}_meV")
              for key in ("e0", "asym") for state in ("P", "AP")}  # fmt: skip
    known = {
        name: one for name, one in found["fit"]["parameters"].items()
        if one["identified"] and name in truth
    }  # fmt: skip
    assert len(known) >= 10, "a source-meter's noise is far below 2 %"
    for name, one in known.items():
        assert abs(one["value"] - truth[name]) < 4 * one["stderr"], name
    assert found["parameters"]["scale"] == pytest.approx(25.0, rel=0.01)
    assert len(found["results"]["tmr"]) == len(found["axes"]["bias_mV"]) == 401
    assert [one["name"] for one in found["fit"]["models"]][1:] == [
        "straight lines",
        "two-site chain",
    ]
    assert (tmp_path / "fit.svg").read_text("utf-8").startswith("<?xml")


def test_files_of_others_are_fitted_too(tmp_path: Path) -> None:
    """Columns by other names, decimal commas; without a temperature k_B T is the paper's."""
    pair = pair_of(SPLIT, 5)
    for one in pair.states:
        rows = [f"{1e3 * v:.4f};{1e9 * i:.5f}".replace(".", ",")
                for v, i in zip(one.voltage_V, one.current_A, strict=True)]  # fmt: skip
        text = "\n".join(["Bias (mV);I [nA]", *rows, ""])
        (tmp_path / f"{one.label}.csv").write_text(text, encoding="utf-8")
    read = read_pair(tmp_path / "P.csv", tmp_path / "AP.csv")
    assert read.temperature_K is None
    assert read.parallel.current_A == pytest.approx(pair.parallel.current_A, abs=1e-13)
    done = model("--fit", tmp_path / "P.csv", tmp_path / "AP.csv", "--starts", "1", "--json", "-",
                 "--hold", "delta1", "--hold", "e0", "--delta1", "-0.2")  # fmt: skip
    found = json.loads(done.stdout)["fit"]
    assert found["parameters"]["kt_meV"]["value"] == 26.0
    assert found["parameters"]["delta1_meV"]["value"] == -0.2
    assert found["parameters"]["delta1_meV"]["identified"] is None
    assert {"delta1_meV", "e0_P_meV", "e0_AP_meV"}.isdisjoint(found["varied"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bias", "1"], "--bias: the fit takes the voltages of the files"),
        (["--ap", "0.3,0.4"], "--ap: in a fit AP has -0.3 where P has 0.3; give one number"),
        (["--hold", "spin"], "--hold: no parameter 'spin_meV'; there are scale, sp_meV"),
        (["--sweep", "bias=0:1:3"], "--fit: takes both states as they were measured"),
        (["--e0", "a"], "--e0: 'a' is no number, and no pair P,AP of them"),
    ],
)
def test_wrong_usage_of_a_fit_names_the_option(
    arguments: list[str], words: str, measured: tuple[Path, Path]
) -> None:
    done = model("--fit", *measured, *arguments)
    assert done.exit_code == 2
    assert words in " ".join(re.sub("[│╭╮╰╯─]", " ", done.stderr).split())


def test_a_file_that_is_not_there_is_named(measured: tuple[Path, Path]) -> None:
    done = model("--fit", measured[0], "nowhere.csv")
    assert done.exit_code == 1
    assert "nowhere.csv" in done.stderr
