"""Batches on a Dask cluster: its workers read the files themselves, under the paths they have here.

Dask sends pickles through its sockets: whoever reaches a cluster's scheduler can run programs
on it, and whoever runs a cluster, on those that use it. The cluster is the user's, not ours.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanojunction.analysis.provenance import analysis_version
from nanojunction.analysis.results import FileError
from nanojunction.analysis.work.batches import Batch, analyse_batch, in_batches, lost
from nanojunction.analysis.work.kept import ResultStore
from nanojunction.analysis.work.outcomes import Outcome, Work

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_S = 5.0
"""How long a scheduler may take to answer, and a cluster to have a worker."""
AHEAD = 3
"""Batches for each worker that are with the cluster at once."""

_ONE_AT_A_TIME = threading.Lock()  # a worker's threads would only wait for one another


class ClusterError(Exception):
    """A Dask cluster cannot be used; the message says why and what to do."""


def in_cluster(
    todo: Sequence[Work], kept: ResultStore | None, address: str
) -> Generator[tuple[Batch, list[Outcome]], None, None]:
    """Yield each batch and what came of it, as they are done.

    The cluster does the batches of a lost worker again; a batch with which several workers were
    lost is done file by file, and a file with which this happens again is an error. So is a file
    that a worker does not see. Raises ClusterError where the cluster cannot be reached, has no
    worker, or its workers have another version of the analysis.
    """
    given = {_absolute(work): work for work in todo}
    with closing(connected(address)) as client:
        _check_version(client, analysis_version)
        batches = in_batches(list(given), kept, _workers(client))
        with closing(_computed(client, batches)) as coming:
            for batch, found in coming:
                works = [given[work] for work in batch.works]
                as_given = [_as_given(one, work) for one, work in zip(found, works, strict=True)]
                yield replace(batch, works=tuple(works)), as_given


def connected(address: str) -> Client:
    """Return a client of a scheduler, with a worker at least; raises ClusterError."""
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            "a Dask cluster needs the package distributed: pip install 'nanojunction[dask]'"
        ) from None
    try:
        # By itself first: a client that never was connected takes 10 s to close. In a thread,
        # since a notebook's own has a loop already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greet(address)).result()
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, MemoryError) as problem:
        # Another program's greeting may be taken for the length of a message.
        why = "another program does" if isinstance(problem, MemoryError) else problem
        raise ClusterError(
            f"no Dask scheduler answers at {address} (give tcp://HOST:PORT, as `dask scheduler` "
            f"prints it): {why}"
        ) from problem
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError:
        client.close()
        raise ClusterError(
            f"the Dask cluster at {address} has no workers: start some with `dask worker {address}`"
        ) from None
    return client


async def _greet(address: str) -> None:
    """Connect to a scheduler and hang up; raises OSError or ValueError."""
    from distributed.comm import connect

    comm = await connect(address, timeout=CONNECT_S)
    await comm.close()


def _workers(client: Client) -> int:
    return max(1, len(client.nthreads()))


@contextmanager
def executor_of(address: str, version: Callable[[], str]) -> Iterator[tuple[Executor, int]]:
    """Give a cluster as an executor of functions, and how many workers it has.

    What is not done is cancelled at the end. `version` is a function of ours that returns, here
    and on each worker, the same text if they would find the same. Raises ClusterError where the
    cluster cannot be used, and when it is lost.
    """
    from distributed import CancelledError, KilledWorker

    with closing(connected(address)) as client:
        _check_version(client, version)
        executor = client.get_executor(pure=False)
        try:
            yield executor, _workers(client)
        except KilledWorker as problem:
            raise ClusterError(
                f"the Dask cluster at {address} lost several workers over one piece of the work: "
                "was there too little memory?"
            ) from problem
        except CancelledError:
            raise ClusterError("the Dask scheduler was lost: start it again") from None
        finally:
            executor.shutdown(wait=False)


def _check_version(client: Client, version_of: Callable[[], str]) -> None:
    """Raise ClusterError unless all workers have our version of the analysis."""
    there = _asked(client, metadata.version, "nanojunction")
    for worker, version in there.items():
        if not isinstance(version, str):
            raise ClusterError(
                f"the Dask worker {worker} cannot load nanojunction ({version}): install the same "
                "version as here where it runs"
            )
    here = version_of()
    for worker, version in _asked(client, version_of).items():
        if version != here:
            raise ClusterError(_other_version(worker, version, here))


def _asked(client: Client, function: Callable[..., str], *args: str) -> dict[str, Any]:
    """Return what a function gives on each worker, an exception where it fails."""
    found: dict[str, Any] = client.run(function, *args, on_error="return")
    return found


def _other_version(worker: str, version: object, ours: str) -> str:
    return (
        f"the Dask worker {worker} has nanojunction {version}, here it is {ours}: "
        "install the same version on both sides"
    )


def _computed(
    client: Client, batches: Iterator[Batch]
) -> Generator[tuple[Batch, list[Outcome]], None, None]:
    """Yield what comes of batches, of which never more are with the cluster than it needs."""
    from distributed import CancelledError, KilledWorker, as_completed

    under_way: dict[Future, Batch] = {}
    coming = as_completed(loop=client.loop)

    def give(batch: Batch) -> None:
        future = client.submit(_analyse_there, batch, analysis_version(), pure=False)
        under_way[future] = batch
        coming.add(future)

    def fill() -> None:
        while len(under_way) < AHEAD * _workers(client):
            batch = next(batches, None)
            if batch is None:
                return
            give(batch)

    try:
        fill()
        for future in coming:
            batch = under_way.pop(future)
            try:
                found = future.result()
            except KilledWorker as problem:
                if batch.again:
                    yield batch, lost(batch, _how_it_was_lost(problem))
                else:
                    for one in batch.one_by_one():
                        give(one)
                continue
            except CancelledError:
                raise ClusterError("the Dask scheduler was lost: start it again") from None
            except ImportError as problem:
                raise ClusterError(
                    f"a Dask worker cannot load nanojunction ({problem}): install the same "
                    "version as here where it runs"
                ) from problem
            fill()
            yield batch, found
    finally:
        client.cancel(list(under_way))


def _how_it_was_lost(problem: Exception) -> str:
    workers = getattr(problem, "allowed_failures", 0) + 1
    return (
        f"{workers} workers of the cluster were lost over this file: was there too little memory? "
        "Analyse it alone, or split it"
    )


def _analyse_there(batch: Batch, version: str) -> list[Outcome]:
    """Analyse a batch on a worker of the cluster; what it does not see are errors."""
    from distributed import get_worker

    here = get_worker().address
    if analysis_version() != version:
        raise ClusterError(_other_version(here, analysis_version(), version))
    seen = [all(path.exists() for path in work.files) for work in batch.works]
    works = tuple(work for work, sees in zip(batch.works, seen, strict=True) if sees)
    known = tuple(one for one, sees in zip(batch.known, seen, strict=True) if sees)
    with _ONE_AT_A_TIME:
        found = iter([one.to_send() for one in analyse_batch(Batch(works, known))])
    return [
        next(found) if sees else _unseen(work, here)
        for work, sees in zip(batch.works, seen, strict=True)
    ]


def _unseen(work: Work, worker: str) -> Outcome:
    """Return the errors of files that are here and not there."""
    why = (
        f"the Dask worker {worker} does not see this file: put it where all workers have it under "
        "the same path, or analyse without --scheduler"
    )
    return Outcome(errors=[FileError.of(path, why) for path in work.files if not path.exists()])


def _absolute(work: Work) -> Work:
    """Return a work whose files are found from any folder."""
    return replace(work, files=tuple(Path.cwd() / path for path in work.files))


def _as_given(outcome: Outcome, work: Work) -> Outcome:
    """Name the files of an outcome as they were given: a worker knows their whole paths."""
    names = {Path.cwd() / path: path for path in work.files}
    if all(whole == path for whole, path in names.items()):
        return outcome
    here = Path.cwd()

    def short(text: str) -> str:
        for start in (f"{here}{os.sep}", f"{here.as_posix()}/"):
            text = text.replace(start, "")
        return text

    return replace(
        outcome,
        packed=[one.renamed(names) for one in outcome.packed],
        errors=[FileError(short(one.file), short(one.error)) for one in outcome.errors],
        empty={names[path]: how for path, how in outcome.empty.items()},
        fresh=[replace(one, file=names[one.file]) for one in outcome.fresh],
    )
