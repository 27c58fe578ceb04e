"""Sentences of the analysis as a page shows them: symbols with subscripts, true minus signs, links.

The sentences themselves are plain text, since the console and the results document have them, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from markupsafe import Markup, escape

from nanojunction.analysis.notation import MINUS, NO_BREAK, Symbol, symbol_of

_KEYS = (
    *("v_off_V", "i_off_A", "r_s_ohm", "p_max_W", "v_at_p_max_V", "r_s_chord_ohm"),
    *("e_a_low_meV", "e_a_high_meV", "e_a_meV", "t_cross_K"),
)
_SYMBOLS = {symbol_of(key).plain: symbol_of(key) for key in _KEYS} | {
    name: Symbol(*name.split("_")) for name in ("I_P", "I_AP", "H_P")
}
_TOKEN = re.compile(
    r"(?<![\w./#-])("
    + "|".join(re.escape(name) for name in sorted(_SYMBOLS, key=len, reverse=True))
    + r")(?![\w./]\w)(?!_)"
)
_MINUS = re.compile(r"(?<=[\s(±])-(?=\d)|^-(?=\d)")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:[afpnµmkMG]?[VAΩWKTS]|meV|%)(?![\w/]))")


def html(symbol: Symbol) -> Markup:
    """Return a symbol with its subscript, single letters in italics."""
    name = Markup("<i>{}</i>") if len(symbol.name) == 1 else Markup("{}")
    text = name.format(symbol.name)
    return text + Markup("<sub>{}</sub>").format(symbol.subscript) if symbol.subscript else text


def in_html(text: str) -> Markup:
    """Return a sentence with its symbols set and numbers kept beside their units."""
    if isinstance(text, Markup):
        return text
    text = _BEFORE_UNIT.sub(NO_BREAK, _MINUS.sub(MINUS, text))
    parts = _TOKEN.split(text)
    return Markup("").join(
        html(_SYMBOLS[part]) if n % 2 else escape(part) for n, part in enumerate(parts)
    )


def with_links(text: str, runs: Sequence[str], numbers: Mapping[str, int]) -> Markup:
    """Return a sentence in which the runs' names are links to their rows on the page.

    `runs` are names as `run_name` gives them, or the last part of their path; `numbers` those of
    the runs that the page shows. The names of others are shortened to the last part of their path.
    """
    found = {}
    for name in runs:
        shown = escape(PurePath(name).name)
        if name in numbers:
            shown = Markup('<a href="#run-{0}">run {0}</a> ({1})').format(numbers[name], shown)
        found[name] = shown
    if not found:
        return in_html(text)
    names = "|".join(re.escape(name) for name in sorted(found, key=len, reverse=True))
    parts = re.split(f"({names})", text)
    return Markup("").join(found[part] if n % 2 else in_html(part) for n, part in enumerate(parts))
