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

import numpy as np

from nanojunction.analysis.calibration import MeasuringLine, is_calibration
from nanojunction.analysis.geometry import circle_m2
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.one_run import DeviceVerdict, judge
from nanojunction.analysis.screening.thresholds import DEFAULT_THRESHOLDS, Thresholds
from nanojunction.analysis.screening.verdicts import Verdict
from nanojunction.analysis.values import Quantity, plain

ONE_RUN: tuple[Verdict, ...] = ("open", "short", "candidate", "ohmic", "undecided")
"""The verdicts that one short I(V) allows."""

BOOTSTRAP_SEED = 193
BOOTSTRAP_RESAMPLES = 9999


@dataclass(frozen=True, slots=True)
class Yield:
    """A count out of all devices as a fraction, with the ends of its Wilson interval."""

    count: int
    of: int
    fraction: float
    low: float
    high: float


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
    resistance = _median(
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


def wilson(count: int, of: int, confidence: float = 0.95) -> Yield:
    """Return a yield with its Wilson score interval; raises ValueError unless 0 ≤ count ≤ of."""
    from scipy.stats import binomtest

    if not 0 <= count <= of or of == 0:
        raise ValueError(f"{count} of {of} is no yield: give 0 ≤ count ≤ of, of above 0")
    interval = binomtest(count, of).proportion_ci(confidence, method="wilson")
    return Yield(count, of, count / of, float(interval.low), float(interval.high))


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


def _median(values: Sequence[float], confidence: float) -> Quantity:
    """Return the median with the standard error and percentile interval of a bootstrap."""
    if not values:
        return Quantity(None, note="no device is neither open nor short")
    median = float(np.median(values))
    if len(values) < 3:
        return Quantity(median, None, f"of {len(values)} devices: too few for an interval")
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(values, dtype=float),),
        np.median,
        n_resamples=BOOTSTRAP_RESAMPLES,
        batch=500,
        confidence_level=confidence,
        method="percentile",
        random_state=np.random.default_rng(BOOTSTRAP_SEED),
    )
    interval = found.confidence_interval
    extra = {
        "interval": [float(interval.low), float(interval.high)],
        "confidence": confidence,
        "devices": len(values),
        "bootstrap_seed": BOOTSTRAP_SEED,
    }
    return Quantity(median, float(found.standard_error), extra=extra)


def _area_product(resistance: Quantity, diameter_m: float) -> Quantity:
    """Return R × area in Ω·µm², its interval scaled alike."""
    area_um2 = circle_m2(diameter_m) * 1e12
    extra = {**resistance.extra, "diameter_um": diameter_m * 1e6}
    if "interval" in extra:
        extra["interval"] = [area_um2 * end for end in extra["interval"]]
    value = None if resistance.value is None else area_um2 * resistance.value
    stderr = None if resistance.stderr is None else area_um2 * resistance.stderr
    return Quantity(value, stderr, resistance.note, extra=extra)
