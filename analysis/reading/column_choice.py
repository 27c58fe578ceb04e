"""Which column of a table serves as what, by its name or as notes correct it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from nanojunction.analysis.reading.columns import Column, identify, unit_in
from nanojunction.analysis.reading.notes import ColumnCorrection, NotesError
from nanojunction.analysis.reading.units import Role, unit
from nanojunction.common.names import did_you_mean


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of a table by what they serve as ("voltage", "setpoint voltage", …).

    Each is its place and its meaning. `unknown` are the places of columns that a run does not use.
    """

    known: Mapping[str, tuple[int, Column]]
    unknown: tuple[int, ...]
    warnings: tuple[str, ...]


def choose(names: Sequence[str], corrections: Mapping[str, ColumnCorrection]) -> Choice:
    """Return which column serves as what.

    Raises ValueError if two columns mean the junction's voltage, or its current; NotesError where
    a correction is of no column, or says too little.
    """
    return _choice(names, corrections) if corrections else _uncorrected(tuple(names))


@lru_cache(maxsize=256)  # the files of a campaign share their columns
def _uncorrected(names: tuple[str, ...]) -> Choice:
    return _choice(names, {})


def _choice(names: Sequence[str], corrections: Mapping[str, ColumnCorrection]) -> Choice:
    candidates: dict[str, list[tuple[int, Column]]] = {}
    unknown = []
    corrected = _places(names, corrections)
    for index, name in enumerate(names):
        if index in corrected:
            column = corrected_column(name, *corrected[index])
        else:
            column = identify(name)
            if column is None:
                unknown.append(index)
        if column is not None:
            key = f"setpoint {column.quantity}" if column.role == "setpoint" else column.role
            candidates.setdefault(key, []).append((index, column))
    known: dict[str, tuple[int, Column]] = {}
    warnings: list[str] = []
    for key, columns in candidates.items():
        best = [c for c in columns if not c[1].qualifier] or columns
        if key.removeprefix("setpoint ") in ("voltage", "current"):
            best += [c for c in columns if c not in best and c[1].numbers]
            if len(best) > 1:
                both = " and ".join(f"'{column.name}'" for _, column in best[:3])
                both += f" and {len(best) - 3} more" if len(best) > 3 else ""
                raise ValueError(
                    f"the columns {both} both mean the {key}; name one a setpoint, or remove it, "
                    "or say in notes what they mean"
                )
            over = [f"'{c[1].name}'" for c in columns if c not in best]
            if over:
                warnings.append(f"'{best[0][1].name}' is the {key}, not {' or '.join(over[:3])}")
        if len(best) > 1:
            warnings.append(f"of several columns for the {key}, '{best[0][1].name}' is used")
        known[key] = best[0]
    _one_terminal(known)
    no_unit = [c.name for _, c in known.values() if not c.has_unit and c.name != "V"]
    if no_unit:
        warnings.append(f"no unit in the column names {', '.join(no_unit)}: read in SI")
    return Choice(known, tuple(unknown), tuple(warnings))


def _one_terminal(known: Mapping[str, tuple[int, Column]]) -> None:
    """Raise ValueError where voltage and current have the numbers of different terminals."""
    found = [known[key][1] for key in ("voltage", "current") if key in known]
    if (
        len(found) == 2
        and all(one.numbers for one in found)
        and len({c.numbers for c in found}) > 1
    ):
        raise ValueError(
            f"the columns '{found[0].name}' and '{found[1].name}' are of different terminals; say "
            "in notes what they mean"
        )


def _places(
    names: Sequence[str], corrections: Mapping[str, ColumnCorrection]
) -> dict[int, tuple[str, ColumnCorrection]]:
    """Return the corrections by the place of their column, each with its key."""
    places: dict[int, tuple[str, ColumnCorrection]] = {}
    for key, correction in corrections.items():
        number = key[1:]
        if key.startswith("#") and number.isdecimal() and len(number) < 6:
            found = [int(number) - 1] if 0 < int(number) <= len(names) else []
        else:
            found = [index for index, name in enumerate(names) if name.strip() == key.strip()]
            # A unit in brackets may come from another line or column.
            found = found or [
                index for index, name in enumerate(names) if name.rpartition(" (")[0] == key.strip()
            ]
        if not found:
            meant = did_you_mean(key, names) or ";"
            raise NotesError(
                f'correct.columns."{key}": there is no such column{meant} '
                f"they are: {', '.join(names)}"
            )
        places |= dict.fromkeys(found, (key, correction))
    return places


def corrected_column(name: str, key: str, correction: ColumnCorrection) -> Column | None:
    """Return what a column means as corrected, None where it is left out.

    Raises NotesError where neither the name nor the correction says what it means, or the unit is
    of something else.
    """
    if correction.meaning == "none":
        return None
    try:
        seen = identify(name)
    except ValueError:
        seen = None  # the correction says what the name does not
    stated = None if correction.unit is None else unit(correction.unit)
    place = f'correct.columns."{key}"'
    if correction.meaning is not None:
        quantity: Role = _QUANTITIES[correction.meaning]
        role: Role = "setpoint" if correction.meaning.startswith("setpoint") else quantity
    elif seen is not None:
        quantity, role = seen.quantity, seen.role
    elif stated is not None:
        quantity = role = stated[0]
    else:
        raise NotesError(f"{place}: the name does not say what the column means; add a meaning")
    in_name = unit_in(name)
    if stated is None and in_name is not None and in_name[0] == quantity:
        stated = in_name
    if stated is not None and stated[0] != quantity:
        raise NotesError(f"{place}: the unit is one of {stated[0]}, and the column is a {quantity}")
    column = Column(name, role, quantity, has_unit=quantity in ("leg", "compliance"))
    if stated is not None:
        column = replace(column, factor=stated[1], offset=stated[2], has_unit=True)
    sign = correction.sign
    return replace(column, factor=sign * column.factor, offset=sign * column.offset)


_QUANTITIES: Mapping[str, Role] = {
    "time": "time",
    "leg": "leg",
    "setpoint voltage": "voltage",
    "setpoint current": "current",
    "setpoint temperature": "temperature",
    "voltage": "voltage",
    "current": "current",
    "field": "field",
    "temperature": "temperature",
    "compliance": "compliance",
}
