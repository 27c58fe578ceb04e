"""The safe state: source at zero, output open, leads shorted, magnet and heater by policy.

Every step is attempted even if the one before failed; what could not be done is returned in words,
one sentence an instrument, to be said loudly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import (
    ConnectionFailed,
    InstrumentFault,
    LaboratoryError,
    NoAnswer,
)
from nanojunction.instruments.ramps import Watch, field_arrived, ramp_field, ramp_level
from nanojunction.instruments.roles import MagnetState

if TYPE_CHECKING:
    from nanojunction.instruments.station import Station

#: The instrument, what has failed if the step fails, and the step.
Step = tuple[str, str, Callable[[], None]]
#: What an instrument is called whose output may still be on.
METER, OUTPUT_ON = "source-meter", "source-meter (output may be ON)"
_OUTPUT = "the output could not be opened"


class NotDone(str):
    """What could not be made safe at an `instrument`, in words; `is_silent`: it does not answer."""

    instrument: str
    is_silent: bool
    __slots__ = ("instrument", "is_silent")

    @classmethod
    def at(cls, instrument: str, words: str, *, is_silent: bool) -> NotDone:
        """Return the words with what they are about."""
        made = cls(words)
        made.instrument, made.is_silent = instrument, is_silent
        return made


def not_safe(failed: Iterable[str]) -> str:
    """Return what a person must know who now walks to the cryostat: first where to go.

    The details follow, one line for each of what `failed` says, none twice.
    """
    lines = list(dict.fromkeys(failed))
    known = [one for one in lines if isinstance(one, NotDone)]
    silent = list(dict.fromkeys(one.instrument for one in known if one.is_silent))
    others = [one.instrument for one in known if not one.is_silent]
    others = [one for one in dict.fromkeys(others) if one not in silent]
    parts = []
    if silent:
        parts.append(f"{', '.join(silent)} {'do' if len(silent) > 1 else 'does'} not answer")
    if others:
        parts.append(f"{', '.join(others)} could not be made safe")
    where = f"{'; '.join(parts)}: " if parts else ""
    head = f"NOT SAFE: {where}use the front panels"
    return "\n  ".join([head, *lines])


def source_to_safe(station: Station) -> list[str]:
    """Ramp the source to zero at its rate and open the output; return what could not be done."""
    return _attempt(station, _source_steps(station))


def magnet_to_hold(station: Station) -> list[str]:
    """Stop a ramp that a run has started; return what could not be done."""
    magnet = station.magnet_or_none
    if magnet is None or not station.magnet_in_use:
        return []

    def hold() -> None:
        if magnet.status().state is MagnetState.RAMPING:
            magnet.hold()

    carry_out = _second_chance(station, "magnet")

    return _attempt(
        station, iter([("magnet", "the magnet could not be stopped", lambda: carry_out(hold))])
    )


def rest_to_safe(station: Station, should_stop: Callable[[], bool]) -> list[str]:
    """Short the junctions, bring magnet and heater to their policy; return what could not be done.

    `should_stop` ends the wait for the field (a second Ctrl-C); the magnet then holds.
    """
    return _attempt(station, _policy_steps(station, should_stop))


def _attempt(station: Station, steps: Iterator[Step]) -> list[str]:
    failed: dict[str, list[tuple[str, Exception]]] = {}
    for instrument, what, step in steps:
        station.owner.beat()  # each may wait for an instrument that does not answer
        try:
            step()
        except Exception as problem:  # whatever it was: the steps that follow must be attempted
            failed.setdefault(instrument, []).append((what, problem))
    return [_not_done(instrument, problems) for instrument, problems in failed.items()]


def _not_done(instrument: str, problems: list[tuple[str, Exception]]) -> NotDone:
    """Return what failed at an instrument, each reason said once."""
    reasons: dict[str, list[str]] = {}
    for what, problem in problems:
        reasons.setdefault(str(problem) or type(problem).__name__, []).append(what)
    words = "; ".join(f"{', '.join(whats)}: {why}" for why, whats in reasons.items())
    if instrument == METER and any(what == _OUTPUT for what, _ in problems):
        instrument = OUTPUT_ON
    silent = all(isinstance(problem, NoAnswer | ConnectionFailed) for _, problem in problems)
    return NotDone.at(instrument, words, is_silent=silent)


def _second_chance(station: Station, role: str) -> Callable[[Callable[[], None]], None]:
    """Return what carries out a step: again, and over a new connection if the first one was lost.

    An instrument that cannot be reached again is not tried another time at each step.
    """
    reachable = True

    def carry_out(step: Callable[[], None]) -> None:
        nonlocal reachable
        try:
            step()
        except InstrumentFault:
            step()  # an answer may have been garbled; what is really wrong is wrong again
        except (NoAnswer, ConnectionFailed):
            if not reachable:
                raise
            reachable = False
            station.reconnect(role)
            reachable = True
            step()

    return carry_out


def _source_steps(station: Station) -> Iterator[Step]:
    meter, config = station.source_meter_or_none, station.config.source_meter
    if meter is None or config is None:
        return

    def to_zero() -> None:
        if meter.is_output_on():
            voltage = meter.source() == "voltage"
            rate = config.ramp_V_per_s if voltage else config.ramp_A_per_s
            # Bare: also from beyond the limits, where somebody else has left it, the way is down.
            ramp_level(meter.bare, 0.0, rate, Watch(station.clock))

    carry_out = _second_chance(station, "source_meter")
    yield METER, "the source could not be ramped to zero", lambda: carry_out(to_zero)
    yield (
        METER,
        "the level could not be set to zero",
        lambda: carry_out(lambda: meter.set_level(0.0)),
    )
    yield METER, _OUTPUT, lambda: carry_out(meter.output_off)


def _switch_steps(station: Station) -> Iterator[Step]:
    """Close the short where one is wired; contacts move only when the output is known to be open.

    A switch box that is turned by hand is left as it is: nobody may be there.
    """
    switch, config = station.switch_or_none, station.config.switch
    if switch is None or config is None or not config.short or not config.needs_address:
        return
    meter = station.source_meter_or_none
    if meter is None and station.config.source_meter is not None:
        return  # it does not answer, which is told elsewhere

    def to_short() -> None:
        if meter is not None and meter.is_output_on():
            raise LaboratoryError("the output is on, so no contact was moved")
        switch.short_all()

    yield (
        "switch",
        "the junctions could not be shorted",
        lambda: _second_chance(station, "switch")(to_short),
    )


def _policy_steps(station: Station, should_stop: Callable[[], bool]) -> Iterator[Step]:
    yield from _switch_steps(station)
    magnet, magnet_config = station.magnet_or_none, station.config.magnet
    if magnet is not None and magnet_config is not None:

        def to_policy() -> None:
            state = magnet.status().state
            if magnet_config.on_exit == "hold":
                # A supply that has quenched is left as it is: to hold would clear what it shows.
                if state is not MagnetState.QUENCHED:
                    magnet.hold()
                return
            rate = magnet_config.ramp_T_per_min
            magnet.prepare(should_stop)
            arrived = ramp_field(magnet, 0.0, rate, Watch(station.clock, should_stop))
            if not (arrived or field_arrived(magnet, 0.0)):
                raise LaboratoryError(
                    f"the wait was cut short at {magnet.field_T():g} T, where it holds"
                )

        if station.magnet_in_use:
            yield (
                "magnet",
                f"the magnet could not be brought to its policy ({magnet_config.on_exit})",
                lambda: _second_chance(station, "magnet")(to_policy),
            )
    temperature, temperature_config = station.temperature_or_none, station.config.temperature
    if (
        temperature is not None
        and temperature_config is not None
        and temperature_config.on_exit == "off"
    ):
        yield (
            "temperature controller",
            "the heater could not be switched off",
            lambda: _second_chance(station, "temperature")(temperature.heater_off),
        )
