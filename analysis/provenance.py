"""Where a run's results come from: the contents they were found in, how, when and by what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanojunction.analysis.settings import IVSettings

_NUMERICAL = ("numpy", "scipy", "lmfit")
"""Packages whose versions may change a result's last digits."""
_SHOWING = ("catalogue", "export", "figures", "report", "theory")
"""Packages of the analysis that show, store or explain results and change none."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result follows from: equal keys give equal results.

    `sha256` is that of all the run's files and the notes beside them, `settings` a JSON text,
    `version` that of the analysis (`analysis_version`), `analysed` the moment of the fits (ISO
    8601 with the time zone).
    """

    key: str
    sha256: str
    settings: str
    version: str
    analysed: str


@cache
def analysis_version() -> str:
    """Return what tells this analysis from any other one that might find something else.

    It is the release, and a hash over the sources of the analysis and the versions of the
    numerical packages: no change of an algorithm can be forgotten, at the price that a change of
    words also counts. Where the sources are not installed the release alone tells.
    """
    digest = digest_of(resources.files("nanojunction.analysis"))
    return f"{metadata.version('nanojunction')}+{digest[:16]}"


def digest_of(sources: Traversable) -> str:
    """Return the hash over the sources of an analysis and the versions that it calculates with."""
    digest = hashlib.sha256()
    for name in _NUMERICAL:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for name, contents in _sources(sources):
        digest.update(name.encode() + b"\n" + contents)
    return digest.hexdigest()


def _sources(folder: Traversable, name: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the sources that a result may depend on, in order."""
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        inside = f"{name}/{one.name}"
        if one.is_dir() and one.name not in _SHOWING:
            yield from _sources(one, inside)
        elif one.name.endswith(".py"):
            # The same sources are the same, whatever line ends a system gives them.
            yield inside, one.read_bytes().replace(b"\r\n", b"\n")


@lru_cache(maxsize=64)  # all files of an analysis share them
def settings_text(pattern: str | None, settings: IVSettings) -> str:
    """Return a pattern for file names and the settings as one JSON text."""
    return json.dumps({"pattern": pattern, **asdict(settings)}, sort_keys=True)


def sha256_of(contents: Sequence[str]) -> str:
    """Return one hash for a run's contents, given those of its files in order."""
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()


def key_of(names: Sequence[str], segment: int | None, sha256: str, settings: str) -> str:
    """Return the key of a run's results.

    The names of its files count too, since conditions may come from them.
    """
    version = analysis_version()
    whole = json.dumps([list(names), segment, sha256, settings, version])
    return hashlib.sha256(whole.encode()).hexdigest()
