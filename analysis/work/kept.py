"""Results that are kept between analyses, so that only what changed is analysed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from nanojunction.analysis.provenance import (
    Provenance,
    analysis_version,
    key_of,
    settings_text,
    sha256_of,
)
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.work.packing import PackingError, pack, unpack


@dataclass(frozen=True, slots=True)
class Kept:
    """The results of one run in a file (the first of its parts), packed."""

    file: Path
    provenance: Provenance
    packed: bytes

    @classmethod
    def of(cls, result: RunResult, provenance: Provenance) -> Kept:
        """Return a run's results to be kept; raises PackingError for what cannot be packed."""
        packed = pack([dict(result.quantities), result.warnings])
        return cls(result.run.file, provenance, packed)

    def result_of(self, run: Run) -> RunResult:
        """Return the results of the run that they were found in, as they were.

        Raises PackingError if they are damaged.
        """
        try:
            quantities, warnings = unpack(self.packed)
        except PackingError as problem:
            raise PackingError(
                f"{self.file}: the results that the catalogue keeps of it are damaged; "
                "name another catalogue"
            ) from problem
        return RunResult(run, quantities, warnings, self.provenance)


class ResultStore(Protocol):
    """Where results are kept."""

    def find(self, files: Sequence[Path]) -> Mapping[str, Kept]:
        """Return what is kept of the runs in these files, by the keys of their provenance."""
        ...

    def keep(self, found: Iterable[Kept]) -> None:
        """Keep these results, and forget what older contents of their files gave."""
        ...


def provenance_of(
    run: Run, contents: Sequence[str], pattern: str | None, settings: IVSettings
) -> Provenance:
    """Return what the results of a run follow from, if they are found now.

    `contents` are the hashes of its files (`Part.sha256`), in order.
    """
    sha256, how = sha256_of(contents), settings_text(pattern, settings)
    names = [path.name for path in (run.file, *run.parts)]
    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    return Provenance(key_of(names, run.segment, sha256, how), sha256, how, analysis_version(), now)
