"""Junction files: TOML that names one law and gives its parameters."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from nanojunction.common.toml_file import parse_toml, read_text
from nanojunction.models.junction import JunctionLaw
from nanojunction.models.laws import Activated, Linear, Metallic
from nanojunction.models.magnetic_laws import Switching, TunnelPair
from nanojunction.models.spin_engine_pair import SpinEnginePair

__all__ = [
    "LAWS",
    "JunctionFileError",
    "checked",
    "make_junction",
    "parse_junction",
    "read_junction",
]

T = TypeVar("T")

# What `law = "…"` may say. A file can choose among these and nothing else.
LAWS: Mapping[
    str, type[Linear | Metallic | Activated | Switching | TunnelPair | SpinEnginePair]
] = {
    "linear": Linear,
    "metallic": Metallic,
    "activated": Activated,
    "switching": Switching,
    "tunnel-pair": TunnelPair,
    "spin-engine": SpinEnginePair,
}


# What pydantic says of Python's types, in the words of a TOML file.
_WANTED = {
    "float_type": "must be a number without quotes, in the key's unit",
    "string_type": "must be a text in quotes",
    "string_too_short": "must have at least one letter",
    "string_pattern_mismatch": "must be made of letters, digits and _ . + - only",
    "tuple_type": "must be a list of tables ([[…]])",
    "dataclass_type": "must be a table ([…])",
}


class JunctionFileError(ValueError):
    """A junction file that cannot be used: one sentence with file, key and what is allowed."""


def _refusal(words: str) -> JunctionFileError:
    return JunctionFileError(f"{words}.")


def read_junction(path: Path) -> JunctionLaw:
    """Return the junction that the TOML file at `path` describes, or raise JunctionFileError."""
    return parse_junction(read_text(path, _refusal), str(path))


def parse_junction(text: str, source: str) -> JunctionLaw:
    """Return the junction that the TOML `text` describes; `source` names it in errors."""
    return make_junction(parse_toml(text, source, _refusal), source)


def make_junction(content: Mapping[str, Any], source: str) -> JunctionLaw:
    """Return the junction of a file's `content` (law, name, parameters), checked in full.

    Raises JunctionFileError for an unknown law or key, a missing one, a wrong type, a number that
    is not finite or out of range, and for parameters that contradict each other.
    """
    parameters = dict(content)
    choice = parameters.pop("law", None)
    law = LAWS.get(choice) if isinstance(choice, str) else None
    if law is None:
        found = "is missing" if choice is None else f"is {reprlib.repr(choice)}"
        raise JunctionFileError(
            f"{source}: key 'law' {found}; it must be one of {', '.join(LAWS)}."
        )
    return checked(law, parameters, source, also=("law",))


def checked(
    kind: type[T], content: Mapping[str, Any], source: str, *, also: tuple[str, ...] = ()
) -> T:
    """Return the dataclass `kind` of a table's `content`, checked in full.

    `also` are keys of the table that are none of its fields. Raises JunctionFileError.
    """
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise JunctionFileError(_sentence(error, source, kind, also)) from error


def _sentence(error: ValidationError, source: str, kind: type, also: tuple[str, ...]) -> str:
    """Say the first of pydantic's complaints in one sentence, and how many more there are."""
    # A mistyped key is also a missing one: the typing is what can be mended.
    errors = error.errors(include_url=False)
    first = min(errors, key=lambda one: one["type"] != "unexpected_keyword_argument")
    location: tuple[int | str, ...] = first["loc"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    key = f"key '{key.removeprefix('.')}'"
    match first["type"]:
        case "unexpected_keyword_argument":
            text = (
                f"{key} is unknown; allowed here are {', '.join(_keys(kind, location[:-1], also))}"
            )
        case "missing":
            text = f"{key} is missing"
        case "value_error":
            text = f"{first['ctx']['error']}" if not location else f"{key}: {first['ctx']['error']}"
        case found:
            wanted = _WANTED.get(found, first["msg"].replace("Input should", "must", 1))
            text = f"{key}: {wanted}, found {reprlib.repr(first['input'])}"
    more = error.error_count() - 1
    others = f" ({more} more after this one)" if more else ""
    return f"{source}: {text}{others}."


def _keys(kind: type, location: tuple[int | str, ...], also: tuple[str, ...]) -> list[str]:
    """Return the keys that are allowed in the table at `location` of what is checked."""
    table: Any = kind
    for part in location:
        table = get_type_hints(table)[part] if isinstance(part, str) else get_args(table)[0]
    names = [field.name for field in dataclasses.fields(table) if field.init]
    return names if location else [*also, *names]
