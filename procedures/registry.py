"""Procedures by name, from entry points, so that a laboratory can add its own."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import LaboratoryError

if TYPE_CHECKING:
    from nanojunction.procedures.base import JunctionProcedure

PROCEDURES = "nanojunction.procedures"


class UnknownProcedure(LaboratoryError):
    """No procedure of that name is installed."""


def procedure_names() -> list[str]:
    """Return the names of the installed procedures."""
    return sorted(point.name for point in entry_points(group=PROCEDURES))


def load_procedure(name: str) -> type[JunctionProcedure]:
    """Return the procedure's class; raises UnknownProcedure."""
    for point in entry_points(group=PROCEDURES):
        if point.name == name:
            loaded: type[JunctionProcedure] = point.load()
            return loaded
    raise UnknownProcedure(f"unknown procedure {name!r}; known are {', '.join(procedure_names())}")
