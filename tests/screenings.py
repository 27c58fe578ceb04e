"""What the tests of screening share: a small chip on a virtual station, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nanojunction.analysis.screening.verdicts import JunctionVerdict, Verdict
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import StationConfig, station_from
from nanojunction.procedures.live import Live
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.screening.begin import begin_or_resume
from nanojunction.procedures.screening.execute import Screening
from nanojunction.procedures.screening.stages import ScreeningPlan, plan_from
from nanojunction.procedures.stopping import StopRequest

RESISTORS = {"R100": 100.0, "R1k": 1e3, "R10k": 1e4}
BUILT_IN = {"R100": "resistor-100", "R1k": "resistor-1k", "R10k": "resistor-10k"}
LIMITS = "max_voltage_V = 0.15\nmax_current_A = 1e-3\n"


def station_of(
    junctions: Mapping[str, str], timeout_s: float = 5.0, **virtual: object
) -> StationConfig:
    """Return a virtual station with known resistors and these junctions behind a 2750.

    `timeout_s` is what its source-meter may take for an answer.
    """
    mounted = {**BUILT_IN, **junctions}
    positions = {name: {"normal": [101 + k]} for k, name in enumerate(mounted)}
    content = {
        "source_meter": {
            "driver": "keithley2400", "wires": 2, "max_voltage_V": 0.2, "max_current_A": 1.05e-3,
            "ramp_V_per_s": 0.5, "timeout_s": timeout_s,
        },
        "temperature": {"driver": "itc503", "min_K": 4, "max_K": 380, "ramp_K_per_min": 20},
        "switch": {"driver": "keithley2750", "short": [140], "positions": positions},
        "virtual": {"junctions": mounted, "speed": 1000,
                    "world": {"initial_temperature_K": 40.0}, **virtual},
    }  # fmt: skip
    return station_from(content, "test station")


def chip_text(junctions: Mapping[str, str], more: str = "", limits: str = LIMITS) -> str:
    """Return a chip file; `junctions` maps names to further keys of their entries."""
    resistors = "".join(
        f'[[calibrations]]\nname = "{name}"\nnominal_ohm = {ohm}\n'
        for name, ohm in RESISTORS.items()
    )
    entries = "".join(
        f'[[junctions]]\nname = "{name}"\n{keys}\n' for name, keys in junctions.items()
    )
    return f'name = "test chip"\n{limits}{resistors}{entries}{more}'


@dataclass(slots=True)
class Evening:
    """A screening in a folder; what a person would see of it is kept."""

    text: str
    config: StationConfig
    folder: Path
    on_progress: Callable[[Progress], None] = lambda _progress: None
    said: list[str] = field(default_factory=list)
    stop: StopRequest = field(default_factory=StopRequest)
    noted: list[JunctionVerdict] = field(default_factory=list)

    @property
    def plan(self) -> ScreeningPlan:
        """The plan of the chip file."""
        return plan_from(self.text, "chip.toml", self.config)

    def journal(self) -> Journal:
        """Open the journal."""
        self.folder.mkdir(exist_ok=True)
        return Journal(self.folder / NAME)

    def on(self, station: Station, *, resume: bool = False) -> bool:
        """Screen what is left on an open station; True if all is done."""
        self.noted.clear()
        with self.journal() as journal:
            begin_or_resume(journal, self.plan, self.config, "station.toml", resume=resume)
            measuring = Measuring(
                station, journal, self.stop, self.said.append, self.on_progress, Live(None)
            )
            return Screening(self.plan, measuring, self.noted.append).go()

    def verdicts(self) -> dict[str, Verdict]:
        """Return the verdicts that were noted, the last one of each junction."""
        return {one.junction: one.verdict for one in self.noted}

    def files(self) -> list[str]:
        """Return the stems of the run files."""
        return sorted(file.stem for file in self.folder.glob("*.csv"))
