"""The slope resistance of I(V) in every convention, of many runs at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nanojunction.analysis.iv.expansion import (
    Curves,
    joint_errors,
)
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.settings import SlopeConvention
from nanojunction.analysis.values import Array, Quantity

_CHORD_V = 0.01  # Chowrira 2020 takes A's R_s between ±10 mV
_CLEAR = 3.0  # standard errors of a slope that is there
_BOTH_SIDES = 1e-3  # of the longer side of a sweep, that the other one has at least


def stated(convention: SlopeConvention, window_V: float | None = None) -> dict[str, Any]:
    """Return what stands beside a slope resistance."""
    return {"convention": convention, "window_V": window_V}


def local_slopes(
    curves: Curves, run: IntArray, at_V: Array, convention: SlopeConvention
) -> list[Quantity]:
    """Return dV/dI of some runs, each at its voltage."""
    curve = curves.at(run, at_V, 1)
    slope = curve.c[:, 1]
    # The slope at V_off changes with V_off, which is known from the same rows.
    follows = np.zeros(len(slope))
    if convention == "local_offset":
        np.divide(-2.0 * curve.c[:, 2], slope, out=follows, where=slope != 0.0)
    error = curve.errors((follows, 1.0, 0.0))
    found = []
    numbers = (values.tolist() for values in (slope, error, curve.window_V))
    for g, its_error, window_V, model, note in zip(*numbers, curve.model, curve.note, strict=True):
        if g == 0.0 or abs(g) <= _CLEAR * its_error:
            found.append(_no_slope(g, its_error, convention, window_V))
        else:
            extra = {"window_V": window_V, "model": model, "convention": convention}
            found.append(with_error(1.0 / g, its_error / abs(g) / abs(g), note, extra))
    return found


def with_error(value: float, stderr: float, note: str | None, extra: dict[str, Any]) -> Quantity:
    """Return a quantity; a standard error that the data cannot give is null with a note."""
    if not math.isfinite(stderr) or stderr == 0.0:
        return Quantity(value, None, "too few points for a standard error", extra=extra)
    return Quantity(value, stderr, note, extra=extra)


def _no_slope(slope: float, error: float, convention: SlopeConvention, window_V: float) -> Quantity:
    note = "dI/dV is exactly zero"
    if abs(slope) + 3.0 * error > 0.0:
        least = 1.0 / (abs(slope) + 3.0 * error)
        note = f"dI/dV is zero within its error (|R| is above {least:.2g} ohm)"
    return Quantity(None, note=note, extra=stated(convention, window_V))


def chords(curves: Curves, low_V: Array, high_V: Array, chord_V: float | None) -> list[Quantity]:
    """Return 2·V_w / (I(+V_w) − I(−V_w)) of each curve over its swept range.

    `chord_V` is the V_w that was asked for, None for 10 mV or the end of a shorter range.
    """
    reach = np.minimum(-low_V, high_V)
    wanted = chord_V if chord_V is not None else _CHORD_V
    # The sensed end of a sweep may lie a little inside the setpoint's.
    v_w = np.where((chord_V is None) | (wanted <= 1.01 * reach), reach, wanted)
    v_w = np.minimum(v_w, wanted)
    reason = f"the sweep does not reach both ends of a chord of ±{wanted:g} V"
    found = [Quantity(None, note=reason, extra=stated("chord"))] * len(curves)
    # The voltmeter's noise at 0 V makes no second side of a sweep over one sign.
    both = reach > _BOTH_SIDES * np.maximum(-low_V, high_V)
    some = np.flatnonzero(both & (v_w <= reach))
    if len(some) == 0:
        return found
    v_w = v_w[some]
    up, down = curves.at(some, v_w, 0), curves.at(some, -v_w, 0)
    difference = up.c[:, 0] - down.c[:, 0]
    error = joint_errors([(1.0, 0, up), (-1.0, 0, down)])
    numbers = (values.tolist() for values in (some, v_w, difference, error))
    for k, v, apart, its_error, model in zip(*numbers, up.model, strict=True):
        if apart == 0.0 or abs(apart) <= _CLEAR * its_error:
            found[k] = _no_slope(apart / (2 * v), its_error / (2 * v), "chord", v)
            continue
        value = 2.0 * v / apart
        extra = {"window_V": v, "model": model, "convention": "chord"}
        found[k] = with_error(value, abs(value * its_error / apart), None, extra)
    return found
