"""A limit cannot be passed through a role: tried with any number, on the virtual instruments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanojunction.instruments.errors import LimitError
from nanojunction.instruments.roles import SourceSettings
from nanojunction.instruments.station import Station

numbers = st.floats() | st.floats(-1.1, 1.1) | st.sampled_from([0.5, -0.5, 0.5000001, 1e-3])
on_one_station = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@pytest.fixture(scope="module")
def station() -> Iterator[Station]:
    from nanojunction.instruments.station_file import station_from

    content = {
        "source_meter": {"driver": "keithley2400", "max_voltage_V": 0.5, "max_current_A": 1e-3},
        "magnet": {"driver": "ips120_10", "max_field_T": 0.5, "ramp_T_per_min": 1.0},
        "temperature": {"driver": "itc503", "min_K": 4, "max_K": 300},
        "virtual": {"junction": "resistor-1k", "speed": 10_000},
    }
    with Station(station_from(content, "limits")) as one:
        one.source_meter.configure(SourceSettings(compliance=1e-3))
        one.temperature.prepare()
        yield one


def tried(act: Callable[[], object]) -> bool:
    """Return whether it was let through."""
    try:
        act()
    except LimitError:
        return False
    return True


@on_one_station
@given(numbers)
def test_no_level_beyond_the_limit(station: Station, level: float) -> None:
    before = station.source_meter.level()
    through = tried(lambda: station.source_meter.set_level(level))
    after = station.source_meter.level()
    assert through == (math.isfinite(level) and abs(level) <= 0.5)
    assert after == (pytest.approx(level, abs=1e-5) if through else before)


@on_one_station
@given(st.floats() | st.floats(-2e-3, 2e-3))
def test_no_compliance_beyond_the_limit(station: Station, compliance: float) -> None:
    settings = SourceSettings(compliance=compliance)
    allowed = math.isfinite(compliance) and 0.0 <= compliance <= 1e-3
    if not allowed:
        assert not tried(lambda: station.source_meter.configure(settings))


@on_one_station
@given(numbers, st.floats(0.0, 2.0))
def test_no_field_and_no_rate_beyond_the_limit(station: Station, field: float, rate: float) -> None:
    allowed = math.isfinite(field) and abs(field) <= 0.5 and 1e-4 <= rate <= 1.0
    if not allowed:
        assert not tried(lambda: station.magnet.ramp_to(field, rate))
    assert abs(station.bench.world.field_T()) <= 0.5


@on_one_station
@given(st.floats() | st.floats(0, 400))
def test_no_temperature_beyond_the_limit(station: Station, setpoint: float) -> None:
    through = tried(lambda: station.temperature.set_setpoint_K(setpoint))
    assert through == (math.isfinite(setpoint) and 4 <= setpoint <= 300)
    assert 4 <= station.temperature.setpoint_K() <= 300
