"""Whatever recipe, station file and sample file are tried: the junction never sees more than that.

The recipes are carried out on the virtual cryostat, and the world itself is asked what it saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.execute import RecipeRun
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import plan_of
from nanojunction.procedures.recipes.recipe_file import load_recipe
from nanojunction.procedures.recipes.resume import begin_or_resume
from nanojunction.procedures.runner import Progress, StopRequest
from tests.conftest import station_content

pytestmark = pytest.mark.campaign

#: Gain and offset errors of the virtual source, and a supply's last digit.
ERROR, SLACK_V, SLACK_T = 1.001, 2e-5, 1e-4

# Each at the edge of a limit, on either side; within all of them more often than not, or a recipe
# would hardly ever be carried out.
VOLTS = st.sampled_from([0.02, 0.05, 0.05, 0.051, 0.2, 0.5, 0.501])
AMPERES = st.sampled_from([1e-6, 1e-6, 1e-4, 1.01e-4])
TESLAS = st.sampled_from([-0.1, 0.0, 0.1, 0.1, 0.101, -0.3])
KELVINS = st.sampled_from([295.0, 299.0, 300.0, 301.0])

MEASUREMENTS = st.one_of(
    st.builds(
        lambda volts, compliance, buffered, fixed: {
            "measure": "iv",
            "set": {
                "turning_points": [0.0, volts, -volts], "step": volts, "nplc": 0.01,
                "autozero": False, "compliance": compliance, "buffered": buffered,
            } | ({"measure_range": compliance} if fixed else {}),
        },
        VOLTS, AMPERES, st.sampled_from(["auto", "off"]), st.booleans(),
    ),
    st.builds(
        lambda volts, ampere: {
            "measure": "it", "set": {"voltage": volts, "duration": 2, "compliance": ampere},
        },
        VOLTS, AMPERES,
    ),
    st.builds(
        lambda ampere, volts: {
            "measure": "vt", "set": {"current": ampere, "duration": 2, "compliance": volts},
        },
        AMPERES, VOLTS,
    ),
    st.builds(
        lambda volts, start, stop: {
            "measure": "ih",
            "set": {"voltage": volts, "fields": [start, stop + 0.01], "interval": 5},
        },
        VOLTS, TESLAS, TESLAS,
    ),
)  # fmt: skip
WHERE = st.fixed_dictionaries(
    {},
    optional={
        "field": TESLAS, "saturate": TESLAS, "degauss": st.sampled_from([0.004, 0.2]),
        "temperature": KELVINS,
    },
)  # fmt: skip
LIMITS = st.fixed_dictionaries(
    {
        "max_voltage_V": st.sampled_from([0.05, 0.5]),
        "max_current_A": st.sampled_from([1e-4, 1e-3]),
    }
)


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


def carry_out(file: Path, station: Station, folder: Path) -> Seen:
    """Do the recipe as the command does, but for the look on paper beforehand."""
    seen, stop = Seen(station), StopRequest()
    with station, Journal(folder / NAME) as journal:
        plan = plan_of(load_recipe(file))
        begin_or_resume(journal, plan, "station.toml", resume=False)
        work = RecipeRun(
            plan, station, journal, stop, Countdown({}, station.clock),
            ask=lambda _words: True, tell=lambda _words: None, show=seen.look,
        )  # fmt: skip
        try:
            work.go()
        except LaboratoryError:  # refused: what was seen until then is looked at all the same
            event("refused")
        seen.look(Progress(0.0, None, "", 0))
    return seen


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(st.tuples(MEASUREMENTS, WHERE), min_size=1, max_size=2),
    of_station=LIMITS, of_sample=st.one_of(st.none(), LIMITS),
    bench=st.tuples(
        st.sampled_from([0.1, 0.4]), st.sampled_from(["keithley2400", "keithley2600"])
    ),
)  # fmt: skip
def test_no_limit_is_passed(
    steps: list[tuple[dict[str, Any], dict[str, Any]]],
    of_station: dict[str, float],
    of_sample: dict[str, float] | None,
    bench: tuple[float, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder, (max_T, driver) = tmp_path_factory.mktemp("recipe"), bench
    about = {"name": "any", "sample": "J1", "on_failure": "continue"}
    if of_sample is not None:
        (folder / "chip.toml").write_text(tomli_w.dumps(of_sample), encoding="utf-8")
        about["sample_file"] = "chip.toml"
    recipe = {"recipe": about, "steps": [one | {"set": one["set"] | more} for one, more in steps]}
    (folder / "any.toml").write_text(tomli_w.dumps(recipe), encoding="utf-8")
    content = station_content(
        source_meter={"driver": driver, **of_station},
        magnet={"max_field_T": max_T, "ramp_T_per_min": 1.0},
        temperature={"min_K": 285.0, "max_K": 300.0},
        virtual={"junction": "resistor-1k", "speed": 10_000},
    )
    seen = carry_out(folder / "any.toml", Station(station_from(content, "station")), folder)
    both = [of_station] if of_sample is None else [of_station, of_sample]
    volts = min(one["max_voltage_V"] for one in both)
    amperes = min(one["max_current_A"] for one in both)
    assert seen.volts <= volts * ERROR + SLACK_V
    assert seen.amperes <= amperes * 1.01 + 1e-9
    assert seen.tesla <= max_T + SLACK_T
    assert all(285.0 <= one <= 300.0 for one in seen.kelvin)
