"""The spin engine against its published numbers, its symmetries, and Green functions on a mesh."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from nanojunction.models.errors import ModelError
from nanojunction.models.transport import (
    ANTIPARALLEL,
    PARALLEL,
    CurrentTable,
    SpinEngine,
    spin_engine,
    tmr,
)
from nanojunction.models.transport.chain import digamma
from tests.transport_reference import Spin

#: The splittings of the centres with which the paper's curves have their shape.
P, AP = (replace(PARALLEL, delta1_meV=-0.2, delta2_meV=-0.2),
         replace(ANTIPARALLEL, delta1_meV=-0.2, delta2_meV=0.2))  # fmt: skip

ENERGIES = st.floats(-15, 15)
POSITIVE = st.floats(0.3, 15)
SHARES = st.floats(-0.95, 0.95)
ENGINES = st.builds(
    SpinEngine, sp_meV=ENERGIES, SP_meV=ENERGIES, ap=SHARES, p_left=SHARES, p_right=SHARES,
    E0_meV=ENERGIES, e0_meV=ENERGIES, asym_meV=ENERGIES, delta1_meV=ENERGIES, delta2_meV=ENERGIES,
    t1_meV=POSITIVE, t2_meV=POSITIVE, t3_meV=POSITIVE, broadening_meV=st.floats(2, 30),
    kt_meV=st.floats(0.3, 40),
)  # fmt: skip

#: Those whose resonances a mesh of 0.02 meV resolves.
_NEAR, _HALF = st.floats(-4, 4), st.floats(-0.5, 0.5)
WIDE = st.builds(
    SpinEngine, sp_meV=ENERGIES, SP_meV=_NEAR, ap=_HALF, p_left=_HALF, p_right=_HALF, E0_meV=_NEAR,
    e0_meV=_NEAR, asym_meV=_NEAR, delta1_meV=_NEAR, delta2_meV=_NEAR, t1_meV=st.floats(1, 4),
    t2_meV=st.floats(0.1, 4), t3_meV=st.floats(1, 4), broadening_meV=st.floats(8, 20),
    kt_meV=st.floats(1, 20),
)  # fmt: skip


def nA(engine: SpinEngine, bias_mV: float) -> tuple[str, str, str]:
    found = engine.currents(bias_mV)
    return tuple(f"{1e9 * float(i):.2f}" for i in (found.total_A, found.up_A, found.down_A))


def test_currents_at_zero_bias_to_their_printed_digits() -> None:
    assert nA(PARALLEL, 0.0) == ("-1.62", "1.46", "-3.08")
    assert nA(ANTIPARALLEL, 0.0)[0] == "0.12"
    assert (nA(P, 0.0)[0], nA(AP, 0.0)[0]) == ("-1.70", "-0.36")


def test_signs_and_tmr_over_the_bias_with_split_centres() -> None:
    bias_mV = np.arange(-200, 201) / 20
    parallel, antiparallel = (engine.currents(bias_mV).total_A for engine in (P, AP))
    opposite = bias_mV[(parallel < 0) & (antiparallel > 0)]
    assert (opposite[0], opposite[-1]) == (0.65, 2.1)
    ratio = tmr(parallel, antiparallel)
    assert np.array_equal(ratio < -1, parallel * antiparallel < 0)
    middle = np.flatnonzero(np.isclose(bias_mV, -3.75))[0]
    assert f"{ratio[middle]:.2f}" == "2.61"
    around = ratio[middle - 60 : middle + 30]
    assert around.max() == ratio[middle], "a maximum away from the zero of I_AP"
    half = bias_mV[:200][ratio[:200] > ratio[middle] / 2]
    assert np.ptp(half) > 5, "the published peak is 1.3 meV wide: not the model's"


def test_power_is_delivered_where_current_and_voltage_have_opposite_signs() -> None:
    found = P.currents(np.array([-1.0, 0.0, 1.0, 5.0]))
    assert found.power_W[2] == pytest.approx(-1e-3 * found.total_A[2])
    assert np.sign(found.power_W).tolist() == [-1, 0, 1, -1]


def test_a_ratio_is_masked_where_its_denominator_is_nearly_zero() -> None:
    ratio = tmr([1.0, 1.0, -1.0], [1e-4, -2.0, 2.0])
    assert math.isnan(ratio[0])
    assert ratio[1:].tolist() == [-1.5, -1.5]
    assert np.isnan(tmr([1.0], [0.0])).all()


@settings(max_examples=25, deadline=None)
@given(WIDE, st.floats(-10, 10))
def test_poles_and_digamma_functions_are_the_integral_over_a_mesh(
    engine: SpinEngine, bias_mV: float
) -> None:
    found = engine.currents(bias_mV)
    for spin, current_A in ((+1, found.up_A), (-1, found.down_A)):
        on_mesh = Spin(engine, bias_mV, spin).current_nA()
        assert 1e9 * float(current_A) == pytest.approx(on_mesh, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("engine", [PARALLEL, ANTIPARALLEL, P, AP])
@pytest.mark.parametrize("bias_mV", [-10.0, 0.0, 3.0])
def test_published_states_against_a_mesh(engine: SpinEngine, bias_mV: float) -> None:
    found = engine.currents(bias_mV)
    for spin, current_A in ((+1, found.up_A), (-1, found.down_A)):
        on_mesh = Spin(engine, bias_mV, spin, step_meV=0.01, reach_meV=400).current_nA()
        assert 1e9 * float(current_A) == pytest.approx(on_mesh, rel=1e-7)
        coarse = Spin(engine, bias_mV, spin, step_meV=0.08, reach_meV=40).current_nA()
        assert coarse == pytest.approx(on_mesh, rel=1e-3), "steps of 0.08 meV over ±40 meV"


@settings(max_examples=15, deadline=None)
@given(ENGINES, st.floats(-20, 20), st.sampled_from([+1, -1]))
def test_the_same_current_flows_between_all_neighbours(
    engine: SpinEngine, bias_mV: float, spin: int
) -> None:
    one = Spin(engine, bias_mV, spin)
    through = one.current_nA()
    size = max(abs(through), 1e-3 * math.prod(one.widths) ** 0.5)
    assert one.bond_currents_nA() == pytest.approx([through] * 3, abs=1e-6 * size)


@given(ENGINES)
def test_no_current_in_equilibrium_without_spin_splitting(engine: SpinEngine) -> None:
    found = replace(engine, sp_meV=0.0).currents(0.0)
    assert found.up_A == found.down_A == 0


@given(ENGINES, st.floats(-20, 20))
def test_mirrored_junctions_carry_the_mirrored_current(engine: SpinEngine, bias_mV: float) -> None:
    """Both ends exchanged, and V turned round; the right lead has sp·AP, so AP is ±1."""
    one = replace(engine, ap=math.copysign(1.0, engine.ap))
    side = one.ap
    other = replace(
        one, sp_meV=side * one.sp_meV, SP_meV=side * one.SP_meV, p_left=one.p_right,
        p_right=one.p_left, asym_meV=-one.asym_meV, delta1_meV=one.delta2_meV,
        delta2_meV=one.delta1_meV, t1_meV=one.t3_meV, t3_meV=one.t1_meV,
    )  # fmt: skip
    found, mirrored = one.currents(bias_mV), other.currents(-bias_mV)
    size = float(np.abs([found.up_A, found.down_A]).max())
    # A lead at 1e-16 meV from the other is not told from it: that is 4e-24 A.
    least = 1e-9 * size + 1e-21
    assert mirrored.up_A == pytest.approx(-found.up_A, rel=1e-6, abs=least)
    assert mirrored.down_A == pytest.approx(-found.down_A, rel=1e-6, abs=least)


@given(ENGINES, st.floats(-20, 20))
def test_turning_all_spins_exchanges_the_channels(engine: SpinEngine, bias_mV: float) -> None:
    turned = replace(
        engine, sp_meV=-engine.sp_meV, SP_meV=-engine.SP_meV, p_left=-engine.p_left,
        p_right=-engine.p_right, delta1_meV=-engine.delta1_meV, delta2_meV=-engine.delta2_meV,
    )  # fmt: skip
    assert turned.currents(bias_mV).up_A == pytest.approx(
        engine.currents(bias_mV).down_A, rel=1e-9, abs=1e-24
    )


@given(ENGINES, st.floats(0.01, 100), st.floats(-20, 20))
def test_currents_go_with_the_scale(engine: SpinEngine, scale: float, bias_mV: float) -> None:
    scaled = replace(engine, scale=scale).currents(bias_mV).total_A
    assert scaled == pytest.approx(scale * engine.currents(bias_mV).total_A, rel=1e-12)


def test_any_parameter_may_be_an_array() -> None:
    sp_meV, bias_mV = np.array([[0.0], [8.4]]), np.array([-5.0, 0.0, 5.0])
    found = spin_engine(bias_mV, sp_meV=sp_meV, e0_meV=0.85)
    assert found.total_A.shape == found.power_W.shape == (2, 3)
    alone = SpinEngine(sp_meV=8.4, e0_meV=0.85).currents(5.0)
    assert found.total_A[1, 2] == pytest.approx(float(alone.total_A), rel=1e-12)


def test_poles_that_coincide_are_no_trouble() -> None:
    """Two sites of equal level meet where their tunnelling is a quarter of the lead's width."""
    same = {"SP_meV": 0.0, "e0_meV": 0.0, "asym_meV": 0.0, "p_left": 0.0, "p_right": 0.0}
    meeting = [
        float(spin_engine(0.0, t1_meV=2.5 + d, t3_meV=2.5 + d, t2_meV=1e-3, **same).up_A)
        for d in (0.0, 1e-12, 1e-8, 1e-5)
    ]
    assert meeting[:3] == pytest.approx([meeting[0]] * 3, rel=1e-7)
    assert meeting[3] == pytest.approx(meeting[0], rel=1e-5)


def test_a_spin_that_no_lead_takes_carries_nothing() -> None:
    half_metals = spin_engine([-1.0, 0.0, 1.0], p_left=1.0, p_right=1.0)
    assert (half_metals.down_A == 0).all()
    assert (half_metals.up_A != 0).all()
    assert (spin_engine(1.0, p_left=1.0, p_right=-1.0).total_A == 0).all()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("t2_meV", 0.0, "t2_meV: 0 is no energy above 0 meV"),
        ("kt_meV", -1.0, "kt_meV: -1 is no energy above 0 meV"),
        ("p_left", [0.3, 1.2], "p_left: 1.2 is no polarisation: give -1 to 1"),
        ("bias_mV", math.nan, "bias_mV: nan is no finite number"),
        ("scale", math.inf, "scale: inf is no finite number"),
    ],
)
def test_parameters_without_meaning_are_refused(name: str, value: object, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        spin_engine(**{"bias_mV": 0.0, name: value})
    assert str(caught.value) == said


def test_two_sites_are_the_centres_between_the_leads() -> None:
    """A dimer without spinterfaces, against the transmission of two sites written out."""
    found = spin_engine(3.0, sites=2, kt_meV=2.0).up_A
    one = Spin(replace(PARALLEL, kt_meV=2.0), 3.0, +1, step_meV=0.01, reach_meV=300)
    (left, right), (f_L, f_R) = one.widths, one.occupied
    x = one.energies
    d2, d3 = x - one.levels[1] + 0.5j * left, x - one.levels[2] + 0.5j * right
    transmitted = left * right * np.abs(1.0 / (d2 * d3 - 1.0)) ** 2
    assert 1e9 * float(found) == pytest.approx(one.nA(transmitted * (f_L - f_R)), rel=1e-6)


@given(st.complex_numbers(max_magnitude=1e4).filter(lambda z: z.real >= 0.5))
def test_digamma_is_scipys(z: complex) -> None:
    assert digamma(np.array(z)) == pytest.approx(special.digamma(z), rel=1e-12, abs=1e-13)


@pytest.fixture(scope="module")
def tables() -> list[CurrentTable]:
    return [CurrentTable(P), CurrentTable(AP)]


@pytest.mark.parametrize("kt_meV", [0.1, 0.34, 1.0, 26.0, 35.0, 60.0])
def test_the_table_of_the_currents_is_the_model(tables: list[CurrentTable], kt_meV: float) -> None:
    bias_mV = np.concatenate([np.linspace(-12, 12, 97), [-900, -200, -80, 55, 200, 201]])
    for table in tables:
        model_A = spin_engine(bias_mV, **{**asdict(table.engine), "kt_meV": kt_meV}).total_A
        tabled_A = [table.current_A(float(V), kt_meV) for V in bias_mV]
        assert np.abs(tabled_A - model_A).max() < 1e-5 * np.abs(model_A).max()
