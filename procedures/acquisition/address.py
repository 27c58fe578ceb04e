"""Where the acquisition of a station is found: a file that only this user can read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from nanojunction.instruments.ownership import records
from nanojunction.instruments.ownership.records import ProcessId


@dataclass(frozen=True, slots=True)
class Address:
    """The process, its port on 127.0.0.1, what it must be shown, and where its runs are."""

    process: ProcessId
    port: int
    token: str
    folder: str


def address_of(station_file: Path) -> Address | None:
    """Return where the acquisition of a station is; None if there is none that lives."""
    try:
        content = json.loads(_file_of(station_file).read_text(encoding="utf-8"))
        process = ProcessId(**content.pop("process"))
        found = Address(process=process, **content)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if process.process() is not None else None


@contextmanager
def announced(station_file: Path, port: int, token: str, folder: Path) -> Iterator[None]:
    """Be found by others while entered; raises LaboratoryError if that cannot be written."""
    records.make_folder()
    path = _file_of(station_file)
    me = Address(ProcessId.of(os.getpid()), port, token, str(folder.absolute()))
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(me), file)
    records.despite_readers(partial.replace, path)
    try:
        yield
    finally:
        with suppress(OSError):
            records.despite_readers(path.unlink)


def _file_of(station_file: Path) -> Path:
    name = os.path.normcase(station_file.resolve())
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return records.folder() / f"acquisition-{digest}.json"
