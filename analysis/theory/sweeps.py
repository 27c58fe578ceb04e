"""A model over all combinations of its swept parameters, in one process, in several, or in Dask."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from functools import cache
from importlib import metadata, resources

import numpy as np

from nanojunction.analysis.provenance import digest_of
from nanojunction.analysis.theory.axes import Axis
from nanojunction.analysis.values import Array
from nanojunction.analysis.work.hands import Hands
from nanojunction.models.errors import ModelError

__all__ = ["Evaluate", "over"]

Points = Mapping[str, Array]
"""Values of each swept parameter, by its name, at some points; shape (points,)."""
Evaluate = Callable[[Points], Mapping[str, Array]]
"""Returns each result at some points, shape (points, …); for other processes it can be pickled."""

_POINTS = 1024
_MOST = 10_000_000
_AHEAD = 4
"""Blocks for each process that are given out at once."""


def over(
    axes: Sequence[Axis],
    evaluate: Evaluate,
    *,
    hands: Hands | None = None,
    costly: Sequence[str] = (),
    points: int = _POINTS,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Array]:
    """Return each result over the product of the axes, shape (first axis, second axis, …).

    A result may have further dimensions of its own, which come last. `evaluate` is given blocks
    of so many `points`; `hands` says who evaluates them, this process by default. Where a model
    shares work among points that have the same value of a parameter, `costly` names it: a block
    then has as few of its values as can be. `progress` is called with the points that are done,
    and all. Raises ModelError for more than 10⁷ points, what `evaluate` raises, ChildProcessError
    where a process ends, and ClusterError where a Dask cluster cannot be used. Whatever is raised,
    nothing goes on.
    """
    order = sorted(range(len(axes)), key=lambda index: axes[index].name not in costly)
    shape = tuple(axes[index].values.size for index in order)
    total = math.prod(shape)
    if total > _MOST:
        raise ModelError("sweep", f"{total} points: at most {_MOST} fit into memory and a figure")
    hands = hands or Hands()

    def block(start: int) -> dict[str, Array]:
        places = np.unravel_index(np.arange(start, min(start + points, total)), shape)
        return {axes[i].name: axes[i].values[at] for i, at in zip(order, places, strict=True)}

    found: dict[str, Array] = {}
    done = 0
    starts = range(0, total, points)
    with closing(_evaluated(evaluate, block, starts, hands)) as coming:
        for start, results in coming:
            size = min(points, total - start)
            for name, values in results.items():
                if name not in found:
                    found[name] = np.empty((total, *values.shape[1:]))
                found[name][start : start + size] = values
            done += size
            if progress is not None:
                progress(done, total)
    return {name: _as_given(values, shape, order) for name, values in found.items()}


def _as_given(values: Array, shape: tuple[int, ...], order: Sequence[int]) -> Array:
    """Return results with their axes in the order in which these were given."""
    whole = values.reshape(*shape, *values.shape[1:])
    return np.moveaxis(whole, range(len(order)), order)


def _evaluated(
    evaluate: Evaluate,
    block: Callable[[int], dict[str, Array]],
    starts: Sequence[int],
    hands: Hands,
) -> Generator[tuple[int, Mapping[str, Array]], None, None]:
    """Yield where each block starts, and its results, as they are done."""
    if hands.scheduler is None and min(hands.workers, len(starts)) < 2:
        for start in starts:
            yield start, evaluate(block(start))
        return
    with _executor(hands, len(starts)) as (executor, processes):
        waiting = iter(starts)
        under_way: dict[Future[Mapping[str, Array]], int] = {}
        while True:
            for start in waiting:
                under_way[executor.submit(evaluate, block(start))] = start
                if len(under_way) >= _AHEAD * processes:
                    break
            if not under_way:
                return
            future = next(as_completed(under_way))
            yield under_way.pop(future), future.result()


@contextmanager
def _executor(hands: Hands, blocks: int) -> Iterator[tuple[Executor, int]]:
    """Give who evaluates, and how many they are; what is not done is given up at the end."""
    if hands.scheduler is not None:
        from nanojunction.analysis.work.dask_cluster import executor_of

        with executor_of(hands.scheduler, model_version) as there:
            yield there
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from nanojunction.analysis.work.workers import for_children

    workers = min(hands.workers, blocks)
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_hear_no_ctrl_c
    )
    try:
        with for_children():  # processes start when there is something to do
            for _ in range(workers):
                executor.submit(abs, 0)
        yield executor, workers
    except BrokenProcessPool:
        raise ChildProcessError(
            "a process that evaluated the model ended: was there too little memory? "
            "Try fewer --workers"
        ) from None
    finally:
        executor.shutdown(cancel_futures=True)


@cache
def model_version() -> str:
    """Return what tells these models from others that might give something else."""
    sources = ("nanojunction.models", "nanojunction.analysis.theory")
    hashes = "".join(digest_of(resources.files(one))[:8] for one in sources)
    return f"{metadata.version('nanojunction')}+{hashes}"


def _hear_no_ctrl_c() -> None:
    """Leave a Ctrl-C, which goes to the whole console, to the first process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
