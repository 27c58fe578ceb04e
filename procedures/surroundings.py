"""Bringing a run to its temperature and field, and back to them after a disturbance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ramps import Stability
from nanojunction.instruments.roles import MagnetState
from nanojunction.instruments.switching import connect_junction, require_connected
from nanojunction.procedures.disturbance import wait_for_magnet
from nanojunction.procedures.environment import go_to_field, go_to_temperature
from nanojunction.procedures.run_parameters import ProcedureError

if TYPE_CHECKING:
    from nanojunction.procedures.base import JunctionProcedure


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

    Without one, raises LaboratoryError if the station's switch has nothing connected.
    """
    if not run.position:
        require_connected(run.station)
        return True
    return connect_junction(run.station, run.position, reverse=run.reverse, watch=run.watch())


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
        run.station.temperature.heater_off()
    else:
        run.environment.expected.temperature_K = target_K
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


def suspend(run: JunctionProcedure, why: Exception, field_T: float | None) -> bool:
    """Open the output, wait until the conditions are back, go there again; False: told to stop.

    `field_T` is the field to go back to where the run asked for none. Raises Disturbed or
    NotStable when the conditions do not come back in `patience`.
    """
    run.emit("event", f"suspended: {why}")
    run.de_energise()
    if not wait_for_magnet(run.station, run.patience, run.watch()):
        return False
    if run.plateau_K is not None and not settle(run, run.plateau_K):
        return False
    if run.field_history().way():
        arrived = _to_field(run)
    elif field_T is not None and run.station.magnet_or_none is not None:
        rate = run.field_rate_T_per_min()
        arrived = go_to_field(run.station, field_T, rate, run.watch())
    else:
        arrived = True
    if arrived:
        run.emit("event", "the conditions are back: goes on")
    return arrived


def heater_back_on(run: JunctionProcedure) -> list[str]:
    """Put the heater that the run has switched off back under control; return what failed."""
    if not run.heater_off or run.plateau_K is None or run.station.temperature_or_none is None:
        return []
    try:
        run.station.temperature.prepare()
        run.station.temperature.set_setpoint_K(run.plateau_K)
    except LaboratoryError as problem:
        return [f"the heater could not be switched on again: {problem}"]
    return []
