"""`nanojunction model engine`: two dots whose measurement brings in energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanojunction.cli.model_options import FigureFile, JsonFile, Scheduler, Sweep, Workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nanojunction.analysis.theory.engine_sweeps import EngineFound

_MEASUREMENTS = ("unselective", "selective")
_OBSERVABLES = ("right", "left")
_CAVEATS = (
    "ΔE is energy that the measurement puts in: an upper bound of work; what drives the "
    "measurement is not in the model",
    "leads and bosons are rates without temperature or potential: heat and work are not told apart",
)
_NO_BOSONS = (
    "without bosons ΔE ends at exactly 0 for any rates: what is seen before is the memory of the "
    "beginning"
)


def engine(
    preset: Annotated[
        str, typer.Option(metavar="fig3a…fig7d", help="Parameters of a figure [fig3a].")
    ] = "",
    tau: Annotated[
        float | None, typer.Option(help="Duration of a stroke, 1/meV (0.658 ps); inf: to the end.")
    ] = None,
    tau_spread: Annotated[
        float | None, typer.Option(help="Strokes of τ·(1 ± this), each its own; 0 to 1.")
    ] = None,
    cycles: Annotated[int | None, typer.Option(help="Cycles of a run.")] = None,
    record: Annotated[
        int, typer.Option(min=2, help="Cycles to keep of many, in even ratios.")
    ] = 1000,
    initial: Annotated[
        str, typer.Option(metavar="KET[,KET]", help="00 0d u0 ud d0 dd 20 2d, or a mixture: ud,dd.")
    ] = "",
    measurement: Annotated[
        str, typer.Option(metavar="unselective|selective", help="Whether outcomes are read.")
    ] = "",
    observable: Annotated[
        str, typer.Option(metavar="right|left", help="What is read: n_R, or the left charge.")
    ] = "",
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the outcomes [1].")] = None,
    tl_plus: Annotated[float | None, typer.Option(help="T_L⁺, out to the left, meV.")] = None,
    tl_minus: Annotated[float | None, typer.Option(help="T_L⁻, in from the left, meV.")] = None,
    tr_plus: Annotated[float | None, typer.Option(help="T_R⁺, out to the right, meV.")] = None,
    tr_minus: Annotated[float | None, typer.Option(help="T_R⁻, in from the right, meV.")] = None,
    lambda_plus: Annotated[float | None, typer.Option(help="Λ⁺, ↓ to ↑, meV.")] = None,
    lambda_minus: Annotated[float | None, typer.Option(help="Λ⁻, ↑ to ↓, meV.")] = None,
    gamma: Annotated[float | None, typer.Option(help="Hopping γ between the dots, meV.")] = None,
    u: Annotated[float | None, typer.Option(help="Coulomb energy U of Eq. (3), meV.")] = None,
    j: Annotated[float | None, typer.Option(help="Magnetic coupling J, meV.")] = None,
    eps_up: Annotated[float | None, typer.Option(help="Level ε↑, left, meV.")] = None,
    eps_down: Annotated[float | None, typer.Option(help="Level ε↓, left, meV.")] = None,
    eps_r: Annotated[float | None, typer.Option(help="Level ε_R, right, meV.")] = None,
    cycle_time: Annotated[
        float | None,
        typer.Option(metavar="PS", help="Power of ΔE with this time of a cycle instead of τ, ps."),
    ] = None,
    sweep: Sweep = None,
    json_file: JsonFile = "",
    figure: FigureFile = None,
    workers: Workers = 1,
    scheduler: Scheduler = "",
) -> None:
    """Two dots, thermalised and measured in turn (Lamblin & Bowen 2024).

    What can be swept: the rates and levels by their names, tau, and tl and tr for T⁺ = T⁻ of a
    lead.
    """
    from nanojunction.cli.model_shared import at_a_model

    numbers = {
        "tau": tau,
        "tau_spread": tau_spread,
        "cycles": cycles,
        "record": record,
        "seed": seed,
        "initial": initial or None,
        "measurement": _one_of("--measurement", measurement, _MEASUREMENTS),
        "observable": _one_of("--observable", observable, _OBSERVABLES),
        "tl_plus": tl_plus,
        "tl_minus": tl_minus,
        "tr_plus": tr_plus,
        "tr_minus": tr_minus,
        "lambda_plus": lambda_plus,
        "lambda_minus": lambda_minus,
        "gamma": gamma,
        "u": u,
        "j": j,
        "eps_up": eps_up,
        "eps_down": eps_down,
        "eps_r": eps_r,
    }
    given = {name: value for name, value in numbers.items() if value is not None}
    if cycle_time is not None and not 0.0 < cycle_time < float("inf"):
        raise typer.BadParameter(f"--cycle-time: {cycle_time:g} is no duration in ps")
    with at_a_model():
        _carry_out(given, preset, sweep, json_file, figure, workers, scheduler, cycle_time)


def _one_of(option: str, value: str, allowed: Sequence[str]) -> str | None:
    """Return what was chosen, None for nothing; raises typer.BadParameter."""
    if value and value not in allowed:
        raise typer.BadParameter(f"{option}: no {value!r}; there are {', '.join(allowed)}")
    return value or None


def _carry_out(
    given: Mapping[str, Any],
    preset: str,
    sweep: Sequence[str] | None,
    json_file: str,
    figure: Path | None,
    workers: int,
    scheduler: str,
    cycle_time_ps: float | None,
) -> None:
    from nanojunction.analysis.theory.engine_sweeps import UNITS, engine_task, found_by
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
    task = engine_task(
        given, axes_of(sweep, UNITS), preset_name=preset, cycle_time_ps=cycle_time_ps
    )
    with steps_of("engine") as show:
        found = found_by(task, hands=hands, progress=show)
    if figure is not None:
        from nanojunction.analysis.theory.engine_figures import engine_figure

        write_figure(engine_figure(found), figure)
    if json_file:
        write_document(found.document(), json_file)
    if json_file != "-":
        _show(found)
        for line in _caveats(found):
            say(line)


def _show(found: EngineFound) -> None:
    """Print the numbers of a run, or where those of a sweep are least, largest and zero."""
    import numpy as np

    from nanojunction.cli.model_shared import show_extremes, show_numbers

    if found.task.axes:
        last = f"ΔE of cycle {found.task.cycles}"
        names = {"delta_e_meV": (last, "meV"), "delta_e_limit_meV": ("ΔE limit", "meV"),
                 "power_W": ("power, limit/τ", "W")}  # fmt: skip
        show_extremes(
            found.axes,
            [(*names[key], v) for key, v in found.results.items() if not np.isnan(v).all()],
        )
        return
    numbers, delta_e = found.numbers, found.results["delta_e_meV"]
    rows = [
        ("ΔE, cycle 1", "meV", delta_e[0]),
        (f"ΔE, cycle {found.task.cycles}", "meV", delta_e[-1]),
        ("mean of all cycles", "meV", numbers["delta_e_mean_meV"]),
        ("limit of many cycles", "meV", numbers["delta_e_limit_meV"]),
        ("falls to 1/e in cycles", "", numbers["relaxation_cycles"]),
        ("power, limit/τ", "W", numbers["power_W"]),
    ]
    if "power_at_cycle_time_W" in numbers:
        rows.append(("power, limit/cycle time", "W", numbers["power_at_cycle_time_W"]))
    for key, unit in (("energy_per_cycle_meV", "meV"), ("electrons_per_cycle", "")):
        for source, value in (numbers[key] or {}).items():
            rows.append((f"in the limit, {source.replace('_', ' ')}", unit, value))
    for form, value in (numbers["perturbative_delta_e_meV"] or {}).items():
        rows.append((f"first order in γ, {form}", "meV", value))
    show_numbers([(name, unit, float(value)) for name, unit, value in rows])


def _caveats(found: EngineFound) -> list[str]:
    """Return what the numbers do not say."""
    import numpy as np

    engine = found.task.engine
    lines = list(_CAVEATS)
    swept = {axis.name for axis in found.task.axes}
    pumped = engine.lambda_plus_meV or engine.lambda_minus_meV
    if not pumped and not swept & {"lambda_plus", "lambda_minus"}:
        lines.append(_NO_BOSONS)
    detuning = np.abs(np.subtract(engine.eps_down_meV, engine.eps_r_meV))
    strong = np.any(np.abs(engine.gamma_meV) > 0.1 * detuning)
    if strong and found.numbers.get("perturbative_delta_e_meV"):
        lines.append("γ is not small against ε↓ − ε_R: its first order says nothing")
    if "power_at_cycle_time_W" in found.numbers:
        lines.append("ΔE of strokes of one duration with the time of another: no engine's power")
    return lines
