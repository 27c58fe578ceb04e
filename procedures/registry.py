"""Procedures by name, from entry points, so that a laboratory can add its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nanojunction.instruments.entry_points import (
    PROCEDURES,
    PlugInError,
    find,
    in_one_line,
    load,
    names,
    words_of,
)
from nanojunction.instruments.errors import LaboratoryError

if TYPE_CHECKING:
    from nanojunction.procedures.base import JunctionProcedure

#: What a procedure has to say itself: PyMeasure's own do nothing, or raise.
OWN = ("execute", "largest_level", "get_estimates")


class UnknownProcedure(LaboratoryError):
    """No procedure of that name is installed, or the one that is cannot be used."""


def procedure_names() -> list[str]:
    """Return the names of the installed procedures."""
    return names(PROCEDURES)


def load_procedure(name: str) -> type[JunctionProcedure]:
    """Return the procedure's class; raises UnknownProcedure, also for one that cannot be used."""
    try:
        point = find(PROCEDURES, name)
        loaded = None if point is None else load(point)
    except PlugInError as problem:
        raise UnknownProcedure(f"the procedure {problem}") from problem
    if point is None:
        raise UnknownProcedure(
            f"unknown procedure {name!r}; known are {', '.join(procedure_names())}"
        )
    return _usable(loaded, f"the procedure {words_of(point)}")


def _usable(loaded: Any, which: str) -> type[JunctionProcedure]:
    """Return what was loaded if it can measure a run; raises UnknownProcedure."""
    from nanojunction.procedures.base import JunctionProcedure
    from nanojunction.procedures.rows import COMPLIANCE, CURRENT, LEG, SETPOINT, TIME, VOLTAGE

    if not (isinstance(loaded, type) and issubclass(loaded, JunctionProcedure)):
        raise UnknownProcedure(
            f"{which} is no JunctionProcedure; derive it from nanojunction.procedures.base's"
        )
    for method in OWN:
        if getattr(loaded, method) is getattr(JunctionProcedure, method):
            raise UnknownProcedure(f"{which} has no {method} of its own")
    needed = (TIME, LEG, SETPOINT[loaded.SOURCE], VOLTAGE, CURRENT, COMPLIANCE)
    for column in needed:
        if column not in loaded.DATA_COLUMNS:
            raise UnknownProcedure(f"{which} has no column {column!r} in its DATA_COLUMNS")
    try:
        procedure = loaded()
    except Exception as problem:  # anyone's class: PyMeasure refuses units that it does not know
        raise UnknownProcedure(f"{which} cannot be made ({in_one_line(problem)})") from problem
    for key in procedure.settable():
        if getattr(procedure, key) is None:
            raise UnknownProcedure(f"{which} has a parameter {key!r} without a default")
    return loaded
