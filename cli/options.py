"""Options that several commands have, and how all of them say what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from nanojunction.cli.console import one_sentence

Station = Annotated[Path, typer.Option("--station", metavar="FILE", help="The station file.")]
SampleFile = Annotated[
    Path | None,
    typer.Option("--sample-file", metavar="FILE", help="Limits of the sample's junctions."),
]
Monitor = Annotated[
    bool, typer.Option("--monitor", help="Show the live state on a page on this computer.")
]
MonitorPort = Annotated[
    int | None,
    typer.Option("--monitor-port", min=0, max=65535, help="The page's port; any free one else."),
]


def port_of(monitor: bool, port: int | None) -> int | None:
    """Return the port of the page, 0 for any, None for no page."""
    return port if port is not None else (0 if monitor else None)


class Debug:
    """Whether errors are shown whole, set by the option `--debug` before the command."""

    on = False


@contextmanager
def at_the_station() -> Iterator[None]:
    """Say in one sentence what goes wrong, also in another package's driver or procedure."""
    from nanojunction.instruments.entry_points import faults_of_plug_ins

    with one_sentence(Debug.on), faults_of_plug_ins():
        yield


Watchdog = Annotated[
    bool | None,
    typer.Option(
        help="A process that makes the station safe if this one dies; on where the station "
        "file has addresses.",
        show_default=False,
    ),
]
