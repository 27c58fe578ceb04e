"""What is allowed in a recipe and yet hardly meant: told with its place before a night is spent.

Nothing is refused here. Each rule says what will happen, from the same numbers as the plan's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from nanojunction.procedures.recipes.estimate import Cost
from nanojunction.procedures.recipes.hardly_meant import RULES, Case, Rule, Thought
from nanojunction.procedures.recipes.plan import Plan, PlannedPause
from nanojunction.procedures.recipes.recipe_file import Loop
from nanojunction.procedures.recipes.resume import Remaining
from nanojunction.procedures.recipes.show import clock_words
from nanojunction.procedures.recipes.timing import Pace

#: From Friday at 18:00 to Monday at 8:00, and how late (s) a pause may come unnoticed.
WEEKEND_S, LATE_PAUSE_S = 62.0 * 3600.0, 3600.0
#: Outer loops that go through the temperatures again on purpose, or cannot do otherwise.
AGAIN_ON_PURPOSE = ("repeat", "sample")


def second_thoughts(
    plan: Plan,
    todo: Sequence[Remaining],
    costs: Sequence[Cost],
    pace: Pace,
    is_done: Callable[[str], bool],
) -> tuple[str, ...]:
    """Return a sentence for each setting that is hardly meant, its place in the recipe first.

    `todo` are the runs that are left, with their `costs`; pauses that `is_done` knows are behind.
    """
    seconds = {
        one.run.key: cost.total_s / pace.speed for one, cost in zip(todo, costs, strict=True)
    }
    thoughts = [
        *_of_runs([Case(one.run, one.procedure, cost, pace)
                   for one, cost in zip(todo, costs, strict=True)]),
        *_of_loops(plan),
        *_of_pauses(plan, seconds, is_done),
        *_of_the_whole(sum(seconds.values())),
    ]  # fmt: skip
    return tuple(f"{place}: {words}" for place, words in thoughts)


def _of_runs(cases: Sequence[Case]) -> Iterator[Thought]:
    """Yield what a rule finds at a place once, with the number of runs that it concerns."""
    found: dict[tuple[str, Rule], list[str]] = {}
    for case in cases:
        for rule in RULES:
            for place, words in rule(case):
                found.setdefault((place, rule), []).append(words)
    for (place, _rule), words_of_all in found.items():
        count = len(words_of_all)
        yield place, f"{words_of_all[0]}{f' ({count} runs)' if count > 1 else ''}"


def _of_loops(plan: Plan) -> Iterator[Thought]:
    """Yield loops that go through the temperatures again and again, for want of another order."""
    for place, step in plan.recipe.walk():
        if not isinstance(step, Loop) or "temperature" not in (keys := list(step.over or {})):
            continue
        outer = [key for key in keys[: keys.index("temperature")] if key not in AGAIN_ON_PURPOSE]
        if outer:
            again = f"the cryostat goes through all temperatures again for every {outer[-1]}"
            words = f"stands after {outer[-1]}: {again}; put it first to go through them once"
            yield f"{place}.over.temperature", words


def _of_pauses(
    plan: Plan, seconds: Mapping[str, float], is_done: Callable[[str], bool]
) -> Iterator[Thought]:
    """Yield the pauses that come when nobody stands there any more."""
    passed_s = 0.0
    for item in plan.items:
        if isinstance(item, PlannedPause) and not is_done(item.key):
            if passed_s > LATE_PAUSE_S:
                words = f"comes {clock_words(passed_s)} after somebody was there last"
                yield f"{item.place}.pause", f"{words}: the recipe waits until it is answered"
            passed_s = 0.0
        passed_s += seconds.get(item.key, 0.0)


def _of_the_whole(total_s: float) -> Iterator[Thought]:
    """Yield that the whole takes longer than a weekend."""
    if total_s > WEEKEND_S:
        words = f"takes {clock_words(total_s)}, longer than from Friday evening to Monday morning"
        yield "recipe", f"{words}: will the helium last, and will the computer stay on?"
