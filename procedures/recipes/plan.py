"""The plan: a recipe as a flat list of runs and pauses, each with a key that stays the same.

A key such as `cooling/temperature=360 K/field=-0.5 T/iv` names a run in the journal. It depends
on nothing but the recipe's text, so that a run is found again on another day.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.quantities import QuantityListParameter
from nanojunction.procedures.recipes.conditions import Condition
from nanojunction.procedures.recipes.loops import (
    LoopValue,
    names,
    parameter_values,
    refuse_mixed_units,
    repeats,
)
from nanojunction.procedures.recipes.recipe_file import (
    Loop,
    Measurement,
    Pause,
    Recipe,
    RecipeError,
    Value,
)
from nanojunction.procedures.registry import UnknownProcedure, load_procedure
from nanojunction.procedures.run_parameters import OWN_OPTIONS

#: More runs than this are a slip of the pen.
MOST_RUNS = 100_000


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of `--set` with its value, and the place in the recipe that it comes from."""

    key: str
    value: Value
    place: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A condition that ends the loop `scope`, looked at with the last result of `sample`."""

    scope: str
    condition: Condition
    sample: str
    place: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the plan. `scopes` are the loops around it, each pass of which it belongs to."""

    key: str
    place: str
    sample: str
    scopes: tuple[str, ...]
    skip_when: tuple[Condition, ...]
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class PlannedRun(Item):
    """One run of a procedure."""

    step: str
    procedure: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class PlannedPause(Item):
    """The operator is asked to do something."""

    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All runs and pauses of a recipe, in order."""

    recipe: Recipe
    items: tuple[PlannedRun | PlannedPause, ...]

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        """The runs alone."""
        return tuple(item for item in self.items if isinstance(item, PlannedRun))

    @property
    def pauses(self) -> int:
        """How often the operator is asked."""
        return len(self.items) - len(self.runs)

    @property
    def has_conditions(self) -> bool:
        """Tell whether a condition can make it shorter."""
        return any(item.skip_when or item.stops for item in self.items)


def plan_of(recipe: Recipe) -> Plan:
    """Return the plan of a recipe; raises RecipeError for keys and values that fit no procedure."""
    expansion = _Expansion(recipe)
    expansion.add(recipe.content.steps, "", _Around(sample=recipe.content.recipe.sample))
    expansion.check_defaults()
    return Plan(recipe, tuple(expansion.items))


@dataclass(frozen=True, slots=True)
class _Around:
    """What the loops around a step have set."""

    sample: str
    path: tuple[str, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    skip_when: tuple[Condition, ...] = ()


@dataclass(slots=True)
class _Expansion:
    recipe: Recipe
    items: list[PlannedRun | PlannedPause] = field(default_factory=list)
    _keys: Counter[str] = field(default_factory=Counter)
    _scopes: Counter[str] = field(default_factory=Counter)
    _known: dict[str, JunctionProcedure] = field(default_factory=dict)

    def add(
        self, steps: tuple[Measurement | Pause | Loop, ...], outer: str, around: _Around
    ) -> None:
        """Add what `steps` mean inside of what is around them."""
        for index, step in enumerate(steps):
            place = f"{outer}steps[{index}]"
            if step.skip_when is not None:
                inside = replace(around, skip_when=(*around.skip_when, step.skip_when))
            else:
                inside = around
            if isinstance(step, Loop):
                self._loop(step, place, inside)
            elif isinstance(step, Pause):
                key = self._key(around, step.name or "pause")
                common = (key, place, around.sample, around.scopes, inside.skip_when, ())
                self._append(PlannedPause(*common, words=step.pause))
            else:
                self._measurement(step, place, inside)

    def _append(self, item: PlannedRun | PlannedPause) -> None:
        if len(self.items) == MOST_RUNS:
            raise self._wrong(item.place, f"the recipe has more than {MOST_RUNS} runs")
        self.items.append(item)

    def _measurement(self, step: Measurement, place: str, around: _Around) -> None:
        sample = step.sample or around.sample
        if not sample:
            raise self._wrong(f"{place}.sample", "is missing, and [recipe] names no sample")
        procedure = self._procedure(step.measure, place)
        settings = self._defaults(procedure)
        for key, setting in around.settings.items():
            if key not in procedure.settable():
                words = f"{step.measure} ({place}) has no such key"
                raise self._wrong(setting.place, words)
            settings[key] = setting
        for key, value in step.settings.items():
            if key in OWN_OPTIONS:
                words = "is no setting of a run: `sample` stands beside `set`, --station is given"
                raise self._wrong(f"{place}.set.{key}", words)
            if key in around.settings:
                words = f"is also looped over, at {around.settings[key].place}; drop one of them"
                raise self._wrong(f"{place}.set.{key}", words)
            settings[key] = Setting(key, value, f"{place}.set.{key}")
        for setting in settings.values():
            self._check_units(setting, procedure)
        self._append(
            PlannedRun(
                self._key(around, step.name or step.measure),
                place,
                sample,
                around.scopes,
                around.skip_when,
                (),
                step=step.name or step.measure,
                procedure=step.measure,
                settings=tuple(settings.values()),
            )
        )

    def _check_units(self, setting: Setting, procedure: JunctionProcedure) -> None:
        parameter = procedure.settable().get(setting.key)
        if isinstance(parameter, QuantityListParameter) and isinstance(setting.value, str):
            try:
                refuse_mixed_units(setting.value, parameter.units)
            except ValueError as problem:
                raise self._wrong(setting.place, str(problem)) from problem

    def _loop(self, step: Loop, place: str, around: _Around) -> None:
        self._scopes[place] += 1
        scope = f"{place}#{self._scopes[place]}"
        path = (*around.path, step.name) if step.name else around.path
        inside = replace(around, path=path, scopes=(*around.scopes, scope))
        for one_pass in self._passes(step, place, inside):
            first = len(self.items)
            self.add(step.steps, f"{place}.", one_pass)
            self._stop_after(step, scope, place, first)

    def _stop_after(self, step: Loop, scope: str, place: str, first: int) -> None:
        """Have the loop's condition looked at after the last item of the pass."""
        runs = [item for item in self.items[first:] if isinstance(item, PlannedRun)]
        if step.stop_when is None or not runs:
            return
        stop = Stop(scope, step.stop_when, runs[-1].sample, f"{place}.stop_when")
        last = self.items[-1]
        self.items[-1] = replace(last, stops=(*last.stops, stop))

    def _passes(self, step: Loop, place: str, around: _Around) -> Iterator[_Around]:
        """Yield what each pass of a loop sets; the first key of `over` changes slowest."""
        over = step.over or {}
        values = [self._values(step, key, f"{place}.over.{key}", around) for key in over]
        for combination in itertools.product(*values):
            one = around
            for key, value in zip(over, combination, strict=True):
                label = f"{key}={value.label}".replace("/", " per ")
                one = replace(one, path=(*one.path, label))
                if key == "sample":
                    one = replace(one, sample=str(value.value))
                elif key != "repeat":
                    setting = Setting(key, value.value, f"{place}.over.{key}")
                    one = replace(one, settings={**one.settings, key: setting})
            yield one

    def _values(self, step: Loop, key: str, place: str, around: _Around) -> tuple[LoopValue, ...]:
        given = (step.over or {})[key]
        try:
            if key == "repeat":
                return repeats(given)
            if key == "sample":
                return names(given)
            if key in around.settings:
                raise self._wrong(place, f"is already looped over, at {around.settings[key].place}")
            for inner, measurement in _measurements(step, place.rpartition(".over.")[0]):
                parameters = self._procedure(measurement.measure, inner).settable()
                if key in parameters:
                    return parameter_values(given, parameters[key])
        except ValueError as problem:
            raise self._wrong(place, str(problem)) from problem
        raise self._wrong(
            place, "is neither `repeat`, `sample` nor a key of what is measured in the loop"
        )

    def _procedure(self, name: str, place: str) -> JunctionProcedure:
        if name not in self._known:
            try:
                self._known[name] = load_procedure(name)()
            except UnknownProcedure as problem:
                raise self._wrong(f"{place}.measure", str(problem)) from problem
        return self._known[name]

    def _defaults(self, procedure: JunctionProcedure) -> dict[str, Setting]:
        return {
            key: Setting(key, value, f"defaults.{key}")
            for key, value in self.recipe.content.defaults.items()
            if key in procedure.settable()
        }

    def check_defaults(self) -> None:
        """Check that every default is a key of something that is measured."""
        known = {key for procedure in self._known.values() for key in procedure.settable()}
        for key in self.recipe.content.defaults:
            if key not in known:
                raise self._wrong(f"defaults.{key}", "is not a key of anything measured here")

    def _key(self, around: _Around, name: str) -> str:
        key = "/".join((*around.path, name))
        self._keys[key] += 1
        if self._keys[key] == 1:
            return key
        return self._key(replace(around, path=()), f"{key}#{self._keys[key]}")

    def _wrong(self, place: str, words: str) -> RecipeError:
        return RecipeError(f"{self.recipe.source}: {place}: {words}")


def _measurements(step: Loop, place: str) -> Iterator[tuple[str, Measurement]]:
    for index, inner in enumerate(step.steps):
        where = f"{place}.steps[{index}]"
        if isinstance(inner, Measurement):
            yield where, inner
        elif isinstance(inner, Loop):
            yield from _measurements(inner, where)
