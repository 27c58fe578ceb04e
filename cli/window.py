"""`nanojunction gui`: the window at the cryostat."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nanojunction.cli.options import Station, at_the_station


def gui(
    station: Station,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the run files and the queue; beside the station file else.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the window of a station; what it measures goes on if the window is closed."""
    with at_the_station():
        from nanojunction.gui.app import run_window

        raise typer.Exit(run_window(station, out or station.absolute().parent / "runs"))
