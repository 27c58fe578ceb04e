"""Tutorials in Markdown: the Python in them, run in order, and what they say that it prints.

`python -m tests.tutorials docs/NAME.md` writes what is printed now into the page.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(
    r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block of Python, the line where it begins, and what the page says that it prints."""

    code: str
    line: int
    said: str | None


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    return [
        Block(found[1], page.count("\n", 0, found.start(1)), found[2])
        for found in _BLOCK.finditer(page)
    ]


def printed_by(block: Block, names: dict[str, Any], file: str) -> str:
    """What a block prints, run with the names of those before it; errors name the page's line."""
    out = io.StringIO()
    code = compile("\n" * block.line + block.code, file, "exec")
    with redirect_stdout(out):
        exec(code, names)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


_NUMBER = re.compile(r"\d+(?:\.(\d+))?(?:e[-+]?\d+)?")
_RELATIVE, _LAST_PLACES = 0.01, 3.0


def prints_the_same(printed: str, said: str) -> bool:
    """Tell whether two prints differ by rounding only: processors round sums in other ways.

    The words are the same; a number may differ by 1 %, or by three units of its last place.
    """
    words = [" ".join(_NUMBER.sub("#", text).split()) for text in (printed, said)]
    pairs = zip(_NUMBER.finditer(printed), _NUMBER.finditer(said), strict=False)
    return words[0] == words[1] and all(_close(one, other) for one, other in pairs)


def _close(one: re.Match[str], other: re.Match[str]) -> bool:
    a, b = float(one[0]), float(other[0])
    last_place = 10.0 ** -len(other[1] or "")
    return abs(a - b) <= max(_RELATIVE * abs(b), _LAST_PLACES * last_place * bool(other[1]))


def rewrite(path: Path) -> None:
    """Run a page in a folder of its own and put what it prints into it."""
    page = path.read_text(encoding="utf-8")
    names: dict[str, Any] = {}

    def with_output(found: re.Match[str]) -> str:
        printed = printed_by(Block(found[1], 0, None), names, path.name)
        head = found[0].partition("\n```text\n")[0]
        return f"{head}\n```text\n{printed}```\n" if printed else head

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        page = _BLOCK.sub(with_output, page)
    path.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "Agg"
    for name in sys.argv[1:]:
        rewrite(Path(name).resolve())
