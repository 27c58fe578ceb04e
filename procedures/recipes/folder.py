"""The folder of a recipe's runs: on a drive that keeps promises, and of one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nanojunction.instruments.ownership.records import refuse_network
from nanojunction.procedures.recipes.journal_file import JournalError

LOCK = "journal.lock"


@contextmanager
def folder_of_runs(folder: Path) -> Iterator[Path]:
    """Make the folder if need be and keep it to this process; the lock goes with the process.

    Raises LaboratoryError for a network drive (where that can be told), JournalError if another
    process has it.
    """
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    refuse_network(
        folder,
        "where a journal can be damaged; give a local --out and copy it afterwards",
    )
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as problem:
        raise JournalError(
            f"{folder}: another nanojunction run works there; wait for it, or give another --out"
        ) from problem
    try:
        yield folder
    finally:
        lock.release()
