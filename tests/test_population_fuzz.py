"""Whatever stands at a key of a populations file: whole devices, or a refusal in one sentence."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.instruments.station_file import SwitchConfig, Wiring
from nanojunction.instruments.virtual import World
from nanojunction.instruments.virtual.world.line import Source
from nanojunction.models.population import BatchFileError, parse_population
from tests.virtual_bench import Resistor, SteppedClock

WHOLE = """
device = "w"
temperature_K = 40
limits = { max_voltage_V = 0.1, max_current_A = 1e-3, max_dwell_in_compliance_s = 3 }
[wafer]
columns = 4
rows = 3
pitch_x_mm = 0.5
shape = "round"
diameter_um = 3
splits = { annealed = [1, 2], plain = [3] }
[[populations]]
truth = "unstable"
count = 4
like = "A"
more_at_edge = 2.0
more_in = { annealed = 3.0 }
at_edge = { r_s_ohm = 2.0 }
in_split = { annealed = { r_s_ohm = 0.5 } }
[populations.junction]
r_s_ohm = { distribution = "normal", mean = 200.0, sigma = 5.0 }
p_max_W = { distribution = "choice", values = [1e-8, 2e-8] }
[populations.behaviour]
thermovoltage_V = 1e-5
contact = { open_first = 1, fails = 0.1, drop_outs_per_h = 60, drop_out_s = 2 }
breakdown = { above_V = 0.03, becomes = "short" }
telegraph = { amplitude = 0.3, down_s = 1, up_s = 2 }
drift = { conductance_per_h = 0.1, offset_per_h = -0.1, saturates_h = 1 }
[[populations]]
truth = "open"
count = "rest"
channel = "empty"
"""

VALUES: st.SearchStrategy[Any] = (
    st.sampled_from(["", "A", "rest", "short", [], {}, [1], [{}], {"a": 1.0}, True])
    | st.integers(-3, 2000)
    | st.floats(allow_nan=True, allow_infinity=True)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key and index inside of tables and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, one in inner:
        found.append((*path, key))
        if isinstance(one, dict | list):
            found += places(one, (*path, key))
    return found


PLACES = places(tomllib.loads(WHOLE))


def with_value(path: tuple[Any, ...], value: Any) -> str:
    content = tomllib.loads(WHOLE)
    at: Any = content
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return tomli_w.dumps(content)


def test_the_whole_file_is_good() -> None:
    devices = parse_population(WHOLE, "w.toml", 1).devices
    assert {device.truth for device in devices} == {"unstable", "open"}


@given(st.sampled_from(PLACES), VALUES, st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_any_value_at_any_key_gives_devices_that_can_be_measured_or_a_refusal(
    path: tuple[Any, ...], value: Any, seed: int
) -> None:
    try:
        devices = parse_population(with_value(path, value), "w.toml", seed).devices
    except BatchFileError as error:
        sentence = str(error)
        assert sentence.startswith("w.toml: ")
        assert sentence.endswith(".")
        assert "\n" not in sentence, json.dumps(sentence)
        return
    named = devices[:40]
    positions = {one.name: Wiring(normal=(n,)) for n, one in enumerate(named, 101)}
    world = World(
        Resistor(1.0),
        SteppedClock(),
        junctions={one.name: one.law for one in named},
        behaviours={one.name: one.behaviour for one in named},
        wiring=SwitchConfig(driver="keithley2750", positions=positions),
    )
    source = Source("voltage", 0.05, 1e-3, 2)
    world.drive(0.0, source, True, source)
    for t, wiring in enumerate(positions.values()):
        world.move_contacts(60.0 * t, wiring.normal)
        assert math.isfinite(world.working_point(60.0 * t + 10.0, 0.02).current_A)
