"""The virtual world: thermal response, magnet, measuring line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from nanojunction.instruments.virtual import WorldSettings
from nanojunction.instruments.virtual.world.cryostat import Cryostat
from nanojunction.instruments.virtual.world.line import Circuit, Meters, Source
from nanojunction.instruments.virtual.world.magnet import Magnet
from nanojunction.models.junction import load_junction
from tests.virtual_bench import Resistor, standard_deviation, world_with

SETTINGS = WorldSettings()


# Cryostat


def test_a_step_of_50_K_overshoots_by_one_to_two_kelvin_and_settles_within_five_minutes() -> None:
    cryostat = Cryostat(SETTINGS)
    cryostat.control(0.0, 245.0)
    undershoot = 245.0 - min(cryostat.insert_K(t) for t in range(600))
    assert 1.0 < undershoot < 2.0
    assert all(abs(cryostat.insert_K(t) - 245.0) < 0.1 for t in range(300, 900))


def test_the_sample_lags_behind_the_insert() -> None:
    cryostat = Cryostat(SETTINGS)
    cryostat.control(0.0, 245.0)
    assert cryostat.sample_K(30.0) > cryostat.insert_K(30.0) + 5.0
    assert cryostat.sample_K(600.0) == pytest.approx(245.0, abs=0.01)


def test_forty_kelvin_at_ten_kelvin_per_minute_are_stable_within_ten_minutes() -> None:
    cryostat = Cryostat(SETTINGS)
    cryostat.control(0.0, 295.0, -10.0 / 60.0)
    cryostat.control(240.0, 255.0)
    assert all(abs(cryostat.sample_K(t) - 255.0) < 0.2 for t in range(540, 600))


@pytest.mark.parametrize("ramp_K_per_s", [0.0, -0.1, 0.25])
def test_the_closed_form_is_the_solution_of_the_differential_equations(ramp_K_per_s: float) -> None:
    cryostat = Cryostat(SETTINGS)
    cryostat.control(0.0, 245.0)
    cryostat.control(20.0, 250.0, ramp_K_per_s)  # in the middle of a transient
    omega, zeta = SETTINGS.loop_frequency_rad_per_s, SETTINGS.loop_damping

    def flow(t: float, y: list[float]) -> list[float]:
        insert, slope, sample = y
        setpoint = 250.0 + ramp_K_per_s * t
        return [
            slope,
            omega**2 * (setpoint - insert) - 2 * zeta * omega * slope,
            (insert - sample) / SETTINGS.sample_lag_s,
        ]

    before = Cryostat(SETTINGS)
    before.control(0.0, 245.0)
    slope = (before.insert_K(20.0 + 1e-4) - before.insert_K(20.0 - 1e-4)) / 2e-4
    start = [before.insert_K(20.0), slope, before.sample_K(20.0)]
    solution = solve_ivp(flow, (0.0, 300.0), start, rtol=1e-9, atol=1e-9, dense_output=True)
    for t in (1.0, 17.0, 60.0, 300.0):
        insert, _, sample = solution.sol(t)
        assert cryostat.insert_K(20.0 + t) == pytest.approx(insert, abs=1e-4)
        assert cryostat.sample_K(20.0 + t) == pytest.approx(sample, abs=1e-4)


@given(st.lists(st.floats(0.0, 500.0), max_size=20))
def test_the_answer_does_not_depend_on_how_often_one_asks(times: list[float]) -> None:
    asked, not_asked = Cryostat(SETTINGS), Cryostat(SETTINGS)
    for cryostat in (asked, not_asked):
        cryostat.control(0.0, 40.0)
    for t in sorted(times):
        asked.insert_K(t)
        asked.sample_K(t)
    assert asked.sample_K(500.0) == not_asked.sample_K(500.0)


def test_with_the_heater_off_it_cools_to_the_temperature_of_the_gas() -> None:
    cryostat = Cryostat(SETTINGS)
    cryostat.free(0.0, 0.0)
    assert 4.2 < cryostat.insert_K(300.0) < 295.0 / 2
    assert cryostat.sample_K(1e5) == pytest.approx(SETTINGS.base_temperature_K)


@pytest.mark.parametrize("setpoint_K", [4.2, 10.0, 40.0])
def test_no_step_undershoots_the_temperature_of_the_gas(setpoint_K: float) -> None:
    cryostat = Cryostat(SETTINGS)
    cryostat.control(0.0, setpoint_K)
    assert all(cryostat.insert_K(t) >= 4.2 and cryostat.sample_K(t) >= 4.2 for t in range(600))
    assert cryostat.sample_K(2000.0) == pytest.approx(setpoint_K)


def test_the_heater_holds_what_its_percentage_says() -> None:
    controlled, free = Cryostat(SETTINGS), Cryostat(SETTINGS)
    controlled.control(0.0, 200.0)
    percent = controlled.heater_percent(2000.0)
    free.free(0.0, percent)
    assert 0.0 < percent < 100.0
    assert free.insert_K(1e5) == pytest.approx(200.0, abs=0.01)


def test_sensor_noise_and_drift_stay_within_a_few_millikelvin() -> None:
    world = world_with()
    readings = [world.sensor_K(2, 10.0 * i) for i in range(2000)]
    assert 0.0015 < standard_deviation([world.sensor_K(2, 0.0) for _ in range(500)]) < 0.0025
    assert all(abs(r - 295.0) < 0.015 for r in readings)


# Magnet


def magnet_with_open_switch() -> Magnet:
    magnet = Magnet(SETTINGS)
    magnet.set_heater(0.0, True)
    magnet.advance(20.0)
    return magnet


@given(target=st.floats(-7, 7), rate=st.floats(0.001, 1.0), part=st.floats(0.0, 2.0))
def test_the_field_ramps_at_its_rate_and_stops_at_its_target(
    target: float, rate: float, part: float
) -> None:
    magnet = magnet_with_open_switch()
    magnet.ramp_lead(20.0, target, rate)
    t = 20.0 + part * abs(target) / rate
    expected = target if part >= 1.0 else math.copysign((t - 20.0) * rate, target)
    assert magnet.field_T(t) == pytest.approx(expected, abs=1e-9)


def test_the_coil_keeps_its_field_when_the_switch_is_cold() -> None:
    magnet = magnet_with_open_switch()
    magnet.ramp_lead(20.0, 0.5, 0.01)
    magnet.set_heater(100.0, False)
    magnet.ramp_lead(120.0, 0.0, 0.01)
    magnet.advance(200.0)
    assert magnet.lead_T(200.0) == 0.0
    assert magnet.field_T(200.0) == 0.5


def test_leads_that_move_before_the_switch_is_cold_take_the_coil_along() -> None:
    magnet = magnet_with_open_switch()
    magnet.ramp_lead(20.0, 0.5, 0.01)
    magnet.set_heater(100.0, False)
    magnet.ramp_lead(105.0, 0.0, 0.01)  # ten seconds too early
    assert magnet.field_T(500.0) == pytest.approx(0.4)


def test_opening_the_switch_on_a_large_mismatch_quenches() -> None:
    magnet = Magnet(SETTINGS)
    magnet.ramp_lead(0.0, 0.5, 0.01)
    magnet.set_heater(60.0, True)
    magnet.advance(80.0)
    assert magnet.quenched
    assert magnet.field_T(90.0) == 0.0
    assert magnet.lead_T(90.0) == 0.0
    assert magnet.clear_quench(90.0)
    assert not magnet.quenched


def test_a_quench_runs_the_field_down_and_is_remembered() -> None:
    magnet = magnet_with_open_switch()
    magnet.ramp_lead(20.0, 2.0, 1.0)
    magnet.quench(30.0)
    assert 0.0 < magnet.field_T(32.0) < 2.0
    assert not magnet.clear_quench(32.0)
    assert magnet.field_T(36.0) == 0.0


def test_the_junction_is_led_through_every_turning_point() -> None:
    junction = Resistor(1e3)
    world = world_with(junction)
    with world.lock:
        world.magnet.set_heater(0.0, True)
        world.sync(20.0)
        world.magnet.ramp_lead(20.0, 1.0, 0.1)
        world.magnet.ramp_lead(30.0, -1.0, 0.1)
        world.magnet.ramp_lead(50.0, 0.25, 0.1)
        world.sync(1000.0)  # nobody looked in between
    assert junction.fields_T == pytest.approx([1.0, -1.0, 0.25])


# Measuring line


@given(
    ohm=st.floats(1e-3, 1e9),
    level=st.floats(-20.0, 20.0),
    limit=st.floats(1e-9, 1.0),
    wires=st.sampled_from([2, 4]),
)
def test_the_working_point_of_a_resistor(ohm: float, level: float, limit: float, wires) -> None:
    point = Circuit(SETTINGS).solve(Source("voltage", level, limit, wires), lambda v: v / ohm)
    total = ohm + (SETTINGS.lead_resistance_ohm if wires == 2 else 0.0)
    expected = math.copysign(min(abs(level) / total, limit), level)
    assert point.current_A == pytest.approx(expected, rel=1e-6, abs=1e-18)
    assert point.junction_V == pytest.approx(expected * ohm, rel=1e-6, abs=1e-12)
    assert point.sensed_V == pytest.approx(expected * total, rel=1e-6, abs=1e-12)
    assert point.limited == (abs(level) / total > limit)


@pytest.mark.parametrize("name", ["A", "B", "C", "MTJ"])
@pytest.mark.parametrize("wires", [2, 4])
def test_kirchhoff_holds_for_the_published_junctions(name: str, wires) -> None:
    law = load_junction(name)
    memory, circuit = law.at_rest(), Circuit(SETTINGS)
    lead = SETTINGS.lead_resistance_ohm if wires == 2 else 0.0
    for level in (-0.02, -1e-3, 0.0, 2e-3, 0.05):
        point = circuit.solve(
            Source("voltage", level, 1.0, wires), lambda v: law.current_A(v, 240.0, memory)
        )
        assert point.current_A == law.current_A(point.junction_V, 240.0, memory)
        assert point.junction_V + lead * point.current_A == pytest.approx(level, abs=1e-12)


def test_a_generating_junction_shows_its_offset_voltage_at_zero_current() -> None:
    point = Circuit(SETTINGS).solve(Source("current", 0.0, 2.0, 4), lambda v: (v - 4e-3) / 157.0)
    assert point.junction_V == pytest.approx(4e-3)
    assert not point.limited


def test_compliance_at_a_generating_junction_stops_its_current_as_well() -> None:
    source = Source("voltage", 0.0, 1e-5, 4)
    point = Circuit(SETTINGS).solve(source, lambda v: (v - 4e-3) / 157.0)
    assert point.current_A == -1e-5
    assert point.junction_V == pytest.approx(4e-3 - 157e-5)
    assert point.limited


def test_an_open_junction_drives_a_current_source_into_its_voltage_limit() -> None:
    point = Circuit(SETTINGS).solve(Source("current", 1e-6, 2.0, 2), lambda v: 0.0)
    assert (point.sensed_V, point.current_A, point.limited) == (2.0, 0.0, True)


@pytest.mark.parametrize("quantity", ["voltage", "current"])
def test_noise_falls_as_one_over_the_square_root_of_nplc(quantity: str) -> None:
    meters = Meters(SETTINGS, seed=3)
    read = meters.read_voltage_V if quantity == "voltage" else meters.read_current_A
    rng = 0.2 if quantity == "voltage" else 1e-6
    one = standard_deviation([read(0.0, rng, 0.02, i) for i in range(4000)])
    ten = standard_deviation([read(0.0, rng, 0.2, i) for i in range(4000)])
    assert one == pytest.approx({"voltage": 0.4e-6, "current": 10e-12}[quantity], rel=0.05)
    assert one / ten == pytest.approx(math.sqrt(10.0), rel=0.06)


def test_mains_pickup_vanishes_over_whole_periods_only() -> None:
    quiet = WorldSettings(voltmeter_noise_of_range=0.0)
    meters = Meters(quiet, seed=3)
    whole = {meters.read_voltage_V(0.0, 0.2, 0.02, 0.0013 * i) for i in range(100)}
    short = [meters.read_voltage_V(0.0, 0.2, 0.0002, 0.0013 * i) for i in range(100)]
    assert len(whole) == 1
    assert max(short) - min(short) > quiet.voltmeter_pickup_V


def test_the_same_seed_gives_the_same_noise() -> None:
    def some(seed: int) -> list[float]:
        meters = Meters(SETTINGS, seed)
        return [meters.read_voltage_V(0.0, 0.2, 0.02, 0.0) for _ in range(5)]

    assert some(1) == some(1)
    assert some(1) != some(2)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("sample_lag_s", 0.0, "sample_lag_s must be above zero"),
        ("sensor_noise_K", -1.0, "sensor_noise_K must not be negative"),
        ("max_field_T", math.inf, "max_field_T must be finite"),
        ("loop_damping", 1.0, "loop_damping must lie between 0 and 1"),
        ("heater_full_power_K", 4.0, "heater_full_power_K must lie above"),
    ],
)
def test_a_world_that_cannot_be_is_refused(setting: str, value: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        WorldSettings(**{setting: value})
