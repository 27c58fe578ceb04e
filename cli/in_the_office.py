"""The commands for whoever analyses: their options; the work is elsewhere, imported late."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nanojunction.cli.console import one_sentence
from nanojunction.cli.options import Debug

Catalogue = Annotated[
    str,
    typer.Option(
        "--catalogue",
        metavar="FILE|URL",
        help="The catalogue of runs; else the one that NANOJUNCTION_CATALOGUE names.",
        show_default=False,
    ),
]


def _checked(pattern: str | None) -> str | None:
    """Return a pattern for file names; raises typer.BadParameter for an unknown field."""
    if pattern is not None:
        from nanojunction.analysis.reading.conditions import check_pattern

        try:
            check_pattern(pattern)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return pattern


Pattern = Annotated[
    str | None,
    typer.Option(
        help="Conditions from file names, such as '{device}_{temperature_K}K'.", callback=_checked
    ),
]


def analyse(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Run files, or folders of them.")
    ],
    json_file: Annotated[
        str,
        typer.Option("--json", metavar="FILE|-", help="Write the results; - is standard output."),
    ] = "",
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report.html and its figures.")
    ] = None,
    by_device: Annotated[
        bool, typer.Option("--by-device", help="With --report: also a page of each device.")
    ] = False,
    pattern: Pattern = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Runs on known resistors.")
    ] = None,
    p_field: Annotated[
        str, typer.Option(metavar="FIELD", help="The field of P, such as -200mT; else the largest.")
    ] = "",
    ap_field: Annotated[
        str, typer.Option(metavar="FIELD", help="The field of AP or the reference; else 0 T.")
    ] = "",
    approach: Annotated[
        str, typer.Option(metavar="up|down", help="From which side loops come to these fields.")
    ] = "",
    diameter: Annotated[
        str, typer.Option(metavar="SIZE", help="Of every junction, such as '300 nm ± 10 nm'.")
    ] = "",
    area: Annotated[str, typer.Option(metavar="SIZE", help="Instead, such as '314 um^2'.")] = "",
    pitch: Annotated[
        str, typer.Option(metavar="SIZE", help="Of an array, for its power, such as '90 nm'.")
    ] = "",
    layers: Annotated[
        float | None, typer.Option(help="Monolayers of CoPc, for the number of its centres.")
    ] = None,
    devices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Sizes and materials of each device.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to work in, on this machine.")] = 1,
    scheduler: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Work on a Dask cluster instead: tcp://HOST:PORT."),
    ] = "",
    catalogue: Catalogue = "",
) -> None:
    """Analyse run files, ours or other people's: a table, results JSON, a report.

    A file that cannot be read or analysed is named as an error and never stops the others; the
    exit status is then 1. With a catalogue, only runs that changed are analysed again (contents,
    notes, settings and version count), and the rest is taken from there.

    Tens of thousands of files need no more memory than a few hundred: rows and curves wait in a
    temporary file (TMPDIR says where), some 50 kB a run of 400 rows.
    """
    from nanojunction.cli import analyse as work
    from nanojunction.cli.device_options import devices_of

    if scheduler and workers > 1:
        raise typer.BadParameter("--workers and --scheduler: a Dask cluster has its own workers")

    with one_sentence(Debug.on):
        status = work.analyse(
            paths,
            json_file=json_file,
            report=report,
            by_device=by_device,
            pattern=pattern,
            calibration=calibration,
            reference=work.reference_of(p_field, ap_field, approach),
            devices=devices_of(devices, diameter, area, pitch, layers),
            workers=workers,
            scheduler=scheduler,
            catalogue=catalogue,
        )
        raise typer.Exit(status)


def runs(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH…]", help="Only these files, and those below these folders."),
    ] = None,
    catalogue: Catalogue = "",
    device: Annotated[str, typer.Option(metavar="NAME", help="Only of this device.")] = "",
    kind: Annotated[str, typer.Option(help="Only of this kind: iv, ih, it, …")] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUESTION",
            help="Only where 'temperature_K < 50', 'v_off_V > 1 mV', 'comment ~ broken'; several: "
            "where all hold.",
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="KEY,…", help="In the order of these; -KEY: the largest first.")
    ] = "",
    columns: Annotated[
        str, typer.Option(metavar="KEY,…", help="These columns instead of the usual ones.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many runs.")] = None,
    json_file: Annotated[
        str,
        typer.Option("--json", metavar="FILE|-", help="Write all that is known of these runs."),
    ] = "",
    csv_file: Annotated[
        str, typer.Option("--csv", metavar="FILE|-", help="Write the columns as CSV.")
    ] = "",
) -> None:
    """List the runs of a catalogue, which `analyse --catalogue` has filled."""
    from nanojunction.cli import runs as work

    with one_sentence(Debug.on):
        status = work.runs(
            paths or [],
            catalogue=catalogue,
            device=device,
            kind=kind,
            where=where or [],
            sort=sort,
            columns=columns,
            limit=limit,
            json_file=json_file,
            csv_file=csv_file,
        )
        raise typer.Exit(status)


def export(
    paths: Annotated[
        list[str], typer.Argument(metavar="RUN…", help="Run files, or folders of them.")
    ],
    form: Annotated[
        str, typer.Option("--format", metavar="nexus|parquet", help="What the runs become.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the files.")] = Path("export"),
    pattern: Pattern = None,
    about: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who measured, of what, when calibrated (TOML)."),
    ] = None,
    catalogue: Catalogue = "",
) -> None:
    """Export runs as Parquet (one file a run) or NeXus NXiv_temp (one file a series)."""
    from nanojunction.cli import export as work

    with one_sentence(Debug.on):
        status = work.export(paths, form, out, pattern=pattern, about=about, catalogue=catalogue)
        raise typer.Exit(status)


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of runs, results.json and report.html.")
    ] = Path("nanojunction-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise.")] = 1,
) -> None:
    """Measure A, B, C, the MTJ and calibrated resistors on the virtual cryostat and compare."""
    from nanojunction.cli import demo as work

    with one_sentence(Debug.on):
        raise typer.Exit(work.demo(out, seed))
