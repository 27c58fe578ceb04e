"""What all models do around their physics: axes, documents, figures, tables, what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nanojunction.cli.console import one_sentence, say, wide_console
from nanojunction.cli.options import Debug

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nanojunction.analysis.theory.axes import Axis
    from nanojunction.analysis.values import Array
    from nanojunction.analysis.work.hands import Hands

_MOST_AXES = 2
_MOST_ZEROS = 6
_UNITS = ("_per_meV", "_meV", "_mV", "_K", "_V", "_A", "_W", "_nA")


@contextmanager
def at_a_model() -> Iterator[None]:
    """Say in one sentence what goes wrong, with the option that it is about."""
    from nanojunction.models.errors import ModelError

    with one_sentence(Debug.on):
        try:
            yield
        except ModelError as error:
            if Debug.on:
                raise
            raise typer.BadParameter(f"{option_of(error.parameter)}: {error.why}") from error


def option_of(parameter: str) -> str:
    """Return the option of a model's parameter: --t-left of t_left_K."""
    for unit in _UNITS:
        if parameter.endswith(unit):
            parameter = parameter.removesuffix(unit)
            break
    return f"--{parameter.replace('_', '-')}"


def axes_of(sweep: Sequence[str] | None, units: Mapping[str, str]) -> list[Axis]:
    """Return the axes of all --sweep, at most two; raises ModelError."""
    from nanojunction.analysis.theory.axes import parse_axis
    from nanojunction.models.errors import ModelError

    axes = [parse_axis(text, units) for text in sweep or []]
    names = [axis.name for axis in axes]
    if len(axes) > _MOST_AXES:
        raise ModelError("sweep", f"{len(axes)} of them: give one for a curve, two for a map")
    if len(set(names)) < len(names):
        raise ModelError("sweep", f"{names[0].replace('_', '-')} is given twice")
    return axes


def hands_of(workers: int, scheduler: str) -> Hands:
    """Return who evaluates; raises typer.BadParameter where both are given."""
    from nanojunction.analysis.work.hands import Hands

    if scheduler and workers > 1:
        raise typer.BadParameter("--workers and --scheduler: a Dask cluster has its own workers")
    return Hands(workers, scheduler or None)


def check_outputs(json_file: str, figure: Path | None) -> None:
    """Find out before the work what cannot be written after it; raises ModelError or OSError."""
    from nanojunction.analysis.theory.document import check_figure_name

    if json_file not in ("", "-") and not Path(json_file).parent.is_dir():
        raise NotADirectoryError(f"--json {json_file}: there is no such folder")
    if figure is not None:
        check_figure_name(figure)
        if not figure.parent.is_dir():
            raise NotADirectoryError(f"--figure {figure}: there is no such folder")


def write_document(document: Mapping[str, Any], json_file: str) -> None:
    """Write a model's document to a file, or to standard output for "-"."""
    from nanojunction.analysis.theory.document import to_text
    from nanojunction.analysis.written import written_whole

    if json_file == "-":
        # JSON is UTF-8, whatever the console.
        sys.stdout.buffer.write(to_text(document).encode())
        sys.stdout.flush()
        return
    with written_whole(Path(json_file)) as file:
        file.write(to_text(document))


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure and say where it is."""
    from nanojunction.analysis.theory.document import save_figure

    save_figure(figure, path)
    say(f"figure: {path}")


def show_numbers(results: Sequence[tuple[str, str, float]]) -> None:
    """Print numbers with their names and units, one a line."""
    width = max(len(name) for name, _, _ in results)
    for name, unit, value in results:
        print(f"{name:<{width}}  {value: .6g} {unit}".rstrip())


def show_extremes(axes: Sequence[Axis], results: Sequence[tuple[str, str, Array]]) -> None:
    """Print where each result is least and largest, and where it vanishes along a single axis.

    `results` are names, units and values over the axes; NaN is left out.
    """
    import numpy as np
    from rich.table import Table

    table = Table(title=f"over {' × '.join(axis.key for axis in axes)}", title_justify="left")
    headings = ("", "least", "at", "largest", "at", *(["zero at"] if len(axes) == 1 else []))
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "" else "right")
    for name, unit, values in results:
        cells = [label(name, unit)]
        for find in (np.nanargmin, np.nanargmax):
            place = np.unravel_index(find(values), values.shape)
            cells += [f"{values[place]:.6g}", _at(axes, place)]
        if len(axes) == 1:
            cells.append(_zeros(axes[0].values, values))
        table.add_row(*cells)
    wide_console().print(table)


def label(name: str, unit: str) -> str:
    """Return "J12 (meV)", without brackets for a plain number."""
    return f"{name} ({unit})" if unit else name


def _at(axes: Sequence[Axis], place: Sequence[Any]) -> str:
    return ", ".join(f"{axis.values[i]:.4g}" for axis, i in zip(axes, place, strict=True))


def _zeros(x: Array, y: Array) -> str:
    """Return where a curve changes its sign, between its points on a straight line."""
    import numpy as np

    known = np.isfinite(y) & (y != 0)
    x, y = x[known], y[known]
    at = np.flatnonzero(np.signbit(y[1:]) != np.signbit(y[:-1]))
    zeros = x[at] - y[at] * (x[at + 1] - x[at]) / (y[at + 1] - y[at])
    least = 1e-9 * np.abs(x).max(initial=0.0)  # rounding has left so much of a 0
    text = ", ".join(f"{zero if abs(zero) > least else 0:.4g}" for zero in zeros[:_MOST_ZEROS])
    return f"{text}, … ({zeros.size})" if zeros.size > _MOST_ZEROS else text
