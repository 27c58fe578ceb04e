"""Which catalogue a command uses: an option's, or else the environment's."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanojunction.analysis.catalogue.database import Catalogue

VARIABLE = "NANOJUNCTION_CATALOGUE"
"""Names the catalogue where no option does."""


def name_of(option: str) -> str:
    """Return the name of the catalogue, empty if there is none."""
    return option or os.environ.get(VARIABLE, "")


def opened(option: str) -> AbstractContextManager[Catalogue | None]:
    """Return the catalogue that is written to, made if need be; None where none is named."""
    name = name_of(option)
    if not name:
        return nullcontext()
    from nanojunction.analysis.catalogue.database import Catalogue

    return Catalogue(name)
