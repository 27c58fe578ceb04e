"""Exchange between two molecular spins: published numbers, independent ways, symmetries, limits."""

from __future__ import annotations

from itertools import pairwise, product
from math import pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from nanojunction.models.constants import (
    BOLTZMANN_MEV_PER_K,
    CONDUCTANCE_PER_SPIN_NA_PER_MEV,
    PS_PER_INVERSE_MEV,
    fermi,
)
from nanojunction.models.errors import ModelError
from nanojunction.models.exchange import Dimer, exchange
from nanojunction.models.exchange.kernels import kernels, printed_kernels
from tests.green_functions import Leads

POLARISATION = st.floats(-0.95, 0.95)
BIAS = st.floats(-5.0, 5.0)
WARM = {"t_left_K": 4.0}


def numbers(*given: float, **named: Any) -> np.ndarray[Any, Any]:
    found = exchange(*given, **named)
    return np.array([found.j_meV, found.i_meV, found.d_meV])


def test_constants_have_their_printed_digits() -> None:
    assert f"{BOLTZMANN_MEV_PER_K:.7f}" == "0.0861733"
    assert f"{CONDUCTANCE_PER_SPIN_NA_PER_MEV:.4f}" == "38.7405"
    assert f"{PS_PER_INVERSE_MEV:.3f}" == "0.658"
    assert fermi([-1e6, 0, np.log(3), 1e6]) == pytest.approx([1, 0.5, 0.25, 0])


# What is known of the model


def test_the_check_value() -> None:
    found = numbers(-2.0, 2.0, p_left=0.8, p_right=0.2)
    assert [f"{one:.6f}" for one in found] == ["0.118651", "-0.034069", "-0.299421"]


def test_j_peaks_at_the_resonances_and_changes_sign_between_them() -> None:
    mu = np.linspace(-4, 4, 321)
    j = exchange(mu).j_meV
    assert np.abs(mu[j > 0.2265]) == pytest.approx([1.025, 1.025])
    assert f"{j.max():.4f} {exchange(0.0).j_meV:.4f}" == "0.2266 -0.1180"
    assert brentq(lambda at: float(exchange(at).j_meV), 0.5, 1.0) == pytest.approx(0.79, abs=0.011)


def test_a_polarised_cold_lead_makes_j_change_sign_with_the_temperature_difference() -> None:
    warmer = np.arange(0.0, 101.0, 2.5)
    j = exchange(-2.0, delta_t_K=warmer, p_left=0.5).j_meV
    assert warmer[j < 0] == pytest.approx(np.arange(15.0, 58.0, 2.5))
    zeros = [
        brentq(lambda at: float(exchange(-2.0, delta_t_K=at, p_left=0.5).j_meV), low, low + 5)
        for low in (10.0, 55.0)
    ]
    assert zeros == pytest.approx([12.51, 57.78], abs=0.01)
    assert (exchange(-2.0, delta_t_K=warmer, p_right=0.5).j_meV > 0).all()


@pytest.mark.parametrize(
    "leads",
    [
        Leads(mu=-2.0, bias=2.0, p=(0.8, 0.2)),
        Leads(mu=-0.8, bias=0.7, p=(0.5, -0.3), t_left=2.0, delta_t=7.0),
        Leads(mu=-1.0, bias=-1.0, p=(-0.6, 0.1), gamma=1.0, tc=0.5),
        Leads(mu=0.3),
    ],
)
def test_green_functions_give_the_same_without_any_reduction(leads: Leads) -> None:
    """Eqs. (5a)–(5c) as sums over inverted matrices; D12 = D21, also where D is not zero."""
    found = numbers(
        leads.mu, leads.bias, t_left_K=leads.t_left, delta_t_K=leads.delta_t,
        p_left=leads.p[0], p_right=leads.p[1], gamma_meV=leads.gamma, tc_meV=leads.tc,
    )  # fmt: skip
    assert found == pytest.approx(leads.exchange(), abs=1e-7)
    assert leads.exchange(1, 0) == pytest.approx(leads.exchange(), abs=1e-12)


def test_the_energy_of_antiparallel_spins_lies_higher_by_two_j_where_j_is_positive() -> None:
    """Static spins shift each level by σ J S/2: the grand potential says which is low."""
    j_s, t_K = 0.02, 4.0
    energies = np.arange(-60.0, 60.0, 0.002)
    occupied = fermi((energies + 1.0) / (BOLTZMANN_MEV_PER_K * t_K))

    def grand_potential(signs: tuple[int, int]) -> float:
        """−∫ f(ε) N(ε) dε with N = −arg det(G^r)^-1/π, the states below ε, summed over spins."""
        total = 0.0
        for spin in (+1, -1):
            one, two = (energies - spin * sign * j_s / 2 + 1j / 24 for sign in signs)
            phase = np.unwrap(np.angle(one * two - 1.0))
            total += (occupied * (phase - phase[0])).sum() * (energies[1] - energies[0]) / pi
        return total

    difference = grand_potential((1, -1)) - grand_potential((1, 1))
    j = float(exchange(-1.0, t_left_K=t_K, gamma_meV=1 / 3).j_meV) * j_s**2
    assert j > 0
    assert difference == pytest.approx(2 * j, rel=2e-3)


# The printed equations


@settings(max_examples=30)
@given(POLARISATION, POLARISATION, BIAS, BIAS)
def test_as_printed_7_is_j_plus_i_8_is_twice_and_9_eight_times(
    p: float, other: float, mu: float, bias: float
) -> None:
    true = numbers(mu, bias, p_left=p, p_right=p, **WARM)
    as_printed = numbers(mu, bias, p_left=p, p_right=p, printed=True, **WARM)
    assert as_printed[:2] == pytest.approx([true[0] + true[1], 2 * true[1]], abs=1e-10)
    d = numbers(mu, bias, p_left=p, p_right=other, **WARM)[2]
    as_printed_d = numbers(mu, bias, p_left=p, p_right=other, printed=True, **WARM)[2]
    assert as_printed_d == pytest.approx(8 * d, rel=1e-9, abs=1e-12)


# Symmetries


@settings(max_examples=30)
@given(BIAS, BIAS, POLARISATION, POLARISATION, st.floats(0.0, 50.0))
def test_symmetries(mu: float, bias: float, left: float, right: float, warmer: float) -> None:
    heat = {"t_left_K": 4.0, "delta_t_K": warmer}
    swapped = {"t_left_K": 4.0 + warmer, "delta_t_K": -warmer}
    found = numbers(mu, bias, p_left=left, p_right=right, **heat)
    mirrored = numbers(mu, -bias, p_left=right, p_right=left, **swapped)
    assert mirrored == pytest.approx(found, abs=1e-11)
    flipped = numbers(mu, bias, p_left=-left, p_right=-right, **heat)
    assert flipped == pytest.approx(found * [1, 1, -1], abs=1e-11)
    holes = numbers(-mu, -bias, p_left=left, p_right=right, **heat)
    assert holes == pytest.approx(found * [1, 1, -1], abs=1e-11)  # ε0 = 0


@settings(max_examples=30)
@given(BIAS, BIAS, POLARISATION, st.floats(0.0, 50.0))
def test_what_must_vanish_is_exactly_zero(mu: float, bias: float, p: float, warmer: float) -> None:
    heat = {"t_left_K": 4.0, "delta_t_K": warmer}
    assert exchange(mu, bias, p_left=p, p_right=p, **heat).d_meV == 0
    assert exchange(mu, 0.0, p_left=p, p_right=0.3, **WARM).d_meV == 0  # equilibrium
    assert exchange(mu, bias, **heat).i_meV == 0
    assert exchange(mu, bias, p_left=p, p_right=-p, **heat).i_meV == 0


def test_d_is_largest_where_the_leads_are_antiparallel() -> None:
    p = np.linspace(-0.9, 0.9, 19)
    d = np.abs(exchange(-2.0, 2.0, p_left=p[:, None], p_right=p).d_meV)
    assert {tuple(place) for place in np.argwhere(d > 0.999 * d.max())} == {(0, 18), (18, 0)}


def test_levels_and_couplings_only_shift_and_scale() -> None:
    one = numbers(-1.7, 1.0, p_left=0.4, eps0_meV=0.3, j1_meV=2.0, j2_meV=-0.5)
    assert one == pytest.approx(-numbers(-2.0, 1.0, p_left=0.4), abs=1e-12)


# Approximations that the paper states, and where they end


def test_scaling_with_gamma_holds_off_resonance_only() -> None:
    gamma = np.array([0.05, 0.1])
    j = exchange(-3.0, gamma_meV=gamma, t_left_K=0.5).j_meV
    d = exchange(-3.0, 0.5, p_left=0.5, gamma_meV=gamma, t_left_K=0.5).d_meV
    assert (j[1] / j[0], d[1] / d[0]) == pytest.approx((2.0, 4.0), rel=0.02)
    at_resonance = exchange(-1.0, gamma_meV=gamma, t_left_K=0.5).j_meV
    assert at_resonance[1] / at_resonance[0] < 1.5


def test_i_is_quadratic_in_the_polarisation_and_cubic_in_gamma() -> None:
    """Where the paper says linear."""
    p = np.array([0.1, 0.2])
    i = exchange(-2.0, [[0.0], [2.0]], p_left=p, p_right=p).i_meV
    assert i[:, 1] / i[:, 0] == pytest.approx([4.0, 4.0], rel=0.05)
    i = exchange(-3.0, p_left=0.5, p_right=0.5, gamma_meV=np.array([0.1, 0.2])).i_meV
    assert i[1] / i[0] == pytest.approx(8.0, rel=0.02)


def test_d_is_linear_in_small_bias_and_in_small_temperature_differences_only() -> None:
    def d(bias: float, warmer: float) -> float:
        return float(exchange(-1.2, bias, delta_t_K=warmer, p_left=0.5).d_meV)

    assert d(0.02, 0.0) / d(0.01, 0.0) == pytest.approx(2.0, rel=2e-3)
    assert d(0.0, 0.02) / d(0.0, 0.01) == pytest.approx(2.0, rel=2e-2)
    assert d(2.0, 0.0) / d(1.0, 0.0) < 1.7
    assert d(0.0, 20.0) / d(0.0, 10.0) < 1.7


# Numbers


@settings(max_examples=6)
@given(
    st.tuples(st.floats(-4.0, 4.0), st.floats(-4.0, 4.0)),
    st.tuples(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9)),
    st.floats(-1.5, 2.5).map(lambda power: 10.0**power),
    st.floats(-1.5, 0.5).map(lambda power: 10.0**power),
    st.booleans(),
)
def test_the_mesh_finds_what_adaptive_quadrature_finds(
    at: tuple[float, float], p: tuple[float, float], t_K: float, gamma: float, printed: bool
) -> None:
    (mu, bias), (left, right) = at, p
    found = numbers(
        mu, bias, t_left_K=t_K, delta_t_K=1.0, p_left=left, p_right=right, gamma_meV=gamma,
        printed=printed,
    )  # fmt: skip
    dimer = Dimer(gamma, 1.0, left, right)
    kernel = printed_kernels if printed else kernels
    leads = ((mu + bias / 2, t_K), (mu - bias / 2, t_K + 1.0))

    def integrand(energy: float, row: int) -> float:
        k = kernel(np.array([energy]), dimer)[:, 0]
        f = [float(fermi((energy - m) / (BOLTZMANN_MEV_PER_K * t))) for m, t in leads]
        pairs = [k[0] * f[0] + k[1] * f[1], k[2] * f[0] + k[3] * f[1], k[4] * (f[0] - f[1])]
        return float(pairs[row])

    beside = [s * w for s in (-1.0, 1.0) for w in (0.0, 0.03, 0.3)]
    edges = product(leads, (-6, 0, 6))
    kinks = [-1.0, 1.0, *(m + by * t * BOLTZMANN_MEV_PER_K for (m, t), by in edges)]
    points = sorted({at + by for at in kinks[:2] for by in beside} | set(kinks[2:]))
    ends = [-300.0, -10.0, *(at for at in points if -10 < at < 10), 10.0, 300.0]
    for row in range(3):
        pieces = [
            quad(integrand, a, b, args=(row,), epsabs=1e-10, epsrel=1e-9, limit=200)[0]
            for a, b in pairwise(ends)
        ]
        assert found[row] == pytest.approx(sum(pieces), rel=1e-7, abs=1e-8)


def test_a_map_is_its_points() -> None:
    """Many states share meshes; each of them alone has its own."""
    mu, bias = np.linspace(-3, 3, 41), np.linspace(0, 6, 31)
    for t_K in (0.02, 1.0, 300.0):
        found = exchange(mu[:, None], bias, p_left=0.6, t_left_K=t_K)
        assert found.j_meV.shape == (41, 31)
        for at in ((0, 0), (20, 15), (33, 7)):
            alone = numbers(mu[at[0]], bias[at[1]], p_left=0.6, t_left_K=t_K)
            there = [found.j_meV[at], found.i_meV[at], found.d_meV[at]]
            assert there == pytest.approx(alone, abs=1e-11)


def test_arrays_of_any_shapes_broadcast() -> None:
    found = exchange(np.zeros((3, 1)), [0.0, 1.0], p_left=np.array([[0.1], [0.2], [0.1]]))
    assert found.i_meV.shape == (3, 2)
    assert np.array_equal(found.i_meV[0], found.i_meV[2])
    assert exchange(np.empty((0, 4))).j_meV.shape == (0, 4)
    assert exchange(0.0).j_meV.shape == ()


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"mu_meV": np.nan}, "mu_meV"),
        ({"mu_meV": 0.0, "bias_meV": [0.0, np.inf]}, "bias_meV"),
        ({"mu_meV": 0.0, "t_left_K": 0.0}, "t_left_K"),
        ({"mu_meV": 0.0, "delta_t_K": -1.0}, "delta_t_K"),
        ({"mu_meV": 0.0, "gamma_meV": -1.0}, "gamma_meV"),
        ({"mu_meV": 0.0, "tc_meV": 0.0}, "tc_meV"),
        ({"mu_meV": 0.0, "p_left": 1.1}, "p_left"),
        ({"mu_meV": 0.0, "p_left": -1.0, "p_right": -1.0}, "p_right"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(wrong: dict[str, Any], parameter: str) -> None:
    with pytest.raises(ModelError) as error:
        exchange(**wrong)
    assert error.value.parameter == parameter
