"""The measurement engine: checked numbers, what must hold for any engine, and others' solvers."""

from __future__ import annotations

import doctest
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import nanojunction.models.engine
from nanojunction.models.engine import (
    KETS,
    PRESETS,
    Engine,
    critical_down_population,
    cycle_of,
    delta_e_limit_meV,
    delta_e_meV,
    delta_e_of_cycle_meV,
    energy_balance,
    limit_populations,
    perturbative_delta_e_meV,
    populations_after,
    populations_of,
    power_W,
    preset,
    relaxation_cycles,
    selective_trajectory,
    sign_of_delta_e_limit,
    stroke_s,
)
from nanojunction.models.errors import ModelError
from tests.engine_reference import after_a_stroke, coherence, hamiltonian, jumps

FIG3, FIG5, FIG6, FIG7 = (preset(name).engine for name in ("fig3a", "fig5a", "fig6a", "fig7a"))

RATE = st.floats(0.01, 1.0)
BOSON = st.floats(1e-3, 0.1) | st.just(0.0)
ENGINES = st.builds(
    Engine,
    eps_up_meV=st.floats(-10, 10),
    eps_down_meV=st.floats(1.5, 20),
    eps_r_meV=st.floats(-5, 1),
    u_meV=st.floats(0, 1000),
    j_meV=st.floats(-10, 10),
    gamma_meV=st.floats(0.01, 1000),
    tl_plus_meV=RATE,
    tl_minus_meV=RATE,
    tr_plus_meV=RATE,
    tr_minus_meV=RATE,
    lambda_plus_meV=BOSON,
    lambda_minus_meV=BOSON,
)
STROKES = st.floats(1e-3, 30.0)
MIXED = st.lists(st.floats(0.01, 1), min_size=8, max_size=8).map(
    lambda shares: np.array(shares) / np.sum(shares)
)


# --- numbers ---------------------------------------------------------------------------------


def test_fig3_begins_below_zero_relaxes_slowly_and_ends_at_exactly_zero() -> None:
    cycle = cycle_of(FIG3, 1.0)
    assert delta_e_meV(cycle, populations_of("dd"), 1)[0] == pytest.approx(-2.33e-5, rel=2e-3)
    assert relaxation_cycles(cycle) == pytest.approx(1.18e4, rel=3e-3)
    assert delta_e_limit_meV(cycle) == 0.0


def test_fig3_after_a_million_cycles_is_no_longer_published_noise() -> None:
    for initial in ("dd", "ud,dd"):
        last = delta_e_meV(cycle_of(FIG3, 1.0), populations_of(initial), 1_000_000)[-1]
        assert abs(last) < 1e-15, "the paper has 2.4e-9 and 2.9e-9 meV"


@pytest.mark.parametrize(("tau", "meV"), [(1.0, 0.548), (2 * np.pi, 2.41), (100.0, 4.63)])
def test_fig6a_depends_on_the_duration_of_the_stroke(tau: float, meV: float) -> None:
    assert delta_e_limit_meV(cycle_of(FIG6, tau)) == pytest.approx(meV, abs=0.5 * 10**-2)


def test_fig6a_has_100_nW_only_with_the_energy_of_long_strokes_and_the_time_of_short_ones() -> None:
    long = delta_e_limit_meV(cycle_of(FIG6, np.inf))
    assert power_W(long, 1 / 140e12) == pytest.approx(104e-9, rel=5e-3)
    tau = np.geomspace(1e-5, 1e3, 400)
    own = power_W(delta_e_limit_meV(cycle_of(FIG6, tau)), stroke_s(tau))
    assert np.max(own) == pytest.approx(0.14e-9, rel=0.03)


@pytest.mark.parametrize(("tau", "ueV"), [(2e-3, 1.35), (1e-3, 0.67)])
def test_fig7a(tau: float, ueV: float) -> None:
    assert 1e3 * delta_e_limit_meV(cycle_of(FIG7, tau)) == pytest.approx(ueV, abs=5e-3)


def test_fig7a_is_an_engine_above_a_spin_bias_of_one_percent() -> None:
    bias = np.array([1.009, 1.011])
    biased = replace(FIG7, tl_plus_meV=bias * 0.1)
    for tau in (2e-3, np.inf):
        assert np.sign(delta_e_limit_meV(cycle_of(biased, tau))).tolist() == [-1.0, 1.0]


def test_first_order_in_the_hopping() -> None:
    assert perturbative_delta_e_meV(FIG3, 1.0) == pytest.approx(-7.19e-4, rel=1e-3)
    assert perturbative_delta_e_meV(FIG3, 1.0, printed=True) == pytest.approx(1.80e-5, rel=5e-3)


def test_the_unit_of_time() -> None:
    assert stroke_s(1.0) == pytest.approx(0.658e-12, rel=1e-3)


def test_the_example_of_the_package() -> None:
    outcome = doctest.testmod(nanojunction.models.engine)
    assert outcome.attempted > outcome.failed == 0


def test_every_figure_has_a_preset_that_runs() -> None:
    assert list(PRESETS) == [
        *("fig3a", "fig3b"),
        *(f"fig4{panel}" for panel in "abcd"),
        *("fig5a", "fig5b", "fig6a", "fig6b"),
        *(f"fig7{panel}" for panel in "abcd"),
    ]
    for one in PRESETS.values():
        cycle = cycle_of(one.engine, one.tau_per_meV, one.tau_spread)
        assert np.isfinite(delta_e_of_cycle_meV(cycle, populations_of(one.initial), one.cycles))


# --- other solvers ---------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(ENGINES, st.floats(1e-3, 3.0), st.sampled_from(KETS))
def test_a_stroke_is_the_master_equation_of_all_64_elements(
    engine: Engine, tau: float, ket: str
) -> None:
    after = after_a_stroke(engine, populations_of(ket), tau)
    cycle = cycle_of(engine, tau)
    np.testing.assert_allclose(
        np.diag(after).real, cycle.stochastic @ populations_of(ket), rtol=0, atol=1e-10
    )
    expected = -np.trace(coherence(engine) @ after).real
    assert cycle.weights @ populations_of(ket) == pytest.approx(
        expected, abs=1e-10 * (1 + abs(engine.gamma_meV))
    )


@pytest.mark.parametrize(
    ("name", "tau", "ket"), [("fig3a", 0.3, "dd"), ("fig6a", 0.02, "ud"), ("fig7a", 2e-3, "20")]
)
def test_a_stroke_is_that_of_qutip(name: str, tau: float, ket: str) -> None:
    qutip: Any = pytest.importorskip("qutip", reason="of the extra: pip install nanojunction[dev]")
    engine = preset(name).engine
    found = qutip.mesolve(
        qutip.Qobj(hamiltonian(engine)),
        qutip.Qobj(np.diag(populations_of(ket))),
        [0.0, tau],
        [qutip.Qobj(jump) for jump in jumps(engine)],
        options={"atol": 1e-13, "rtol": 1e-11, "nsteps": 10**6, "progress_bar": False},
    ).final_state.full()
    cycle = cycle_of(engine, tau)
    np.testing.assert_allclose(
        np.diag(found).real, cycle.stochastic @ populations_of(ket), rtol=0, atol=1e-9
    )
    assert cycle.weights @ populations_of(ket) == pytest.approx(
        -np.trace(coherence(engine) @ found).real, abs=1e-9 * (1 + engine.gamma_meV)
    )


def test_the_operators_are_those_of_qutips_fermions() -> None:
    qutip: Any = pytest.importorskip("qutip", reason="of the extra: pip install nanojunction[dev]")
    up, down, right = (qutip.fdestroy(3, site) for site in range(3))
    h = (
        FIG6.eps_up_meV * up.dag() * up
        + FIG6.eps_down_meV * down.dag() * down
        + FIG6.eps_r_meV * right.dag() * right
        + FIG6.gamma_meV * (down.dag() * right + right.dag() * down)
        + FIG6.j_meV * down.dag() * down * right.dag() * right
        + FIG6.u_meV * up.dag() * up * down.dag() * down
    )
    # In the product basis |n↑ n↓ n_R⟩ the paper's kets stand at these places.
    order = [0, 1, 4, 5, 2, 3, 6, 7]
    np.testing.assert_allclose(h.full()[np.ix_(order, order)], hamiltonian(FIG6))


# --- what holds for any engine ---------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(ENGINES, STROKES, MIXED)
def test_a_cycle_keeps_populations_and_accounts_for_all_energy(
    engine: Engine, tau: float, populations: Any
) -> None:
    cycle = cycle_of(engine, tau)
    assert np.allclose(cycle.stochastic.sum(axis=0), 1.0, rtol=0, atol=1e-14)
    assert cycle.stochastic.min() > -1e-11
    for p, in_the_limit in ((populations, False), (limit_populations(cycle), True)):
        balance = energy_balance(cycle, p)
        parts = (balance.measurement_meV, balance.left_meV, balance.right_meV, balance.boson_meV)
        assert sum(parts) == pytest.approx(balance.stored_meV, abs=1e-8)
        if in_the_limit:
            assert balance.stored_meV == pytest.approx(0.0, abs=1e-8)
            assert balance.left_electrons + balance.right_electrons == pytest.approx(0.0, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(ENGINES, STROKES | st.just(np.inf))
def test_the_limit_is_kept_and_has_the_sign_that_the_rates_say(engine: Engine, tau: float) -> None:
    cycle = cycle_of(engine, tau)
    limit = limit_populations(cycle)
    assert limit.sum() == pytest.approx(1.0)
    assert limit.min() > -1e-9
    np.testing.assert_allclose(cycle.stochastic @ limit, limit, rtol=0, atol=1e-12)
    delta_e = delta_e_limit_meV(cycle)
    assert delta_e == pytest.approx(cycle.weights @ limit, abs=1e-7)
    assert np.sign(delta_e) == sign_of_delta_e_limit(engine)


@settings(max_examples=30, deadline=None)
@given(ENGINES, STROKES)
def test_without_bosons_nothing_is_left_in_the_limit(engine: Engine, tau: float) -> None:
    without = replace(engine, lambda_plus_meV=0.0, lambda_minus_meV=0.0)
    assert delta_e_limit_meV(cycle_of(without, tau)) == 0.0


def test_the_sign_is_not_known_below_the_right_level() -> None:
    assert np.isnan(sign_of_delta_e_limit(replace(FIG6, eps_down_meV=-8.0)))
    assert sign_of_delta_e_limit(replace(FIG3, eps_down_meV=-8.0)) == 0.0


def test_a_limit_that_depends_on_the_beginning_is_none() -> None:
    closed = replace(FIG3, gamma_meV=0.0)
    assert np.isnan(delta_e_limit_meV(cycle_of(closed, 1.0)))
    both = replace(FIG6, gamma_meV=np.array([0.0, 1000.0]), lambda_plus_meV=0.0)
    both = replace(both, lambda_minus_meV=0.0)
    assert np.isnan(delta_e_limit_meV(cycle_of(both, 1.0))).tolist() == [True, False]
    with pytest.raises(ModelError, match="no single state"):
        cycle_of(closed, np.inf)


# --- many cycles -----------------------------------------------------------------------------


@pytest.mark.parametrize("cycles", [1, 2, 3, 16, 17, 1000])
@pytest.mark.parametrize("engine", [FIG5, FIG6, replace(FIG3, gamma_meV=0.0)])
def test_blocks_of_cycles_are_the_cycles_one_after_another(engine: Engine, cycles: int) -> None:
    cycle, state = cycle_of(engine, 1.0), populations_of("ud,dd")
    plain = []
    for _ in range(cycles):
        plain.append(cycle.weights @ state)
        state = cycle.stochastic @ state
    found = delta_e_meV(cycle, populations_of("ud,dd"), cycles)
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-9)
    last = delta_e_of_cycle_meV(cycle, populations_of("ud,dd"), cycles)
    assert last == pytest.approx(plain[-1], abs=1e-9)
    after = populations_after(cycle, populations_of("ud,dd"), cycles)
    np.testing.assert_allclose(after, state, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("observable", "values"), [("right", {0, 1}), ("left", {0, 1, 2})])
def test_a_trajectory_is_the_filter_of_its_outcomes(observable: Any, values: set[int]) -> None:
    cycle, state = cycle_of(FIG6, 0.5), populations_of("ud")
    found = selective_trajectory(cycle, state, 1000, seed=3, observable=observable)
    assert set(found.outcome.tolist()) == values
    energies = np.diag(hamiltonian(FIG6))
    read = [0, 1, 0, 1, 0, 1, 0, 1] if observable == "right" else [0, 0, 1, 1, 1, 1, 2, 2]
    for number in range(1000):
        assert found.delta_e_meV[number] == pytest.approx(cycle.weights @ state, abs=1e-9)
        before = cycle.stochastic @ state
        state = before * np.equal(read, found.outcome[number])
        state /= state.sum()
        learnt = energies @ (state - before)
        assert found.energy_change_meV[number] - found.delta_e_meV[number] == pytest.approx(
            learnt, abs=1e-8
        )


def test_trajectories_are_unselective_on_the_average_and_known_by_their_seed() -> None:
    cycle, state = cycle_of(FIG6, 1.0), populations_of("ud")
    each = [selective_trajectory(cycle, state, 40, seed=seed) for seed in range(400)]
    again = selective_trajectory(cycle, state, 40, seed=7)
    assert again.outcome.tolist() == each[7].outcome.tolist()
    expected = delta_e_meV(cycle, state, 40)
    for values in ([one.delta_e_meV for one in each], [one.energy_change_meV for one in each]):
        mean, error = np.mean(values, axis=0), np.std(values, axis=0) / np.sqrt(len(values))
        assert np.all(np.abs(mean - expected) < 5 * error + 1e-9)


# --- strokes, formulas, arrays ---------------------------------------------------------------


def test_strokes_of_different_durations_have_the_mean_map() -> None:
    engine = replace(FIG6, gamma_meV=20.0, u_meV=50.0)
    spread = cycle_of(engine, 0.5, spread=0.4)
    tau, weights = np.polynomial.legendre.leggauss(120)
    each = cycle_of(engine, 0.5 * (1 + 0.4 * tau))
    np.testing.assert_allclose(
        spread.change, np.einsum("i,ijk->jk", weights / 2, each.change), atol=1e-11
    )
    assert each.residence is not None
    assert spread.residence is not None
    np.testing.assert_allclose(
        spread.residence, np.einsum("i,ijk->jk", weights / 2, each.residence), atol=1e-11
    )
    balance = energy_balance(spread, limit_populations(spread))
    assert balance.measurement_meV == pytest.approx(delta_e_limit_meV(spread))
    assert balance.measurement_meV + balance.left_meV + balance.right_meV == pytest.approx(
        -balance.boson_meV, abs=1e-10
    )


@settings(max_examples=20, deadline=None)
@given(ENGINES, st.sampled_from(["dd", "ud", "00", "ud,dd"]))
def test_a_weak_hopping_gives_the_corrected_first_order(engine: Engine, initial: str) -> None:
    weak = replace(engine, gamma_meV=1e-5, lambda_plus_meV=0.0, lambda_minus_meV=0.0)
    populations = populations_of(initial)
    mu = populations[4:].sum()
    found = delta_e_meV(cycle_of(weak, 3000.0), populations, 1)[0]
    assert perturbative_delta_e_meV(weak, mu) == pytest.approx(found, rel=1e-3, abs=1e-18)


def test_first_order_vanishes_at_the_critical_population() -> None:
    engine = replace(FIG3, tr_minus_meV=0.03)
    critical = critical_down_population(engine)
    assert critical == pytest.approx(0.75)
    below, at, above = perturbative_delta_e_meV(engine, critical + np.array([-0.1, 0.0, 0.1]))
    assert below > 0.0 > above
    assert at == pytest.approx(0.0, abs=1e-18)


def test_an_engine_of_arrays_is_as_many_engines() -> None:
    u, rate = np.array([[10.0], [1000.0]]), np.array([0.05, 0.1, 0.2])
    cycle = cycle_of(replace(FIG6, u_meV=u, tl_plus_meV=rate), 1.0)
    limits = delta_e_limit_meV(cycle)
    balance = energy_balance(cycle, limit_populations(cycle))
    assert limits.shape == balance.left_meV.shape == (2, 3)
    for (i, j), limit in np.ndenumerate(limits):
        alone = replace(FIG6, u_meV=float(u[i, 0]), tl_plus_meV=float(rate[j]))
        assert limit == pytest.approx(float(delta_e_limit_meV(cycle_of(alone, 1.0))), rel=1e-9)


def test_the_exponential_and_its_integral() -> None:
    from nanojunction.models.engine.propagation import propagated

    matrix = np.random.default_rng(1).normal(size=(5, 5)) - 3 * np.eye(5)
    change, integral = propagated(matrix, np.array([1e-9, 0.1, 3.0]))
    for time, one, whole in zip([1e-9, 0.1, 3.0], change, integral, strict=True):
        np.testing.assert_allclose(one + np.eye(5), expm(matrix * time), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(matrix @ whole, one, rtol=1e-9, atol=1e-16)


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "why", "call"),
    [
        ("tl_plus_meV", "no rate", lambda: replace(FIG3, tl_plus_meV=-0.1)),
        ("u_meV", "not finite", lambda: replace(FIG3, u_meV=np.nan)),
        (
            "engine",
            "do not match",
            lambda: replace(FIG3, u_meV=np.ones(2), j_meV=np.ones(3)),
        ),
        ("initial", "no ket 'du'", lambda: populations_of("ud,du")),
        ("initial", "twice", lambda: populations_of("ud,ud")),
        ("initial", "no populations", lambda: delta_e_meV(cycle_of(FIG3, 1), np.ones(8), 1)),
        ("initial", "shape", lambda: delta_e_meV(cycle_of(FIG3, 1), np.ones(1), 1)),
        ("cycles", "1 or more", lambda: delta_e_meV(cycle_of(FIG3, 1), populations_of("ud"), 0)),
        ("tau_per_meV", "no duration", lambda: cycle_of(FIG3, 0.0)),
        ("tau_per_meV", "apart", lambda: cycle_of(FIG3, np.array([1.0, np.inf]))),
        ("tau_spread", "0 to 1", lambda: cycle_of(FIG3, 1.0, spread=1.5)),
        (
            "tau_per_meV",
            "no balance",
            lambda: energy_balance(cycle_of(FIG3, np.inf), populations_of("ud")),
        ),
        ("lambda_plus_meV", "not in", lambda: perturbative_delta_e_meV(FIG6, 0.5)),
        ("preset", "no figure", lambda: preset("fig8")),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(parameter: str, why: str, call: Any) -> None:
    with pytest.raises(ModelError, match=why) as raised:
        call()
    assert raised.value.parameter == parameter
