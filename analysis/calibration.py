"""Offsets against those of the measuring line, measured on calibrated resistors.

Chowrira 2020, Fig. 1d, footnote a and Methods: a junction counts only if both of its offsets are
at least ten times those of a calibrated resistor of similar value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nanojunction.analysis.averages import weighted_mean
from nanojunction.analysis.beyond_sweep import least_ratio
from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Quantity

if TYPE_CHECKING:
    from nanojunction.analysis.run_result import RunResult

CANDIDATE_RATIO = 10.0
"""Both ratios of a candidate are at least this, in the same run."""

_ZERO_WITHIN = 2.0
_SAME_RESISTANCE = 0.05
_AS_STATED = 0.05  # with 2 wires the leads add to a small resistor
_RESISTOR_NAME = re.compile(
    r"resist|calib|(^|[^a-z0-9])r?\d+([.,]\d+)?[ _-]?(k|m|g)?[ _-]?(ohms?|[\u03a9\u2126])",
    re.IGNORECASE,
)

OffsetKey = Literal["v_off_V", "i_off_A"]


class CalibrationError(ValueError):
    """The runs given as calibration cannot serve as one; the sentence says why."""


@dataclass(frozen=True, slots=True)
class LinePoint:
    """The line's offsets on one calibrated resistor: the mean over its runs, signs kept."""

    device: str
    resistance_ohm: float
    v_off_V: Quantity
    i_off_A: Quantity


@dataclass(frozen=True, slots=True)
class LineOffset:
    """An offset of the line at some resistance; `note` flags what is not an interpolation."""

    value: float
    stderr: float
    note: str | None


@dataclass(frozen=True, slots=True)
class MeasuringLine:
    """The line's offsets against resistance, in order of resistance."""

    points: tuple[LinePoint, ...]

    def offset(self, key: OffsetKey, resistance_ohm: float, *, signed: bool = False) -> LineOffset:
        """Return the size of the line's offset at a resistance (with its sign if `signed`).

        Interpolated linearly in log R between the resistors; outside of their range the nearest
        one serves and a note says so. Raises CalibrationError where no resistor has this offset
        or the resistance is not above zero.
        """
        if not (math.isfinite(resistance_ohm) and resistance_ohm > 0):
            raise CalibrationError(f"no offset of the line at a resistance of {resistance_ohm:g} Ω")
        known = [
            (point.resistance_ohm, quantity.value, quantity.stderr or 0.0)
            for point in self.points
            if (quantity := _offset(point, key)).value is not None
        ]
        if not known:
            raise CalibrationError(f"no calibration run gives {key}")
        log_r = np.log([item[0] for item in known])
        at = math.log(resistance_ohm)
        size = np.array([item[1] if signed else abs(item[1] or 0.0) for item in known], dtype=float)
        error = np.array([item[2] for item in known])
        weights = np.array([np.interp(at, log_r, row) for row in np.eye(len(known))])
        nearest = known[int(np.argmax(weights))][0]
        outside = at < log_r[0] - _SAME_RESISTANCE or at > log_r[-1] + _SAME_RESISTANCE
        note = (
            f"the line was not calibrated at {in_words(resistance_ohm, 'Ω')}: "
            f"the nearest resistor ({in_words(nearest, 'Ω')}) serves"
            if outside
            else None
        )
        return LineOffset(float(weights @ size), float(np.sqrt(weights**2 @ error**2)), note)

    def to_json(self) -> list[dict[str, Any]]:
        """Return one JSON object a resistor."""
        return [
            {
                "device": point.device,
                "resistance_ohm": point.resistance_ohm,
                "v_off_V": point.v_off_V.to_json(),
                "i_off_A": point.i_off_A.to_json(),
            }
            for point in self.points
        ]


def _offset(point: LinePoint, key: OffsetKey) -> Quantity:
    return point.v_off_V if key == "v_off_V" else point.i_off_A


def is_calibration(run: Run) -> bool:
    """Tell whether a run is of kind calibration, or an I(V) of a device named as a resistor."""
    return run.kind == "calibration" or (
        run.kind == "iv" and _RESISTOR_NAME.search(run.device) is not None
    )


def not_as_stated(result: RunResult) -> str | None:
    """Return why a run cannot be one of the resistor that its header states; None if it can.

    A calibration made on a junction by mistake would make the junction's own offsets the line's.
    """
    stated = result.run.header.get("Nominal resistance", "").split()
    found = _resistance(result.quantities)
    if not stated or found is None:
        return None
    nominal_ohm = float(stated[0])
    if abs(found - nominal_ohm) <= _AS_STATED * nominal_ohm:
        return None
    return (
        f"the calibration states {nominal_ohm:g} ohm, {found:.6g} ohm was measured: it is left out "
        "of the measuring line; was the resistor connected, and its value typed right?"
    )


def measuring_line(results: Sequence[RunResult]) -> MeasuringLine:
    """Return the line's offsets from the results of calibration runs.

    Runs whose resistances agree within 5 % are repeats of one resistor. Raises CalibrationError
    where a run is no calibration, or none has a resistance.

    >>> line = measuring_line([analyse_iv(load_run(campaign / "resistor-100_295K.csv"))])
    >>> print(f"{line.offset('v_off_V', 100.0).value * 1e6:.1f} µV")
    5.0 µV
    """
    for result in results:
        if not is_calibration(result.run):
            raise CalibrationError(
                f"{result.run.file}: device {result.run.device!r} is not recognised as a "
                "calibrated resistor: name it resistor-… or give a run of kind calibration"
            )
    for result in results:
        if (wrong := not_as_stated(result)) is not None:
            raise CalibrationError(f"{result.run.file}: {wrong}")
    rows = sorted(
        (
            (resistance, result)
            for result in results
            if (resistance := _resistance(result.quantities)) is not None
        ),
        key=lambda row: row[0],
    )
    if not rows:
        raise CalibrationError("no calibration run gives a resistance above zero")
    clusters: list[list[tuple[float, RunResult]]] = []
    for row in rows:
        if clusters and row[0] <= clusters[-1][0][0] * (1 + _SAME_RESISTANCE):
            clusters[-1].append(row)
        else:
            clusters.append([row])
    return MeasuringLine(tuple(_line_point(cluster) for cluster in clusters))


def line_of(
    results: Sequence[RunResult],
) -> tuple[MeasuringLine | None, list[tuple[RunResult, str]]]:
    """Return the line that those of the results make that can serve, None where none can.

    And the others, each with the reason.
    """
    judged = [(result, not_as_stated(result)) for result in results]
    refused = [(result, why) for result, why in judged if why is not None]
    serving = [result for result, why in judged if why is None]
    if not serving:
        return None, refused
    try:
        return measuring_line(serving), refused
    except CalibrationError as error:
        return None, [*refused, (serving[0], str(error))]


def _line_point(cluster: Sequence[tuple[float, RunResult]]) -> LinePoint:
    results = [result for _, result in cluster]
    return LinePoint(
        device=", ".join(sorted({result.run.device for result in results})),
        resistance_ohm=float(np.mean([resistance for resistance, _ in cluster])),
        v_off_V=weighted_mean([number(result.quantities, "v_off_V") for result in results]),
        i_off_A=weighted_mean([number(result.quantities, "i_off_A") for result in results]),
    )


def number(quantities: Mapping[str, Any], key: str) -> Quantity:
    """Return the quantity under `key`, or a missing one that says so."""
    found = quantities.get(key)
    return found if isinstance(found, Quantity) else Quantity(None, note=f"the run has no {key}")


def _resistance(quantities: Mapping[str, Any]) -> float | None:
    """Return the slope resistance (Ω): the chord's where the local one cannot be told."""
    for key in ("r_s_ohm", "r_s_chord_ohm"):
        value = number(quantities, key).value
        if value is not None and math.isfinite(value) and value > 0:
            return value
    return None


def against_line(result: RunResult, line: MeasuringLine, *, subtract: bool = False) -> RunResult:
    """Compare a run's offsets with the line's at the run's slope resistance.

    Adds `offset_ratio_v`, `offset_ratio_i`, `candidate` (1, 0 or null, the verdict as its note)
    and the `syst` of `v_off_V` and `i_off_A`. With `subtract`, `v_off_corrected_V` and
    `i_off_corrected_A` stand beside the measured values, which never change. A V_off beyond the
    swept range has a lower bound of its ratio.

    >>> line = measuring_line([analyse_iv(load_run(campaign / "resistor-100_295K.csv"))])
    >>> compared = against_line(analyse_iv(load_run(campaign / "A_240K_10mV.csv")), line)
    >>> compared["candidate"].value, round(compared["offset_ratio_v"].value, -2)
    (1.0, 800.0)
    """
    quantities = dict(result.quantities)
    resistance = _resistance(quantities)
    if resistance is None:
        reason = "the run has no slope resistance above zero to compare at"
        for key in ("offset_ratio_v", "offset_ratio_i", "candidate"):
            quantities[key] = Quantity(None, note=reason)
        return replace(result, quantities=quantities)
    ratios: list[Quantity] = []
    pairs: tuple[tuple[OffsetKey, str, str], ...] = (
        ("v_off_V", "offset_ratio_v", "v_off_corrected_V"),
        ("i_off_A", "offset_ratio_i", "i_off_corrected_A"),
    )
    for key, ratio_key, corrected_key in pairs:
        measured = number(quantities, key)
        try:
            offset = line.offset(key, resistance)
            shift = line.offset(key, resistance, signed=True)
        except CalibrationError as error:
            ratios.append(Quantity(None, note=str(error)))
        else:
            ratios.append(_ratio(measured, offset))
            if measured.value is None and key == "v_off_V":
                largest_V = offset.value + _ZERO_WITHIN * offset.stderr
                i_off_A = number(quantities, "i_off_A").value
                ratios[-1] = least_ratio(result.run, i_off_A, largest_V, offset.note) or ratios[-1]
            if measured.value is not None:
                quantities[key] = replace(measured, syst=offset.value)
                if subtract:
                    quantities[corrected_key] = _corrected(measured, shift)
        quantities[ratio_key] = ratios[-1]
    quantities["candidate"] = _verdict(*ratios)
    return replace(result, quantities=quantities)


def _ratio(measured: Quantity, offset: LineOffset) -> Quantity:
    if measured.value is None:
        return Quantity(None, note=measured.note or "the run has no offset")
    size = abs(measured.value)
    if offset.value <= _ZERO_WITHIN * offset.stderr or offset.value == 0.0:
        bound = offset.value + _ZERO_WITHIN * offset.stderr
        if bound == 0.0:
            return Quantity(None, note="the line's offset is exactly zero, without an error")
        note = _joined("a lower bound: the line's offset is zero within its error", offset.note)
        return Quantity(size / bound, None, note, extra={"bound": "lower"})
    ratio = size / offset.value
    if measured.stderr is None:
        return Quantity(ratio, None, _joined("the offset's standard error is unknown", offset.note))
    stderr = math.hypot(measured.stderr, ratio * offset.stderr) / offset.value
    return Quantity(ratio, stderr, offset.note)


def _corrected(measured: Quantity, shift: LineOffset) -> Quantity:
    value = (measured.value or 0.0) - shift.value
    stderr = None if measured.stderr is None else math.hypot(measured.stderr, shift.stderr)
    return Quantity(value, stderr, shift.note, extra={"subtracted": shift.value})


def _verdict(ratio_v: Quantity, ratio_i: Quantity) -> Quantity:
    """Return 1 for a candidate, 0 for none, null where a lower bound leaves it open; and why."""
    if ratio_v.value is None or ratio_i.value is None:
        return Quantity(None, note=ratio_v.note if ratio_v.value is None else ratio_i.note)
    sizes = f"{_times(ratio_v)} in V and {_times(ratio_i)} in I"
    low = [q for q in (ratio_v, ratio_i) if (q.value or 0.0) < CANDIDATE_RATIO]
    needed = f"both must reach {CANDIDATE_RATIO:g}×"
    verdict: float | None
    if not low:
        verdict, text = 1.0, f"beyond the measuring line by {sizes}"
    elif all(_is_bound(q) for q in low):
        verdict = None
        why = "the line's own offset is zero within its error"
        if any("beyond_V" in q.extra for q in low):
            why = "V_off lies beyond the sweep: sweep further"
        text = f"cannot be told: {sizes}, {needed}; {why}"
    else:
        verdict, text = 0.0, f"not beyond the measuring line: {sizes}, {needed}"
    if verdict == 1.0 and (beyond_V := ratio_v.extra.get("beyond_V")) is not None:
        text += f"; V_off itself lies beyond the sweep, which ends at {in_words(beyond_V, 'V', 3)}"
    said = [part for q in (ratio_v, ratio_i) if q.note for part in q.note.split("; ")]
    outside = next((part for part in said if "nearest" in part), None)
    return Quantity(verdict, None, _joined(text, outside))


def _is_bound(ratio: Quantity) -> bool:
    return ratio.extra.get("bound") == "lower"


def _times(ratio: Quantity) -> str:
    value = ratio.value or 0.0
    text = f"{value:.0f}" if value >= 100 else f"{value:.2g}"
    return f"{'at least ' if _is_bound(ratio) else ''}{text}×"


def _joined(first: str, second: str | None) -> str:
    return first if second is None else f"{first}; {second}"
