"""Which runs of a device show power that is its own, as far as is known."""

from __future__ import annotations

from collections.abc import Sequence

from nanojunction.analysis.calibration import is_calibration, number
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity


def generating(results: Sequence[RunResult]) -> tuple[list[RunResult], str]:
    """Return the runs whose power is the device's own as far as is known, and on what ground.

    Where runs were compared with the measuring line, those beyond it; else all that generate.
    """
    iv = [r for r in results if r.run.kind == "iv" and not is_calibration(r.run)]
    giving = [r for r in iv if (number(r.quantities, "p_max_W").value or 0.0) > 0.0]
    compared = [r for r in iv if number(r.quantities, "candidate").value is not None]
    if not giving:
        return [], "no run generates power"
    if not compared:
        return giving, "not compared with the measuring line"
    beyond = [r for r in giving if number(r.quantities, "candidate").value == 1.0]
    if not beyond:
        return [], "no run that generates power is beyond the measuring line"
    return beyond, "beyond the measuring line"


def largest_power(results: Sequence[RunResult]) -> tuple[Quantity, RunResult | None, str]:
    """Return the largest P_max that is the device's own, its run, and the ground for it."""
    runs, why = generating(results)
    best = max(runs, key=lambda r: number(r.quantities, "p_max_W").value or 0.0, default=None)
    if best is None:
        return Quantity(None, note=why), None, why
    return number(best.quantities, "p_max_W"), best, why
