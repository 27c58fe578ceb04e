"""The demo's measurements: what is mounted, and what is measured on it, in order.

A campaign as a laboratory would plan it for the papers' figures: offsets of the line first, then
the junctions by temperature. It names no result: the numbers are found in the run files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import StationConfig, station_from
from nanojunction.models.junction import JunctionLaw
from nanojunction.models.population import load_batch
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.registry import load_procedure
from nanojunction.procedures.runner import Outcome, run_procedure
from nanojunction.procedures.stopping import StopRequest


@dataclass(frozen=True, slots=True)
class Step:
    """One run: the junction to mount, the procedure, its settings, and the run file's name.

    `junction` is a built-in name, a junction file or a law; the sample is named after it unless
    `sample` says otherwise. `batch` is the folder of a batch's runs, empty for the campaign's own.
    `weight` is the step's share of the campaign's duration, for the progress bar only.
    """

    junction: str | JunctionLaw
    procedure: str
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0
    batch: str = ""
    sample: str = ""

    @property
    def sample_name(self) -> str:
        """The junction's name, as it stands in the run file."""
        if self.sample or not isinstance(self.junction, str):
            return self.sample
        return Path(self.junction).stem


LINE = {"vmax": "10 mV", "step": "500 uV"}
#: Katcko 2019, Fig. 2: ±10 mV at 500 µV; finer where features are looked for.
KATCKO = {"vmax": "10 mV", "step": "500 uV", "repeats": "2", "measure_range": "1 uA"}
PEAK = {"vmax": "6 mV", "step": "100 uV", "repeats": "2", "measure_range": "1 uA"}
FINE = {"vmax": "1.5 mV", "step": "25 uV", "repeats": "3", "measure_range": "1 uA"}
LOOP = {
    "fields": "-0.2 T, 0.06 T, -0.2 T",
    "field_rate": "0.02 T/min",
    "interval": "2 s",
    "measure_range": "1 uA",
}
#: Enough to tell open, short, ohmic and generating junctions apart, gently.
ONE_OF_MANY = {
    "turning_points": "0, 10 mV, -10 mV, 0",
    "step": "2 mV",
    "compliance": "250 uA",
    "environment_interval": "1 h",
}
#: Chowrira 2020, Fig. 3.
C_SWEEP = {"vmax": "5 mV", "step": "100 uV", "measure_range": "1 mA"}
C_LOOP = {
    "fields": "-0.6 T, 0.6 T, -0.6 T",
    "field_rate": "0.06 T/min",
    "interval": "4 s",
    "measure_range": "100 uA",
}


def calibrations() -> Iterator[Step]:
    """The measuring line, on known resistors."""
    for name, ohm in (("100", "100 ohm"), ("1k", "1 kohm"), ("10k", "10 kohm")):
        settings = {**LINE, "nominal": ohm, "repeats": "2"}
        yield Step(f"resistor-{name}", "calibrate", f"resistor-{name}_295K", settings)


def mtj() -> Iterator[Step]:
    """Katcko's MTJ at 295 K: P at −2000 Oe, AP at 250 Oe approached from there."""
    for state, oersted in (("P", "-2000 Oe"), ("AP", "250 Oe")):
        where = {"field": oersted, "field_rate": "0.5 T/min", "state": state}
        yield Step("MTJ", "iv", f"MTJ_295K_{state}_10mV", {**KATCKO, **where})
        yield Step("MTJ", "iv", f"MTJ_295K_{state}_6mV", {**PEAK, **where}, 3)
        yield Step("MTJ", "iv", f"MTJ_295K_{state}_1.5mV", {**FINE, **where}, 3)
    for millivolts in (5, 10):
        settings = {**LOOP, "voltage": f"{millivolts} mV"}
        yield Step("MTJ", "ih", f"MTJ_295K_IH_{millivolts}mV", settings, 2)


def junction_a() -> Iterator[Step]:
    """Chowrira's A: metallic, with features near V = 0."""
    quiet = {"tolerance": "50 mK", "window": "120 s"}  # features are small beside a drift of I_off
    at_240 = {"field": "0 T", "temperature": "240 K", "measure_range": "100 uA", **quiet}
    yield Step("A", "iv", "A_240K_10mV", {**LINE, "repeats": "2", **at_240})
    fine = {"vmax": "1.5 mV", "step": "25 uV", "repeats": "4", "measure_range": "100 uA"}
    yield Step("A", "iv", "A_240K_1.5mV", fine, 4)
    at_40 = {"temperature": "40 K", "measure_range": "100 uA"}
    yield Step("A", "iv", "A_40K_10mV", {**LINE, "repeats": "2", **at_40}, 2)


def junction_c() -> Iterator[Step]:
    """Chowrira's C at 40 K: two magnetic states."""
    for tesla in ("0 T", "-0.5 T"):
        name = f"C_40K_{tesla.replace(' ', '')}"
        yield Step("C", "iv", name, {**C_SWEEP, "field": tesla, "temperature": "40 K"})
    for millivolts in ("2.13", "2.67", "2.76"):
        settings = {**C_LOOP, "voltage": f"{millivolts} mV"}
        yield Step("C", "ih", f"C_40K_IH_{millivolts}mV", settings, 3)


def junction_b() -> Iterator[Step]:
    """Chowrira's B from 40 to 360 K, and what is left of it once it is degraded."""
    degraded = {"vmax": "10 mV", "step": "500 uV", "field": "0 T", "temperature": "40 K"}
    yield Step("B-degraded", "iv", "B-degraded_40K", degraded)
    cold = {
        "temperatures": "40, 50, 60, 70, 80, 90, 105 K",
        "turning_points": "0, 120 mV, -120 mV, 0",
        "step": "1 mV",
        "measure_range": "1 mA",
    }
    yield Step("B", "temperature-series", "B_40K-105K", cold, 9)
    warm = {
        "temperatures": "120, 140, 160, 180, 210, 240, 295, 360 K",
        "turning_points": "0, 40 mV, -40 mV, 0",
        "step": "0.4 mV",
        "measure_range": "100 uA",
    }
    yield Step("B", "temperature-series", "B_120K-360K", warm, 9)


def batch(name: str, seed: int, temperature: str) -> Iterator[Step]:
    """Yield one short I(V) on each junction of a batch, built in or a batch file's."""
    first = {"temperature": temperature, "field": "0 T"}
    for device in load_batch(name, seed):
        settings = {**ONE_OF_MANY, **first}
        yield Step(device.law, "iv", device.name, settings, 0.05, Path(name).stem, device.name)
        first = {}


def steps() -> tuple[Step, ...]:
    """Return the papers' junctions, in an order that saves changes of temperature."""
    return (*calibrations(), *mtj(), *junction_a(), *junction_c(), *junction_b())


def with_batches(seed: int) -> tuple[Step, ...]:
    """Return the whole campaign: the papers' junctions, and their batches drawn with `seed`."""
    chip, tunnel = batch("chowrira-193", seed, "40 K"), batch("katcko-216", seed, "295 K")
    return (
        *calibrations(), *mtj(), *tunnel, *junction_a(), *junction_c(), *chip, *junction_b(),
    )  # fmt: skip


def station(seed: int) -> StationConfig:
    """Return the demo's station: a virtual cryostat, a thousand times faster than a real one."""
    content: dict[str, Any] = {
        "station": {"name": "Virtual cryostat of the demo"},
        "source_meter": {
            "driver": "keithley2400",
            "wires": 4,
            "max_voltage_V": 0.2,
            "max_current_A": 1.05e-3,
            "ramp_V_per_s": 0.5,
        },
        "magnet": {"driver": "ips120_10", "max_field_T": 1.0, "ramp_T_per_min": 0.5},
        "temperature": {"driver": "itc503", "min_K": 4, "max_K": 380, "ramp_K_per_min": 20},
        "virtual": {"junction": "resistor-100", "speed": 1000, "seed": seed},
    }
    return station_from(content, "the demo's station")


def measure(
    on: Station,
    campaign: tuple[Step, ...],
    folder: Path,
    stop: StopRequest,
    show: Callable[[float, str], None],
) -> list[Outcome]:
    """Measure a campaign on a virtual station; `show` is told the percent done and words.

    Raises LaboratoryError at the first run that does not finish.
    """
    total, done = sum(step.weight for step in campaign), 0.0
    mounted: str | JunctionLaw = ""
    outcomes = []
    for step in campaign:
        if step.junction != mounted:
            on.bench.mount(step.junction)
            mounted = step.junction
        # A clock a thousand times faster makes seconds of an exchange.
        settings = {"compliance_dwell": "0", **step.settings}
        procedure = load_procedure(step.procedure)(sample=step.sample_name, **settings)

        def tell(progress: Progress, done: float = done, step: Step = step) -> None:
            show(
                100.0 * done / total + step.weight * progress.percent / total,
                f"{step.name}{f': {progress.words}' if progress.words else ''}",
            )

        outcome = run_procedure(
            procedure, on, folder / step.batch, name=step.name, stop=stop, on_progress=tell
        )
        if not outcome.ok:
            raise LaboratoryError(
                f"{step.name} {outcome.status}: {outcome.error or 'stopped'}; "
                f"{outcome.rows} rows in {outcome.file}"
            )
        outcomes.append(outcome)
        done += step.weight
    return outcomes
