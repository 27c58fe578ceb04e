"""A folder of run files as a campaign leaves them, from laws of known parameters.

Every file has 400 rows along Katcko's legs 0, +, −, +, −, 0, the nine columns and the header that
a station of ours writes, the digits of a Keithley 2400, and a device of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from stored_rows import open_station

from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure

ROWS, STEPS = 400, 50
TEMPERATURE_K = 40.0
COLUMNS = (
    "Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Field (T),Temperature (K),"
    "Temperature vti (K),In compliance"
)
PEAKS = ((-0.60e-3, 0.36e-3, 0.5), (0.05e-3, 0.30e-3, 0.8), (0.65e-3, 0.36e-3, 0.4))
"""Position (V), FWHM (V) and height over the conductance beside them."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """Junctions of one kind: how far they are swept, their noise, and one's I(V) by lot."""

    name: str
    vmax_V: float
    noise_A: float
    law: Callable[[Array, np.random.Generator], Array]


def straight(v: Array, rng: np.random.Generator) -> Array:
    """Return the current of a metallic junction, I_off + V/R."""
    return -26e-6 * rng.uniform(0.8, 1.2) + v / rng.uniform(120.0, 200.0)


def curved(v: Array, rng: np.random.Generator) -> Array:
    """Return the current of a semiconducting junction: like B of Chowrira 2020 at 40 K."""
    power = rng.uniform(4e-3, 7e-3) * np.sign(v) * np.abs(v) ** rng.uniform(2.3, 2.6)
    return -13.8e-6 * rng.uniform(0.8, 1.2) + v / rng.uniform(15e3, 30e3) + power


def structured(v: Array, rng: np.random.Generator) -> Array:
    """Return the current of a metallic junction with three Gaussian peaks in dI/dV."""
    from scipy.special import erf

    slope = 1.0 / rng.uniform(140.0, 180.0)
    current = -2.4e-6 * rng.uniform(0.8, 1.2) + slope * v
    for position, fwhm, height in PEAKS:
        width = fwhm * rng.uniform(0.95, 1.05) / np.sqrt(4.0 * np.log(2.0))
        area = slope * height * rng.uniform(0.9, 1.1) * width * np.sqrt(np.pi) / 2.0
        current = current + area * erf((v - position) / width)
    return np.asarray(current)


STRAIGHT = Shape("straight", 0.01, 1e-9, straight)
CURVED = Shape("power law", 0.12, 2e-9, curved)
STRUCTURED = Shape("with features", 1.5e-3, 1e-9, structured)


def shape_of(number: int) -> Shape:
    """Return what the file of that number holds: one in twenty has features."""
    if number % 20 == 19:
        return STRUCTURED
    return CURVED if number % 2 else STRAIGHT


def write_files(folder: Path, count: int) -> list[Path]:
    """Write so many files and return them."""
    with open_station(watchdog=False) as station:
        outcome = run_procedure(IVSweep(sample="NAME", measure_range=1e-4), station, folder)
    measured = outcome.file.read_text(encoding="utf-8").splitlines()
    outcome.file.unlink()
    header = "\n".join(line for line in measured if line.startswith("#") and "# End" not in line)
    rng = np.random.default_rng(1)
    files = []
    for number in range(count):
        shape, name = shape_of(number), f"J{number:04d}"
        file = folder / f"{name}_{TEMPERATURE_K:.0f}K.csv"
        file.write_text(
            f"{header.replace('Sample: NAME', f'Sample: {name}')}\n{COLUMNS}\n{rows(shape, rng)}",
            encoding="utf-8",
        )
        files.append(file)
    return files


def rows(shape: Shape, rng: np.random.Generator) -> str:
    """Return the rows of one file and its last line."""
    turns = np.array([0, 1, -1, 1, -1, 0]) * STEPS
    legs = [np.arange(a, b, 1 if b > a else -1) + (1 if b > a else -1)
            for a, b in pairwise(turns.tolist())]  # fmt: skip
    setpoint = np.concatenate(legs) * (shape.vmax_V / STEPS)
    leg = np.repeat(np.arange(5), [len(one) for one in legs])
    digits = 7 if shape.vmax_V < 0.02 else 6
    voltage = np.round(setpoint + 2e-7 * 10 ** (7 - digits) * rng.normal(size=ROWS), digits)
    current = shape.law(setpoint, rng) + shape.noise_A * rng.normal(size=ROWS)
    time = 3.0 + 0.27 * np.arange(ROWS) + 1e-9 * rng.normal(size=ROWS)
    warm = np.round(TEMPERATURE_K + 0.003 * rng.normal(size=ROWS), 3)
    vti = np.round(TEMPERATURE_K - 0.8 + 0.002 * rng.normal(size=ROWS), 3)
    columns = (time, leg, np.round(setpoint, 9), voltage, np.round(current, 11),
               np.zeros(ROWS), warm, vti, np.zeros(ROWS, dtype=int))  # fmt: skip
    lines = [",".join(map(repr, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]
    end = json.dumps({"status": "finished", "rows": ROWS})
    return "\n".join([*lines, f"# End: {end}"]) + "\n"
