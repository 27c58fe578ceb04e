"""Station files: what is right loads, what is wrong names file, key and what is allowed."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station_file import load_station_file, station_from
from tests.conftest import station_content

DESIGN = """
[station]
name = "Cryostat 1"
line_frequency_Hz = 50
[source_meter]
driver = "keithley2400"
address = "GPIB0::24::INSTR"
visa_library = ""
wires = 2
output_off = "high-impedance"
max_voltage_V = 0.5
max_current_A = 1e-3
ramp_V_per_s = 0.1
[magnet]
driver = "ips120_10"
address = "ASRL3::INSTR"
max_field_T = 2.0
ramp_T_per_min = 0.3
on_exit = "hold"
[temperature]
driver = "itc503"
address = "ASRL4::INSTR"
sensors = { sample = "B", vti = "A" }
min_K = 2
max_K = 400
ramp_K_per_min = 5
on_exit = "hold"
[lab]
cryogen = "helium"
"""


def test_the_example_of_the_manual_loads(tmp_path: Path) -> None:
    file = tmp_path / "Kryostat Straße.toml"
    file.write_text("\ufeff" + DESIGN, encoding="utf-8")
    config = load_station_file(file)
    assert config.name == "Cryostat 1"
    assert list(config.instruments()) == ["source_meter", "magnet", "temperature"]
    assert config.temperature is not None
    assert config.temperature.sensors == {"sample": "B", "vti": "A"}
    assert config.lab == {"cryogen": "helium"}


def changed(key: str, value: Any) -> dict[str, Any]:
    content = tomllib.loads(DESIGN)
    table, _, name = key.partition(".")
    if name:
        content.setdefault(table, {})[name] = value
    else:
        content[table] = value
    return content


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("source_meter.max_voltage_V", -1, "source_meter.max_voltage_V: input should be greater"),
        ("source_meter.max_voltage_V", "high", "source_meter.max_voltage_V: .* valid number"),
        ("source_meter.max_voltage_V", float("inf"), "source_meter.max_voltage_V: .* finite"),
        ("source_meter.max_voltage_V", True, "source_meter.max_voltage_V: .* valid number"),
        ("source_meter.max_current_A", "1e-3", "source_meter.max_current_A: .* valid number"),
        ("source_meter.timeout_s", True, "source_meter.timeout_s: .* valid number"),
        ("source_meter.wires", 3, "source_meter.wires: input should be 2 or 4"),
        ("source_meter.voltage", 1, "source_meter.voltage: is not a key that is known here"),
        ("source_meter.output_off", "open", "'high-impedance', 'normal' or 'zero'"),
        ("source_meter.calibrated", "spring", "source_meter.calibrated: must be a date such as"),
        ("source_meter.calibrated", 2026, "source_meter.calibrated: .* valid string"),
        ("magnet.on_exit", "quench", "magnet.on_exit: input should be 'hold' or 'zero'"),
        ("magnet.address", "", "magnet.address: is missing"),
        ("temperature.sensors", {"vti": "A"}, "must name the sensor `sample`"),
        ("temperature.sensors", {"sample": "A", "a,b": "B"}, "'a,b' is no name for a column"),
        ("temperature.sensors", {"sample": "A", "setpoint": "B"}, "'setpoint' is the column of"),
        ("temperature.sensors", {"sample": "A", "x (A)": "B"}, "'x \\(A\\)' is no name"),
        ("temperature.min_K", 500, "temperature.min_K: must lie below max_K"),
        ("station.line_frequency_Hz", 55, "station.line_frequency_Hz: input should be 50 or 60"),
        ("station.magnet", {}, "station.magnet: belongs into its own table"),
        ("magnets", {}, "station.magnets: is not a key that is known here"),
        ("station.watchdog", "no", "station.watchdog: .* valid boolean"),
        ("readings", [{"name": "He", "of": "magnet", "query": "R1", "minimum": "30"}],
         "readings.0.minimum: .* valid number"),
        ("virtual.speed", 0.5, "virtual.speed: input should be greater"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(key: str, value: Any, words: str) -> None:
    with pytest.raises(StationError, match=f"^cryostat.toml: .*{words}"):
        station_from(changed(key, value), "cryostat.toml")


@pytest.mark.parametrize("day", [date(2026, 3, 1), "2026-03-01"])
def test_a_date_of_calibration_is_text_in_every_run(day: object) -> None:
    config = station_from(changed("source_meter.calibrated", day), "cryostat.toml")
    assert config.source_meter is not None
    assert config.source_meter.calibrated == "2026-03-01"


def test_a_virtual_station_needs_no_addresses() -> None:
    content = changed("virtual", {"junction": "B", "speed": 1000})
    for role in ("source_meter", "magnet", "temperature"):
        del content[role]["address"]
    assert station_from(content, "virtual.toml").virtual is not None
    content["magnet"]["address"] = "ASRL3::INSTR"
    with pytest.raises(StationError, match="give all addresses or none"):
        station_from(content, "virtual.toml")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(StationError, match="there is no such station file"):
        load_station_file(tmp_path / "missing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[station\n", encoding="utf-8")
    with pytest.raises(StationError, match=r"broken.toml: is not valid TOML.*line 1"):
        load_station_file(broken)
    empty = tmp_path / "empty.toml"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(StationError, match="names no instrument"):
        load_station_file(empty)


tables = st.dictionaries(
    st.sampled_from([*tomllib.loads(DESIGN), "virtual", "name", "x"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.dictionaries(
            st.sampled_from(["driver", "address", "max_voltage_V", "sensors", "min_K", "y"]), inner
        ),
    ),
)


@given(tables)
def test_any_content_loads_or_gets_one_sentence(content: dict[str, Any]) -> None:
    try:
        station_from(content, "any.toml")
    except StationError as problem:
        assert str(problem).startswith("any.toml: ")
        assert "\n" not in str(problem)


def test_a_missing_answer_must_not_look_like_a_measurement_that_hangs() -> None:
    content = station_content(source_meter={"timeout_s": 20.0}, station={"watchdog_after_s": 10.0})
    with pytest.raises(StationError, match=r"watchdog_after_s: 10 s is no longer .* 20 s"):
        station_from(content, "station.toml")
