"""Analyses of many runs side by side: what several ask for at a time is worked out at once.

An analysis is a generator of one run's steps. It asks for what is costly with `ask`, and work that
is asked for by many is done on arrays of all of them: on a few hundred rows a call of numpy costs
more than its arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from nanojunction.analysis.values import Array

Given = TypeVar("Given")
Found = TypeVar("Found")


Work = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Work that takes many at once, and all that one analysis has for it."""

    work: Work
    given: Sequence[Any]


Analysis = Generator[Asked, Any, Found]


def ask(work: Callable[[Sequence[Given]], Sequence[Found]], given: Given) -> Analysis[Found]:
    """Ask for what `work` finds for one of many: `found = yield from ask(work, given)`."""
    found: list[Found] = yield Asked(work, (given,))
    return found[0]


def ask_each(
    work: Callable[[Sequence[Given]], Sequence[Found]], given: Sequence[Given]
) -> Analysis[list[Found]]:
    """Ask for what `work` finds for each of several."""
    found: list[Found] = yield Asked(work, given)
    return found


def together(analyses: Iterable[Analysis[Found]]) -> list[Found]:
    """Return what the analyses come to, in order.

    What work raises is raised in the analysis whose share of it fails alone, too; raises what an
    analysis does not catch.
    """
    results: dict[int, Found] = {}
    waiting: dict[Work, list[tuple[int, Analysis[Found], Sequence[Any]]]] = {}

    def go_on(k: int, analysis: Analysis[Found], resume: Callable[[], Asked]) -> None:
        try:
            wish = resume()
        except StopIteration as end:
            results[k] = end.value
        else:
            waiting.setdefault(wish.work, []).append((k, analysis, wish.given))

    for k, analysis in enumerate(analyses):
        go_on(k, analysis, partial(next, analysis))
    # What was asked for first comes first: runs that fall behind are waited for.
    while (work := next((work for work, asked in waiting.items() if asked), None)) is not None:
        asked, waiting[work] = waiting[work], []
        for (k, analysis, _), found in zip(asked, _done(work, [g for *_, g in asked]), strict=True):
            resume = analysis.throw if isinstance(found, Exception) else analysis.send
            go_on(k, analysis, partial(resume, found))
    return [results[k] for k in range(len(results))]


def _done(work: Work, shares: Sequence[Sequence[Any]]) -> list[list[Any] | Exception]:
    """Return what work finds for each share, or what it raises for it."""
    try:
        found = iter(work([one for share in shares for one in share]))
    except Exception as error:
        # Whatever one run provokes, those that are worked on beside it have their results.
        if len(shares) == 1:
            return [error]
        return [_done(work, [share])[0] for share in shares]
    return [list(islice(found, len(share))) for share in shares]


def times(rows: Array, matrix: Array) -> Array:
    """Return each of many rows times one matrix, to the last bit what it is for a row alone.

    BLAS adds in another order for many rows than for one.
    """
    return np.asarray((rows[:, None, :] @ matrix)[:, 0])


def in_groups(
    many: Sequence[Given],
    key: Callable[[Given], Hashable],
    work: Callable[[Sequence[Given]], Sequence[Found]],
) -> list[Found]:
    """Return what `work` finds for each, in order, given all those of one key at a time."""
    groups: dict[Hashable, list[int]] = {}
    for k, one in enumerate(many):
        groups.setdefault(key(one), []).append(k)
    found: dict[int, Found] = {}
    for members in groups.values():
        found.update(zip(members, work([many[k] for k in members]), strict=True))
    return [found[k] for k in range(len(many))]
