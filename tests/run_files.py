"""Run files for the tests of the reader."""

from __future__ import annotations

from pathlib import Path

from nanojunction.analysis.reading.reader import read_runs
from nanojunction.analysis.run import Run

HEADER = """#Procedure: <nanojunction.procedures.iv.IVSweep>
#Parameters:
#\tSample: B
#\tMaximum voltage: 0.1 V
#\tTemperature: 41 K
#Metadata:
#\tStarted: 2026-11-20T01:02:03+00:00
#\tFolder: C:\\\\data\\\\new
#\tStation: {"name": "Cryostat 1", "note": "a: b"}
#Data:
"""
NAMES = (
    "Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Field (T),Temperature (K),"
    "Temperature vti (K),In compliance\n"
)
ROWS = (
    "0.1,0,0.0,1e-06,-1.38e-05,0.0,40.0,39.5,0\n"
    "0.2,0,0.05,0.050001,-8.99e-06,0.0,40.2,39.5,0\n"
    "0.3,1,0.0,2e-06,-1.38e-05,0.0,40.1,39.5,1\n"
)
END = '# End: {"status": "finished", "rows": 3}\n'


def write(folder: Path, text: str | bytes, name: str = "run.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes, name: str = "run.csv", pattern: str | None = None) -> Run:
    runs = read_runs(write(folder, text, name), pattern=pattern)
    assert len(runs) == 1
    return runs[0]
