"""Keys of a populations file: what may stand there, or a refusal in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanojunction.common.names import did_you_mean

__all__ = ["BatchFileError", "factor_at", "refusal", "refuse_unknown", "table_at", "word_at"]

#: A factor lies between this and its inverse.
_SMALLEST = 1e-6


class BatchFileError(ValueError):
    """A populations file that cannot be used: one sentence with file, key and what is allowed."""


def refusal(words: str) -> BatchFileError:
    """Return the error of a sentence without its full stop."""
    return BatchFileError(f"{words}.")


def table_at(
    table: Mapping[str, Any], key: str, written: str, source: str, at: str
) -> Mapping[str, Any]:
    """Return the table at a key, empty if there is none; `written` is how one is written."""
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise refusal(f"{source}: key '{at}.{key}' must be a table ({written})")
    return found


def refuse_unknown(
    table: Mapping[str, Any], allowed: tuple[str, ...], source: str, prefix: str
) -> None:
    """Raise BatchFileError for a key that is not allowed in a table."""
    for key in table:
        if key not in allowed:
            raise refusal(
                f"{source}: key '{prefix}{key}' is unknown; allowed here are {', '.join(allowed)}"
                f"{did_you_mean(key, allowed)}".rstrip("?")
            )


def word_at(table: Mapping[str, Any], key: str, source: str, prefix: str) -> str:
    """Return the text of letters, digits and - at a key."""
    value = table.get(key)
    if not (isinstance(value, str) and value and value.replace("-", "").isalnum()):
        found = "is missing" if value is None else f"is {value!r}"
        raise refusal(
            f"{source}: key '{prefix}{key}' {found}; it must be a text of letters, digits and -"
        )
    return value


def factor_at(value: object, key: str) -> float:
    """Return a positive number; `key` is what errors begin with."""
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and _SMALLEST <= value <= 1.0 / _SMALLEST
    ):
        return float(value)
    raise refusal(
        f"{key} must be a number from {_SMALLEST:g} to {1.0 / _SMALLEST:g}, found {value!r}"
    )
