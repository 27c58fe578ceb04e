"""Whatever recipe, station file and sample file are tried: the junction never sees more than that.

The recipes are carried out on the virtual cryostat, and the world itself is asked what it saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.execute import RecipeRun
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import plan_of
from nanojunction.procedures.recipes.recipe_file import load_recipe
from nanojunction.procedures.recipes.resume import begin_or_resume
from nanojunction.procedures.stopping import StopRequest
from tests.conftest import station_content

pytestmark = pytest.mark.campaign

#: Gain and offset errors of the virtual source, and a supply's last digit.
ERROR, SLACK_V, SLACK_T = 1.001, 2e-5, 1e-4

MEASUREMENTS = ("iv", "list", "it", "vt", "ih")
BEYOND = ("nothing", "voltage", "current", "field", "temperature")
LIMITS = st.fixed_dictionaries(
    {
        "max_voltage_V": st.sampled_from([0.05, 0.5]),
        "max_current_A": st.sampled_from([1e-4, 1e-3]),
    }
)
MIN_K, MAX_K = 285.0, 300.0


@dataclass(frozen=True, slots=True)
class Case:
    """A recipe of one run, the limits that hold for it, and what of it lies beyond them."""

    run: dict[str, Any]
    of_station: dict[str, float]
    of_sample: dict[str, float] | None
    max_T: float
    driver: str
    beyond: str

    def least(self, name: str) -> float:
        """Return the tighter of both limits."""
        both = [self.of_station] if self.of_sample is None else [self.of_station, self.of_sample]
        return min(one[name] for one in both)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a run with everything up to its limits, but for at most one thing a little beyond."""
    of_station, of_sample = draw(LIMITS), draw(st.none() | LIMITS)
    max_T, beyond = draw(st.sampled_from([0.1, 0.4])), draw(st.sampled_from(BEYOND))
    driver = draw(st.sampled_from(["keithley2400", "keithley2600"]))
    case = Case({}, of_station, of_sample, max_T, driver, beyond)

    def size(what: str, limit: float) -> float:
        factors = [1.02, 3.0] if what == beyond else [0.5, 1.0]
        return float(f"{limit * draw(st.sampled_from(factors)):.6g}")

    kind = draw(st.sampled_from(MEASUREMENTS))
    volts = size("voltage", case.least("max_voltage_V"))
    amperes = size("current", case.least("max_current_A"))
    field_T = size("field", max_T) * draw(st.sampled_from([-1.0, 1.0]))
    kelvin = draw(st.sampled_from([280.0, 301.0] if beyond == "temperature" else [MAX_K, 296.0]))
    around = {"compliance": amperes, "temperature": kelvin, "window": 1, "compliance_dwell": 0}
    sweep = {"turning_points": [0.0, volts, -volts], "step": volts, "nplc": 0.01}
    settings: dict[str, Any] = {
        "iv": sweep | {"buffered": "off"},
        "list": sweep | {"buffered": "on", "measure_range": amperes, "autozero": False},
        "it": {"voltage": -volts, "duration": 2},
        "vt": {"current": amperes, "compliance": volts, "duration": 2},
        "ih": {"voltage": volts, "fields": [0.0, field_T], "interval": 5},
    }[kind]
    if kind != "ih":
        way = draw(st.sampled_from(["field", "saturate", "degauss"]))
        around[way] = abs(field_T) if way == "degauss" else field_T
    measure = {"list": "iv"}.get(kind, kind)
    return replace(case, run={"measure": measure, "set": around | settings})


@dataclass(slots=True)
class Seen:
    """The most that the world has seen."""

    station: Station
    volts: float = 0.0
    amperes: float = 0.0
    tesla: float = 0.0
    kelvin: list[float] = field(default_factory=list)

    def look(self, _progress: Progress) -> None:
        world = self.station.bench.world
        self.volts = max(self.volts, world.largest_voltage_V)
        self.amperes = max(self.amperes, abs(world.junction_current_A) * world.output_on)
        with world.lock:
            self.tesla = max(self.tesla, abs(world.magnet.lead_T(world.sync())))
        self.kelvin.append(self.station.temperature.setpoint_K())


def carry_out(file: Path, station: Station, folder: Path) -> tuple[Seen, bool]:
    """Do the recipe as the command does, but for the look on paper; return whether it was done."""
    seen, stop = Seen(station), StopRequest()
    with station, Journal(folder / NAME) as journal:
        plan = plan_of(load_recipe(file))
        begin_or_resume(journal, plan, station, resume=False)
        work = RecipeRun(
            plan, station, journal, stop, Countdown({}, station.clock),
            ask=lambda _words: True, tell=lambda _words: None, show=seen.look,
        )  # fmt: skip
        try:
            done = work.go()
        except LaboratoryError:
            done = False
        seen.look(Progress(0.0, None, "", 0))
    return seen, done


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=cases())
def test_no_limit_is_passed(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("recipe")
    about = {"name": "any", "sample": "J1"}
    if case.of_sample is not None:
        (folder / "chip.toml").write_text(tomli_w.dumps(case.of_sample), encoding="utf-8")
        about["sample_file"] = "chip.toml"
    text = tomli_w.dumps({"recipe": about, "steps": [case.run]})
    (folder / "any.toml").write_text(text, encoding="utf-8")
    content = station_content(
        source_meter={"driver": case.driver, **case.of_station},
        magnet={"max_field_T": case.max_T, "ramp_T_per_min": 1.0},
        temperature={"min_K": MIN_K, "max_K": MAX_K},
        virtual={"junction": "resistor-1k", "speed": 10_000},
    )
    station = Station(station_from(content, "station"))
    seen, done = carry_out(folder / "any.toml", station, folder)
    assert done is (case.beyond == "nothing")
    assert seen.volts <= case.least("max_voltage_V") * ERROR + SLACK_V
    assert seen.amperes <= case.least("max_current_A") * 1.01 + 1e-9
    assert seen.tesla <= case.max_T + SLACK_T
    assert all(MIN_K <= one <= MAX_K for one in seen.kelvin)
