"""`nanojunction model transport`: the spin engine of Katcko 2019, and its fit to measured pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanojunction.cli.model_options import FigureFile, JsonFile, Scheduler, Sweep, Workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nanojunction.analysis.theory.transport_sweeps import TransportFound

_CAVEATS = (
    "a reconstruction: the paper's formulas are in a supplement that is not at hand",
    "power comes from the imposed spin accumulation sp, not from heat",
    "currents are 20 to 30 times below the measured ones (--scale), the TMR peak is several mV "
    "wide where the measured one has 1.3",
    "not in the model: direct tunnelling between the electrodes, Coulomb repulsion, phonons",
)


def _numbers(text: str, option: str) -> float | tuple[float, float]:
    """Return "x" as a number, or "x,y" as those of P and AP; raises typer.BadParameter."""
    import math

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 2 or not all(map(math.isfinite, numbers)):
        raise typer.BadParameter(f"{option}: {text!r} is no number, and no pair P,AP of them")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


_PAIR = "x or P,AP"


def transport(
    state: Annotated[str, typer.Option(metavar="P|AP|both", help="Magnetic state.")] = "both",
    bias: Annotated[float | None, typer.Option(help="V, mV; else swept from -10 to 10.")] = None,
    sp: Annotated[
        float | None, typer.Option("--sp", help="Splitting of the leads, meV [8.4].")
    ] = None,
    spinterface: Annotated[
        float | None, typer.Option("--SP", help="Splitting of the spinterfaces, meV [2].")
    ] = None,
    ap: Annotated[
        str, typer.Option(metavar=_PAIR, help="sp·AP is the right lead's [0.3,-0.3].")
    ] = "",
    p_left: Annotated[float | None, typer.Option(help="Polarisation, -1 to 1 [0.35].")] = None,
    p_right: Annotated[
        str, typer.Option(metavar=_PAIR, help="Polarisation, -1 to 1 [0.35,-0.35].")
    ] = "",
    e0: Annotated[
        str, typer.Option("--e0", metavar=_PAIR, help="Middle of the centres, meV [-2.5,0.85].")
    ] = "",
    asym: Annotated[
        str, typer.Option(metavar=_PAIR, help="Distance of the centres, meV [0.5,-0.75].")
    ] = "",
    delta1: Annotated[
        str, typer.Option("--delta1", metavar=_PAIR, help="Splitting of centre 1, meV [0].")
    ] = "",
    delta2: Annotated[
        str, typer.Option("--delta2", metavar=_PAIR, help="Splitting of centre 2, meV [0].")
    ] = "",
    level: Annotated[
        float | None, typer.Option("--E0", help="Level of the spinterfaces, meV [0].")
    ] = None,
    t1: Annotated[float | None, typer.Option("--t1", help="Tunnelling, meV [1].")] = None,
    t2: Annotated[float | None, typer.Option("--t2", help="Tunnelling, meV [1].")] = None,
    t3: Annotated[float | None, typer.Option("--t3", help="Tunnelling, meV [1].")] = None,
    broadening: Annotated[
        float | None, typer.Option(help="Width of the spinterfaces, meV [10].")
    ] = None,
    kt: Annotated[float | None, typer.Option(help="k_B T, meV [26].")] = None,
    scale: Annotated[float | None, typer.Option(help="Times the model's currents [1].")] = None,
    preset: Annotated[
        str, typer.Option(metavar="fig3b|fig3c", help="A figure; …-split: with split centres.")
    ] = "",
    sweep: Sweep = None,
    fit: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="P.csv AP.csv", help="Fit the model to measured I(V): files or folders."
        ),
    ] = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --fit: a parameter that keeps its value."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --fit: vary also this one, such as t2_meV."),
    ] = None,
    starts: Annotated[int, typer.Option(min=1, max=1000, help="With --fit: how many.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="With --fit: of the starts.")] = 0,
    pattern: Annotated[
        str | None,
        typer.Option(help="With --fit: conditions from file names, as for analyse."),
    ] = None,
    json_file: JsonFile = "",
    figure: FigureFile = None,
    workers: Workers = 1,
    scheduler: Scheduler = "",
) -> None:
    """Spin-resolved currents of four sites between magnetic leads (Katcko 2019).

    Without a sweep the bias goes from -10 to 10 mV. With --fit what is given by hand is where a
    parameter starts, or the value of one that is held.
    """
    from nanojunction.cli.model_shared import at_a_model

    given: dict[str, float | tuple[float, float]] = {
        name: value
        for name, value in {
            "bias": bias, "sp": sp, "SP": spinterface, "p_left": p_left, "E0": level, "t1": t1,
            "t2": t2, "t3": t3, "broadening": broadening, "kt": kt, "scale": scale,
        }.items()
        if value is not None
    }  # fmt: skip
    pairs = {"ap": ap, "p_right": p_right, "e0": e0, "asym": asym, "delta1": delta1,
             "delta2": delta2}  # fmt: skip
    given |= {
        name: _numbers(text, f"--{name.replace('_', '-')}") for name, text in pairs.items() if text
    }
    with at_a_model():
        if fit is None:
            if hold or vary or pattern is not None:
                raise typer.BadParameter("--hold, --vary and --pattern go with --fit")
            _evaluate(given, state, preset, sweep, json_file, figure, workers, scheduler)
            return
        if sweep or preset or state != "both" or scheduler or workers > 1:
            raise typer.BadParameter(
                "--fit: takes both states as they were measured, in this process; leave --state, "
                "--sweep, --preset, --workers and --scheduler out"
            )
        from nanojunction.cli.model_transport_fit import fit_and_show

        fit_and_show(
            fit, given, hold=hold or (), vary=vary or (), starts=starts, seed=seed,
            pattern=pattern, json_file=json_file, figure=figure,
        )  # fmt: skip


def _evaluate(
    given: dict[str, float | tuple[float, float]],
    state: str,
    preset: str,
    sweep: Sequence[str] | None,
    json_file: str,
    figure: Path | None,
    workers: int,
    scheduler: str,
) -> None:
    from nanojunction.analysis.theory.transport_sweeps import UNITS, found_by, transport_sweep
    from nanojunction.cli.console import say, steps_of
    from nanojunction.cli.model_shared import (
        axes_of,
        check_outputs,
        hands_of,
        write_document,
        write_figure,
    )

    check_outputs(json_file, figure)
    hands = hands_of(workers, scheduler)
    wanted = transport_sweep(given, axes_of(sweep, UNITS), state=state, preset=preset)
    if figure is not None and not wanted.axes:
        raise typer.BadParameter("--figure: nothing is swept: there is nothing to draw but numbers")
    with steps_of("transport") as show:
        found = found_by(wanted, hands=hands, progress=show)
    if figure is not None:
        from nanojunction.analysis.theory.transport_figures import transport_figure

        write_figure(transport_figure(found), figure)
    if json_file:
        write_document(found.document(), json_file)
    if json_file != "-":
        _show(found, point=not wanted.axes)
        for line in _CAVEATS:
            say(line)


def _show(found: TransportFound, *, point: bool) -> None:
    """Print the numbers of a point, or extremes, zeros and TMR peaks of a sweep."""
    import numpy as np

    from nanojunction.cli.model_shared import show_extremes, show_numbers

    names = {"i_A": ("I", "A"), "i_up_A": ("I up", "A"), "i_down_A": ("I down", "A")}
    names["p_W"] = ("power", "W")
    rows = [
        (f"{names[key][0]} {state}", names[key][1], values)
        for state, one in found.states.items()
        for key, values in one.items()
    ]
    if point:
        show_numbers([(name, unit, float(values[0])) for name, unit, values in rows])
        if found.tmr is not None and np.isfinite(found.tmr[0]):
            show_numbers([("TMR", "", float(found.tmr[0]))])
        return
    show_extremes(found.sweep.axes, rows)
    if found.tmr is not None and [axis.name for axis in found.sweep.axes] == ["bias"]:
        _show_tmr(found)


def _show_tmr(found: TransportFound) -> None:
    """Print the peaks of TMR over the bias, and where it is below -100 %."""
    import numpy as np

    from nanojunction.analysis.theory.transport_sweeps import tmr_peaks

    bias = found.sweep.axes[0].values
    parallel, antiparallel = (found.states[state]["i_A"] for state in ("P", "AP"))
    for peak in tmr_peaks(bias, parallel, antiparallel):
        width = "no half height" if peak.fwhm_mV is None else f"FWHM {peak.fwhm_mV:.2f} mV"
        print(f"TMR peak {100 * peak.tmr:+.0f} % at {peak.bias_mV:.2f} mV, {width}")
    opposite = np.flatnonzero(parallel * antiparallel < 0)
    for part in np.split(opposite, np.flatnonzero(np.diff(opposite) > 1) + 1):
        if part.size:
            print(f"TMR below -100 % from {bias[part[0]]:.2f} to {bias[part[-1]]:.2f} mV")
