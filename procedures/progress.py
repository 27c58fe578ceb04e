"""How far a run is, alone or as a part of a whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: percent done, wall-clock seconds left (None: not known yet), and words."""

    percent: float
    left_s: float | None
    words: str
    rows: int


def how_far(progress: Progress, whole: Progress, *, is_known: bool) -> dict[str, float | None]:
    """Return what the live state says of a run's progress, if it is known, and of the whole's.

    `whole` is `progress` itself for a run that is no part of anything.
    """
    of_run = progress.percent if is_known else None
    of_whole = of_run if whole is progress else whole.percent
    return {"percent": of_whole, "left_s": whole.left_s, "run_percent": of_run}
