"""What goes wrong with an export, as sentences."""

from __future__ import annotations


class ExportError(ValueError):
    """A run cannot be exported, or the program lacks what it takes."""
