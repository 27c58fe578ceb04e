"""Settings of a run that are allowed and yet hardly meant: a rule each, with what will happen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from nanojunction.instruments.ramps import LOOK_S
from nanojunction.procedures.at_fixed import AtFixed
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.quantities import parse_target
from nanojunction.procedures.recipes.estimate import Cost
from nanojunction.procedures.recipes.plan import PlannedRun
from nanojunction.procedures.recipes.show import clock_words
from nanojunction.procedures.recipes.timing import Pace
from nanojunction.procedures.temperature_series import TemperatureSeries

#: A leg with fewer points, or rows of an I(H), shows no slope or no switching field.
FEWEST_POINTS, FEWEST_ROWS = 5, 20
#: A stability window should pass more often than not, as far as the sensor's noise goes.
LIKELY = 0.5
#: What only a run that goes to a temperature, or to a field, looks at.
OF_TEMPERATURES = ("temperature_rate", "tolerance", "window", "timeout", "fixed_wait", "excursion")
OF_FIELDS = ("field_rate", "field_wait")
OF_STABILITY = ("tolerance", "window", "timeout")


@dataclass(frozen=True, slots=True)
class Case:
    """A run that is left to do, what it costs, and the pace of the station."""

    run: PlannedRun
    procedure: JunctionProcedure
    cost: Cost
    pace: Pace

    def place(self, key: str) -> str:
        """Return where a key was set; where it was not, the step."""
        return next((one.place for one in self.run.settings if one.key == key), self.run.place)

    def own(self, *keys: str) -> Iterator[tuple[str, str]]:
        """Yield (key, place) of those that the step itself sets: no default, and no loop."""
        for one in self.run.settings:
            if one.key in keys and ".set." in one.place:
                yield one.key, one.place


#: A place in the recipe, and what will happen there.
Thought = tuple[str, str]
Rule = Callable[[Case], Iterator[Thought]]


# Temperature


def time_out_before_stable(case: Case) -> Iterator[Thought]:
    """Find a time-out in which the sample cannot become stable."""
    run = case.procedure
    if not run.goes_to_temperatures() or run.fixed_wait or not run.window:
        return
    window_s, timeout_s = float(run.window), float(run.timeout)
    window, timeout = clock_words(window_s), clock_words(timeout_s)
    place = case.place("timeout" if any(case.own("timeout")) else "window")
    settling_s = _longest_settling_s(case)
    if window_s > timeout_s:
        yield place, f"the window of {window} does not fit into the time-out of {timeout}: it fails"
    elif settling_s + window_s > timeout_s:
        settling = f"settling ({clock_words(settling_s)}, {case.pace.settling.source})"
        words = f"{settling} and the window of {window} take longer than the time-out of {timeout}"
        yield place, f"{words}: it fails"


def _longest_settling_s(case: Case) -> float:
    run = case.procedure
    if not isinstance(run, TemperatureSeries):
        return case.cost.settling_s
    rate, tolerance_K = run.temperature_rate_K_per_min(), float(run.tolerance)
    ways = [stop - start for start, stop in pairwise(run.targets())]
    return max((case.pace.settling.seconds(way, rate, tolerance_K) for way in ways), default=0.0)


def tolerance_in_the_noise(case: Case) -> Iterator[Thought]:
    """Find a tolerance that the noise of the sensor alone leaves, if anybody knows it."""
    run, noise_K = case.procedure, noise_of(case.procedure)
    if not run.goes_to_temperatures() or run.fixed_wait or not noise_K:
        return
    readings = 1 + math.floor(float(run.window) / LOOK_S)
    likely = math.erf(float(run.tolerance) / noise_K / math.sqrt(2.0)) ** readings
    if likely < LIKELY:
        within = f"{readings} readings within ± {run.tolerance:g} K"
        words = (
            f"the sensor's noise of {noise_K:g} K leaves {within} in {likely:.2g} of all windows"
        )
        yield case.place("tolerance"), f"{words}: it may never count as stable"


def noise_of(procedure: JunctionProcedure) -> float | None:
    """Return the noise (K, standard deviation) of the sample's sensor; None if nobody knows it."""
    config = procedure.station.config
    if config.temperature is not None and config.temperature.noise_K is not None:
        return config.temperature.noise_K
    if config.virtual is None:
        return None
    from nanojunction.instruments.virtual.world.settings import WorldSettings

    return float(config.virtual.world.get("sensor_noise_K", WorldSettings().sensor_noise_K))


def no_temperature(case: Case) -> Iterator[Thought]:
    """Find what is set for a temperature that the run does not go to, or does not look at."""
    if not case.procedure.goes_to_temperatures():
        for key, place in case.own(*OF_TEMPERATURES):
            yield place, f"{key} has no effect: the run goes to no temperature"
    elif case.procedure.fixed_wait:
        for key, place in case.own(*OF_STABILITY):
            yield place, f"{key} has no effect: with fixed_wait no temperature is looked at"


# Field


def no_field(case: Case) -> Iterator[Thought]:
    """Find what is set for a field that the run does not go to."""
    run = case.procedure
    goes = bool(run.field_history().way())
    if not goes and not isinstance(run, IHSweep):
        for key, place in case.own(*OF_FIELDS):
            yield place, f"{key} has no effect: the run goes to no field"
    if run.field_first and (run.target_K() is None or not goes):
        for key, place in case.own("field_first"):
            yield place, f"{key} has no effect: the run does not go to both field and temperature"


def undone_field_history(case: Case) -> Iterator[Thought]:
    """Find a saturation that saturates nothing, and a demagnetisation that it undoes."""
    run = case.procedure
    saturate_T, target_T = parse_target(run.saturate, "T"), run.target_T()
    if saturate_T is None:
        return
    if target_T is not None and abs(saturate_T) < abs(target_T):
        words = f"{saturate_T:g} T saturates nothing that is then measured at {target_T:g} T"
        yield case.place("saturate"), words
    if run.degauss:
        words = f"what was demagnetised is saturated at {saturate_T:g} T right afterwards"
        yield case.place("degauss"), words


def coarse_loop(case: Case) -> Iterator[Thought]:
    """Find an I(H) with few rows from one end to the other."""
    run = case.procedure
    if not isinstance(run, IHSweep):
        return
    ramp, every_s = run.ramp(), max(float(run.interval), run.seconds_per_point())
    pitch_T = ramp.rate_T_per_min / 60.0 * every_s
    start, stop = max(ramp.legs(), key=lambda leg: abs(leg[1] - leg[0]))
    rows = 1 + math.ceil(abs(stop - start) / pitch_T)
    if rows < FEWEST_ROWS:
        pace = f"at {ramp.rate_T_per_min:g} T/min a row every {clock_words(every_s)}"
        words = f"{pace} is one every {1e3 * pitch_T:.3g} mT, {rows} from {start:g} to {stop:g} T"
        yield case.place("field_rate"), f"{words}: no switching field will be seen"


# Points


def few_points(case: Case) -> Iterator[Thought]:
    """Find an I(V) on whose points no slope rests."""
    run = case.procedure
    if not isinstance(run, IVSweep):
        return
    sweep = run.sweep()
    points = 1 + max(round(abs(stop - start) / sweep.step) for start, stop in sweep.legs())
    if points < FEWEST_POINTS:
        words = f"the longest leg has {points} points: too few for a slope with an honest error"
        yield case.place("step"), words


def faster_than_it_reads(case: Case) -> Iterator[Thought]:
    """Find an interval that a single reading exceeds."""
    run = case.procedure
    if not isinstance(run, AtFixed | IHSweep):
        return
    reading_s, interval_s = run.seconds_per_point(), float(run.interval)
    if 0.0 < interval_s < reading_s:
        reading = f"a reading ({clock_words(reading_s)} with its nplc, filter, autozero and settle)"
        words = f"{clock_words(interval_s)} is shorter than {reading}, which is what it becomes"
        yield case.place("interval"), words


def short_time(case: Case) -> Iterator[Thought]:
    """Find a duration in which there is one reading, or no time to be steady."""
    run = case.procedure
    if not isinstance(run, AtFixed) or not run.duration:
        return
    duration = clock_words(float(run.duration))
    if run.steady_for > run.duration:
        steady = clock_words(float(run.steady_for))
        words = f"{steady} does not fit into the duration of {duration}: it never counts as steady"
        yield case.place("steady_for"), words
    if run.planned_rows() == 1:
        yield case.place("duration"), f"{duration} is shorter than the interval: there is one row"


def broken_cycles(case: Case) -> Iterator[Thought]:
    """Find an integration time that is no whole number of cycles, though it has the time."""
    nplc = float(case.procedure.nplc)
    if nplc > 1.0 and nplc != round(nplc):
        words = f"{nplc:g} is no whole number of cycles of the mains, whose pickup stays"
        whole = f"{math.floor(nplc)} or {math.ceil(nplc)}"
        yield case.place("nplc"), f"{words} in the readings; {whole} averages it out"


RULES: tuple[Rule, ...] = (
    time_out_before_stable,
    tolerance_in_the_noise,
    no_temperature,
    no_field,
    undone_field_history,
    coarse_loop,
    few_points,
    faster_than_it_reads,
    short_time,
    broken_cycles,
)
