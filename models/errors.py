"""What goes wrong when a model is asked for something that it cannot give."""

from __future__ import annotations

__all__ = ["ModelError"]


class ModelError(ValueError):
    """A model has no answer for a parameter; the message names it, and says what is allowed."""

    def __init__(self, parameter: str, why: str) -> None:
        super().__init__(parameter, why)  # both, so that it reaches other processes whole
        self.parameter = parameter
        self.why = why

    def __str__(self) -> str:
        """Return "parameter: why"."""
        return f"{self.parameter}: {self.why}"
