"""Swept parameters of a model: how they are written, and who evaluates them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.theory.axes import Axis, key_of, parse_axis
from nanojunction.analysis.theory.exchange_sweeps import exchange_sweeps, found_by
from nanojunction.analysis.theory.sweeps import over
from nanojunction.analysis.values import Array
from nanojunction.analysis.work.hands import Hands
from nanojunction.models.errors import ModelError

UNITS = {"mu": "meV", "t_left": "K", "p_left": "", "tau": "1/meV"}


def axes(*sizes: int) -> list[Axis]:
    return [
        Axis(name, unit, np.linspace(-1.0, 2.0, size))
        for (name, unit), size in zip(UNITS.items(), sizes, strict=False)
    ]


@given(
    st.sampled_from(list(UNITS)),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.integers(2, 50),
)
def test_an_axis_has_its_ends_and_even_steps(name: str, a: float, b: float, n: int) -> None:
    if a == b:
        return
    axis = parse_axis(f"{name.replace('_', '-')}={a!r}:{b!r}:{n}", UNITS)
    assert (axis.name, axis.unit) == (name, UNITS[name])
    assert (axis.values[0], axis.values[-1], axis.values.size) == (a, b, n)
    assert np.diff(axis.values) == pytest.approx((b - a) / (n - 1), rel=1e-6, abs=1e-9)


def test_an_axis_in_even_ratios() -> None:
    assert parse_axis("tau=0.01:100:5:log", UNITS).values == pytest.approx([0.01, 0.1, 1, 10, 100])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mu", "'mu' is no NAME=FROM:TO:N, such as mu=-4:4:321"),
        ("mu=-4:4", "is no NAME=FROM:TO:N"),
        ("mu=-4:4:9:lin", "is no NAME=FROM:TO:N"),
        ("nu=-4:4:9", "no parameter 'nu' to sweep; there are mu, t-left, p-left, tau"),
        ("mu=-4:four:9", "'four' is no number"),
        ("mu=-4:nan:9", "'nan' is not finite"),
        ("mu=-4:4:1", "'1' values; give a whole number, 2 to 1000000"),
        ("mu=-4:4:9.5", "'9.5' values"),
        ("mu=4:4:9", "begins where it ends"),
        ("tau=-1:4:9:log", "even ratios need ends of one sign"),
    ],
)
def test_what_is_no_axis_is_said(text: str, words: str) -> None:
    with pytest.raises(ModelError) as error:
        parse_axis(text, UNITS)
    assert error.value.parameter == "sweep"
    assert words in error.value.why


def test_names_in_documents_have_units() -> None:
    assert [key_of(name, unit) for name, unit in UNITS.items()] == [
        "mu_meV", "t_left_K", "p_left", "tau_per_meV",
    ]  # fmt: skip


def told_apart(points: Mapping[str, Array]) -> dict[str, Array]:
    """A value that differs at every point, and a curve of three values."""
    value = sum(10.0**place * values for place, values in enumerate(points.values()))
    assert isinstance(value, np.ndarray)
    return {"value": value, "curve": value[:, None] * [1.0, 2.0, 3.0]}


@pytest.mark.parametrize("costly", [(), ("t_left",), ("t_left", "mu")])
@pytest.mark.parametrize("points", [1, 7, 1000])
def test_results_are_in_the_order_of_the_axes(costly: tuple[str, ...], points: int) -> None:
    two = axes(5, 4)
    steps: list[tuple[int, int]] = []
    found = over(
        two,
        lambda at: told_apart({axis.name: at[axis.name] for axis in two}),
        costly=costly,
        points=points,
        progress=lambda done, total: steps.append((done, total)),
    )
    expected = two[0].values[:, None] + 10.0 * two[1].values
    assert found["value"] == pytest.approx(expected)
    assert found["curve"] == pytest.approx(expected[..., None] * [1.0, 2.0, 3.0])
    assert steps[-1] == (20, 20)
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})


def test_a_block_has_few_values_of_what_is_costly() -> None:
    seen: list[int] = []

    def evaluate(at: Mapping[str, Array]) -> dict[str, Array]:
        seen.append(np.unique(at["t_left"]).size)
        return {"value": at["mu"]}

    over(axes(10, 4), evaluate, costly=("t_left",), points=10)
    assert seen == [1, 1, 1, 1]


def test_two_processes_find_what_one_finds() -> None:
    swept = [parse_axis("p-left=-0.9:0.9:61", UNITS), parse_axis("mu=-2:2:41", UNITS)]
    (sweep,) = exchange_sweeps({"bias": 1.0}, swept)
    one, two = found_by(sweep), found_by(sweep, hands=Hands(2))
    for name, values in one.results.items():
        assert values.shape == (61, 41)
        assert np.array_equal(values, two.results[name])


def test_an_error_reaches_other_processes_whole() -> None:
    error = pickle.loads(pickle.dumps(ModelError("p_left", "2 is no polarisation")))
    assert (error.parameter, str(error)) == ("p_left", "p_left: 2 is no polarisation")


def end(points: Mapping[str, Array]) -> dict[str, Array]:
    os._exit(int(points["mu"].size))


def test_a_process_that_ends_is_said() -> None:
    with pytest.raises(ChildProcessError, match="a process that evaluated the model ended"):
        over(axes(8), end, points=2, hands=Hands(2))
