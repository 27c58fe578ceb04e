"""Repeats of one I(V): averaged, and warned of where they are not repeats of one thing."""

from __future__ import annotations

import numpy as np
import pytest

from nanojunction.analysis.devices.groups import Group, find_groups
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run import Conditions
from tests.iv_simulation import noisy_run, sweep


def repeats(resistances_ohm: list[float]) -> Group:
    rng = np.random.default_rng(1)
    path = sweep([-0.01, 0.01, -0.01], 5e-4)
    runs = [
        noisy_run(
            lambda v, r=r: -26e-6 + v / r,
            path,
            rng,
            1e-9,
            conditions=Conditions(temperature_K=240.0),
        )
        for r in resistances_ohm
    ]
    (group,) = [g for g in find_groups([analyse_iv(run) for run in runs]) if g.kind == "repeat"]
    return group


def test_repeats_that_agree_carry_no_warning() -> None:
    group = repeats([157.0] * 4)
    assert group.warnings == ()
    assert group.quantities["r_s_ohm"].value == pytest.approx(157.0, rel=1e-3)


def test_a_quantity_that_changed_between_repeats_is_named() -> None:
    group = repeats([150.0, 157.0, 164.0])
    named = [warning.split(":")[0] for warning in group.warnings]
    assert "R_s" in named
    assert "I_off" not in named
    assert all("standard errors" in warning for warning in group.warnings)
