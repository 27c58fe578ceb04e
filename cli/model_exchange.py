"""`nanojunction model exchange`: J12, I12 and D12 of two molecular spins in a junction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanojunction.cli.model_options import FigureFile, JsonFile, Scheduler, Sweep, Workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nanojunction.analysis.theory.exchange_sweeps import ExchangeFound

_NAMES = {"j_meV": "J12", "i_meV": "I12", "d_meV": "D12"}
_CAVEATS = (
    "J12 > 0: parallel spins lie lower with H = -J12 S1·S2 (the pair counted once); the paper "
    "calls this sign antiferromagnetic",
    "D12 = D21: a torque that needs a current or polarised leads, no antisymmetric energy",
    "not in the model: Coulomb repulsion, Kondo screening, what the spins do to the electrons; "
    "second order in J1, J2",
)


def exchange(
    mu: Annotated[float | None, typer.Option(help="Mean chemical potential, meV [0].")] = None,
    bias: Annotated[float | None, typer.Option(help="V = µ_L − µ_R, meV [0].")] = None,
    t_left: Annotated[float | None, typer.Option(help="Temperature T_L, K [1].")] = None,
    delta_t: Annotated[float | None, typer.Option(help="T_R − T_L, K [0].")] = None,
    p_left: Annotated[float | None, typer.Option(help="Polarisation, -1 to 1 [0].")] = None,
    p_right: Annotated[float | None, typer.Option(help="Polarisation, -1 to 1 [0].")] = None,
    gamma: Annotated[float | None, typer.Option(help="Γ of both leads, meV [1/3].")] = None,
    tc: Annotated[float | None, typer.Option(help="Tunnelling Tc, meV [1].")] = None,
    eps0: Annotated[float | None, typer.Option(help="Both levels, meV [0].")] = None,
    j1: Annotated[float | None, typer.Option(help="Kondo coupling J1, meV [1].")] = None,
    j2: Annotated[float | None, typer.Option(help="Kondo coupling J2, meV [1].")] = None,
    printed: Annotated[
        bool, typer.Option("--printed", help="Eqs. (7)–(9) as the paper prints them.")
    ] = False,
    preset: Annotated[
        str, typer.Option(metavar="fig2a…fig4c", help="A panel of the paper; fig2: all of it.")
    ] = "",
    sweep: Sweep = None,
    json_file: JsonFile = "",
    figure: FigureFile = None,
    workers: Workers = 1,
    scheduler: Scheduler = "",
) -> None:
    """Exchange between two molecular spins in a junction (Fransson, Ren & Zhu 2014)."""
    from nanojunction.cli.model_shared import at_a_model

    numbers = {
        "mu": mu,
        "bias": bias,
        "t_left": t_left,
        "delta_t": delta_t,
        "p_left": p_left,
        "p_right": p_right,
        "gamma": gamma,
        "tc": tc,
        "eps0": eps0,
        "j1": j1,
        "j2": j2,
    }
    given = {name: value for name, value in numbers.items() if value is not None}
    with at_a_model():
        _carry_out(given, preset, sweep, json_file, figure, workers, scheduler, printed=printed)


def _carry_out(
    given: Mapping[str, float],
    preset: str,
    sweep: Sequence[str] | None,
    json_file: str,
    figure: Path | None,
    workers: int,
    scheduler: str,
    *,
    printed: bool,
) -> None:
    from nanojunction.analysis.theory.exchange_sweeps import UNITS, exchange_sweeps, found_by
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
    wanted = exchange_sweeps(given, axes_of(sweep, UNITS), preset=preset, printed=printed)
    if json_file and len(wanted) > 1:
        raise typer.BadParameter(
            f"--json: {preset} has three sets of axes: name a panel, {preset}a, {preset}b or "
            f"{preset}c"
        )
    with steps_of("exchange") as show:
        found = [found_by(one, hands=hands, progress=show) for one in wanted]
    if figure is not None:
        from nanojunction.analysis.theory.exchange_figures import exchange_figure

        write_figure(exchange_figure(found), figure)
    if json_file:
        write_document(found[0].document(), json_file)
    if json_file != "-":
        for one in found:
            _show(one)
        for line in _CAVEATS:
            say(line)


def _show(found: ExchangeFound) -> None:
    """Print the numbers of a point, or where those of a sweep are least, largest and zero."""
    from nanojunction.cli.model_shared import show_extremes, show_numbers

    if not found.sweep.axes:
        show_numbers([(_NAMES[key], "meV", float(v[0])) for key, v in found.results.items()])
    elif not found.sweep.pairs:
        show_extremes(found.axes, [(_NAMES[key], "meV", v) for key, v in found.results.items()])
    elif found.sweep.panel is not None:
        key = f"{found.sweep.panel.interaction}_meV"
        rows = zip(found.sweep.pairs, found.results[key], strict=True)
        show_extremes(
            found.axes[1:],
            [(f"{_NAMES[key]}, p = {left:g}, {right:g}", "meV", v) for (left, right), v in rows],
        )
