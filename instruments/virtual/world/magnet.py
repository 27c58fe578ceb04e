"""The magnet: a superconducting coil behind a switch, fed by a supply that ramps.

All currents are expressed as the field they make (T). With the switch warm (open) the coil
carries the lead current; with the switch cold (superconducting) the coil keeps its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanojunction.instruments.virtual.world.settings import WorldSettings

Switch = Literal["cold", "warming", "warm", "cooling"]


@dataclass(frozen=True, slots=True)
class Ramp:
    """A value that runs from `start_T` to `target_T` at `rate_T_per_s` and stays there."""

    start_s: float
    start_T: float
    target_T: float
    rate_T_per_s: float

    @property
    def end_s(self) -> float:
        """When the target is reached (s); infinite at rate zero."""
        if self.target_T == self.start_T:
            return self.start_s
        if self.rate_T_per_s <= 0.0:
            return float("inf")
        return self.start_s + abs(self.target_T - self.start_T) / self.rate_T_per_s

    def at(self, t: float) -> float:
        """Return the value (T) at `t` (s)."""
        if t >= self.end_s:
            return self.target_T
        gone = self.rate_T_per_s * max(t - self.start_s, 0.0)
        return self.start_T + (gone if self.target_T > self.start_T else -gone)


def resting(t: float, value_T: float) -> Ramp:
    """Return a ramp that stays where it is."""
    return Ramp(t, value_T, value_T, 0.0)


class Magnet:
    """Coil, switch heater and leads; the methods must be called in order of time.

    `advance` collects the field's turning points, so that a hysteretic junction can be led
    along the path that the field took.
    """

    def __init__(self, settings: WorldSettings) -> None:
        self._settings = settings
        self._lead = resting(0.0, 0.0)
        self._coil = resting(0.0, 0.0)  # used while the switch is cold, or after a quench
        self._switch: Switch = "cold" if settings.switch_fitted else "warm"
        self._switch_done_s = 0.0
        self._turns: list[float] = []
        self.heater_on = False
        self.quenched = False

    def lead_T(self, t: float) -> float:
        """Return the lead current, as the field it would make (T)."""
        self._settle(t)
        return self._lead.at(t)

    def field_T(self, t: float) -> float:
        """Return the field of the coil (T)."""
        self._settle(t)
        if self.quenched or not self.switch_open(t):
            return self._coil.at(t)
        return self._lead.at(t)

    def switch_open(self, t: float) -> bool:
        """Return whether the switch is resistive, so that the coil follows the leads."""
        if self._switch == "warming":
            return t >= self._switch_done_s
        return self._switch == "warm" or (self._switch == "cooling" and t < self._switch_done_s)

    def ramping(self, t: float) -> bool:
        """Return whether the lead current is on its way."""
        return t < self._lead.end_s

    def lead_arrives_s(self) -> float:
        """Return when the lead current is at the end of its ramp (s); past if it is at rest."""
        return self._lead.end_s

    def advance(self, t: float) -> list[float]:
        """Bring the switch up to `t`; return the field's turning points since the last call."""
        self._settle(t)
        turns, self._turns = self._turns, []
        return turns

    def ramp_lead(self, t: float, target_T: float, rate_T_per_s: float) -> None:
        """Run the leads to `target_T`."""
        self._turn(t)
        self._lead = Ramp(t, self._lead.at(t), target_T, rate_T_per_s)

    def hold_lead(self, t: float) -> None:
        """Stop the leads where they are."""
        self._turn(t)
        self._lead = resting(t, self._lead.at(t))

    def set_heater(self, t: float, on: bool) -> None:
        """Switch the switch heater; the switch follows after its warming or cooling time."""
        self._turn(t)
        if on == self.heater_on or not self._settings.switch_fitted:
            return
        self.heater_on = on
        opened = self.switch_open(t)
        if opened == on:  # the heater was changed back before the switch followed
            self._switch = "warm" if on else "cold"
            return
        wait = self._settings.switch_warm_s if on else self._settings.switch_cool_s
        self._switch, self._switch_done_s = ("warming" if on else "cooling"), t + wait

    def quench(self, t: float) -> None:
        """Lose superconductivity: coil and leads run down, the supply reports a quench."""
        self._turn(t)
        field, lead = self.field_T(t), self._lead.at(t)
        decay_s = self._settings.quench_decay_s
        self._coil = Ramp(t, field, 0.0, abs(field) / decay_s)
        self._lead = Ramp(t, lead, 0.0, abs(lead) / decay_s)
        self.quenched = True

    def clear_quench(self, t: float) -> bool:
        """Forget a quench that has run down; return whether it has."""
        self._turn(t)
        if self.field_T(t) != 0.0 or self._lead.at(t) != 0.0:
            return False
        self._coil, self._lead = resting(t, 0.0), resting(t, 0.0)
        self.quenched = False
        return True

    def _settle(self, t: float) -> None:
        if self._switch in ("warming", "cooling") and t >= self._switch_done_s:
            self._finish_switching(self._switch_done_s)

    def _turn(self, t: float) -> None:
        turns = self.advance(t)
        self._turns = [*turns, self.field_T(t)]

    def _finish_switching(self, t: float) -> None:
        if self._switch == "cooling":
            self._switch = "cold"
            if not self.quenched:
                self._coil = resting(t, self._lead.at(t))
                self._turns.append(self._lead.at(t))
            return
        self._switch = "warm"
        if self.quenched:
            return
        before, after = self._coil.at(t), self._lead.at(t)
        self._turns += [before, after]
        if abs(after - before) > self._settings.quench_mismatch_T:
            self._coil = resting(t, before)
            self._switch = "cold"
            self.quench(t)
            self._switch = "warm"
