"""What is true in the fault campaign: the recipe's rows, and the numbers that can be in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

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
#: The magnet's rate in the station file, and how well its field is known: the supply's resolution
#: and noise, and what counts as arrived.
RATE_T_PER_S, SUPPLY_T = 0.5 / 60.0, 1.2e-3
#: A ramp of the magnet: the fields (T) at which it began and to which it went.
Ramp = tuple[float, float]
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


def assert_rows_of(
    run: PlannedRun, parts: Sequence[RunRows], ramps: Sequence[Ramp], *, is_whole: bool
) -> None:
    """Look whether the parts of a run have its rows, in order, at its temperature and field.

    `ramps` are those that the magnet has made while the last part was measured.
    """
    procedure = procedure_of(run, "campaign.toml")
    rows = [row for part in parts for row in rows_in(part)]
    target_K, target_T = procedure.target_K(), procedure.target_T()
    for row in rows:
        assert target_K is None or abs(row["Temperature (K)"] - target_K) <= 2.0, run.key
        assert target_T is None or abs(row["Field (T)"] - target_T) <= 1e-3, run.key
    if isinstance(procedure, IHSweep):
        assert_loop(run.key, rows)
        for part in parts:
            assert_no_gap(run.key, rows_in(part))
        if len(parts) > 1:
            earlier = [row for part in parts[:-1] for row in rows_in(part)]
            assert_goes_on(run.key, earlier, rows_in(parts[-1]), ramps)
        return
    steady = [(0, STEADY_V)] * STEADY_ROWS
    wanted = expected(run) if isinstance(procedure, IVSweep) else steady
    if not is_whole:
        wanted = wanted[: len(rows)]
    assert measured(rows) == wanted, run.key


def rows_in(part: RunRows) -> list[dict[str, float]]:
    """Return the rows of a part by column."""
    return [dict(zip(part.columns, row, strict=True)) for row in part.rows]


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


def assert_no_gap(key: str, rows: Sequence[Mapping[str, float]]) -> None:
    """Look whether the field has gone no further from row to row than the clock justifies.

    A row's field is the mean of before and after its current, so that it belongs to a moment
    between the row before and the one after.
    """
    for first, here, after, last in zip(rows, rows[1:], rows[2:], rows[3:], strict=False):
        if first["Leg"] == last["Leg"]:
            way_T = abs(after["Field (T)"] - here["Field (T)"])
            most_T = RATE_T_PER_S * (last["Time (s)"] - first["Time (s)"]) + SUPPLY_T
            assert way_T <= most_T, f"{key}: {way_T:g} T in one step at {here}"


def assert_goes_on(
    key: str,
    earlier: Sequence[Mapping[str, float]],
    later: Sequence[Mapping[str, float]],
    ramps: Sequence[Ramp],
) -> None:
    """Look whether a loop went on where its last row was, or before, in the same direction.

    What the magnet did tells, not the first row: how far that is depends on the computer.
    """
    if not earlier or not later:
        return
    field_T, leg, leg_now = earlier[-1]["Field (T)"], earlier[-1]["Leg"], later[0]["Leg"]
    stop_T, up = (0.1, 1.0) if leg == 0 else (-0.1, -1.0)
    if leg_now != leg:
        assert leg_now == leg + 1 and abs(field_T - stop_T) <= SUPPLY_T, f"{key}: leg {leg} ended"
        return
    # A supply may be told twice where to go; and that it holds where it is, which is no ramp.
    there = [ramp for ramp in ramps if ramp[0] != ramp[1]]
    ways = [list(way) for _, way in groupby(there, key=lambda ramp: ramp[1])]
    starts = [way[0][0] for way in ways if abs(way[0][1] - stop_T) < 1e-6]
    # The way to the loop's beginning ends at -0.1 T, too.
    start_T = starts[0] if leg == 0 else starts[-1]
    gap_T = up * (start_T - field_T)
    assert gap_T <= SUPPLY_T, f"{key}: leg {leg} ended at {field_T:g} T and went on at {start_T:g}"
