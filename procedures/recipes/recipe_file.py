"""The recipe file: steps, nested loops, conditions and pauses, validated as text.

Every error names file, key (`steps[2].over.field`) and what is allowed. The keys are documented
in docs/recipes.md. What the keys mean for a procedure and a station is checked in `plan` and
`checking`, which need both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
)

from nanojunction.common.names import did_you_mean
from nanojunction.common.slips import sentence_of
from nanojunction.common.toml_file import parse_toml, read_text
from nanojunction.procedures.recipes.conditions import Condition, parse_condition
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.sample_file import Sample, load_sample_file

Value = str | float | int | bool
#: What a step does; exactly one of them, and the class that describes it.
ACTIONS = ("measure", "steps", "pause")
#: These stand for something else in keys of runs and in conditions.
_NOT_IN_NAMES = re.compile(r"[/.=#<>\n]")


class RecipeError(ProcedureError):
    """The recipe, or something that it names, is wrong."""


def _value(given: Any) -> Any:
    """Return a setting: a list becomes the text that `--set` takes."""
    if isinstance(given, list) and given and all(_is_plain(item) for item in given):
        return ", ".join(item if isinstance(item, str) else repr(item) for item in given)
    if not _is_plain(given):
        raise ValueError('must be a number, a text such as "10 mV", true or false, or a list')
    return given


def _values(given: Any) -> Any:
    """Return the values of a loop: a text or a list of numbers and texts."""
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(_is_plain(item) for item in listed):
        raise ValueError('must be a text such as "40, 80, 120 K" or a list of numbers and texts')
    return given if isinstance(given, str) else tuple(listed)


def _is_plain(given: Any) -> bool:
    return isinstance(given, str | float | int | bool)


Setting = Annotated[Value, BeforeValidator(_value)]
LoopValues = Annotated[str | tuple[Value, ...], BeforeValidator(_values)]


def _condition(given: Any) -> Any:
    if not isinstance(given, str):
        raise ValueError('must be a text such as "r_s_ohm > 1 Mohm"')
    return parse_condition(given)


Conditional = Annotated[Condition, BeforeValidator(_condition)]


class _Table(BaseModel):
    """A table of the file: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Step(_Table):
    """What every step may have: a name for conditions and for the run files, and a condition."""

    name: str = ""
    skip_when: Conditional | None = None

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if _NOT_IN_NAMES.search(name):
            raise ValueError("must not contain any of / . = # < >")
        return name


class Measurement(_Step):
    """One run of a procedure; `set` has the keys of `measure --set`."""

    measure: Annotated[str, Field(min_length=1)]
    sample: str = ""
    settings: Annotated[Mapping[str, Setting], Field(alias="set")] = {}


class Pause(_Step):
    """The operator is asked to do something."""

    pause: Annotated[str, Field(min_length=1)]


class Loop(_Step):
    """Steps repeated for every combination of what they run over; the first key is outermost."""

    steps: Steps
    over: Annotated[Mapping[str, LoopValues], Field(min_length=1)] | None = None
    stop_when: Conditional | None = None


def _action(given: Any) -> str:
    """Return the tag of a step's class; the braces keep it out of the sentences."""
    if isinstance(given, Measurement | Pause | Loop):
        return {Measurement: "<measure>", Pause: "<pause>", Loop: "<steps>"}[type(given)]
    if not isinstance(given, Mapping):
        raise ValueError("must be a table")
    found = [action for action in ACTIONS if action in given]
    if len(found) != 1:
        known = ", ".join(f"`{action}`" for action in ACTIONS)
        meant = [] if found else [words for key in given if (words := did_you_mean(key, ACTIONS))]
        raise ValueError(
            f"a step has exactly one of {known}, this one has "
            f"{' and '.join(f'`{action}`' for action in found) or 'none'}"
            f"{meant[0] if meant else ''}"
        )
    return f"<{found[0]}>"


def _steps(given: Any) -> Any:
    if not isinstance(given, list | tuple) or not given:
        raise ValueError("must be a list of at least one step")
    return tuple(given)


def _one_action(given: Any) -> Any:
    _action(given)
    return given


Step = Annotated[
    Annotated[Measurement, Tag("<measure>")]
    | Annotated[Pause, Tag("<pause>")]
    | Annotated[Loop, Tag("<steps>")],
    Discriminator(_action),
    BeforeValidator(_one_action),
]


Steps = Annotated[tuple[Step, ...], BeforeValidator(_steps)]


class About(_Table):
    """`[recipe]`: its name, the junction, and what happens when a run fails.

    `sample_file` is found beside the recipe; its junctions' limits hold, and their positions.
    """

    name: Annotated[str, Field(min_length=1)]
    sample: str = ""
    sample_file: str = ""
    on_failure: Literal["stop", "continue"] = "stop"


class Content(_Table):
    """A whole recipe file."""

    recipe: About
    defaults: Mapping[str, Setting] = {}
    steps: Steps


Loop.model_rebuild()
Content.model_rebuild()


@dataclass(frozen=True, slots=True)
class Recipe:
    """A valid recipe with the text that it was read from; `source` names it in errors."""

    content: Content
    text: str
    source: str
    samples: Sample | None = None

    def walk(self) -> Iterator[tuple[str, Measurement | Pause | Loop]]:
        """Yield every step, inner ones too, with its place (`steps[2].steps[0]`), in order."""
        yield from _walk("", self.content.steps)


def _walk(
    outer: str, steps: tuple[Measurement | Pause | Loop, ...]
) -> Iterator[tuple[str, Measurement | Pause | Loop]]:
    for index, step in enumerate(steps):
        place = f"{outer}steps[{index}]"
        yield place, step
        if isinstance(step, Loop):
            yield from _walk(f"{place}.", step.steps)


def load_recipe(path: Path) -> Recipe:
    """Read and validate a recipe file; raises RecipeError with file, key and what is allowed."""
    recipe = recipe_from(read_text(path, RecipeError, "recipe file"), str(path))
    file = recipe.content.recipe.sample_file
    return replace(recipe, samples=load_sample_file(path.parent / file)) if file else recipe


def recipe_from(text: str, source: str) -> Recipe:
    """Validate the text of a recipe, without its sample file; raises RecipeError."""
    try:
        content = Content.model_validate(parse_toml(text, source, RecipeError))
    except RecursionError as problem:
        raise RecipeError(f"{source}: steps are nested too deeply") from problem
    except ValidationError as problem:
        raise RecipeError(
            f"{source}: {sentence_of(problem, Content, place_of=_place)}"
        ) from problem
    recipe = Recipe(content, text, source)
    _check_step_names(recipe)
    return recipe


def _check_step_names(recipe: Recipe) -> None:
    """Check that the steps which conditions name exist."""
    steps = list(recipe.walk())
    names = {step.name or step.measure for _, step in steps if isinstance(step, Measurement)}
    for place, step in steps:
        conditions = {"skip_when": step.skip_when}
        if isinstance(step, Loop):
            conditions["stop_when"] = step.stop_when
        for key, condition in conditions.items():
            if condition is not None and condition.step and condition.step not in names:
                raise RecipeError(
                    f"{recipe.source}: {place}.{key}: no measurement is called "
                    f"{condition.step!r}; known are {', '.join(sorted(names)) or 'none'}"
                )


def _place(location: tuple[int | str, ...]) -> str:
    place = ""
    for part in location:
        if isinstance(part, int):
            place += f"[{part}]"
        elif not part.startswith("<"):
            place += f".{part}" if place else part
    return place
