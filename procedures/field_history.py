"""How a field is reached: saturated, demagnetised, approached from one side, kept persistently.

A magnetic junction remembers: Katcko 2019 saturates at −2000 Oe and reaches the AP state at
+250 Oe from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanojunction.instruments.ramps import Watch
from nanojunction.procedures.environment import go_to_field

if TYPE_CHECKING:
    from nanojunction.instruments.station import Station

#: Each swing of a demagnetisation is this part of the one before, down to the last (T).
SWING, LAST_SWING_T = 0.8, 1e-3


@dataclass(frozen=True, slots=True)
class FieldHistory:
    """The fields (T) to go through before a run: swings that die out, saturation, the target.

    `degauss_T` of 0 and None elsewhere leave that part out.
    """

    degauss_T: float = 0.0
    saturate_T: float | None = None
    target_T: float | None = None

    def way(self) -> tuple[float, ...]:
        """Return every field to go to, in order."""
        fields: list[float] = []
        swing = self.degauss_T
        while swing > LAST_SWING_T:
            fields += [swing, -swing * SWING**0.5]
            swing *= SWING
        if self.degauss_T:
            fields.append(0.0)
        if self.saturate_T is not None:
            fields.append(self.saturate_T)
        if self.target_T is not None:
            fields.append(self.target_T)
        return tuple(fields)

    def words(self) -> str:
        """Return the history as it stands in the header."""
        parts = []
        if self.degauss_T:
            parts.append(f"demagnetised from {self.degauss_T:g} T")
        if self.saturate_T is not None:
            parts.append(f"saturated at {self.saturate_T:g} T")
        if self.target_T is not None:
            side = ""
            if self.saturate_T is not None and self.saturate_T != self.target_T:
                side = " from below" if self.saturate_T < self.target_T else " from above"
            parts.append(f"went to {self.target_T:g} T{side}")
        return "; ".join(parts) or "as it was"

    def go(self, station: Station, rate_T_per_min: float, watch: Watch) -> bool:
        """Go through all fields; False when told to stop."""
        return all(go_to_field(station, field_T, rate_T_per_min, watch) for field_T in self.way())


def field_now(station: Station) -> str:
    """Return what magnet, leads and probe say: remanence and trapped flux show as a difference."""
    parts = []
    if (magnet := station.magnet_or_none) is not None:
        parts.append(f"magnet {magnet.field_T():.6g} T, leads {magnet.lead_field_T():.6g} T")
    if (probe := station.field_probe_or_none) is not None:
        parts.append(f"probe {probe.field_T():.6g} T")
    return "; ".join(parts) or "none"
