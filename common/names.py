"""Names that somebody typed, and those that may have been meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the name that is closest to what was typed; empty if none is.

    Names that hold what was typed as a word count as close. It follows a sentence.
    """
    from difflib import get_close_matches

    typed = typed[:80]  # the search takes the square of its length
    names = sorted(known)
    whole = [name for name in names if typed.lower() in name.lower().split("_")]
    close = get_close_matches(typed, names, n=1) or whole[:1]
    return (
        f"; did you mean {close[0] if close[0].isidentifier() else repr(close[0])}?"
        if close
        else ""
    )


def listed_names(names: Collection[str]) -> str:
    """Return names as words; of more than twenty the first three, the last and their number."""
    every = list(names)
    if len(every) <= 20:
        return ", ".join(every)
    return f"{', '.join(every[:3])} … {every[-1]}, {len(every)} in all"
