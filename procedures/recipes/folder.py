"""The folder of a recipe's runs: on a drive that keeps promises, and of one process at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nanojunction.procedures.recipes.journal import JournalError

LOCK = "journal.lock"
#: File systems on which locks of SQLite cannot be relied on.
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "ncpfs", "davfs"}
_DRIVE_REMOTE = 4


@contextmanager
def folder_of_runs(folder: Path) -> Iterator[Path]:
    """Make the folder if need be and keep it to this process; the lock goes with the process.

    Raises JournalError for a network drive (where that can be told), and if another process has it.
    """
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    if (kind := network_drive(folder)) is not None:
        raise JournalError(
            f"{folder}: is on a network drive ({kind}), where a journal can be damaged; give a "
            "local --out and copy it afterwards"
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


def network_drive(folder: Path) -> str | None:
    """Return the kind of network drive that a folder is on; None if none can be told."""
    absolute = folder.resolve()
    if sys.platform == "win32":
        import ctypes

        if str(absolute).startswith("\\\\"):
            return "a share"
        remote = ctypes.windll.kernel32.GetDriveTypeW(absolute.anchor) == _DRIVE_REMOTE
        return "a connected drive" if remote else None
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # no Linux: it cannot be told
    return network_kind(absolute, mounts)


def network_kind(folder: Path, mounts: str) -> str | None:
    """Return the network file system of the mount (a table as /proc/mounts) a folder is on."""
    kinds: dict[Path, str] = {}
    for line in mounts.splitlines():
        _device, point, kind, *_ = [*line.split(), "", "", ""]
        path = os.fsencode(point).decode("unicode_escape")  # a blank is \040 there
        kinds[Path(path)] = kind  # the last mount on a point is the one that is seen
    for around in (folder, *folder.parents):
        if around in kinds:
            return kinds[around] if kinds[around] in NETWORK else None
    return None
