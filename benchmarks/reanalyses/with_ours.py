"""Our results of a file in the words that all sides share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from reanalyses.answer import Answer, Feature, Value

from nanojunction.analysis.reading.reader import read_runs
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.values import Quantity
from nanojunction.analysis.work.outcomes import analyse_run

SCALARS = ("i_off_A", "v_off_V", "r_s_local_zero_ohm", "r_s_local_offset_ohm", "r_s_chord_ohm",
           "p_max_W", "v_at_p_max_V", "fill_factor")  # fmt: skip
CURVES = ("p_v_W", "hysteresis_A", "conductance_forward_S", "conductance_return_S",
          "conductance_S")  # fmt: skip


def analyse(path: Path) -> Answer:
    """Return the quantities of one file."""
    (run,) = read_runs(path)
    found: dict[str, Any] = dict(analyse_run(run, IVSettings()).quantities)
    values = {key: _value(found[key]) for key in SCALARS}
    values["hysteresis_A"] = _value(found["hysteresis_A"].extra["rms"])
    drawn = {key: (found[key].x, found[key].y, found[key].stderr) for key in CURVES}
    features = [
        Feature(
            1 if one["direction"] == "forward" else -1,
            _value(one["position_V"]),
            _value(one["fwhm_meV"], 1e-3),
            _value(one["prominence_S"]),
        )
        for one in found["features"]
    ]
    return Answer(
        run.device,
        run.conditions.temperature_K or math.nan,
        math.nan if run.conditions.field_T is None else run.conditions.field_T,
        values,
        found["v_off_V"].extra["crossings_V"],
        drawn,
        features,
    )


def _value(quantity: Quantity, factor: float = 1.0) -> Value:
    value, error = quantity.value, quantity.stderr
    return (
        math.nan if value is None else factor * value,
        math.nan if error is None else factor * error,
    )
