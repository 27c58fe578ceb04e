"""The command `nanojunction`: its commands, and the options that come before them."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from nanojunction.cli import at_the_cryostat, in_the_office, model, window
from nanojunction.cli.console import speak_plainly
from nanojunction.cli.options import Debug

app = typer.Typer(
    name="nanojunction",
    help="Measure and analyse spintronic nanojunctions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# In the order in which --help lists them; that of `measure` says what the procedure takes.
app.command(add_help_option=False)(at_the_cryostat.measure)
app.command()(at_the_cryostat.run)
app.command()(at_the_cryostat.screen)
app.command()(window.gui)
app.command()(at_the_cryostat.status)
app.command()(at_the_cryostat.check)
app.command()(at_the_cryostat.safe)
app.command()(at_the_cryostat.simulate)
app.command()(at_the_cryostat.virtual_chip)
app.command()(in_the_office.analyse)
app.command()(in_the_office.runs)
app.command()(in_the_office.export)
app.add_typer(model.app)
app.command()(in_the_office.demo)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"nanojunction {version('nanojunction')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show errors whole, and what is sent and answered.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Measure and analyse spintronic nanojunctions."""
    Debug.on = debug
    logging.basicConfig(level=logging.CRITICAL, format="%(name)s: %(message)s")
    # What could not be made safe is in each run's outcome, and is said once, by the command.
    logging.getLogger("nanojunction.procedures").setLevel(logging.CRITICAL + 1)
    if debug:
        logging.getLogger("nanojunction.procedures").setLevel(logging.DEBUG)
        for name in ("Adapter", "nanojunction", "pymeasure.instruments"):
            logging.getLogger(name).setLevel(logging.DEBUG)


def main() -> None:
    """Run the command."""
    speak_plainly()
    app()
