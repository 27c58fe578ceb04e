"""What the command says: errors as one sentence, progress as a bar or as plain lines."""

from __future__ import annotations

import codecs
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from nanojunction.procedures.progress import Progress

#: Wrong usage, and a failure after which what could be done was done.
WRONG_USAGE, FAILED = 2, 1
#: Seconds between two plain lines of progress.
PLAIN_EVERY_S = 5.0


#: What letters become on a console or in a file that does not know them.
PLAIN = {"Ω": "ohm", "µ": "u", "→": "->", "±": "+-", "−": "-", "²": "2", "…": "...", "×": "x",
         "≈": "~", "≥": ">=", "≤": "<=", "Δ": "d", "–": "-"}  # fmt: skip


def speak_plainly() -> None:
    """Let standard output and error put a plain word for each letter that they do not know.

    Windows consoles and redirections there know few beyond ASCII.
    """

    def plain(problem: UnicodeError) -> tuple[str, int]:
        assert isinstance(problem, UnicodeEncodeError)  # it is registered for nothing else
        letters = problem.object[problem.start : problem.end]
        return "".join(PLAIN.get(letter, "?") for letter in letters), problem.end

    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def say(text: str) -> None:
    """Print a line for a person on standard error."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def one_sentence(debug: bool) -> Iterator[None]:
    """Turn what a user can cause into one sentence and the right exit status.

    With `debug` everything is raised as it is.
    """
    if debug:
        yield
        return
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except BrokenPipeError:  # whoever reads (head, less) has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        raise typer.Exit(FAILED) from None
    except Exception as problem:
        status = status_of(problem)
        if status is None:
            raise
        say(f"error: {in_words(problem)}")
        raise typer.Exit(status) from problem


def status_of(problem: Exception) -> int | None:
    """Return the exit status of an error that has a sentence; None if it is a fault of ours."""
    from nanojunction.analysis.catalogue.errors import CatalogueError
    from nanojunction.analysis.export.errors import ExportError
    from nanojunction.analysis.reading.reader import ReadError
    from nanojunction.analysis.work.dask_cluster import ClusterError
    from nanojunction.instruments.errors import LaboratoryError, LimitError, StationError
    from nanojunction.instruments.station import Unsafe
    from nanojunction.models.junction_file import JunctionFileError
    from nanojunction.procedures.registry import UnknownProcedure
    from nanojunction.procedures.run_parameters import ProcedureError

    usage = (LimitError, StationError, ProcedureError, UnknownProcedure, JunctionFileError)
    if isinstance(problem, usage):
        return WRONG_USAGE
    if isinstance(
        problem,
        LaboratoryError
        | Unsafe
        | ReadError
        | CatalogueError
        | ClusterError
        | ExportError
        | OSError,
    ):
        return FAILED
    return None


def in_words(problem: Exception) -> str:
    """Return an error's sentence; of the system's own without its number, the file first."""
    if isinstance(problem, OSError) and problem.strerror:
        why = f"{problem.strerror[:1].lower()}{problem.strerror[1:]}"
        return why if problem.filename is None else f"{problem.filename}: {why}"
    return str(problem)


def make_folder(folder: Path, option: str) -> None:
    """Make a folder that an option names, if need be; raises NotADirectoryError if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        why = "it is a file" if isinstance(problem, FileExistsError) else problem.strerror
        raise NotADirectoryError(
            f"{option} {folder}: this folder cannot be made ({why}); name another one"
        ) from problem


def wide_console() -> Console:
    """Return a console for tables: a terminal's own width, elsewhere wide enough for all."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=150)


@contextmanager
def progress_of(title: str) -> Iterator[Callable[[Progress], None]]:
    """Show a run's progress and time left: a bar on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        with _bar(title) as show:
            yield show
    else:
        yield _plain(title)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} % {task.fields[words]}"),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=100.0, words="")

        def show(progress: Progress) -> None:
            words = progress.words or f"{progress.rows} rows"
            bars.update(task, completed=progress.percent, words=f"{left(progress)}; {words}")

        yield show


def _plain(title: str) -> Callable[[Progress], None]:
    said = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal said
        if time.monotonic() - said < PLAIN_EVERY_S:
            return
        said = time.monotonic()
        words = progress.words or f"{progress.rows} rows"
        say(f"{title}: {progress.percent:.0f} %, {left(progress)}; {words}")

    return show


@contextmanager
def steps_of(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of a known number of steps are done, and the time left."""
    from nanojunction.procedures.progress import Progress

    first: tuple[int, float] | None = None  # what it took includes starting, and tells nothing
    with progress_of(title) as show:

        def steps(done: int, total: int) -> None:
            nonlocal first
            now = time.monotonic()
            if first is None and done:
                first = (done, now)
            counted = 0 if first is None else done - first[0]
            left_s = (now - first[1]) / counted * (total - done) if first and counted else None
            show(Progress(100.0 * done / max(total, 1), left_s, f"{done} of {total}", done))

        yield steps


def left(progress: Progress) -> str:
    """Return the time left in words."""
    if progress.left_s is None:
        return "time left unknown"
    minutes, seconds = divmod(round(progress.left_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min left"
    return f"{minutes} min {seconds:02d} s left" if minutes else f"{seconds} s left"
