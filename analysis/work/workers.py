"""Batches in several processes of this machine.

Each process has one batch in hand, so that it is known what was lost with it. All are started
afresh (spawned) and end with this one: they read batches from a pipe until it is closed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanojunction.analysis.work.batches import Batch, analyse_batch, lost
from nanojunction.analysis.work.outcomes import Outcome

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_FAILED_STARTS = 3
"""Processes that may end before they can do anything; after more, none will."""
_JOIN_S = 5.0
"""How long a process that has nothing to do any more may take to end."""


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the way to it, and what it has in hand; it is ready once it has said so."""

    process: SpawnProcess
    connection: Connection[Batch, list[Outcome]]
    batch: Batch | None = None
    ready: bool = False


def in_processes(
    batches: Iterator[Batch], workers: int
) -> Generator[tuple[Batch, list[Outcome]], None, None]:
    """Yield each batch and what came of it, as they are done.

    The batches of a process that ends before its time are done again, file by file; a file with
    which this happens again is an error. Raises ChildProcessError if processes cannot be started.
    Whoever does not take all closes the iterator, which ends the processes at once.
    """
    again: deque[Batch] = deque()
    crew: list[_Worker] = []
    failed_starts = 0
    done = False
    try:
        crew += [_start() for _ in range(workers)]
        while busy := [one for one in crew if one.batch is not None or not one.ready]:
            for worker in _ready(busy):
                batch = worker.batch
                try:
                    found = worker.connection.recv()
                except (EOFError, OSError):
                    failed_starts += not worker.ready
                    crew[crew.index(worker)] = _replaced(worker, failed_starts)
                    if batch is not None and not batch.again:
                        again.extend(batch.one_by_one())
                    elif batch is not None:
                        yield batch, lost(batch, _how_it_ended(worker.process.exitcode))
                    continue
                worker.ready, worker.batch = True, None
                _give(worker, again, batches)
                if batch is not None:
                    yield batch, found
            for worker in crew:
                if worker.ready and worker.batch is None:
                    _give(worker, again, batches)
        done = True
    finally:
        _end(crew, at_once=not done)


def _ready(busy: list[_Worker]) -> list[_Worker]:
    from multiprocessing.connection import wait

    said = wait([one.connection for one in busy])
    return [one for one in busy if one.connection in said]


def _give(worker: _Worker, again: deque[Batch], batches: Iterator[Batch]) -> None:
    """Give a worker the next batch, if there is one."""
    batch = again.popleft() if again else next(batches, None)
    if batch is None:
        return
    worker.batch = batch
    with suppress(OSError):  # it ended meanwhile, which its connection says next
        worker.connection.send(batch)


def _start() -> _Worker:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    with _for_children():
        process.start()
    there.close()
    return _Worker(process, here)


def _replaced(worker: _Worker, failed_starts: int) -> _Worker:
    """Return a worker in place of one that ended; raises ChildProcessError if too many did so."""
    worker.connection.close()
    worker.process.join()
    if failed_starts > _FAILED_STARTS:
        raise ChildProcessError(
            "processes to work in cannot start "
            f"(exit status {worker.process.exitcode}): try --workers 1"
        )
    return _start()


def _how_it_ended(exitcode: int | None) -> str:
    how = f"with status {exitcode}"
    if exitcode is not None and exitcode < 0:
        how = f"by signal {-exitcode}"
    return (
        f"the process that analysed this file was ended {how}, twice: was there too little memory? "
        "Analyse it alone, or split it"
    )


def _end(crew: list[_Worker], *, at_once: bool) -> None:
    for worker in crew:
        if at_once:
            worker.process.kill()
        worker.connection.close()
    for worker in crew:
        worker.process.join(_JOIN_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _serve(connection: Connection[list[Outcome], Batch]) -> None:
    """Analyse batches until the connection is closed."""
    # Ctrl-C goes to the whole console; the first process ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        connection.send([])
        while True:
            connection.send([one.to_send() for one in analyse_batch(connection.recv())])
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


@contextmanager
def _for_children() -> Iterator[None]:
    """Let processes that start meanwhile use one thread for linear algebra, and hear no Ctrl-C.

    The threads of several processes would wait for one another on small matrices. A Ctrl-C while
    a process loads its modules would fill the screen with where it was.
    """
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: value or "1" for name, value in before.items()})
    try:
        with _ctrl_c_held_back():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Hear a Ctrl-C afterwards; children inherit that it is blocked, where the system knows that.

    Whoever only ignored it here would lose one that comes while a process starts.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        if sys.platform == "win32":
            yield
        else:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        signal.signal(signal.SIGINT, handler)
    if heard:
        signal.raise_signal(signal.SIGINT)
