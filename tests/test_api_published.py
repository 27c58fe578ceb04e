"""The published numbers come back from the sample runs, asked for as a user would in Python.

Numbers and tolerances are those of docs/quantities.md's sources: Chowrira 2020 (A, B, C) and
Katcko 2019 (MTJ). `tests/test_sample_campaign.py` compares every row of the demo's table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from nanojunction.analysis import (
    Arrhenius,
    MeasuringLine,
    Quantity,
    Run,
    RunResult,
    against_line,
    analyse_iv,
    analyse_run,
    arrhenius,
    features_frame,
    load_run,
    load_runs,
    magnetoresistance,
    measuring_line,
    slope_resistance_at_field,
    spin_polarisation,
    tmr_peak,
)

CAMPAIGN = Path(str(resources.files("nanojunction.sample_data"))) / "campaign"


@cache
def found(name: str, segment: int | None = None) -> RunResult:
    return analyse_iv(load_run(CAMPAIGN / name, segment=segment))


@cache
def line() -> MeasuringLine:
    names = ("resistor-100", "resistor-1k", "resistor-10k")
    return measuring_line([analyse_run(load_run(CAMPAIGN / f"{n}_295K.csv")) for n in names])


@cache
def series() -> list[RunResult]:
    return [analyse_iv(run) for run in load_runs(sorted(CAMPAIGN.glob("B_*.csv")))]


@cache
def activated(key: str) -> Arrhenius:
    kelvin = [result.run.conditions.temperature_K for result in series()]
    return arrhenius(kelvin, [result[key] for result in series()])


def loops() -> list[Run]:
    return [load_run(CAMPAIGN / f"C_40K_IH_{v}mV.csv") for v in ("2.13", "2.76")]


def states_of_c(*, optimistic: bool) -> Quantity:
    return magnetoresistance(
        parallel=slope_resistance_at_field(loops(), -0.5),
        reference=slope_resistance_at_field(loops(), 0.0),
        optimistic=optimistic,
    )


def polarisation_of_c() -> Quantity:
    return spin_polarisation(states_of_c(optimistic=True), same_sign=False)


def peak(key: str) -> Quantity:
    p, ap = (load_run(CAMPAIGN / f"MTJ_295K_{state}_6mV.csv") for state in ("P", "AP"))
    return tmr_peak(parallel=p, reference=ap)[key]


def at(kelvin: float, key: str) -> Quantity:
    return min(series(), key=lambda r: abs((r.run.conditions.temperature_K or 0.0) - kelvin))[key]


A, C0, CP = "A_240K_10mV.csv", "C_40K_0T.csv", "C_40K_-0.5T.csv"
PUBLISHED: dict[str, tuple[float, float, Callable[[], Quantity]]] = {
    "A 240 K: R_s, chord ±10 mV": (157.0, 0.02, lambda: found(A)["r_s_chord_ohm"]),
    "A 240 K: I_off": (-26e-6, 0.02, lambda: found(A)["i_off_A"]),
    "A 240 K: V_off": (4.05e-3, 0.02, lambda: found(A)["v_off_V"]),
    "B 40 K: V_off": (84e-3, 0.02, lambda: at(40, "v_off_V")),
    "B 40 K: I_off": (-13.8e-6, 0.02, lambda: at(40, "i_off_A")),
    "B 40 K: R_s": (25.9e3, 0.02, lambda: at(40, "r_s_ohm")),
    "B 40 K: P_max": (450e-9, 0.03, lambda: at(40, "p_max_W")),
    "B 295 K: P_max": (27e-9, 0.05, lambda: at(295, "p_max_W")),
    "B 360 K: P_max": (24e-9, 0.05, lambda: at(360, "p_max_W")),
    "B 360 K: R_s": (1.05e3, 0.02, lambda: at(360, "r_s_ohm")),
    "B: T* of P_max": (120.0, 15 / 120, lambda: activated("p_max_W").preferred["t_cross_K"]),
    "B: T* of V_off": (120.0, 15 / 120, lambda: activated("v_off_V").preferred["t_cross_K"]),
    "B: E_a of R_s": (12.4, 0.02, lambda: activated("r_s_ohm").preferred["e_a_meV"]),
    "B degraded 40 K: R_s": (8.1e3, 0.02, lambda: found("B-degraded_40K.csv")["r_s_ohm"]),
    "C 0 T: V_off": (2.76e-3, 0.03, lambda: found(C0)["v_off_V"]),
    "C P: V_off": (2.13e-3, 0.03, lambda: found(CP)["v_off_V"]),
    "C 0 T: R_s(H)": (63.0, 0.03, lambda: slope_resistance_at_field(loops(), 0.0)),
    "C P: R_s(H)": (550.0, 0.03, lambda: slope_resistance_at_field(loops(), -0.5)),
    "C: MR": (-0.89, 0.03, lambda: states_of_c(optimistic=False)),
    "C: MR'": (7.70, 0.03, lambda: states_of_c(optimistic=True)),
    "C: |P|": (0.891, 0.03, polarisation_of_c),
    "MTJ: TMR peak": (3.0, 0.10, lambda: peak("height")),
    "MTJ: its position": (-3.5e-3, 0.10, lambda: peak("position_V")),
    "MTJ: its FWHM": (1.3e-3, 0.10, lambda: peak("fwhm_V")),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_value_comes_back(name: str) -> None:
    published, tolerance, measured = PUBLISHED[name]
    quantity = measured()
    assert quantity.value == pytest.approx(published, rel=tolerance)
    assert quantity.stderr is not None
    assert 0.0 < quantity.stderr <= 0.5 * tolerance * abs(published)  # small enough to mean it


def test_a_has_features_far_below_the_thermal_energy() -> None:
    """Chowrira Fig. 1e: down to 0.3 meV within 1.4 mV of 0 V, where k_BT is 20.7 meV."""
    table = features_frame([found("A_240K_1.5mV.csv")])
    near = table[table["position_V"].abs() < 1.4e-3]
    assert near["fwhm_meV"].min() == pytest.approx(0.3, rel=0.15)
    assert near["fwhm_over_kT"].max() < 0.1


def test_the_slope_resistance_of_b_has_one_regime_and_the_power_two() -> None:
    assert activated("r_s_ohm").best == "one-regime"
    for key in ("v_off_V", "p_max_W"):
        assert activated(key).best == "two-regime"
        below, above = (activated(key).two[f"e_a_{side}_meV"] for side in ("low", "high"))
        assert (above.value or 0.0) > (below.value or 0.0)


@pytest.mark.parametrize("name", [A, C0, CP])
def test_junctions_are_beyond_the_measuring_line(name: str) -> None:
    compared = against_line(found(name), line())
    assert compared["candidate"].value == 1.0
    assert min(compared[f"offset_ratio_{k}"].value or 0.0 for k in "vi") >= 10.0


def test_a_degraded_junction_is_no_candidate() -> None:
    compared = against_line(found("B-degraded_40K.csv"), line())
    assert compared["candidate"].value == 0.0
    assert "not beyond the measuring line" in (compared["candidate"].note or "")
