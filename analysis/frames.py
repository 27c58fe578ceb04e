"""Runs and results as tables for pandas."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanojunction.analysis.values import Quantity

if TYPE_CHECKING:
    from pandas import DataFrame

    from nanojunction.analysis.reading.files import PathLike
    from nanojunction.analysis.run import Run
    from nanojunction.analysis.run_result import RunResult


def quantities_frame(results: Iterable[RunResult]) -> DataFrame:
    """Return a table (pandas) with one row a run and two columns a number, KEY and KEY_stderr.

    Before these stand file, segment, device, kind, temperature_K, field_T and state. A number, or a
    standard error, that was not determined is missing (NaN); SI units, as the keys name them.

    >>> from nanojunction.analysis import analyse_iv
    >>> result = analyse_iv(voltage_V=[-0.1, 0.0, 0.1], current_A=[-1e-6, 0.0, 1e-6])
    >>> quantities_frame([result]).loc[0, "r_s_ohm"].round()
    np.float64(100000.0)
    """
    from pandas import DataFrame

    rows: list[dict[str, Any]] = []
    for result in results:
        row = _run_columns(result.run)
        for key, item in result.quantities.items():
            if isinstance(item, Quantity):
                row |= {key: _number(item.value), f"{key}_stderr": _number(item.stderr)}
        rows.append(row)
    return DataFrame(rows)


def features_frame(results: Iterable[RunResult]) -> DataFrame:
    """Return a table (pandas) with one row a feature of dI/dV, in order of runs and of position.

    After the columns of the run (see `quantities_frame`) stand the direction of the sweep and the
    numbers of the feature, such as position_V, fwhm_meV and prominence_over_error, each Quantity
    with its KEY_stderr. Without a feature the table is empty.
    """
    from pandas import DataFrame

    rows: list[dict[str, Any]] = []
    for result in results:
        features: Any = result.quantities.get("features", ())
        for feature in features:
            row = _run_columns(result.run)
            for key, item in feature.items():
                if isinstance(item, Quantity):
                    row |= {key: _number(item.value), f"{key}_stderr": _number(item.stderr)}
                else:
                    row[key] = item
            rows.append(row)
    return DataFrame(rows)


def catalogue_frame(
    catalogue: PathLike,
    *,
    where: Sequence[str] = (),
    below: Sequence[PathLike] = (),
    sort: Sequence[str] = (),
) -> DataFrame:
    """Return what a catalogue knows of runs as a table (pandas), one row a run.

    `catalogue` is a file or a database URL. `where` are conditions that must all hold, such as
    "temperature_K < 50" or "v_off_V > 1 mV"; `below` files and folders (none: all runs); `sort`
    keys, with `-` before one for the largest first. The columns are those of `quantities_frame`
    with more about the run before them. Raises CatalogueError where there is no such catalogue,
    QuestionError for a condition or a key that makes no sense.
    """
    from pandas import DataFrame

    from nanojunction.analysis.catalogue.database import Catalogue
    from nanojunction.analysis.catalogue.listing import Selection, find_runs
    from nanojunction.analysis.catalogue.questions import parse_question

    places, questions = tuple(map(Path, below)), tuple(map(parse_question, where))
    with Catalogue(os.fspath(catalogue), new=False) as opened:
        listed = find_runs(opened, Selection(places, questions, tuple(sort)))
    rows: list[dict[str, Any]] = []
    for one in listed:
        row = {"file": one.held["path"], **one.held}
        del row["path"]
        for key, (value, stderr, _) in one.numbers.items():
            row |= {key: _number(value), f"{key}_stderr": _number(stderr)}
        rows.append(row)
    return DataFrame(rows)


def _run_columns(run: Run) -> dict[str, Any]:
    known = run.conditions
    return {
        "file": run.file.as_posix(),
        "segment": run.segment,
        "device": run.device,
        "kind": run.kind,
        "temperature_K": _number(known.temperature_K),
        "field_T": _number(known.field_T),
        "state": known.state,
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
