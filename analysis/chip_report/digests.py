"""The files that a page rests on, each with its SHA-256, for `sha256sum --check`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

GONE = "cannot be read any more"


@dataclass(slots=True)
class Digests:
    """The SHA-256 of files, each read once."""

    known: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Return the digest of a file as it is now, or that it cannot be read any more."""
        if path not in self.known:
            try:
                with path.open("rb") as file:
                    self.known[path] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                self.known[path] = GONE
        return self.known[path]

    def lines(self, folder: Path) -> list[str]:
        """Return a line for each file that could be read, its way seen from `folder`."""
        import os

        found = []
        for path, digest in sorted(self.known.items()):
            if digest == GONE:
                continue
            try:
                way = os.path.relpath(path.resolve(), folder.resolve())
            except ValueError:  # another drive
                way = str(path.resolve())
            found.append(f"{digest}  {Path(way).as_posix()}")
        return found
