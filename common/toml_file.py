"""TOML files that people wrote, read with one sentence for everything that can be wrong."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

Refusal = Callable[[str], Exception]
"""The error of whoever reads, made from a sentence."""


def read_toml(path: Path, refusal: Refusal, what: str = "file") -> dict[str, Any]:
    """Return the content of a TOML file, in UTF-8 with a byte-order mark (Windows) or without.

    `what` is the kind of file (`station file`). Raises what `refusal` makes of a sentence that
    begins with the path.
    """
    return parse_toml(read_text(path, refusal, what), str(path), refusal)


def read_text(path: Path, refusal: Refusal, what: str = "file") -> str:
    """Return the text of such a file; raises as `read_toml` does."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as problem:
        raise refusal(f"{path}: there is no such {what}") from problem
    except OSError as problem:
        why = problem.strerror or os.strerror(problem.errno or 0)
        raise refusal(f"{path}: cannot be read ({why})") from problem
    except UnicodeDecodeError as problem:
        raise refusal(f"{path}: is not UTF-8 text; save it as UTF-8") from problem


def parse_toml(text: str, source: str, refusal: Refusal) -> dict[str, Any]:
    """Return the content of TOML text; `source` names it in what `refusal` is given."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise refusal(f"{source}: is not valid TOML: {problem}") from problem
    except RecursionError as problem:  # brackets in brackets, thousands deep
        raise refusal(f"{source}: is not valid TOML: it is nested too deeply") from problem
