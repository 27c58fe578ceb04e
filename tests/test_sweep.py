"""A sweep is a value: listed, counted, drawn and timed without an instrument."""

from __future__ import annotations

import doctest
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.procedures import sweep as sweep_module
from nanojunction.procedures.sweep import FieldRamp, Sweep, standard_legs


def test_a_sweep_lists_its_points_with_both_ends_on_each_leg() -> None:
    sweep = Sweep((0.0, 0.002, -0.002, 0.0), step=0.001)
    assert [(point.leg, point.setpoint) for point in sweep.points()] == [
        (0, 0.0), (0, 0.001), (0, 0.002),
        (1, 0.002), (1, 0.001), (1, 0.0), (1, -0.001), (1, -0.002),
        (2, -0.002), (2, -0.001), (2, 0.0),
    ]  # fmt: skip
    assert len(sweep) == 11
    assert sweep.duration_s(0.1) == pytest.approx(1.1)


def test_katckos_pairs() -> None:
    """±10 mV at 500 µV and ±3 mV at 100 µV, 0 → + → − → + → − → 0 (Katcko 2019, Fig. 2)."""
    coarse = Sweep(standard_legs(0.010), step=500e-6)
    fine = Sweep(standard_legs(0.003), step=100e-6)
    assert (len(coarse), len(fine)) == (165, 245)
    assert coarse.extent() == (-0.010, 0.010)


def test_repeats_close_an_open_list_by_going_back() -> None:
    there = Sweep((0.0, 1.0), step=0.5, repeats=2)
    assert there.legs() == ((0.0, 1.0), (1.0, 0.0), (0.0, 1.0))
    closed = Sweep((0.0, 1.0, 0.0), step=0.5, repeats=2)
    assert closed.legs() == ((0.0, 1.0), (1.0, 0.0)) * 2


@pytest.mark.parametrize(
    ("turning_points", "step", "words"),
    [
        ((0.0,), 0.1, "at least two turning points"),
        ((0.0, 1.0), 0.0, "greater than 0"),
        ((0.0, 1.0), -0.1, "greater than 0"),
        ((0.0, 0.0, 1.0), 0.1, "the same"),
        ((0.0, 0.010), 0.003, "does not divide the leg from 0 to 0.01; 0.0025 does"),
        ((0.0, float("nan")), 0.1, "finite"),
    ],
)
def test_what_cannot_be_swept_is_refused(
    turning_points: tuple[float, ...], step: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Sweep(turning_points, step)


@given(
    st.lists(st.integers(-40, 40), min_size=2, max_size=7),
    st.floats(1e-7, 10.0),
    st.integers(1, 3),
)
def test_any_sweep_goes_in_steps_and_repeats_its_setpoints_exactly(
    ends: list[int], step: float, repeats: int
) -> None:
    ends = [end for end, before in zip(ends, [None, *ends], strict=False) if end != before]
    if len(ends) < 2:
        return
    sweep = Sweep(tuple(end * step for end in ends), step, repeats)
    points = list(sweep.points())
    assert len(points) == len(sweep)
    for before, after in pairwise(points):
        if before.leg == after.leg:
            assert abs(abs(after.setpoint - before.setpoint) - step) < 1e-5 * step
        else:
            assert after.setpoint == before.setpoint
    low, high = sweep.extent()
    assert all(low - 1e-5 * step <= point.setpoint <= high + 1e-5 * step for point in points)
    places = {round(point.setpoint / step) for point in points}
    assert len({point.setpoint for point in points}) == len(places)


def test_a_sweep_can_be_drawn() -> None:
    picture = Sweep((0.0, 0.01, -0.01, 0.0), step=0.0005).draw(width=24, height=5)
    lines = picture.splitlines()
    assert [line.split("┤")[0].strip() for line in lines] == ["+0.01", "", "0", "", "-0.01"]
    assert lines[0].index("╭") < lines[4].index("╰")


def test_the_picture_in_the_docstring_is_what_is_drawn() -> None:
    assert doctest.testmod(sweep_module) == (0, 3)


def test_a_field_ramp_is_timed() -> None:
    ramp = FieldRamp((-0.5, 0.5, -0.5), rate_T_per_min=0.5, interval_s=1.0)
    assert ramp.duration_s() == pytest.approx(240.0)
    with pytest.raises(ValueError, match="rate"):
        FieldRamp((0.0, 1.0), 0.0)
