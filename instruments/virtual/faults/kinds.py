"""Faults that are scheduled in the virtual cryostat: what goes wrong, where and when.

A fault is a value; `trouble` carries it out. In a station file they are `[[virtual.faults]]`
tables, for `nanojunction simulate --faults FILE` tables `[[faults]]` in a file of their own; the
keys are documented in docs/virtual-cryostat.md.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from nanojunction.common.toml_file import read_toml
from nanojunction.instruments.errors import StationError

Role = Literal["source_meter", "magnet", "temperature", "switch", "field_probe"]
Seconds = Annotated[float, Field(gt=0, le=1e6)]


class _Fault(BaseModel):
    """What all faults have; a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _AtAMoment(_Fault):
    """When: one of `after_exchanges`, `on_command` (of `role`) and `at_s` (of the world's clock).

    `on_command` is a regular expression that is looked for in each line; `match` tells which of
    the lines that match it is meant.
    """

    role: Role | None = None
    after_exchanges: Annotated[int, Field(ge=0)] | None = None
    at_s: Annotated[float, Field(ge=0)] | None = None
    on_command: str | None = None
    match: Annotated[int, Field(ge=1)] = 1

    @field_validator("on_command")
    @classmethod
    def _is_expression(cls, text: str | None) -> str | None:
        try:
            re.compile(text or "")
        except re.error as problem:
            raise ValueError(f"is no regular expression ({problem})") from problem
        return text

    @model_validator(mode="after")
    def _has_one_moment(self) -> _AtAMoment:
        moments = (self.after_exchanges, self.at_s, self.on_command)
        if sum(moment is not None for moment in moments) != 1:
            raise ValueError("needs exactly one of after_exchanges, at_s and on_command")
        if self.match != 1 and self.on_command is None:
            raise ValueError("match belongs to on_command")
        return self


class _OnAConnection(_AtAMoment):
    """A fault at an exchange with `role`, and at the next `repeat` − 1 exchanges that it fits."""

    role: Role
    repeat: Annotated[int, Field(ge=1)] = 1


class Drop(_OnAConnection):
    """The connection is closed in place of an answer; the line is carried out, or not even that.

    The client may connect again.
    """

    kind: Literal["drop"] = "drop"
    carried_out: bool = True


class Late(_OnAConnection):
    """An answer comes `seconds` (of the wall clock, as time-outs are) too late."""

    kind: Literal["late"] = "late"
    seconds: Seconds


class Hang(_OnAConnection):
    """The instrument looks at nothing for `seconds` of the wall clock, or for ever.

    What it was sent meanwhile it carries out and answers afterwards.
    """

    kind: Literal["hang"] = "hang"
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=True)] = math.inf


class Half(_OnAConnection):
    """Half an answer, then nothing more of it, or a closed connection."""

    kind: Literal["half"] = "half"
    then: Literal["silence", "close"] = "silence"


class Garbage(_OnAConnection):
    """An answer that is none.

    `junk`: bytes that are no text; `fields`: one number too many; `truncated`: the first number
    breaks off before it is one; `twice`: the answer, and again as a line that nobody asked for.
    """

    kind: Literal["garbage"] = "garbage"
    form: Literal["junk", "fields", "truncated", "twice"] = "junk"

    def spoil(self, answer: bytes, chance: random.Random, end: bytes) -> bytes:
        """Return what is sent instead of `answer`, with the line's end."""
        match self.form:
            case "junk":
                return bytes(chance.randrange(128, 256) for _ in range(max(len(answer), 4))) + end
            case "fields":
                return answer + b",+1.000000E-03" + end
            case "truncated":
                return _truncated(answer) + end
            case "twice":
                return answer + end + answer + end


def _truncated(answer: bytes) -> bytes:
    """Return `answer` up to the exponent's sign of its first number, or to before its digits."""
    first = answer.split(b",")[0]
    found = re.match(rb".*?[Ee][+-]?(?=\d)", first) or re.match(rb"[^\d]*", first)
    return found[0] if found else b""


class Quench(_AtAMoment):
    """The magnet loses superconductivity."""

    kind: Literal["quench"] = "quench"


class Drift(_AtAMoment):
    """The insert runs away by `kelvin` and comes back within `seconds` of the world's clock.

    As when the gas flow fails for a while; the sample follows with its lag.
    """

    kind: Literal["drift"] = "drift"
    kelvin: Annotated[float, Field(ge=-400, le=400)]
    seconds: Seconds


class Breakdown(_Fault):
    """The junction becomes another one when the |V| that a source puts across it exceeds `above_V`.

    Its own voltage, with the output open or at 0 A, does not count.

    `becomes` is a built-in name or a junction file; `position` is the holder's, where there is a
    switch.
    """

    kind: Literal["breakdown"] = "breakdown"
    above_V: Annotated[float, Field(gt=0)]
    becomes: str = "short"
    position: str = ""


class Stick(_Fault):
    """A contact of the switch opens no more once it was closed `closings` times.

    The switch does not know: what it reports is what it was told to close.
    """

    kind: Literal["stick"] = "stick"
    contact: Annotated[int, Field(ge=1)]
    closings: Annotated[int, Field(ge=1)] = 1


Fault = Drop | Late | Hang | Half | Garbage | Quench | Drift | Breakdown | Stick
_KNOWN: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="kind")])


def read_faults(
    tables: Sequence[Mapping[str, Any]], where: str, key: str = "virtual.faults"
) -> tuple[Fault, ...]:
    """Return the faults that the tables describe; `where` and `key` name them in errors.

    Raises StationError with file, key and what is allowed.
    """
    faults = []
    for index, table in enumerate(tables):
        try:
            fault = _KNOWN.validate_python(dict(table))
        except ValidationError as problem:
            raise StationError(f"{where}: {key}[{index}]{_sentence(problem)}") from problem
        faults.append(_complete(fault, f"{where}: {key}[{index}]"))
    return tuple(faults)


def read_faults_file(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a TOML file with tables `[[faults]]`; raises StationError."""
    content = read_toml(path, StationError, "file of faults")
    tables = content.pop("faults", None)
    if content or not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise StationError(f"{path}: must hold tables [[faults]], and nothing else")
    return read_faults(tables, str(path), "faults")


def _complete(fault: Fault, where: str) -> Fault:
    """Check what one key alone does not tell."""
    if isinstance(fault, Quench | Drift):
        if fault.at_s is None and fault.role is None:
            raise StationError(f"{where}.role: is missing; whose exchanges are counted?")
        if fault.at_s is not None and fault.role is not None:
            raise StationError(f"{where}.role: is not used with at_s; leave it out")
    if isinstance(fault, Breakdown):
        from nanojunction.models.junction import load_junction

        try:
            load_junction(fault.becomes)
        except ValueError as problem:
            raise StationError(f"{where}.becomes: {problem}") from problem
    return fault


def _sentence(problem: ValidationError) -> str:
    """Return the first error as `.key: what is wrong (got …)`."""
    first = sorted(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")[0]
    loc = [str(part) for part in first["loc"][1:]]  # the first is the kind
    if first["type"].startswith("union_tag"):
        loc = ["kind"]
    words = {
        "extra_forbidden": "is not a key that is known for this kind",
        "missing": "is missing",
        "union_tag_not_found": "is missing",
    }.get(first["type"], first["msg"][:1].lower() + first["msg"][1:])
    if first["type"] == "union_tag_invalid":
        known = first["ctx"]["expected_tags"]
        return f".kind: must be one of {known} (got {first['ctx']['tag']!r})"
    got = "" if "missing" in words or not loc else f" (got {first['input']!r})"
    return f"{''.join('.' + part for part in loc)}: {words.removeprefix('value error, ')}{got}"


def as_tables(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Return faults as the tables of a station file."""
    return [
        {"kind": fault.kind, **fault.model_dump(exclude_defaults=True, exclude={"kind"})}
        for fault in faults
    ]
