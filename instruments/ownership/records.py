"""Who owns an instrument: one small file per address, in one folder of this computer and user.

A record is valid while the process that it names lives. Records are read by anybody and at any
time, and only changed while `guard` is held, each change a whole file put in place of another.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import psutil
from filelock import FileLock, Timeout
from platformdirs import user_state_path
from pydantic import Field, TypeAdapter, ValidationError

from nanojunction.common.drives import drive_of
from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import LaboratoryError

#: Names another folder for the records, where the usual one is no local disk.
FOLDER_VARIABLE = "NANOJUNCTION_STATE_DIR"
#: Difference (s) of start times below which a process is the one that the record names: the
#: system's clock may have been set since.
SAME_START_S = 5.0
#: How long (s) a file may be held by a reader, which on Windows keeps it from being replaced.
_READERS_S = 2.0
_GUARD_S = 10.0


Seconds = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process: its number alone may have been given to another one since."""

    pid: Annotated[int, Field(gt=0, lt=2**31)]
    started: Seconds

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Return that of a process that is alive; raises psutil.NoSuchProcess if it is not."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the process while it lives; one that only waits to be reaped is dead."""
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            same = abs(process.create_time() - self.started) < SAME_START_S
        except psutil.NoSuchProcess:
            return None
        except psutil.AccessDenied:  # another user's: it cannot be told that it is not the one
            return process
        return process if same else None


@dataclass(frozen=True, slots=True)
class Record:
    """What an owner says of itself in the file of each of its instruments.

    `silence_s` is how long (wall clock) it may give no sign of life, `ramp_s` how long its source
    may need to zero. Port 0: there is no control channel.
    """

    owner: ProcessId
    host: str
    token: str
    since: str
    station: str
    source: str
    addresses: Annotated[tuple[str, ...], Field(min_length=1)]
    command: str
    kind: Literal["owner", "watchdog"] = "owner"
    port: Annotated[int, Field(ge=0, lt=2**16)] = 0
    silence_s: Seconds = 60.0
    ramp_s: Seconds = 0.0
    magnet_in_use: bool = False
    watchdog: ProcessId | None = None

    def is_alive(self) -> bool:
        """Tell whether the owner lives, as far as this computer can tell."""
        return self.host != this_host() or self.owner.process() is not None

    def has_watchdog(self) -> bool:
        """Tell whether the owner's watchdog lives."""
        return self.watchdog is not None and self.watchdog.process() is not None

    def files(self) -> tuple[Path, ...]:
        """Return where the record is, a file for each address."""
        return tuple(file_of(address) for address in self.addresses)

    def log_file(self) -> Path:
        """Return where its watchdog writes what it did."""
        return self.files()[0].with_suffix(".log")

    def note_files(self) -> tuple[Path, ...]:
        """Return where its watchdog leaves word for the next owner, a file for each address."""
        return tuple(file.with_suffix(".note") for file in self.files())

    def last_beat(self) -> float | None:
        """Return the time stamp (s) of the last sign of life; None if the record is gone."""
        try:
            return self.files()[0].stat().st_mtime
        except FileNotFoundError:
            return None


#: Reads a record, and refuses what is none.
RECORD = TypeAdapter(Record)


def this_host() -> str:
    """Return the name of this computer."""
    return platform.node()


def folder() -> Path:
    """Return the folder of the records."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).absolute()
    return user_state_path("nanojunction", appauthor=False) / "stations"


def make_folder() -> Path:
    """Make the folder of the records and return it; raises LaboratoryError if it cannot serve.

    A network drive is refused: its locks do not hold, and its processes are elsewhere.
    """
    path = folder()
    refuse_network(
        path, f"where locks do not hold; name a folder of this computer with {FOLDER_VARIABLE}"
    )
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise LaboratoryError(
            f"{path}: cannot be made ({problem.strerror}), and who owns a station is noted there; "
            f"name another folder with {FOLDER_VARIABLE}"
        ) from problem
    return path


def refuse_network(path: Path, remedy: str) -> None:
    """Raise LaboratoryError if `path` lies on a network drive, as far as the system tells.

    `remedy` says what does not work there and what to do.
    """
    kind = drive_of(path)
    if kind is not None:
        raise LaboratoryError(f"{path}: lies on a network drive ({kind}), {remedy}")


def canonical(address: str) -> str:
    """Return one spelling for all ways to write a VISA address (GPIB::24, gpib0::24::instr)."""
    from pyvisa.rname import InvalidResourceName, to_canonical_name

    name = address.strip().upper()
    with suppress(InvalidResourceName, ValueError):  # an alias, or nothing that can be opened
        name = to_canonical_name(name)
    return name.replace("::LOCALHOST::", "::127.0.0.1::")


def file_of(address: str) -> Path:
    """Return the file of an instrument: readable, and apart from every other one's."""
    name = canonical(address)
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Z0-9.]+", "-", name).strip("-.")[:80]
    return folder() / f"at-{readable}-{digest}.json"


@contextmanager
def guard() -> Iterator[None]:
    """Hold the lock under which records change; the system takes it from a process that dies."""
    lock = FileLock(folder() / "guard.lock", timeout=_GUARD_S, mode=0o600)
    try:
        lock.acquire()
    except Timeout as problem:
        raise LaboratoryError(
            f"{lock.lock_file}: another nanojunction has held it for {_GUARD_S:g} s; is one "
            "stopped in a debugger?"
        ) from problem
    try:
        yield
    finally:
        lock.release()


def read(path: Path) -> Record | None:
    """Return the record in a file; None if there is none, or what is there is none of ours."""
    try:
        return RECORD.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def records_at(addresses: Iterable[str]) -> list[Record]:
    """Return the records at these addresses, one per owner."""
    found = {}
    for address in addresses:
        record = read(file_of(address))
        if record is not None:
            found[record.token] = record
    return list(found.values())


def write(record: Record) -> None:
    """Put the record into the file of each of its addresses; only under `guard`."""
    text = json.dumps(asdict(record), indent=1)
    for path in record.files():
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            despite_readers(partial.replace, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def remove(record: Record) -> None:
    """Remove the files that still carry this record's token; only under `guard`."""
    for path in record.files():
        there = read(path)
        if there is not None and there.token == record.token:
            despite_readers(path.unlink)


def leave_note(record: Record, words: str) -> None:
    """Leave word for the next owner of any of the instruments; only under `guard`."""
    for path in record.note_files():
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        partial.write_text(words, encoding="utf-8")
        despite_readers(partial.replace, path)


def take_notes(record: Record) -> list[str]:
    """Return what was left for the owner of these instruments, and remove it; under `guard`."""
    notes = notes_at(record.addresses)
    for path in record.note_files():
        with suppress(FileNotFoundError):
            despite_readers(path.unlink)
    return notes


def notes_at(addresses: Iterable[str]) -> list[str]:
    """Return what was left for the next owner of the instruments at these addresses."""
    notes: dict[str, None] = {}
    for address in addresses:
        with suppress(FileNotFoundError):
            path = file_of(address).with_suffix(".note")
            notes[path.read_text(encoding="utf-8", errors="replace")] = None
    return list(notes)


def beat(files: Iterable[Path]) -> None:
    """Give a sign of life: the files' time stamp. A file that is gone is left gone."""
    for path in files:
        with suppress(OSError):
            os.utime(path)


def despite_readers(change: Callable[..., object], *arguments: Path) -> None:
    """Change a file; on Windows this fails while somebody reads it, so try for a while."""
    clock = Clock()
    while True:
        try:
            change(*arguments)
            return
        except PermissionError:
            if clock.now() > _READERS_S:
                raise
            clock.sleep(0.02)
