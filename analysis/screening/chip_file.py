"""The chip file: what is to be screened, where it is, and what it may see.

name = "chip 17"
max_voltage_V = 0.2            # of every junction that has no limit of its own
max_current_A = 1e-3
diameter_um = 20

[stacks.CoPc3]
layers = ["Co 10 nm", "C60 3 ML", "CoPc 1 ML", "Fe 5 nm"]

[[calibrations]]
name = "R100"
nominal_ohm = 100

[[junctions]]
name = "J001"
column = 3
row = 7
split = "annealed"

[[arrays]]
names = "J{row:02d}{column:02d}"
rows = 20
columns = 10
pitch_x_mm = 0.5
pitch_y_mm = 0.5

[thresholds]
candidate_ratio = 10
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.screening.arrays import Template, TemplateError
from nanojunction.analysis.screening.chip import Calibration, Chip, Grid, Junction
from nanojunction.analysis.screening.thresholds import THRESHOLD_NAMES, Thresholds
from nanojunction.common.names import did_you_mean
from nanojunction.common.slips import Location, sentence_of
from nanojunction.common.toml_file import parse_toml, read_text

MOST_JUNCTIONS = 100_000

_CONFIG = ConfigDict(frozen=True, extra="forbid", strict=True)
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
# A name goes into files' names, tables and one line of text.
_Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*\S$", max_length=80)]


class ChipFileError(ValueError):
    """A chip file that cannot be used: one sentence with file, key and what is allowed."""


class _Shared(BaseModel):
    """What a junction, an array of them and the whole chip may all state."""

    model_config = _CONFIG

    diameter_um: _Positive | None = None
    max_voltage_V: _Positive | None = None
    max_current_A: _Positive | None = None
    max_dwell_in_compliance_s: _Positive | None = None


class _Junction(_Shared):
    name: _Name
    position: str = ""
    x_mm: _Finite | None = None
    y_mm: _Finite | None = None
    column: Grid | None = None
    row: Grid | None = None
    split: str = ""
    stack: str = ""


class _Array(_Shared):
    names: str
    positions: str = ""
    rows: Annotated[int, Field(ge=1)]
    columns: Annotated[int, Field(ge=1)]
    pitch_x_mm: _Positive | None = None
    pitch_y_mm: _Positive | None = None
    x0_mm: _Finite = 0.0
    y0_mm: _Finite = 0.0
    split: str = ""
    stack: str = ""


class _Calibration(BaseModel):
    model_config = _CONFIG

    name: _Name
    nominal_ohm: _Positive
    position: str = ""


class _Stack(BaseModel):
    model_config = _CONFIG

    layers: Annotated[tuple[str, ...], Field(strict=False)]


class _File(_Shared):
    name: str = ""
    stacks: dict[str, _Stack] = {}
    calibrations: Annotated[tuple[_Calibration, ...], Field(strict=False)] = ()
    junctions: Annotated[tuple[_Junction, ...], Field(strict=False)] = ()
    arrays: Annotated[tuple[_Array, ...], Field(strict=False)] = ()
    thresholds: dict[str, Any] = {}
    protocol: dict[str, Any] = {}


def load_chip(path: PathLike) -> Chip:
    """Read and check a chip file; raises ChipFileError naming file and key.

    >>> load_chip("chip17.toml")
    Traceback (most recent call last):
        ...
    nanojunction.analysis.screening.chip_file.ChipFileError: chip17.toml: there is no such chip file
    """
    path = Path(path)
    return chip_from(read_text(path, ChipFileError, "chip file"), str(path))


def chip_from(text: str, source: str) -> Chip:
    """Return the chip that TOML text describes; `source` names it in errors.

    Raises ChipFileError: unknown keys, values that cannot be, a junction without a limit, two of
    one name, position or place, a stack that is not in `[stacks]`.

    >>> limits = "max_voltage_V = 0.2, max_current_A = 1e-3"
    >>> array = f'names = "J{{row:02d}}{{column:02d}}", rows = 20, columns = 10, {limits}'
    >>> chip = chip_from(f"arrays = [{{{array}}}]", "mine")
    >>> len(chip.junctions), chip.junctions[-1].name, chip.thresholds.candidate_ratio
    (200, 'J2010', 10.0)
    """
    content = parse_toml(text, source, ChipFileError)
    try:
        file = _File.model_validate(content)
    except ValidationError as problem:
        raise ChipFileError(f"{source}: {sentence_of(problem, _File, place_of=_place)}") from None
    try:
        return _chip(file)
    except ValueError as problem:
        raise ChipFileError(f"{source}: {problem}") from problem


def _place(location: Location) -> str:
    """Return the place of a key as `junctions[3].diameter_um`, its entry counted from 0."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _chip(file: _File) -> Chip:
    thresholds = _thresholds(file.thresholds)
    listed: list[tuple[str, _Junction]] = [
        (f"junctions[{n}]", one) for n, one in enumerate(file.junctions)
    ]
    size = len(listed) + sum(one.rows * one.columns for one in file.arrays)
    if not 1 <= size <= MOST_JUNCTIONS:
        raise ValueError(
            f"junctions: the file lists {size}; give 1 to {MOST_JUNCTIONS}, as [[junctions]] or as "
            "[[arrays]]"
        )
    for n, array in enumerate(file.arrays):
        listed += _expanded(array, f"arrays[{n}]")
    calibrations = [(f"calibrations[{n}]", one) for n, one in enumerate(file.calibrations)]
    named = [(at, one.name, one.position) for at, one in calibrations]
    named += [(at, one.name, one.position) for at, one in listed]
    _refuse_twice("name", ((at, name) for at, name, _ in named))
    _refuse_twice("position", ((at, position or None) for at, _, position in named))
    _refuse_twice("place", ((at, _place_of(at, one)) for at, one in listed))
    return Chip(
        name=file.name,
        junctions=tuple(_junction(at, one, file) for at, one in listed),
        calibrations=tuple(
            Calibration(one.name, one.nominal_ohm, one.position) for one in file.calibrations
        ),
        stacks={name: stack.layers for name, stack in file.stacks.items()},
        thresholds=thresholds,
        protocol=file.protocol,
        max_voltage_V=file.max_voltage_V,
        max_current_A=file.max_current_A,
    )


def _thresholds(table: dict[str, Any]) -> Thresholds:
    for key, value in table.items():
        if key not in THRESHOLD_NAMES:
            meant = did_you_mean(key, THRESHOLD_NAMES)
            raise ValueError(f"thresholds.{key}: is not a key that is known here{meant}")
        kinds: tuple[type, ...] = (int, float)
        what = "a number"
        if key == "resistance":
            kinds, what = (str,), "a text"
        elif key == "attempts":
            kinds, what = (int,), "a whole number"
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(f"thresholds.{key}: must be {what} (got {value!r})")
    try:
        return Thresholds(**table)
    except ValueError as problem:
        raise ValueError(f"thresholds: {problem}") from problem


def _expanded(array: _Array, at: str) -> Iterator[tuple[str, _Junction]]:
    """Yield the junctions of an array, row by row, each with where it comes from."""
    try:
        names = Template(array.names)
    except TemplateError as problem:
        raise ValueError(f"{at}.names: {problem}") from problem
    try:
        positions = Template(array.positions)
    except TemplateError as problem:
        raise ValueError(f"{at}.positions: {problem}") from problem
    shared = array.model_dump(include={"split", "stack", *_Shared.model_fields})
    pitch_x, pitch_y = array.pitch_x_mm, array.pitch_y_mm
    if (pitch_x is None) != (pitch_y is None):
        raise ValueError(f"{at}: has only one of pitch_x_mm and pitch_y_mm; give both or none")
    for n in range(array.rows * array.columns):
        row, column = divmod(n, array.columns)
        fields = {"row": row + 1, "column": column + 1, "n": n + 1}
        place: dict[str, Any] = {"row": row + 1, "column": column + 1}
        if pitch_x is not None and pitch_y is not None:
            place["x_mm"] = array.x0_mm + column * pitch_x
            place["y_mm"] = array.y0_mm + row * pitch_y
        name = names.filled(fields)
        where = f"{at} (row {row + 1}, column {column + 1})"
        try:
            one = _Junction(name=name, position=positions.filled(fields), **place, **shared)
        except ValidationError as problem:
            raise ValueError(f"{where}: {sentence_of(problem, _Junction)}") from problem
        yield where, one


def _place_of(at: str, one: _Junction) -> str | None:
    """Return where a junction is: x and y, or else column and row; None where it is not said."""
    if (one.x_mm is None) != (one.y_mm is None):
        raise ValueError(f"{at}: has only one of x_mm and y_mm; give both or none")
    if one.x_mm is not None and one.y_mm is not None:
        return f"x_mm = {one.x_mm:.9g}, y_mm = {one.y_mm:.9g}"
    if one.column is not None and one.row is not None:
        return f"column = {one.column!r}, row = {one.row!r}"
    return None


def _refuse_twice(what: str, entries: Iterable[tuple[str, str | None]]) -> None:
    """Raise ValueError where two entries share what only one may have; None is shared by many."""
    seen: dict[str, str] = {}
    for at, value in entries:
        if value is None:
            continue
        if value in seen:
            raise ValueError(
                f"{at}: its {what} {value!r} is that of {seen[value]}, too; each needs its own"
            )
        seen[value] = at


def _junction(at: str, one: _Junction, file: _File) -> Junction:
    for key in ("max_voltage_V", "max_current_A"):
        if getattr(one, key) is None and getattr(file, key) is None:
            raise ValueError(
                f"{key}: is missing, and {at} has none of its own; give it for the whole chip, or "
                "for each junction"
            )
    if one.stack and file.stacks and one.stack not in file.stacks:
        meant = did_you_mean(one.stack, file.stacks)
        raise ValueError(f"{at}.stack: there is no [stacks.{one.stack}]{meant}")
    own = {key: getattr(one, key) for key in _Shared.model_fields}
    whole = {key: getattr(file, key) if value is None else value for key, value in own.items()}
    diameter_um = whole.pop("diameter_um")
    return Junction(
        name=one.name,
        position=one.position,
        x_m=None if one.x_mm is None else one.x_mm / 1e3,
        y_m=None if one.y_mm is None else one.y_mm / 1e3,
        column=one.column,
        row=one.row,
        split=one.split,
        stack=one.stack,
        diameter_m=None if diameter_um is None else diameter_um / 1e6,
        **whole,
    )
