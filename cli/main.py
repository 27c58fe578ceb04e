"""The command `nanojunction`: what it takes; the work is in the other modules, imported late."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from nanojunction.cli.console import WRONG_USAGE, one_sentence, say, speak_plainly

app = typer.Typer(
    name="nanojunction",
    help="Measure and analyse spintronic nanojunctions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

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


@app.command(add_help_option=False)
def measure(
    procedure: Annotated[
        str, typer.Argument(metavar="PROCEDURE", help="iv, ih, temperature-series, …")
    ] = "",
    station: Annotated[
        Path | None, typer.Option("--station", metavar="FILE", help="The station file.")
    ] = None,
    sample: Annotated[
        str, typer.Option("--sample", metavar="NAME", help="The junction's name.")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="key=value", help="A parameter, with or without a unit."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the run files.")
    ] = Path("runs"),
    watchdog: Annotated[
        bool | None,
        typer.Option(
            help="A process that makes the station safe if this one dies; on where the station "
            "file has addresses.",
            show_default=False,
        ),
    ] = None,
    sample_file: SampleFile = None,
    monitor: Monitor = False,
    monitor_port: MonitorPort = None,
    show_help: Annotated[
        bool, typer.Option("--help", help="This text; after PROCEDURE: its keys.")
    ] = False,
) -> None:
    """Measure one run with PROCEDURE on a station; `measure PROCEDURE --help` lists its keys."""
    from nanojunction.cli import measure as work

    with at_the_station():
        if show_help or not procedure:
            typer.echo(work.help_text(procedure))
            raise typer.Exit(0 if show_help else WRONG_USAGE)
        if station is None or not sample:
            missing = "--station FILE" if station is None else "--sample NAME"
            say(f"error: {missing} is missing; see nanojunction measure --help")
            raise typer.Exit(WRONG_USAGE)
        raise typer.Exit(
            work.measure(
                procedure,
                station,
                sample,
                settings or [],
                out,
                watchdog=watchdog,
                sample_file=sample_file,
                monitor_port=port_of(monitor, monitor_port),
            )
        )


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="The recipe.")],
    station: Station,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the run files and the journal.")
    ] = Path("runs"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the recipe begun in DIR.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and its time; touches nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Pass over pauses without asking.")] = False,
    watchdog: Annotated[
        bool | None,
        typer.Option(
            help="A process that makes the station safe if this one dies; on where the station "
            "file has addresses.",
            show_default=False,
        ),
    ] = None,
    monitor: Monitor = False,
    monitor_port: MonitorPort = None,
) -> None:
    """Run a recipe: steps, nested loops, conditions, pauses; the journal knows what was done."""
    from nanojunction.cli import run as work

    with at_the_station():
        if dry_run:
            raise typer.Exit(work.show_plan(recipe, station, out, resume=resume))
        status = work.run(
            recipe,
            station,
            out,
            resume=resume,
            yes=yes,
            watchdog=watchdog,
            monitor_port=port_of(monitor, monitor_port),
        )
        raise typer.Exit(status)


@app.command()
def check(station: Station) -> None:
    """Open, identify and read every instrument of a station; changes nothing on them."""
    from nanojunction.cli import stations as work

    with at_the_station():
        raise typer.Exit(work.check(station))


@app.command()
def safe(station: Station) -> None:
    """Bring a station to its safe state now: source at zero, output open, policies kept."""
    from nanojunction.cli import stations as work

    with at_the_station():
        raise typer.Exit(work.make_safe(station))


@app.command()
def simulate(
    junction: Annotated[
        str,
        typer.Option(
            help="A built-in junction (A, B, C, MTJ, …) or a junction file; several, separated by "
            "commas, with a switch."
        ),
    ] = "",
    source_meter: Annotated[str, typer.Option(help="Its virtual instrument.")] = "keithley2400",
    magnet: Annotated[str, typer.Option(help="Its virtual instrument.")] = "ips120_10",
    temperature: Annotated[str, typer.Option(help="Its virtual instrument.")] = "itc503",
    switch: Annotated[
        str | None, typer.Option(help="Its virtual instrument, such as keithley2700; else none.")
    ] = None,
    field_probe: Annotated[
        str | None, typer.Option(help="Its virtual instrument, such as lakeshore425; else none.")
    ] = None,
    speed: Annotated[float, typer.Option(help="How much faster than real time, 1 to 10000.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 1,
    ready_file: Annotated[
        Path | None, typer.Option(metavar="F", help="Written (JSON) when all instruments listen.")
    ] = None,
    serial: Annotated[
        bool, typer.Option("--serial", help="On pseudo-terminals, as serial ports (ASRL…).")
    ] = False,
    faults: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What goes wrong and when: a TOML file, [[faults]]."),
    ] = None,
) -> None:
    """Serve the virtual instruments on loopback sockets, or serial ports, until Ctrl-C."""
    from nanojunction.cli import stations as work

    drivers = {
        "source_meter": source_meter,
        "magnet": magnet,
        "temperature": temperature,
        "switch": switch,
        "field_probe": field_probe,
    }
    with one_sentence(Debug.on):
        status = work.simulate(
            junction, drivers, speed, seed, ready_file, serial=serial, faults_file=faults
        )
        raise typer.Exit(status)


@app.command()
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
    pattern: Annotated[
        str | None,
        typer.Option(help="Conditions from file names, such as '{device}_{temperature_K}K'."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Runs on known resistors.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to work in.")] = 1,
) -> None:
    """Analyse run files, ours or other people's: a table, results JSON, a report."""
    from nanojunction.cli import analyse as work

    with one_sentence(Debug.on):
        status = work.analyse(
            paths,
            json_file=json_file,
            report=report,
            pattern=pattern,
            calibration=calibration,
            workers=workers,
        )
        raise typer.Exit(status)


@app.command()
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


def main() -> None:
    """Run the command."""
    speak_plainly()
    app()
