"""What was found in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanojunction.analysis.lookup import Lookup
from nanojunction.analysis.provenance import Provenance
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Curve, Quantity

Feature = dict[str, Any]
"""One peak or dip of dI/dV: its numbers by the keys of the results JSON."""
Result = Quantity | Curve | list[Feature]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RunResult(Lookup):
    """What was found in one run: quantities by the keys of the results JSON, and warnings.

    `provenance` is known of a run from a file that `analyse` was given.
    """

    run: Run
    quantities: Mapping[str, Result]
    warnings: tuple[str, ...]
    provenance: Provenance | None = None
