"""The command as a test gives it: in its own process, where it needs none of its own."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from nanojunction.cli.main import app


def give(*arguments: str | Path, cwd: Path | None = None) -> Result:
    """Give the command in this process; only what it has a sentence for may end it."""
    with chdir(cwd or Path.cwd()):
        done = CliRunner().invoke(app, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done
