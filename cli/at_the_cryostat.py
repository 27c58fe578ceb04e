"""The commands for whoever measures: their options; the work is elsewhere, imported late."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nanojunction.cli.console import WRONG_USAGE, one_sentence, say
from nanojunction.cli.options import (
    Debug,
    Monitor,
    MonitorPort,
    SampleFile,
    Station,
    Watchdog,
    at_the_station,
    port_of,
)


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
    watchdog: Watchdog = None,
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
    watchdog: Watchdog = None,
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


def screen(
    chip: Annotated[Path, typer.Argument(metavar="CHIP.toml", help="The chip file.")],
    station: Annotated[
        Path | None, typer.Option("--station", metavar="FILE", help="The station file.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the run files and the journal.")
    ] = Path("screening"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the screening begun in DIR.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what is done and its time; touches nothing.")
    ] = False,
    stored: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="Judge the runs in DIR again, with the thresholds of CHIP.toml; measures nothing.",
        ),
    ] = None,
    json_file: Annotated[
        str, typer.Option("--json", metavar="FILE", help="The results; else DIR/screening.json.")
    ] = "",
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Also a page with the map, and figures."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="DIR", help="Compare with the screening in DIR."),
    ] = None,
    catalogue: Annotated[
        str, typer.Option(metavar="FILE|URL", help="Where runs and results are entered, too.")
    ] = "",
    watchdog: Watchdog = None,
    monitor: Monitor = False,
    monitor_port: MonitorPort = None,
) -> None:
    """Screen a chip, gently and unattended: which junctions are open, short, ohmic, candidates."""
    from nanojunction.cli import screen as work
    from nanojunction.cli.screened import Wanted, rescreen
    from nanojunction.cli.screening_on_paper import show_screening

    wanted = Wanted(json_file, catalogue, report, against)

    with at_the_station():
        if stored is not None:
            raise typer.Exit(rescreen(chip, stored, wanted))
        if station is None:
            say("error: --station FILE is missing; or --from DIR judges stored runs again")
            raise typer.Exit(WRONG_USAGE)
        if dry_run:
            raise typer.Exit(show_screening(chip, station, out, resume=resume))
        status = work.screen(
            chip,
            station,
            out,
            resume=resume,
            wanted=wanted,
            watchdog=watchdog,
            monitor_port=port_of(monitor, monitor_port),
        )
        raise typer.Exit(status)


def status(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder of runs (their --out).")
    ] = None,
    station: Annotated[
        Path | None, typer.Option("--station", metavar="FILE", help="The station file.")
    ] = None,
    json_file: Annotated[
        str, typer.Option("--json", metavar="FILE|-", help="JSON instead; - is standard output.")
    ] = "",
) -> None:
    """Say what goes on, or what has happened, in DIR or at a station; opens no instrument."""
    from nanojunction.cli import status as work

    with at_the_station():
        if folder is None and station is None:
            say("error: DIR or --station FILE is missing; see nanojunction status --help")
            raise typer.Exit(WRONG_USAGE)
        raise typer.Exit(work.status(folder, station, json_file))


def check(station: Station) -> None:
    """Open, identify and read every instrument of a station; changes nothing on them."""
    from nanojunction.cli import stations as work

    with at_the_station():
        raise typer.Exit(work.check(station))


def safe(station: Station) -> None:
    """Bring a station to its safe state now: source at zero, output open, policies kept."""
    from nanojunction.cli import stations as work

    with at_the_station():
        raise typer.Exit(work.make_safe(station))


def virtual_chip(
    population: Annotated[
        str,
        typer.Argument(
            metavar="POPULATION", help="A built-in name (chowrira-193, …) or a populations file."
        ),
    ],
    seed: Annotated[int, typer.Option(min=0, help="Seed that the chip is drawn with.")] = 1,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of chip, station and truth.")
    ] = Path("virtual-chip"),
    switch: Annotated[
        str, typer.Option(help="What the chip is behind, as for simulate.")
    ] = "keithley2750",
    speed: Annotated[float, typer.Option(help="How much faster than real time, 1 to 10000.")] = 200,
    served: Annotated[
        Path | None,
        typer.Option(
            metavar="F", help="The ready file of a `simulate` that serves this chip; else its own."
        ),
    ] = None,
) -> None:
    """Draw a chip of known truth: its chip file, a virtual station for it, and the truth."""
    from nanojunction.cli import virtual_chip as work

    with one_sentence(Debug.on):
        status = work.write_virtual_chip(
            population, seed, out, switch=switch, speed=speed, served=served
        )
        raise typer.Exit(status)


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
    chip: Annotated[
        str,
        typer.Option(
            metavar="POPULATIONS",
            help="A whole chip behind the switch: a built-in name (chowrira-193, …) or a file.",
        ),
    ] = "",
    chip_seed: Annotated[int, typer.Option(help="Seed that the chip is drawn with.")] = 1,
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
        typer.Option(metavar="FILE", help="What goes wrong and when: a TOML file of `faults`."),
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
            junction,
            drivers,
            speed,
            seed,
            ready_file,
            serial=serial,
            faults_file=faults,
            chip=chip,
            chip_seed=chip_seed,
        )
        raise typer.Exit(status)
