"""Options that all models have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Sweep = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        metavar="NAME=FROM:TO:N",
        help="N values of an option in even steps, such as mu=-4:4:321; with :log behind it, in "
        "even ratios. Twice: a map.",
    ),
]
JsonFile = Annotated[
    str,
    typer.Option("--json", metavar="FILE|-", help="Write the results; - is standard output."),
]
FigureFile = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", help="Draw what is swept: .svg, .pdf or .png."),
]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Processes to work in, on this machine.")
]
Scheduler = Annotated[
    str,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="Work on a Dask cluster instead: tcp://HOST:PORT."
    ),
]
