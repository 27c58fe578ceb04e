"""Small run files for the tests of catalogues and exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.iv_simulation import KATCKO, sweep

HEADER = """#Procedure: <nanojunction.procedures.iv.IVSweep>
#Parameters:
#\tSample: {device}
#Metadata:
#\tStarted: 2026-11-20T01:02:03+00:00
#\tSoftware: nanojunction 0.1.0
#Data:
Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Temperature (K),In compliance
"""


def iv_file(
    path: Path,
    device: str,
    temperature_K: float,
    *,
    v_off_V: float = 1e-3,
    resistance_ohm: float = 1e3,
    seed: int = 1,
    step_V: float = 0.5e-3,
) -> Path:
    """Write the run of a junction that is a resistor beside its offset, with a little noise."""
    rng = np.random.default_rng(seed)
    voltage, leg = sweep([5e-3 * point for point in KATCKO], step_V)
    current = (voltage - v_off_V) / resistance_ohm + 1e-9 * rng.standard_normal(len(voltage))
    rows = [
        f"{0.1 * n!r},{number},{set_V!r},{set_V!r},{now!r},{temperature_K!r},0\n"
        for n, (number, set_V, now) in enumerate(
            zip(leg.tolist(), voltage.tolist(), current.tolist(), strict=True)
        )
    ]
    end = f'# End: {{"status": "finished", "rows": {len(rows)}}}\n'
    text = HEADER.format(device=device) + "".join(rows) + end
    path.write_text(text, encoding="utf-8")
    return path
