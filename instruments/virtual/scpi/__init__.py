"""SCPI as instruments speak it: the language, values, status registers."""

from __future__ import annotations

from nanojunction.instruments.virtual.scpi.language import (
    MESSAGES,
    ErrorQueue,
    ScpiError,
    Tree,
    Unit,
    boolean,
    error_text,
    keyword,
    number,
    single,
    split,
    units,
)

__all__ = [
    "MESSAGES",
    "ErrorQueue",
    "ScpiError",
    "Tree",
    "Unit",
    "boolean",
    "error_text",
    "keyword",
    "number",
    "single",
    "split",
    "units",
]
