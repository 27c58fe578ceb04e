"""Batches in several processes of this machine, of which this one is the first.

The others are started afresh (spawned), which takes as long as some hundred files, and end with
this one: they read batches from a pipe until it is closed. This one works all the while and looks
after them between its batches; what may need more memory than there is, it leaves to them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING

from nanojunction.analysis.work.batches import Batch, analyse_batch, lost
from nanojunction.analysis.work.outcomes import Outcome

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_FAILED_STARTS = 3
"""Processes that may end before they can do anything; after more, none will."""
_IN_HAND = 3
"""Batches that a process has, those among them that it did meanwhile: it need not wait."""


def in_processes(
    batches: Iterator[Batch], workers: int
) -> Generator[tuple[Batch, list[Outcome]], None, None]:
    """Yield each batch and what came of it, as they are done.

    The batches of a process that ends before its time are done again, file by file; a file with
    which this happens again is an error. Raises ChildProcessError if processes cannot be started.
    Whoever does not take all closes the iterator, which ends the processes at once.
    """
    crew = _Crew(batches)
    try:
        crew.start(workers - 1)
        while True:
            crew.give()
            own = crew.own()
            if own is not None:
                yield own, analyse_batch(own)
            elif not crew.is_awaited():
                break
            yield from crew.hear(wait=own is None)
    finally:
        crew.end()


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the way to it, and what it has in hand; it is ready once it has said so.

    What it works on is the first in hand.
    """

    process: SpawnProcess
    connection: Connection[Batch, list[Outcome]]
    in_hand: deque[Batch] = field(default_factory=deque)
    ready: bool = False

    def has_room(self, *, again: bool) -> bool:
        """Tell whether it may have another batch; one that was lost once is alone in hand."""
        if again or any(one.again for one in self.in_hand):
            return not self.in_hand
        return len(self.in_hand) < _IN_HAND


class _Crew:
    """The other processes, and the batches that are to be done; `theirs` are for them alone."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._theirs: deque[Batch] = deque()
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def start(self, count: int) -> None:
        """Start so many processes."""
        for _ in range(count):
            self._workers.append(_start())

    def give(self) -> None:
        """Give every process that is ready as much as it may have in hand."""
        for worker in self._workers:
            while worker.ready and worker.has_room(again=self._is_next_again()):
                batch = self._theirs.popleft() if self._theirs else next(self._batches, None)
                if batch is None:
                    return
                worker.in_hand.append(batch)
                with suppress(OSError):  # it ended meanwhile, which its connection says next
                    worker.connection.send(batch)

    def _is_next_again(self) -> bool:
        return bool(self._theirs) and self._theirs[0].again

    def own(self) -> Batch | None:
        """Return the next batch for this process, None where only others may do what is left."""
        while (batch := next(self._batches, None)) is not None:
            if not batch.large:
                return batch
            self._theirs.append(batch)
        return None

    def is_awaited(self) -> bool:
        """Tell whether there is something that others do, or are to do."""
        return bool(self._theirs) or any(worker.in_hand for worker in self._workers)

    def hear(self, *, wait: bool) -> Iterator[tuple[Batch, list[Outcome]]]:
        """Yield what others have done, and wait for the first of it if asked to."""
        from multiprocessing.connection import wait as ready

        busy = [one for one in self._workers if one.in_hand or not one.ready]
        said = ready([one.connection for one in busy], None if wait else 0.0)
        for worker in busy:
            if worker.connection not in said:
                continue
            try:
                found = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._after(worker)
                continue
            if worker.ready:
                yield worker.in_hand.popleft(), found
            worker.ready = True

    def _after(self, worker: _Worker) -> Iterator[tuple[Batch, list[Outcome]]]:
        """Put another process in the place of one that ended, and see to what it had in hand."""
        self._failed_starts += not worker.ready
        worker.connection.close()
        worker.process.join()
        if self._failed_starts > _FAILED_STARTS:
            raise ChildProcessError(
                "processes to work in cannot start "
                f"(exit status {worker.process.exitcode}): try --workers 1"
            )
        self._workers[self._workers.index(worker)] = _start()
        if not worker.in_hand:
            return
        batch = worker.in_hand.popleft()
        self._theirs.extend(worker.in_hand)
        if batch.again:
            yield batch, lost(batch, _how_it_ended(worker.process.exitcode))
        else:
            self._theirs.extend(batch.one_by_one())

    def end(self) -> None:
        """End all processes at once; they hold nothing that would have to be put away."""
        for worker in self._workers:
            worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join()


def _start() -> _Worker:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    with for_children():
        process.start()
    there.close()
    return _Worker(process, here)


def _how_it_ended(exitcode: int | None) -> str:
    how = f"with status {exitcode}"
    if exitcode is not None and exitcode < 0:
        how = f"by signal {-exitcode}"
    return (
        f"the process that analysed this file was ended {how}, twice: was there too little memory? "
        "Analyse it alone, or split it"
    )


def _serve(connection: Connection[list[Outcome], Batch]) -> None:
    """Analyse batches until the connection is closed."""
    # Ctrl-C goes to the whole console; the first process ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    found: SimpleQueue[list[Outcome]] = SimpleQueue()
    threading.Thread(target=_send, args=(connection, found), daemon=True).start()
    found.put([])
    try:
        while True:
            found.put([one.to_send() for one in analyse_batch(connection.recv())])
    except (EOFError, OSError):
        return


def _send(connection: Connection[list[Outcome], Batch], found: SimpleQueue[list[Outcome]]) -> None:
    """Send what was found; whoever hears it may be at work, and meanwhile the next is analysed."""
    with suppress(OSError):  # nobody hears it any more
        while True:
            connection.send(found.get())


@contextmanager
def for_children() -> Iterator[None]:
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
            from multiprocessing import resource_tracker

            # The process that multiprocessing has for itself: its start ends all blocking.
            resource_tracker.ensure_running()
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        signal.signal(signal.SIGINT, handler)
    if heard:
        signal.raise_signal(signal.SIGINT)
