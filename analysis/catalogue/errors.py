"""What goes wrong with a catalogue, as sentences."""

from __future__ import annotations

from collections.abc import Iterable


class CatalogueError(ValueError):
    """The catalogue cannot be used."""


class QuestionError(ValueError):
    """What was asked of a catalogue makes no sense; the sentence says where."""


class UnknownKey(QuestionError):
    """A key that no run in the catalogue has: `key`, and the `known` ones."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        self.key = key
        self.known = sorted(known)
        super().__init__(
            f"no run in the catalogue has a {key!r}; known are {', '.join(self.known)}"
        )
