"""Files in batches that are worth the way to another process and back."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from nanojunction.analysis.results import FileError
from nanojunction.analysis.work.kept import Kept, ResultStore
from nanojunction.analysis.work.outcomes import Outcome, Work, analyse_works

BATCH_BYTES = 1 << 23
"""Files of so many bytes take about 0.3 s; the way there and back some ms."""
MOST_TOGETHER = 256
"""Works in a batch, however small they are: so many that what is rare meets others of its kind."""
SMALLEST = 16
"""Towards the end a batch is no smaller than this part of others: alone each work takes longer."""
SHARES = 4
"""So many batches at least for each of several processes of what is left to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Works that one process does, with what is kept of each.

    `again` after it was lost once; `large` where it is one work of more bytes than others have
    together.
    """

    works: tuple[Work, ...]
    known: tuple[Mapping[str, Kept] | None, ...]
    again: bool = False
    large: bool = False

    def one_by_one(self) -> list[Batch]:
        """Return a batch for each work, to be tried again."""
        each = zip(self.works, self.known, strict=True)
        return [Batch((work,), (known,), again=True) for work, known in each]


def in_batches(todo: Sequence[Work], kept: ResultStore | None, hands: int) -> Iterator[Batch]:
    """Yield works in order, in batches for so many processes; what is kept is looked up late.

    A file that is as large as a batch is one by itself. Towards the end batches become smaller,
    so that all processes end at about the same time.
    """
    sizes = [_bytes_of(work) for work in todo]
    shares = 1 if hands == 1 else SHARES * hands
    left, at = sum(sizes), 0
    while at < len(todo):
        most_bytes = min(BATCH_BYTES, max(BATCH_BYTES // SMALLEST, left // shares))
        most = min(MOST_TOGETHER, max(MOST_TOGETHER // SMALLEST, (len(todo) - at) // shares))
        end, held = at + 1, sizes[at]
        while end < min(at + most, len(todo)) and held + sizes[end] <= most_bytes:
            held += sizes[end]
            end += 1
        yield _batch(todo[at:end], kept, large=held > BATCH_BYTES)
        left, at = left - held, end


def _bytes_of(work: Work) -> int:
    total = 0
    for path in work.files:
        try:
            total += path.stat().st_size
        except OSError:
            continue  # whoever reads it says so
    return total


def _batch(works: Sequence[Work], kept: ResultStore | None, *, large: bool) -> Batch:
    known = tuple(None if kept is None else kept.find(work.files) for work in works)
    return Batch(tuple(works), known, large=large)


def analyse_batch(batch: Batch) -> list[Outcome]:
    """Return what came of each work of a batch, in order."""
    with _garbage_left():
        return analyse_works(batch.works, batch.known)


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Leave reference cycles for afterwards, where Python collects them by itself.

    It would look through all results again and again, for the few that are none.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def lost(batch: Batch, why: str) -> list[Outcome]:
    """Return what came of works whose process was lost: an error for each file."""
    return [
        Outcome(errors=[FileError.of(path, why) for path in work.files]) for work in batch.works
    ]
