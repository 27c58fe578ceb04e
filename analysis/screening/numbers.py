"""The numbers that stand beside a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from nanojunction.analysis.calibration import MeasuringLine, number
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.conduction import conduction
from nanojunction.analysis.screening.offsets import offsets
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.values import Quantity

NUMBERS = (
    "resistance_ohm",
    "ra_ohm_um2",
    "i_off_A",
    "v_off_V",
    "offset_ratio_i",
    "offset_ratio_v",
    "p_max_W",
    "fill_factor",
    "temperature_K",
)
"""The keys of the numbers of a verdict, those that apply."""


def numbers_of(
    junction: Junction,
    swept: Sequence[RunResult],
    line: MeasuringLine | None,
    thresholds: Thresholds,
) -> dict[str, Quantity]:
    """Return the numbers of a junction, from the I(V) among `swept` that tells most.

    That is the last one in which V_off was found, else the last in which the junction conducts,
    else the last. None where nothing was measured.
    """
    if not swept:
        return {}
    best = _telling(swept, thresholds)
    found = conduction(best, thresholds)
    numbers = {"resistance_ohm": found.resistance}
    area = junction.area
    if area is not None and found.resistance.value is not None:
        area_um2 = area.area_m2 * 1e12
        stderr = found.resistance.stderr
        numbers["ra_ohm_um2"] = Quantity(
            area_um2 * found.resistance.value, None if stderr is None else area_um2 * stderr
        )
    if found.state == "conducts":
        compared = offsets(best, line, thresholds)
        numbers |= {
            "i_off_A": number(best.quantities, "i_off_A"),
            "v_off_V": number(best.quantities, "v_off_V"),
            "offset_ratio_i": compared.ratio_i,
            "offset_ratio_v": compared.ratio_v,
            "p_max_W": number(best.quantities, "p_max_W"),
            "fill_factor": number(best.quantities, "fill_factor"),
        }
    kelvin = best.run.conditions.temperature_K
    if kelvin is not None:
        numbers["temperature_K"] = Quantity(kelvin)
    return numbers


def _telling(swept: Sequence[RunResult], thresholds: Thresholds) -> RunResult:
    conducting = [one for one in swept if conduction(one, thresholds).state == "conducts"]
    with_offset = [one for one in conducting if number(one.quantities, "v_off_V").value is not None]
    return (with_offset or conducting or list(swept))[-1]
