"""Results to bytes and back: the same to the last bit, and nothing that is read is ever run."""

from __future__ import annotations

import pickle
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nanojunction.analysis.field.loops import Plateau, Switch
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.reading.reader import read_runs
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.values import Curve, Quantity
from nanojunction.analysis.work.outcomes import analyse_run
from nanojunction.analysis.work.packing import PackingError, pack, unpack

CAMPAIGN = Path(__file__).parents[1] / "sample_data" / "campaign"


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are of one type and equal to the last bit, NaN equal to itself."""
    if isinstance(a, np.ndarray):
        equal = a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    elif isinstance(a, float | np.floating):
        equal = bool(np.isnan(a) and np.isnan(b)) or repr(a) == repr(b)
    elif isinstance(a, dict):
        equal = list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    elif isinstance(a, list | tuple):
        equal = len(a) == len(b) and all(map(same, a, b))
    elif is_dataclass(a):
        equal = all(same(getattr(a, one.name), getattr(b, one.name)) for one in fields(a))
    else:
        equal = bool(a == b)
    return type(a) is type(b) and equal


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
ARRAYS = st.one_of(
    arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=5))
    for kind in (np.float64, np.int64, np.bool_, np.float32)
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text() | ARRAYS
    | NUMBERS.map(np.float64) | st.integers(-(2**63), 2**63 - 1).map(np.int64)
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text().filter(lambda key: key != "§"), inner)
        | st.builds(
            Quantity,
            st.none() | NUMBERS,
            extra=st.dictionaries(st.text().filter(lambda key: key != "§"), inner),
        )
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_packed_comes_back_as_it_was(value: Any) -> None:
    assert same(unpack(pack(value)), value)


@pytest.mark.parametrize("name", ["A_240K_1.5mV", "C_40K_IH_2.13mV", "resistor-100_295K"])
def test_every_result_of_real_runs_comes_back_as_it_was(name: str) -> None:
    for run in read_runs(CAMPAIGN / f"{name}.csv"):
        found = dict(analyse_run(run, IVSettings()).quantities)
        assert same(unpack(pack(found)), found)


def test_loops_and_curves_come_back_as_they_were() -> None:
    level = Quantity(1e-6, 1e-9)
    curve = Curve(np.arange(3.0), np.array([np.nan, -0.0, 1.0]), np.zeros(3), extra={"rms": level})
    found = [Plateau("up", -0.1, 0.2, level, "AP"), Switch("down", level, 1e-6, 2e-6), curve]
    assert same(unpack(pack(found)), found)


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {"§": "tuple"}, np.array([object()]), {1, 2}, 1j, Path("x")],
    ids=["object", "number as key", "key of ours", "array of objects", "set", "complex", "path"],
)
def test_what_cannot_be_packed_is_refused(value: Any) -> None:
    with pytest.raises(PackingError, match="cannot be packed"):
        pack([value])


@given(st.binary())
def test_strange_bytes_are_refused_or_harmless(data: bytes) -> None:
    try:
        unpack(data)
    except PackingError as problem:
        assert "no packed results" in str(problem) or "never read" in str(problem)


def test_a_pickle_is_never_loaded() -> None:
    text = b'{"\\u00a7":"array","dtype":"|O","shape":[1]}'
    with pytest.raises(PackingError):
        unpack(len(text).to_bytes(8, "little") + text + pickle.dumps([print]))


def test_a_truncated_result_is_refused() -> None:
    whole = pack(dict(analyse_iv(read_runs(CAMPAIGN / "B-degraded_40K.csv")[0]).quantities))
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(PackingError):
            unpack(whole[:length])
