"""`nanojunction model transport --fit`: the spin engine fitted to measured pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nanojunction.cli.console import say, steps_of, wide_console

if TYPE_CHECKING:
    from nanojunction.analysis.theory.transport_fit import TransportFit

Given = Mapping[str, float | tuple[float, float]]

_OF_EACH_STATE = ("e0", "asym")
_TURNED = ("ap", "p_right", "delta2")  # their sign changes from P to AP
_POWER_W = "power comes from the imposed spin accumulation sp, not from heat"


def fit_and_show(
    files: tuple[Path, Path],
    given: Given,
    *,
    hold: Sequence[str],
    vary: Sequence[str],
    starts: int,
    seed: int,
    pattern: str | None,
    json_file: str,
    figure: Path | None,
) -> None:
    """Fit the model to the P and AP runs in two files, and print, write and draw what comes out."""
    from nanojunction.analysis.theory.transport_data import read_pair
    from nanojunction.analysis.theory.transport_fit import fit_transport
    from nanojunction.analysis.theory.transport_parameters import parameters_of
    from nanojunction.analysis.theory.transport_rivals import rivals_of
    from nanojunction.analysis.theory.transport_words import sentences
    from nanojunction.cli.model_shared import check_outputs, write_document, write_figure

    check_outputs(json_file, figure)
    start = starts_of(given)
    held, varied = ([name for one in names for name in fit_names(one)] for names in (hold, vary))
    pair = read_pair(*files, pattern=pattern)
    parameters = parameters_of(start, hold=held, vary=varied, temperature_K=pair.temperature_K)
    with steps_of("starts") as show:
        fit = fit_transport(pair, parameters, starts=starts, seed=seed, progress=show)
    rivals = rivals_of(fit, seed=seed)
    said = sentences(fit, rivals)
    if figure is not None:
        from nanojunction.analysis.theory.transport_figures import fit_figure

        write_figure(fit_figure(fit), figure)
    if json_file:
        from nanojunction.analysis.theory.transport_document import fit_document

        write_document(fit_document(fit, rivals, said), json_file)
    if json_file != "-":
        _show(fit)
        for line in (*said, _POWER_W):
            print(line)
    for state in pair.states:
        for text in state.warnings:
            say(f"warning: {text}")


def fit_names(name: str) -> tuple[str, ...]:
    """Return what a fit calls the parameter of an option: both states' of e0 and asym."""
    from nanojunction.analysis.theory.transport_parameters import PARAMETERS

    plain = name.replace("-", "_")
    if plain in _OF_EACH_STATE:
        return f"{plain}_P_meV", f"{plain}_AP_meV"
    return (plain if plain in PARAMETERS else f"{plain}_meV",)


def starts_of(given: Given) -> dict[str, float]:
    """Return where the fit starts, from options; raises typer.BadParameter.

    In the fit the right lead and all that goes with it turns round from P to AP.
    """
    found: dict[str, float] = {}
    for name, value in given.items():
        if name == "bias":
            raise typer.BadParameter("--bias: the fit takes the voltages of the files")
        first, second = value if isinstance(value, tuple) else (value, None)
        names = fit_names(name)
        if name in _OF_EACH_STATE:
            found |= dict(zip(names, (first, first if second is None else second), strict=True))
            continue
        expected = -first if name in _TURNED else first
        if second is not None and second != expected:
            raise typer.BadParameter(
                f"--{name.replace('_', '-')}: in a fit AP has {expected:g} where P has {first:g}; "
                "give one number"
            )
        found[names[0]] = first
    return found


def _show(fit: TransportFit) -> None:
    """Print a table of the parameters."""
    from rich.table import Table

    table = Table(title="spin engine, fitted", title_justify="left")
    for heading in ("parameter", "value", "standard error", "supposed beforehand", ""):
        table.add_column(heading, justify="left" if heading in ("parameter", "") else "right")
    for name, one in fit.parameters.items():
        width = one.parameter.width
        before = "nothing" if width is None else f"{one.parameter.start:g} ± {width:g}"
        verdict = "held"
        if one.parameter.varied:
            verdict = "identified" if one.identified else "not identified"
        table.add_row(
            name,
            f"{one.value:.4g}",
            "" if one.stderr is None else f"{one.stderr:.2g}",
            before if one.parameter.varied else "",
            verdict,
        )
    wide_console().print(table)
