"""The recipe template of the controls on the virtual cryostat, from the plan to the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.devices.groups import Group
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import SwitchConfig
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.world.settings import WorldSettings
from tests.recipes import Night
from tests.virtual_bench import unhurried

SWITCH: dict[str, Any] = {
    "driver": "keithley2700",
    "positions": {
        "J1": {"normal": [101, 117], "reversed": [109, 125]},
        "R100": {"normal": [102, 118]},
        "bare": {"normal": [103, 119]},
    },
    "short": [108, 124],
}
TEMPLATE = resources.files("nanojunction.sample_data") / "recipes" / "controls.toml"
POLARITY = """
[defaults]
position = "J1"
vmax = "10 mV"
step = "1 mV"
measure_range = "1 mA"
[[steps]]
steps = [
  { measure = "iv" }, { measure = "iv", set = { reverse = true } },
  { measure = "iv", set = { reverse = true } }, { measure = "iv" },
]
"""


@contextmanager
def station_with(junction: str, world: Mapping[str, float]) -> Iterator[Station]:
    """Open a virtual station whose clock stands still while computers compute."""
    bench = VirtualCryostat(
        junction,
        switch="keithley2700",
        junctions={"J1": junction, "R100": "resistor-100"},
        wiring=SwitchConfig.model_validate(SWITCH),
        settings=WorldSettings(**world),
    )
    with unhurried(bench, switch=SWITCH) as station, station:
        yield station


def controls_after(text: str, junction: str, folder: Path, **world: float) -> Group:
    """Carry a recipe out and return what the analysis of its folder says of the junction."""
    night = Night(text, folder)
    with station_with(junction, world) as station:
        assert night.on(station), night.said
    analysis = analyse([folder])
    assert analysis.errors == ()
    (found,) = (group for group in analysis.groups if group.kind == "controls")
    return found


def body(template: str) -> str:
    """Return a recipe file from its defaults on: the head is the night's."""
    return template[template.index("[defaults]") :]


@pytest.mark.campaign
def test_junction_a_is_confirmed_by_the_template(tmp_path: Path) -> None:
    text = body(TEMPLATE.read_text(encoding="utf-8"))
    found = controls_after(text, "A", tmp_path / "runs")
    outcomes = {check.name: check.outcome for check in found.checks}
    assert outcomes == dict.fromkeys(
        ("polarity", "heater", "output", "wires", "rest", "drift", "reference", "legs"), "passed"
    )
    assert found.quantities["candidate"].value == 1.0
    assert found.quantities["confirmed"].value == 1.0
    numbers = {check.name: check.quantities for check in found.checks}
    v_off = numbers["polarity"]["v_off_intrinsic_V"]
    assert v_off.value == pytest.approx(4.578e-3, rel=5e-3)
    leads = numbers["wires"]["lead_resistance_ohm"]
    assert leads.value == pytest.approx(0.3, abs=4.0 * leads.stderr)


def test_a_resistor_with_an_offset_of_the_line_is_found_out(tmp_path: Path) -> None:
    """By itself it looks like a junction with V_off = 1 mV."""
    found = controls_after(POLARITY, "resistor-1k", tmp_path / "runs", voltmeter_offset_V=1e-3)
    polarity = found.checks[0]
    assert (polarity.name, polarity.outcome) == ("polarity", "failed")
    assert polarity.quantities["v_off_line_V"].value == pytest.approx(1e-3, rel=0.01)
    assert abs(polarity.quantities["v_off_intrinsic_V"].value or 0.0) < 5e-6
    assert found.quantities["confirmed"].value == 0.0


def test_junction_a_flips_beside_the_same_offset(tmp_path: Path) -> None:
    """An offset of a quarter of the effect stays with the line; that is more than a tenth."""
    found = controls_after(POLARITY, "A", tmp_path / "runs", voltmeter_offset_V=1e-3)
    polarity = found.checks[0]
    assert polarity.outcome == "failed"
    assert polarity.quantities["v_off_intrinsic_V"].value == pytest.approx(4.0e-3, rel=0.05)
    assert polarity.quantities["v_off_line_V"].value == pytest.approx(1e-3, rel=0.01)


def test_the_template_passes_its_dry_run(
    nanojunction: Callable[..., Any], station_file: Callable[..., Path], tmp_path: Path
) -> None:
    station = station_file()
    positions = "".join(
        f"[switch.positions.{name}]\n"
        + "".join(f"{way} = {contacts}\n" for way, contacts in wiring.items())
        for name, wiring in SWITCH["positions"].items()
    )
    switch = f'[switch]\ndriver = "keithley2700"\nshort = {SWITCH["short"]}\n{positions}'
    station.write_text(station.read_text(encoding="utf-8") + switch, encoding="utf-8")
    with resources.as_file(TEMPLATE) as recipe:
        process = nanojunction("run", recipe, "--station", station, "--dry-run")
        said, problems = process.communicate(timeout=120)
    assert process.returncode == 0, problems
    assert "polarity/iv#2" in said
    assert "heater off" in said
