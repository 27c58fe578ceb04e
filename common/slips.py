"""What is wrong in a file that pydantic has checked, in a sentence that helps to mend it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from nanojunction.common.names import did_you_mean

#: Where in a file an error is: keys, indices, and tags of unions.
Location = tuple[int | str, ...]


def sentence_of(
    problem: ValidationError,
    model: type[BaseModel],
    table: str = "",
    place_of: Callable[[Location], str] | None = None,
) -> str:
    """Return the first error as `key: what is wrong (got …)`, and how many more there are.

    `model` is what was validated. `place_of` writes the place of a key, else it is dotted; the
    keys are those of `table`, or of the whole file if it is empty.
    """
    # A mistyped key is also a missing one: the typing is what can be mended.
    errors = sorted(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")
    first = errors[0]
    location = first["loc"]
    words = first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == "missing":
        words = "is missing"
    elif first["type"] == "extra_forbidden":
        known = keys_at(model, location[:-1])
        meant = "" if location[-1] in known else did_you_mean(str(location[-1]), known)
        words = f"is not a key that is known here{meant}"
    words = words.removeprefix("value error, ")
    place = dotted((table, *location)) if place_of is None else place_of(location)
    silent = first["type"] == "missing" or isinstance(first["input"], dict | list | tuple)
    got = "" if silent else f" (got {first['input']!r})"
    more = f"; {len(errors) - 1} more" if len(errors) > 1 else ""
    return f"{f'{place}: ' if place else ''}{words}{got}{more}"


def dotted(location: Location) -> str:
    """Return a place as `junctions.0.name`."""
    return ".".join(str(part) for part in location if part != "")


def keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that may stand at a place of what `model` validates."""
    here = {model}
    for part in location:
        inner = {
            one
            for outer in here
            for name, field in outer.model_fields.items()
            if part in (field.alias or name, name)
            for one in _models_in(field.annotation)
        }
        here = inner or here  # an index, a name that is free, or the tag of a union
    fields = [item for one in here for item in one.model_fields.items()]
    return sorted({field.alias or name for name, field in fields})


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {one for part in get_args(annotation) for one in _models_in(part)}
