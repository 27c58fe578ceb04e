"""Bringing a run to its temperature and field, and back to them after a disturbance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import LaboratoryError, MagnetLost
from nanojunction.instruments.ramps import Stability
from nanojunction.instruments.roles import MagnetState
from nanojunction.instruments.switching import (
    connect_junction,
    open_the_line,
    require_connected,
)
from nanojunction.procedures.disturbance import GivenUp, wait_for_magnet
from nanojunction.procedures.environment import FIELD, go_to_field, go_to_temperature
from nanojunction.procedures.run_parameters import ProcedureError

if TYPE_CHECKING:
    from nanojunction.procedures.base import JunctionProcedure

#: How often a run is suspended without a row in between, or a magnet lost on its way back.
MOST_IN_VAIN = 3


def go_there(run: JunctionProcedure) -> bool:
    """Go to temperature and field, where they are asked for; False when told to stop."""
    if run.should_stop():
        return False
    ways = [_to_temperature, _to_field]
    if run.field_first:
        ways.reverse()
    return all(way(run) for way in ways)


def connect(run: JunctionProcedure) -> bool:
    """Connect the position that is asked for; False when told to stop.

    Without one, raises LaboratoryError if the station's switch has nothing connected, unless that
    is what is asked for.
    """
    if run.open_line:
        return open_the_line(run.station, watch=run.watch())
    if not run.position:
        require_connected(run.station)
        return True
    return connect_junction(
        run.station, run.position, reverse=run.reverse, anew=run.contact_anew, watch=run.watch()
    )


def settle(run: JunctionProcedure, target_K: float) -> bool:
    """Go to a temperature and wait until the sample is stable; False when told to stop.

    With `heater_off` the heater is then switched off for the measurement.
    """
    run.environment.expected.temperature_K = None
    stability = Stability(run.tolerance, run.window, run.timeout, run.fixed_wait)
    rate = run.temperature_rate_K_per_min()
    if not go_to_temperature(run.station, target_K, rate, stability, run.watch()):
        return False
    if run.heater_off:
        run.heater_is_off = True
        run.station.temperature.heater_off()
    else:
        # After a fixed time the sample may be elsewhere for good: only a change from there counts.
        here_K = run.station.temperature.temperature_K() if run.fixed_wait else target_K
        run.environment.expected.temperature_K = here_K
    return True


def _to_temperature(run: JunctionProcedure) -> bool:
    target_K = run.target_K()
    return target_K is None or settle(run, target_K)


def _to_field(run: JunctionProcedure) -> bool:
    history = run.field_history()
    if history.way():
        rate = run.field_rate_T_per_min()
        if not history.go(run.station, rate, run.watch()):
            return False
        run.environment.expected.magnet_was_fine = True  # also if it quenches before the first row
        run.environment.expected.field_T = history.way()[-1]
        if not run.station.clock.sleep(run.field_wait, run.should_stop):
            return False
        return not run.persistent or run.station.magnet.go_persistent(run.should_stop)
    magnet = run.station.magnet_or_none
    if magnet is not None and magnet.status().state is MagnetState.RAMPING:
        raise ProcedureError(
            "the magnet is ramping, and the run asks for no field: wait until it holds, or "
            "say where to go (--set field=…)"
        )
    return True


def arrive(run: JunctionProcedure) -> bool:
    """Go to temperature and field, and try again after a quench on the way; False: told to stop.

    Raises GivenUp when nobody clears the magnet in `patience`, or it is lost again and again.
    """
    try:
        return go_there(run)
    except MagnetLost as why:
        run.emit("event", f"waits: {why}")
        return _until_back(run, why, go_there)


def suspend(run: JunctionProcedure, why: Exception) -> bool:
    """Open the output, wait until the conditions are back, go there again; False: told to stop.

    Raises GivenUp or NotStable when they do not come back in `patience` or `timeout`, and GivenUp
    when they have left `MOST_IN_VAIN` times without a row in between.
    """
    run.in_vain = run.in_vain + 1 if run.rows_emitted == run.rows_at_suspension else 1
    run.rows_at_suspension = run.rows_emitted
    if run.in_vain > MOST_IN_VAIN:
        raise GivenUp(f"suspended {MOST_IN_VAIN} times without a row in between: {why}")
    run.emit("event", f"suspended: {why}")
    run.de_energise()
    if not _until_back(run, why, _to_magnets_field if isinstance(why, MagnetLost) else _back_to_K):
        return False
    run.emit("event", "the conditions are back: goes on")
    return True


def _until_back(
    run: JunctionProcedure, why: Exception, way: Callable[[JunctionProcedure], bool]
) -> bool:
    """Go `way` once the magnet is fine; again if it is lost on it. False: told to stop."""
    for _ in range(MOST_IN_VAIN):
        is_lost = isinstance(why, MagnetLost)
        patience_s = run.patience / run.station.clock.speed if is_lost else None
        run.emit("suspended", {"why": str(why), "at_most_s": patience_s})
        if not wait_for_magnet(run.station, run.patience, run.watch()):
            return False
        try:
            is_back = way(run)
        except MagnetLost as again:
            run.emit("event", f"waits: {again}")
            why = again
        else:
            run.emit("resumed", None)
            return is_back
    raise GivenUp(f"the magnet was lost {MOST_IN_VAIN} times on its way: {why}")


def _back_to_K(run: JunctionProcedure) -> bool:
    return run.plateau_K is None or settle(run, run.plateau_K)


def _to_magnets_field(run: JunctionProcedure) -> bool:
    """Go back to the temperature, which a quench warms, and to the field that there was.

    A magnet that the run did not use is left alone.
    """
    if not _back_to_K(run):
        return False
    field_T = run.environment.first.get(FIELD)
    if run.field_history().way() or field_T is None or not run.station.magnet_in_use:
        return _to_field(run)
    return go_to_field(run.station, field_T, run.field_rate_T_per_min(), run.watch())


def heater_back_on(run: JunctionProcedure) -> list[str]:
    """Put the heater that the run has switched off back under control; return what failed.

    At the temperature that the sample has now: going back to another one is the next run's way,
    at its rate.
    """
    controller = run.station.temperature_or_none
    if not run.heater_is_off or controller is None:
        return []
    try:
        here_K = min(max(controller.temperature_K(), controller.min_K), controller.max_K)
        controller.prepare()
        controller.set_setpoint_K(here_K)
    except LaboratoryError as problem:
        return [f"the heater could not be switched on again: {problem}"]
    run.heater_is_off = False
    return []
