"""Names of an array's junctions from one text, such as "J{row:02d}{column:02d}"."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass

from nanojunction.common.names import did_you_mean

FIELDS = ("row", "column", "n")
_FORMAT = re.compile(r"0?[1-9]?d?")


class TemplateError(ValueError):
    """A text whose fields cannot be filled in; the sentence says what is allowed."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with the fields row, column and n, their digits as in Python: {row:02d}.

    Raises TemplateError for any other field: nothing but these three numbers is ever filled in.

    >>> Template("J{row:02d}{column:02d}").filled({"row": 3, "column": 7, "n": 27})
    'J0307'
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parts = list(string.Formatter().parse(self.text))
        except ValueError as problem:
            raise TemplateError(f"{self.text!r} cannot be read: {problem}") from problem
        for _, name, digits, conversion in parts:
            if name is None:
                continue
            if name not in FIELDS:
                meant = did_you_mean(name, FIELDS)
                raise TemplateError(
                    f"there is no field {{{name}}}; allowed are row, column, n{meant}"
                )
            if conversion or not _FORMAT.fullmatch(digits or ""):
                raise TemplateError(f"the digits of {{{name}}} are written as in {{{name}:02d}}")

    def filled(self, fields: Mapping[str, int]) -> str:
        """Return the text with the fields' numbers."""
        return self.text.format_map(fields)
