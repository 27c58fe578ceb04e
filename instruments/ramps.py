"""Slow changes that can be stopped at any moment: ramps of level, field and temperature, and waits.

Every wait takes `should_stop` and returns False when it cut the wait short. What does not arrive
in time raises: a wait never ends in silence.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import LaboratoryError, MagnetLost
from nanojunction.instruments.limits import LimitedMagnet, LimitedTemperature
from nanojunction.instruments.roles import MagnetState, SourceMeter

ShouldStop = Callable[[], bool]
Report = Callable[[str], None]


class Place(Protocol):
    """Takes what a wait has read, and where it goes to: `temperature_K`, `target_K`, `field_T`…"""

    def __call__(self, **read: float) -> None:
        """Take them."""


def nowhere(**_read: float) -> None:
    """Tell nobody."""


#: Time (s) between two steps of a ramp of the source, and between two looks at a slow instrument.
LEVEL_STEP_S = 0.05
LOOK_S = 1.0
#: Field (T) within which a ramp counts as arrived.
ARRIVED_T = 5e-4


class NotStable(LaboratoryError):
    """A temperature did not become stable in time, or a magnet did not arrive."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What every wait needs: the clock, when to stop, and whom to tell."""

    clock: Clock
    should_stop: ShouldStop = lambda: False
    report: Report = lambda _words: None
    place: Place = nowhere


@dataclass(frozen=True, slots=True)
class Stability:
    """Stable means within ±`tolerance_K` of the setpoint during `window_s`.

    It counts as failed `timeout_s` after the ramp of the setpoint has ended. With `fixed_s` nothing
    is looked at: that time is waited after the ramp.
    """

    tolerance_K: float = 0.2
    window_s: float = 60.0
    timeout_s: float = 3600.0
    fixed_s: float = 0.0


def ramp_level(meter: SourceMeter, target: float, rate_per_s: float, watch: Watch) -> bool:
    """Ramp the source's level (V or A) to `target` in small steps at `rate_per_s`."""
    level = meter.level()
    while level != target:
        if watch.should_stop():
            return False
        step = rate_per_s * LEVEL_STEP_S
        way = target - level
        level = target if abs(way) <= step else level + math.copysign(step, way)
        meter.set_level(level)
        if level != target:
            watch.clock.sleep(LEVEL_STEP_S)
    return True


def ramp_field(
    magnet: LimitedMagnet,
    target_T: float,
    rate_T_per_min: float,
    watch: Watch,
) -> bool:
    """Ramp the magnet and wait until it holds at `target_T`; stops where it is when told to.

    Raises MagnetLost on a quench or a fault, NotStable when it takes twice as long as it
    should (and a minute).
    """
    expected_s = 60.0 * abs(target_T - magnet.field_T()) / rate_T_per_min
    deadline = watch.clock.now() + 60.0 + 2.0 * expected_s
    magnet.ramp_to(target_T, rate_T_per_min)
    while True:
        is_late = watch.clock.now() > deadline  # looked at first: this computer may be the late one
        if field_arrived(magnet, target_T):
            return True
        if is_late:
            raise NotStable(
                f"the field did not reach {target_T:g} T in {60 + 2 * expected_s:.0f} s, "
                f"it is {magnet.field_T():g} T; is the supply limited, or its switch closed?"
            )
        field_T = magnet.field_T()
        watch.place(field_T=field_T, target_T=target_T)
        watch.report(f"ramping the field to {target_T:g} T, now {field_T:.4f} T")
        if not watch.clock.sleep(LOOK_S, watch.should_stop):
            magnet.hold()
            return False


def field_arrived(magnet: LimitedMagnet, target_T: float) -> bool:
    """Tell whether the magnet holds at `target_T`; raises MagnetLost on a quench or fault."""
    status = magnet.status()
    if status.state in (MagnetState.QUENCHED, MagnetState.FAULT, MagnetState.CLAMPED):
        raise MagnetLost(f"the magnet does not ramp: {status.detail or status.state}")
    return status.state is MagnetState.HOLDING and abs(magnet.field_T() - target_T) <= ARRIVED_T


def settle_temperature(
    controller: LimitedTemperature,
    target_K: float,
    rate_K_per_min: float,
    stability: Stability,
    watch: Watch,
) -> bool:
    """Ramp the setpoint to `target_K` and wait until the sample is stable there.

    Raises NotStable, with what was measured last, when the time-out passes first.
    """
    controller.check(target_K, rate_K_per_min)
    if not _ramp_setpoint(controller, target_K, rate_K_per_min, watch):
        return False
    if stability.fixed_s:
        watch.place(temperature_K=controller.temperature_K(), target_K=target_K)
        watch.report(f"waiting for {stability.fixed_s:g} s at {target_K:g} K")
        return watch.clock.sleep(stability.fixed_s, watch.should_stop)
    seen: deque[tuple[float, float]] = deque()
    deadline = watch.clock.now() + stability.timeout_s
    while True:
        now, temperature = watch.clock.now(), controller.temperature_K()
        seen.append((now, temperature))
        while len(seen) > 2 and seen[1][0] <= now - stability.window_s:
            seen.popleft()
        worst = max(abs(value - target_K) for _, value in seen)
        if worst <= stability.tolerance_K and seen[0][0] <= now - stability.window_s:
            return True
        watch.place(temperature_K=temperature, target_K=target_K)
        watch.report(f"waiting for {target_K:g} K to be stable, now {temperature:.3f} K")
        if now > deadline:
            raise NotStable(
                f"the sample was not within ±{stability.tolerance_K:g} K of {target_K:g} K for "
                f"{stability.window_s:g} s within {stability.timeout_s:g} s: last "
                f"{temperature:.3f} K; widen the tolerance, wait longer, or look at the heater"
            )
        if not watch.clock.sleep(LOOK_S, watch.should_stop):
            return False


def _ramp_setpoint(
    controller: LimitedTemperature,
    target_K: float,
    rate_K_per_min: float,
    watch: Watch,
) -> bool:
    """Move the setpoint from the present temperature to the target at the rate.

    In software, since an ITC503 has no ramp rate: if this program dies, the setpoint stays where
    it got to, which is safe.
    """
    start_s, start_K = watch.clock.now(), controller.temperature_K()
    way = target_K - start_K
    duration_s = 60.0 * abs(way) / rate_K_per_min
    while (passed := watch.clock.now() - start_s) < duration_s:
        setpoint = start_K + way * passed / duration_s
        low, high = sorted((target_K, start_K))
        setpoint = min(max(setpoint, low, controller.min_K), high, controller.max_K)
        controller.set_setpoint_K(setpoint)
        temperature = controller.temperature_K()
        watch.place(temperature_K=temperature, target_K=target_K)
        watch.report(f"ramping to {target_K:g} K, now {temperature:.3f} K")
        if not watch.clock.sleep(LOOK_S, watch.should_stop):
            return False
    controller.set_setpoint_K(target_K)
    return True
