"""Who does the work: this process, several on this machine, or those of a Dask cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from nanojunction.analysis.work.batches import analyse_batch, in_batches
from nanojunction.analysis.work.kept import ResultStore
from nanojunction.analysis.work.outcomes import Outcome, Work


@dataclass(frozen=True, slots=True)
class Hands:
    """Processes on this machine, or the address of a Dask cluster's scheduler."""

    workers: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers is {self.workers}: give at least 1")
        if self.scheduler is not None and self.workers > 1:
            raise ValueError("give workers or a scheduler: its cluster has workers of its own")


def outcomes(
    todo: Sequence[Work], hands: Hands, kept: ResultStore | None = None
) -> Generator[tuple[Work, Outcome], None, None]:
    """Yield each piece of work and what came of it, as they are done.

    With `kept`, what it has is not analysed again. Only this process asks it. Whoever does not
    take all closes the iterator, which ends what others do.
    """
    if hands.scheduler is None and (hands.workers == 1 or len(todo) < 2):
        for batch in in_batches(todo, kept, 1):
            yield from zip(batch.works, analyse_batch(batch), strict=True)
        return
    if hands.scheduler is not None:
        from nanojunction.analysis.work.dask_cluster import in_cluster

        results = in_cluster(todo, kept, hands.scheduler)
    else:
        from nanojunction.analysis.work.workers import in_processes

        workers = min(hands.workers, len(todo))
        results = in_processes(in_batches(todo, kept, workers), workers)
    with closing(results) as coming:
        for batch, found in coming:
            yield from zip(batch.works, found, strict=True)
