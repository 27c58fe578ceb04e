"""Faults of the virtual cryostat: what they are, when they strike, how they are carried out."""

from __future__ import annotations

from nanojunction.instruments.virtual.faults.kinds import (
    Breakdown,
    Drift,
    Drop,
    Fault,
    Garbage,
    Half,
    Hang,
    Late,
    Quench,
    Role,
    Stick,
    as_tables,
    read_faults,
    read_faults_file,
)

__all__ = [
    "Breakdown",
    "Drift",
    "Drop",
    "Fault",
    "Garbage",
    "Half",
    "Hang",
    "Late",
    "Quench",
    "Role",
    "Stick",
    "as_tables",
    "read_faults",
    "read_faults_file",
]
