"""What tells the verdicts apart, each threshold with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from nanojunction.analysis.calibration import CANDIDATE_RATIO

_RESISTANCES = ("r_s_chord_ohm", "r_s_ohm")
_SHARES = ("change_share", "repeat_share", "at_rest_share", "drift_share", "telegraph_share")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What tells the verdicts apart. Raises ValueError where they contradict each other.

    - `open_above_ohm`, `short_below_ohm`: hold for `resistance`, the chord by default: Katcko's R
      of a whole I(V), which features near 0 V do not bend.
    - `open_below_A`: what an open junction carries at 0 V at most, or a current without a slope
      would pass for open. Ten times the 500 pA of Katcko's line.
    - `open_known_above_ohm`: a run in whose noise a smaller resistance would drown calls nothing
      open. A hundred times Chowrira's largest calibrated resistor.
    - `candidate_ratio`: both offsets of a candidate are so many times those of the measuring line
      (Chowrira 2020, footnote a).
    - `change_share`: a junction broke, or lost its contact, where the currents of two runs at the
      same voltages differ by more than this share of the larger. B degraded to a third of its R_s.
    - `repeat_share`: offsets repeat if the smallest is at least this share of the largest; A gave
      −26 µA in one run and −10 µA in another, which a stricter one would call unstable.
    - `at_rest_share`: the current at V = 0 of a junction that generates is at least this share of
      that which a sweep finds there: what only a sweep charges is gone at rest.
    - `drift_share`, `telegraph_share`: how far the current at V = 0 may drift over its run, and how
      far two levels may lie apart between which it jumps, as shares of its mean. The legs of an
      I(V), and the first runs of a junction that is ohmic, agree within `telegraph_share`, too.
    - `semiconducting_ratio`: the mean conductance over the whole range of bias is so many times
      that over its inner third in a junction that conducts over barriers; in a metallic one it
      stays. The resistance must change by the same ratio over temperature to tell the kind.
    - `attempts`: how often a stage is measured whose runs fail, before the junction is given up.
    - `confidence`: that of every interval.
    """

    open_above_ohm: float = 1e9
    open_below_A: float = 5e-9
    short_below_ohm: float = 10.0
    candidate_ratio: float = CANDIDATE_RATIO
    resistance: Literal["r_s_chord_ohm", "r_s_ohm"] = "r_s_chord_ohm"
    confidence: float = 0.95
    open_known_above_ohm: float = 1e6
    change_share: float = 0.5
    repeat_share: float = 0.35
    at_rest_share: float = 0.35
    drift_share: float = 0.1
    telegraph_share: float = 0.2
    semiconducting_ratio: float = 1.3
    attempts: int = 2

    def __post_init__(self) -> None:
        for name in ("open_above_ohm", "open_below_A", "short_below_ohm", "candidate_ratio"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: give a number above 0")
        if self.resistance not in _RESISTANCES:
            raise ValueError(
                f"resistance is {self.resistance!r}: give one of {', '.join(_RESISTANCES)}"
            )
        for name in ("open_above_ohm", "open_known_above_ohm"):
            if not self.short_below_ohm < getattr(self, name) < math.inf:
                raise ValueError(
                    f"short_below_ohm is {self.short_below_ohm:g}: it must lie below {name}, "
                    f"{getattr(self, name):g}"
                )
        for name in (*_SHARES, "confidence"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give a number between 0 and 1")
        if not 1 < self.semiconducting_ratio < math.inf:
            raise ValueError(
                f"semiconducting_ratio is {self.semiconducting_ratio}: give a number above 1"
            )
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}: give a whole number from 1 on")


THRESHOLD_NAMES = tuple(one.name for one in fields(Thresholds))
DEFAULT_THRESHOLDS = Thresholds()
