"""The commands of the trigger model of a channel: `smuX.trigger`.

Source: Series 2600B Reference Manual (2600BS-901-01), section 7, `smuX.trigger.…`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nanojunction.instruments.virtual.keithley2600 import settings as spec
from nanojunction.instruments.virtual.keithley2600.buffer_commands import buffers_of
from nanojunction.instruments.virtual.keithley2600.channel import (
    EVENTS,
    Channel,
    Measurement,
    Sweep,
)
from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.timeline import Detector
from nanojunction.instruments.virtual.keithley2600.tree import (
    Attribute,
    Entry,
    Function,
    Group,
    Parse,
    number,
    whole,
)

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2600.instrument import Keithley2600

_SWITCH = whole(0, 1)
#: Most points of a sweep that is given by its ends: a choice.
_POINTS = 1_000_000
#: Function of the source and largest level by the letter of a sweep.
_KINDS = {"v": (1, spec.MAX_LEVEL_V), "i": (0, spec.MAX_LEVEL_A)}


def trigger_group(
    k: Keithley2600,
    channel: Channel,
    name: str,
    setting: Callable[[str, Parse], Attribute],
) -> Group:
    """Return `smuX.trigger` of the channel `name`; `setting` makes an attribute of a setting."""

    def group(**entries: Entry) -> Group:
        return Group(name, **entries)

    def detector(which: str) -> dict[str, Entry]:
        return {
            "stimulus": setting(f"{which}_stimulus", whole()),
            "set": Function(lambda: _set(k, channel.detectors[which])),
        }

    source = group(
        action=setting("source_action", _SWITCH),
        limiti=setting("sweep_limiti", _limit(*spec.LIMITS_A)),
        limitv=setting("sweep_limitv", _limit(*spec.LIMITS_V)),
        **detector("source"),
    )
    for letter in _KINDS:
        source.entries[f"list{letter}"] = Function(_listed(channel, letter))
        source.entries[f"linear{letter}"] = Function(_linear(channel, letter))
        source.entries[f"log{letter}"] = Function(_logarithmic(channel, letter))
    measure = group(action=setting("measure_action", whole(0, 2)), **detector("measure"))
    for functions in ("v", "i", "r", "p", "iv"):
        measure.entries[functions] = Function(_measured(channel, functions))
    return group(
        count=setting("trigger_count", whole()),
        autoclear=setting("autoclear", _SWITCH),
        arm=group(count=setting("arm_count", whole()), **detector("arm")),
        source=source,
        measure=measure,
        endpulse=group(action=setting("endpulse_action", _SWITCH), **detector("endpulse")),
        endsweep=group(action=setting("endsweep_action", _SWITCH)),
        initiate=Function(lambda: _initiate(k, channel)),
        **{f"{event}_EVENT_ID": channel.event(event) for event in EVENTS},
    )


def _initiate(k: Keithley2600, channel: Channel) -> None:
    if channel.busy:
        raise TspError(5042)
    if channel.measurement is not None and channel.smu.settings.measure_action:
        k.refuse_shared(channel.measurement.buffers)
    channel.initiate(k.time_s)


def _set(k: Keithley2600, detector: Detector) -> None:
    """Make a detector take what it waits for."""
    k.timeline.detect(detector, k.time_s)


def _limit(low: float, high: float) -> Parse:
    """Return what takes a limit of a sweep; 0 uses that of the source."""
    within = number(low, high)
    return lambda value: 0.0 if number()(value) == 0.0 else within(value)


def _keep(channel: Channel, letter: str, levels: Sequence[float]) -> None:
    function, most = _KINDS[letter]
    within = number(-most, most)
    channel.sweep = Sweep(function, [within(level) for level in levels])


def _listed(channel: Channel, letter: str) -> Callable[..., None]:
    def listed(levels: Any = None) -> None:
        if not isinstance(levels, list) or not levels:
            raise TspError(1400)
        _keep(channel, letter, levels)

    return listed


def _linear(channel: Channel, letter: str) -> Callable[..., None]:
    def linear(start: Any = None, stop: Any = None, points: Any = None) -> None:
        first, last, count = number()(start), number()(stop), whole(2, _POINTS)(points)
        step = (last - first) / (count - 1)
        _keep(channel, letter, [first + step * k for k in range(count - 1)] + [last])

    return linear


def _logarithmic(channel: Channel, letter: str) -> Callable[..., None]:
    def logarithmic(
        start: Any = None, stop: Any = None, points: Any = None, asymptote: Any = 0.0
    ) -> None:
        zero = number()(asymptote)
        first, last = number()(start) - zero, number()(stop) - zero
        count = whole(2, _POINTS)(points)
        if first * last <= 0.0 or not math.isfinite(first * last):
            raise TspError(-222)
        factor = (last / first) ** (1.0 / (count - 1))
        _keep(channel, letter, [zero + first * factor**k for k in range(count)])

    return logarithmic


def _measured(channel: Channel, functions: str) -> Callable[..., None]:
    def measured(*buffers: Any) -> None:
        found = tuple(buffers_of(buffers))
        if len(found) != len(functions):
            raise TspError(1400)
        channel.measurement = Measurement(functions, found)

    return measured
