"""Statistics of a batch: a verdict for each junction, yields and the median resistance.

QUANTITIES "Statistics of a batch"; Chowrira 2020 (193 junctions, 10 neither open nor short, 9
candidates) and Katcko 2019, Methods (216 tunnel junctions, median R and RA).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nanojunction.analysis.calibration import MeasuringLine, is_calibration
from nanojunction.analysis.geometry import circle_m2
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.intervals import Yield, median_of, wilson
from nanojunction.analysis.screening.one_run import DeviceVerdict, judge
from nanojunction.analysis.screening.thresholds import DEFAULT_THRESHOLDS, Thresholds
from nanojunction.analysis.screening.verdicts import Verdict
from nanojunction.analysis.values import Quantity, plain

ONE_RUN: tuple[Verdict, ...] = ("open", "short", "candidate", "ohmic", "undecided")
"""The verdicts that one short I(V) allows."""


@dataclass(frozen=True, slots=True)
class Yields:
    """What a batch came to.

    `yields` has an entry for every verdict and `neither_open_nor_short` (candidate or ohmic).
    `resistance_ohm` is the median of the latter and `ra_ohm_um2` its product with the area, None
    without a diameter; `interval` in their `extra` is the bootstrap's.
    """

    devices: tuple[DeviceVerdict, ...]
    yields: Mapping[str, Yield]
    resistance_ohm: Quantity
    ra_ohm_um2: Quantity | None
    thresholds: Thresholds

    def counts(self) -> dict[Verdict, int]:
        """Return how many devices have each verdict."""
        return {verdict: self.yields[verdict].count for verdict in ONE_RUN}

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "devices": [dataclasses.asdict(device) for device in self.devices],
            "yields": {key: dataclasses.asdict(one) for key, one in self.yields.items()},
            "resistance_ohm": plain(self.resistance_ohm),
            "ra_ohm_um2": plain(self.ra_ohm_um2),
            "thresholds": dataclasses.asdict(self.thresholds),
        }


def batch_yields(
    results: Sequence[RunResult],
    *,
    line: MeasuringLine | None = None,
    diameter_m: float | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Yields:
    """Return verdicts and yields of a batch from one short I(V) of each device.

    `line` compares every run with the measuring line; without it the results must have been
    compared before. Raises ValueError for no
    results, a run that is no I(V) of a junction, two runs of one device, and a diameter that is
    not above zero.
    """
    if diameter_m is not None:
        circle_m2(diameter_m)  # refuses what is no diameter before the work
    _check(results)
    devices = tuple(judge(result, line, thresholds) for result in results)
    found = Counter(device.verdict for device in devices)
    counts: dict[str, int] = {verdict: found[verdict] for verdict in ONE_RUN}
    between = [device for device in devices if device.verdict in ("candidate", "ohmic")]
    counts["neither_open_nor_short"] = len(between)
    resistance = median_of(
        [device.resistance_ohm for device in between if device.resistance_ohm is not None],
        thresholds.confidence,
    )
    return Yields(
        devices=devices,
        yields={
            key: wilson(count, len(devices), thresholds.confidence) for key, count in counts.items()
        },
        resistance_ohm=resistance,
        ra_ohm_um2=None if diameter_m is None else _area_product(resistance, diameter_m),
        thresholds=thresholds,
    )


def _check(results: Iterable[RunResult]) -> None:
    seen: dict[str, Run] = {}
    for run in (result.run for result in results):
        if run.kind != "iv" or is_calibration(run):
            raise ValueError(f"{run.file}: is no I(V) of a junction; leave it out of the batch")
        if run.device in seen:
            raise ValueError(
                f"{run.file}: device {run.device!r} was measured in {seen[run.device].file}, too; "
                "give one run of each device"
            )
        seen[run.device] = run
    if not seen:
        raise ValueError("there are no results: a batch needs one I(V) of each device")


def _area_product(resistance: Quantity, diameter_m: float) -> Quantity:
    """Return R × area in Ω·µm², its interval scaled alike."""
    area_um2 = circle_m2(diameter_m) * 1e12
    extra = {**resistance.extra, "diameter_um": diameter_m * 1e6}
    if "interval" in extra:
        extra["interval"] = [area_um2 * end for end in extra["interval"]]
    value = None if resistance.value is None else area_um2 * resistance.value
    stderr = None if resistance.stderr is None else area_um2 * resistance.stderr
    return Quantity(value, stderr, resistance.note, extra=extra)
