"""How long a plan takes, run by run: ramps, settling, field, points, and the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from nanojunction.instruments.drivers.source_meters import LEVELS_A_MESSAGE
from nanojunction.instruments.station import Station
from nanojunction.procedures.at_fixed import AtFixed
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.buffered import BETWEEN_POINTS_S, points_per_list
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.recipes.timing import SWITCH_S, Pace, Place
from nanojunction.procedures.sweep import Sweep
from nanojunction.procedures.temperature_series import TemperatureSeries

#: Changes of range that an autoranging meter makes on a leg, for each decade of its points: what
#: a leg through zero takes on the virtual junctions. Each of them is another conversion.
RANGE_CHANGES_PER_DECADE = 3.0
#: In a coarse sweep it skips ranges: so many changes for each decade between twice the step and the
#: end, on the way from 0 or to it. And what it takes at first, down from the compliance's range.
COARSE_CHANGES_PER_DECADE, FIRST_RANGE_CHANGES = 2.8, 2.0
#: Exchanges to connect a position: shorted, opened, closed, the short removed, each asked back.
SWITCH_EXCHANGES = 20
#: Exchanges for a list that the source-meter runs by itself, beside the messages with its levels.
LIST_EXCHANGES = 3
#: Exchanges with the magnet to start a leg of an I(H), and these with those that see its end.
START_EXCHANGES, SEEN_EXCHANGES = 2, 6


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the station's clock, by what they are spent on; `rows` is None if not known."""

    ramping_s: float = 0.0
    settling_s: float = 0.0
    window_s: float = 0.0
    field_s: float = 0.0
    resting_s: float = 0.0
    measuring_s: float = 0.0
    other_s: float = 0.0
    rows: int | None = 0

    @property
    def approach_s(self) -> float:
        """The way to temperature and field, and the junction's rest there."""
        return self.ramping_s + self.settling_s + self.window_s + self.field_s + self.resting_s

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.approach_s + self.measuring_s + self.other_s

    def __add__(self, other: Cost) -> Cost:
        """Add up; rows that are not known make the sum not known."""
        seconds = {
            one.name: getattr(self, one.name) + getattr(other, one.name)
            for one in fields(Cost)
            if one.name != "rows"
        }
        known = self.rows is not None and other.rows is not None
        return Cost(**seconds, rows=(self.rows or 0) + (other.rows or 0) if known else None)


def timed(
    procedures: Sequence[JunctionProcedure], start: Place, pace: Pace
) -> tuple[tuple[Cost, ...], Place]:
    """Return the cost of each run, one after the other from `start`, and where they end.

    The procedures must be attached to a station, on paper or open.
    """
    costs, place = [], start
    for procedure in procedures:
        cost, place = cost_of(procedure, place, pace)
        costs.append(cost)
    return tuple(costs), place


def cost_of(procedure: JunctionProcedure, place: Place, pace: Pace) -> tuple[Cost, Place]:
    """Return what a run costs from `place` on, and where it leaves the cryostat.

    A run that goes on after earlier parts costs what is left of its points, and all of its rest.
    """
    station = procedure.station
    cost = Cost(other_s=pace.run_s + pace.after_run_s, rows=_rows_left(procedure, pace))
    if (target_K := procedure.target_K()) is not None:
        cost += _temperature(procedure, place.temperature_K, target_K, pace)
        place = replace(place, temperature_K=target_K)
    for target_T in procedure.field_history().way():
        field, place = _field(procedure, station, place, target_T, pace)
        cost += field
    if procedure.field_history().way():
        cost += Cost(field_s=float(procedure.field_wait))
    if procedure.persistent:
        cost += _to_persistent(procedure, station, place, pace)
        place = replace(place, is_switch_open=False)
    if procedure.position or procedure.open_line:
        cost += Cost(other_s=pace.of("switch", SWITCH_EXCHANGES))
    cost += Cost(resting_s=float(procedure.rest) * _rests(procedure))
    if isinstance(procedure, TemperatureSeries):
        more, place = _series(procedure, place, pace)
    elif isinstance(procedure, IVSweep):
        more = Cost(measuring_s=_sweep(procedure, pace) * _share_left(procedure))
    elif isinstance(procedure, IHSweep):
        more, place = _loop(procedure, station, place, pace)
    elif isinstance(procedure, AtFixed):
        more = Cost(measuring_s=_at_fixed(procedure, pace) * _share_left(procedure))
    else:  # a laboratory's own: it knows its points, bus and rest are ours
        per_row = pace.of("source_meter") * (procedure.planned_rows() or 0)
        seconds = float(procedure.get_estimates() or 0.0) + per_row
        more = Cost(measuring_s=seconds * _share_left(procedure))
    return cost + more, place


def _rows_left(procedure: JunctionProcedure, pace: Pace) -> int | None:
    if isinstance(procedure, IHSweep):
        rows = sum(steps + 1 for steps in _leg_steps(procedure, pace))
        return max(0, rows - procedure.rows_done)
    planned = procedure.planned_rows()
    return None if planned is None else planned - procedure.rows_done


def _rests(procedure: JunctionProcedure) -> int:
    """Return how often the junction rests: once, or at every temperature that is left."""
    if not isinstance(procedure, TemperatureSeries):
        return 1
    return len(procedure.targets()) - procedure.rows_done // len(procedure.sweep())


def _share_left(procedure: JunctionProcedure) -> float:
    planned = procedure.planned_rows()
    return 1.0 if not planned else 1.0 - procedure.rows_done / planned


def _temperature(procedure: JunctionProcedure, start_K: float, target_K: float, pace: Pace) -> Cost:
    """Ramp the setpoint, settle, and stay within the tolerance for the window."""
    rate = float(procedure.temperature_rate or procedure.station.temperature.max_rate_K_per_min)
    way = target_K - start_K
    if procedure.fixed_wait:
        return Cost(
            ramping_s=60.0 * abs(way) / rate + pace.look_s + pace.of("temperature", 4.0),
            window_s=float(procedure.fixed_wait),
        )
    return Cost(
        ramping_s=60.0 * abs(way) / rate + pace.look_s + pace.of("temperature", 4.0),
        settling_s=pace.settling.seconds(way, rate, float(procedure.tolerance)),
        window_s=float(procedure.window) + (pace.look_s if procedure.window else 0.0),
    )


def _field(
    procedure: JunctionProcedure, station: Station, place: Place, target_T: float, pace: Pace
) -> tuple[Cost, Place]:
    """Open the switch if it is closed, ramp, and wait until the magnet holds."""
    rate = float(procedure.field_rate or station.magnet.max_rate_T_per_min)
    seconds = 60.0 * abs(target_T - place.field_T) / rate + pace.of("magnet", 10.0)
    if target_T != place.field_T:
        seconds += pace.look_s
    if not place.is_switch_open:
        seconds += SWITCH_S
    there = replace(place, field_T=target_T, is_switch_open=True)
    return Cost(field_s=seconds), there


def _to_persistent(
    procedure: JunctionProcedure, station: Station, place: Place, pace: Pace
) -> Cost:
    """Close the switch and run the leads down; they come up again before the next ramp."""
    rate = float(procedure.field_rate or station.magnet.max_rate_T_per_min)
    leads_s = 60.0 * abs(place.field_T) / rate
    return Cost(field_s=SWITCH_S + 2.0 * leads_s + pace.of("magnet", 20.0))


def _sweep(procedure: IVSweep, pace: Pace) -> float:
    """Ramp to the first level, measure every point, ramp back."""
    sweep = procedure.sweep()
    points, per_point = len(sweep), procedure.seconds_per_point()
    if at_once := points_per_list(procedure):
        lists = math.ceil(points / at_once)
        exchanges = LIST_EXCHANGES * lists + points / LEVELS_A_MESSAGE
        seconds = points * (per_point + BETWEEN_POINTS_S) + pace.of("source_meter", exchanges)
        chances = lists if procedure.environment_interval else 2 * lists
    else:
        per_point += pace.of("source_meter")
        seconds = points * per_point
        if not procedure.measure_range:
            changes = _range_changes(sweep) if pace.changes_ranges else FIRST_RANGE_CHANGES
            seconds += changes * (procedure.seconds_per_point() - procedure.settle)
        chances = points
    seconds += _environment(procedure, seconds, chances, pace)
    ends = abs(sweep.turning_points[0]) + abs(sweep.turning_points[-1])
    return seconds + _source_ramp(procedure, ends)


def _range_changes(sweep: Sweep) -> float:
    """Return about how often an autoranging meter changes its range during a sweep."""
    return FIRST_RANGE_CHANGES + sum(
        min(_fine(start, stop, sweep.step), _coarse(start, stop, sweep.step))
        for start, stop in sweep.legs()
    )


def _fine(start: float, stop: float, step: float) -> float:
    return RANGE_CHANGES_PER_DECADE * math.log10(1.0 + abs(stop - start) / step)


def _coarse(start: float, stop: float, step: float) -> float:
    ways = (abs(start), abs(stop)) if start * stop < 0.0 else (abs(stop - start),)
    decades = (math.log10(max(1.0, way / step / 2.0)) for way in ways)
    return COARSE_CHANGES_PER_DECADE * sum(decades)


def _environment(procedure: JunctionProcedure, seconds: float, chances: int, pace: Pace) -> float:
    """Return what reading field and temperatures adds to points that take `seconds`.

    They are read at the first of the `chances` (a row, a list) after each interval, which counts
    from the beginning of the reading before.
    """
    between = seconds / chances
    wait_s = float(procedure.environment_interval) - pace.environment_s
    every = between * max(1, math.ceil(wait_s / between))
    return min(chances, 1 + seconds / every) * pace.environment_s


def _source_ramp(procedure: JunctionProcedure, way: float) -> float:
    config = procedure.station.config.source_meter
    if config is None:
        return 0.0
    return way / (config.ramp_V_per_s if procedure.SOURCE == "voltage" else config.ramp_A_per_s)


def _series(procedure: TemperatureSeries, place: Place, pace: Pace) -> tuple[Cost, Place]:
    """Go to each temperature that is not measured yet, and measure the sweep there."""
    targets, points = procedure.targets(), len(procedure.sweep())
    finished = procedure.rows_done // points
    cost, once = Cost(), _sweep(procedure, pace)
    for target in targets[finished:]:
        cost += _temperature(procedure, place.temperature_K, target, pace)
        place = replace(place, temperature_K=target)
    left = len(targets) - procedure.rows_done / points
    return cost + Cost(measuring_s=once * left), place


def _loop(procedure: IHSweep, station: Station, place: Place, pace: Pace) -> tuple[Cost, Place]:
    """Go to the first field, then along the legs; each ends when the magnet is seen to hold."""
    ramp = procedure.ramp()
    approach, place = _field(procedure, station, place, ramp.turning_points[0], pace)
    per_row, every = _row_s(procedure, pace)
    per_leg = per_row + pace.of("magnet", SEEN_EXCHANGES)
    seconds = sum(steps * every + per_leg for steps in _leg_steps(procedure, pace))
    seconds += 2.0 * _source_ramp(procedure, abs(float(procedure.voltage)))
    end = replace(place, field_T=ramp.turning_points[-1])
    return approach + Cost(measuring_s=seconds), end


def _row_s(procedure: IHSweep, pace: Pace) -> tuple[float, float]:
    """Return what a row of an I(H) takes (s), and the time from one to the next.

    The field is read before and after it, and the environment where that is due.
    """
    row_s = procedure.seconds_per_point() + pace.of("source_meter") + pace.of("magnet", 2.0)
    every = max(float(procedure.interval), row_s)
    due = every / max(float(procedure.environment_interval), every)
    row_s += due * pace.environment_s
    return row_s, max(float(procedure.interval), row_s)


def _leg_steps(procedure: IHSweep, pace: Pace) -> list[int]:
    """Return for each leg how many rows follow its first one: the last is at or after its end."""
    ramp, (_, every) = procedure.ramp(), _row_s(procedure, pace)
    ahead_s = pace.of("magnet", START_EXCHANGES)  # the field ramps before the first row
    ways = [60.0 * abs(stop - start) / ramp.rate_T_per_min for start, stop in ramp.legs()]
    return [math.ceil(max(0.0, seconds - ahead_s) / every) for seconds in ways]


def _at_fixed(procedure: AtFixed, pace: Pace) -> float:
    """Return at most the duration; without one at least the time that must be steady."""
    pace_s = max(float(procedure.interval), procedure.seconds_per_point())
    rows = procedure.planned_rows()
    seconds = float(procedure.duration or procedure.steady_for)
    if procedure.interval <= procedure.seconds_per_point() and rows:
        seconds += rows * pace.of("source_meter")
        seconds += _environment(procedure, seconds, rows, pace)
    return seconds + pace_s / 2.0 + 2.0 * _source_ramp(procedure, procedure.largest_level())
