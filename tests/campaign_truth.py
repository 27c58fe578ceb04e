"""What is true in the fault campaign: the recipe's rows, and the numbers that can be in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from nanojunction.models.junction import JunctionLaw
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.recipes.checking import procedure_of
from nanojunction.procedures.recipes.plan import PlannedRun
from nanojunction.procedures.recipes.run_rows import RunRows
from tests.recipes import expected, measured

#: The largest setpoint of the recipe.
VMAX = 0.01
#: The level and the number of rows of the I(t).
STEADY_V, STEADY_ROWS = 1e-3, 9
#: Offset, pickup and noise of the line at an integration of 0.01 cycles, five times over.
NOISE_V, NOISE_A = 6e-5, 1e-6


def assert_row(where: str, values: Mapping[str, float], laws: Sequence[JunctionLaw]) -> None:
    """Look for numbers in a row that the junction, field and sample never had."""
    V, T, H = values["Voltage (V)"], values["Temperature (K)"], values["Field (T)"]
    assert abs(values["Setpoint (V)"]) <= VMAX, where
    assert 291.0 <= T <= 296.0, where
    assert abs(values["Temperature vti (K)"] - T) <= 20.0, where
    assert abs(H) <= 0.1005, where
    assert values["Leg"] in range(6) and values["In compliance"] in (0, 1), where
    if not values["In compliance"]:
        assert abs(V - values["Setpoint (V)"]) <= NOISE_V, where
        assert any(could_be(law, V, T, H, values["Current (A)"]) for law in laws), where


def assert_rows_of(run: PlannedRun, parts: Sequence[RunRows], *, is_whole: bool) -> None:
    """Look whether the parts of a run have its rows, in order, at its temperature and field."""
    procedure = procedure_of(run, "campaign.toml")
    rows = [dict(zip(part.columns, row, strict=True)) for part in parts for row in part.rows]
    target_K, target_T = procedure.target_K(), procedure.target_T()
    for row in rows:
        assert target_K is None or abs(row["Temperature (K)"] - target_K) <= 2.0, run.key
        assert target_T is None or abs(row["Field (T)"] - target_T) <= 1e-3, run.key
    if isinstance(procedure, IHSweep):
        assert_loop(run.key, rows)
        return
    steady = [(0, STEADY_V)] * STEADY_ROWS
    wanted = expected(run) if isinstance(procedure, IVSweep) else steady
    if not is_whole:
        wanted = wanted[: len(rows)]
    assert measured(rows) == wanted, run.key


def could_be(law: JunctionLaw, V: float, T: float, H: float, I: float) -> bool:  # noqa: E741
    """Tell whether a junction could show this point, with the noise of the measuring line."""
    memory = law.apply_field(law.at_rest(), H)
    currents = [law.current_A(V + shift, T, memory) for shift in (-NOISE_V, 0.0, NOISE_V)]
    slack = NOISE_A + 0.03 * max(map(abs, currents))
    return min(currents) - slack <= I <= max(currents) + slack


def assert_loop(key: str, rows: Sequence[Mapping[str, float]]) -> None:
    """Look whether an I(H) has gone along each of its legs, in order, and nowhere twice.

    How many rows a leg has depends on how fast the computer is.
    """
    legs = [int(row["Leg"]) for row in rows]
    assert legs == sorted(legs) and set(legs) == {0, 1}, f"{key}: legs {legs}"
    for leg, up in enumerate((1.0, -1.0)):
        fields = [row["Field (T)"] for row in rows if row["Leg"] == leg]
        steps = [up * (after - before) for before, after in pairwise(fields)]
        assert all(step > -1e-3 for step in steps), f"{key}: leg {leg} goes back: {fields}"
