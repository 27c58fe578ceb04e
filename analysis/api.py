"""What the analysis offers to other people's programs: runs, arrays or values in, values out.

Each function stands in front of the one that `nanojunction analyse` itself uses.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from nanojunction.analysis import analyse as files
from nanojunction.analysis.analyse import Analysis, Progress
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.estimates.device_file import Devices
from nanojunction.analysis.field.states import LARGEST_AGAINST_ZERO, FieldReference
from nanojunction.analysis.ih import analyse_ih as analyse_run_of_ih
from nanojunction.analysis.iv import quantities as iv
from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.reading.loading import Columns, each, run_from_arrays
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.settings import DEFAULTS, IVSettings
from nanojunction.analysis.temperature.activation import Arrhenius, ThermalPoint, fit_arrhenius
from nanojunction.analysis.values import Quantity
from nanojunction.analysis.work.kept import ResultStore
from nanojunction.analysis.work.outcomes import analyse_run as analyse_any_run


@overload
def analyse_iv(run: Run, settings: IVSettings = ...) -> RunResult: ...
@overload
def analyse_iv(*, settings: IVSettings = ..., **columns: Unpack[Columns]) -> RunResult: ...
def analyse_iv(
    run: Run | None = None, settings: IVSettings = DEFAULTS, **columns: Any
) -> RunResult:
    """Return the quantities of an I(V): of a run, or of arrays (`Columns`, in SI).

    Offsets, slope resistances, power, dI/dV and its features, hysteresis, each with its standard
    error (docs/quantities.md). Raises ValueError for a run that is no I(V), and for arrays as
    `run_from_arrays` does.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> volts = np.concatenate([np.linspace(-0.01, 0.01, 41), np.linspace(0.01, -0.01, 41)])
    >>> amperes = (volts - 4.05e-3) / 157 + rng.normal(0, 1e-8, volts.size)
    >>> result = analyse_iv(voltage_V=volts, current_A=amperes, temperature_K=240)
    >>> print(result["v_off_V"], result["r_s_ohm"], sep=", ")
    4.04999(27) mV, 156.992(10) Ω
    """
    run = _run(run, "iv", columns)
    if run.kind not in ("iv", "calibration"):
        raise ValueError(f"{run.file}: is a run of kind {run.kind}, not iv: take analyse_run")
    return iv.analyse_iv(run, settings)


@overload
def analyse_ih(run: Run) -> RunResult: ...
@overload
def analyse_ih(**columns: Unpack[Columns]) -> RunResult: ...
def analyse_ih(run: Run | None = None, **columns: Any) -> RunResult:
    """Return plateaus, switching fields and levels of an I(H): of a run, or of arrays in SI.

    Raises ValueError for a run that is no I(H), and for arrays as `run_from_arrays` does.

    >>> import numpy as np
    >>> tesla = np.concatenate([np.linspace(-0.5, 0.5, 101), np.linspace(0.5, -0.5, 101)])
    >>> amperes = np.where(np.abs(tesla) < 0.095, 1e-6, -1e-6)
    >>> result = analyse_ih(field_T=tesla, current_A=amperes, voltage_V=2.67e-3)
    >>> [switch.field_T.value.__round__(3) for switch in result.quantities["switching_fields"]]
    [-0.095, 0.095, 0.095, -0.095]
    """
    run = _run(run, "ih", columns)
    if run.kind != "ih":
        raise ValueError(f"{run.file}: is a run of kind {run.kind}, not ih: take analyse_run")
    return analyse_run_of_ih(run)


def _run(run: Run | None, kind: Any, columns: Any) -> Run:
    if run is None:
        missing = [name for name in ("voltage_V", "current_A") if name not in columns]
        if missing:
            raise ValueError(f"give a run, or arrays: {' and '.join(missing)} missing")
        return run_from_arrays(kind=kind, **columns)
    if columns:
        raise ValueError(f"give a run or arrays, not both: {', '.join(columns)}")
    if not isinstance(run, Run):
        raise TypeError(f"{run!r}: is no run; load_run gives the one in a file")
    return run


def analyse_run(run: Run, settings: IVSettings = DEFAULTS) -> RunResult:
    """Return the quantities of a run of any kind: I(V), I(H), I(t) or V(t).

    A run in which nothing known was swept has none, and a warning says so.

    >>> print(analyse_run(load_run(campaign / "C_40K_IH_2.67mV.csv"))["i_zero_field_A"])
    -1.39...(...) µA
    """
    return analyse_any_run(run, settings)


def analyse_files(
    paths: PathLike | Sequence[PathLike],
    *,
    pattern: str | None = None,
    calibration: PathLike | None = None,
    settings: IVSettings = DEFAULTS,
    reference: FieldReference = LARGEST_AGAINST_ZERO,
    subtract_offsets: bool = False,
    devices: Devices = files.NO_DEVICES,
    workers: int = 1,
    progress: Progress | None = None,
    catalogue: PathLike | None = None,
) -> Analysis:
    """Analyse files, or the *.csv of folders, as the command `nanojunction analyse` does.

    Finds the groups (temperature series, magnetic states, repeats, controls) and compares every
    I(V) with the measuring line, that of `calibration` or of the calibration runs among the files.
    What cannot be read is in `errors` of the result and never stops the rest. `reference` says
    which fields of I(H) are compared, `subtract_offsets` adds offsets without the line's, `devices`
    states sizes and the like for the estimates, `workers` processes share the files, `progress` is
    called with files done and all files. Results go into `catalogue` (a file, made if need be, or a
    database URL), and what it has of runs that did not change is not found again; raises
    CatalogueError where it cannot be used.

    >>> found = analyse_files([campaign / "A_240K_10mV.csv"], calibration=campaign)
    >>> found.errors
    ()
    >>> print(found.run_results[0]["candidate"].note)
    beyond the measuring line by ...× in V and ...× in I
    """

    def analysed(kept: ResultStore | None) -> Analysis:
        return files.analyse(
            map(Path, each(paths)),
            pattern=pattern,
            calibration=None if calibration is None else Path(calibration),
            settings=settings,
            reference=reference,
            subtract_offsets=subtract_offsets,
            devices=devices,
            workers=workers,
            progress=progress,
            kept=kept,
        )

    if catalogue is None:
        return analysed(None)
    from nanojunction.analysis.catalogue.database import Catalogue
    from nanojunction.analysis.catalogue.entries import enter
    from nanojunction.analysis.catalogue.store import CatalogueStore

    with Catalogue(os.fspath(catalogue)) as entries:
        found = analysed(CatalogueStore(entries))
        enter(entries, found.run_results, found.errors)
    return found


def arrhenius(
    temperature_K: ArrayLike,
    values: Sequence[Quantity] | ArrayLike,
    stderr: ArrayLike | None = None,
    *,
    signed: bool = False,
) -> Arrhenius:
    """Fit X(T) = X0·exp(E_a/(k_B T)), in one regime and in two, and choose between them.

    `values` are quantities, which bring their standard errors, or numbers with `stderr` beside
    them (without, or where it is NaN, the scatter of the points carries the error). `signed` is for
    offsets, which enter with their majority's sign. What cannot enter is in `excluded`, with the
    reason. `one`, `two` and `preferred` are the fits, `choice` says why. Raises ValueError for
    columns of different lengths.

    >>> import numpy as np
    >>> kelvin = np.array([40, 60, 90, 120, 180, 300])
    >>> ohms = 700 * np.exp(12.4 / 0.08617333 / kelvin) * [1.01, 0.99, 1.01, 0.99, 1.01, 0.99]
    >>> fit = arrhenius(kelvin, ohms, 0.01 * ohms)
    >>> fit.best, str(fit.preferred["e_a_meV"])
    ('one-regime', '12.44(6) meV')
    """
    kelvin = np.atleast_1d(np.asarray(temperature_K, dtype=float))
    points = _with_errors(values, stderr, kelvin)
    return fit_arrhenius(
        [
            ThermalPoint(f"point {n} ({t:g} K)", t, value, error)
            for n, (t, (value, error)) in enumerate(zip(kelvin.tolist(), points, strict=True))
        ],
        signed=signed,
    )


def _with_errors(
    values: Sequence[Quantity] | ArrayLike, stderr: ArrayLike | None, kelvin: Any
) -> list[tuple[float | None, float | None]]:
    items = list(values) if isinstance(values, Sequence) else np.atleast_1d(values).tolist()
    measured = [item for item in items if isinstance(item, Quantity)]
    if measured and (len(measured) < len(items) or stderr is not None):
        raise ValueError("values: give quantities alone, or numbers with their stderr")
    errors = [None] * len(items) if stderr is None else np.atleast_1d(stderr).tolist()
    for name, length in (("values", len(items)), ("stderr", len(errors))):
        if length != len(kelvin):
            raise ValueError(f"{name}: {length} of them for {len(kelvin)} temperatures")
    if measured:
        return [(item.value, item.stderr) for item in measured]
    known = [None if error is None or math.isnan(error) else float(error) for error in errors]
    return list(zip(map(float, items), known, strict=True))


def compare_with_published(found: Analysis) -> tuple[ComparedRow, ...]:
    """Return the published numbers of A, B, C and the MTJ, each beside that of an analysis.

    A row states its kind (value, bound or choice) and its tolerance; `ok` says whether it holds and
    `problem` why not. What the analysis does not have is missing there, with the reason.

    >>> rows = compare_with_published(analyse_files(campaign / "C_40K_0T.csv"))
    >>> [f"{row.quantity}: {row.measured}" for row in rows if row.published == "2.76 mV"]
    ['V_off: 0.00276...(...)']
    """
    from nanojunction.analysis.published import compare

    return compare(found)
