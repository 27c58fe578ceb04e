"""A parameter of a junction file that is changed by 10 % changes what it names by 10 %."""

from __future__ import annotations

import copy
import math
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from scipy.optimize import brentq

from nanojunction.models.junction import JunctionLaw
from nanojunction.models.junction_file import make_junction
from nanojunction.models.transport import SpinEngine
from tests.junction_probes import (
    Curve,
    after_fields,
    chord_ohm,
    first_true,
    iv,
    p_max_W,
    peak,
    slope,
    trace,
    v_off_V,
)
from tests.transport_reference import current_nA

FOLDER = Path(__file__).parents[1] / "sample_data" / "junctions"
CONTENTS = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.toml")}
K_MEV = 8.617333262e-2
KeyPath = tuple[str | int, ...]


def numbers(table: Any, at: KeyPath = ()) -> Iterator[KeyPath]:
    """The places of all numbers in a file's content that 10 % can change."""
    items = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from numbers(value, (*at, key))
        elif isinstance(value, float) and value != 0:
            yield (*at, key)


def changed(name: str, at: KeyPath, factor: float) -> JunctionLaw:
    content = copy.deepcopy(CONTENTS[name])
    table: Any = content
    for key in at[:-1]:
        table = table[key]
    table[at[-1]] *= factor
    return make_junction(content, f"{name}.toml")


def linear_in_T(quantity: Callable[[Curve], float], law: JunctionLaw, reference_K: float) -> float:
    """The change per kelvin of a quantity relative to its value at the reference."""
    cold, warm = quantity(iv(law, 50)), quantity(iv(law, 350))
    return (warm - cold) / 300 / (cold + (warm - cold) * (reference_K - 50) / 300)


def reference_K(law: JunctionLaw, r_s_ohm: float, quantity: Callable[[Curve], float]) -> float:
    """The temperature at which R_s has the file's value."""
    return first_true(lambda T: quantity(iv(law, T)) >= r_s_ohm, 5, 390)


def chord_10_mV(current: Curve) -> float:
    return chord_ohm(current, 0.01)


def b_v_off(law: JunctionLaw, T: float) -> float:
    return v_off_V(iv(law, T), 0, 2)


def b_p_max(law: JunctionLaw, T: float) -> float:
    return p_max_W(iv(law, T), b_v_off(law, T))


def b_r_s(law: JunctionLaw, T: float) -> float:
    return 1 / slope(iv(law, T), 0.0, 1e-9)


def energy(
    quantity: Callable[[JunctionLaw, float], float], T1: float, T2: float, law: Any
) -> float:
    """E_a in meV between two temperatures."""
    return K_MEV * math.log(quantity(law, T1) / quantity(law, T2)) / (1 / T1 - 1 / T2)


def b_crossover_K(law: JunctionLaw) -> float:
    """Where the two straight lines of ln V_off against 1/T meet."""
    low, high = energy(b_v_off, 50, 60, law) / K_MEV, energy(b_v_off, 300, 350, law) / K_MEV
    step = math.log(b_v_off(law, 50) / b_v_off(law, 350))
    return (low - high) / (low / 50 - high / 350 - step)


def b_freeze_K(law: JunctionLaw) -> float:
    """Where the line of ln V_off against 1/T reaches the value that V_off has at 5 K."""
    per_inverse_K = energy(b_v_off, 50, 60, law) / K_MEV
    return 1 / (1 / 50 + math.log(b_v_off(law, 5) / b_v_off(law, 50)) / per_inverse_K)


def b_exponent(law: JunctionLaw) -> float:
    current = iv(law, 40)

    def curved(V: float) -> float:
        return current(V) - current(0.0) - V / b_r_s(law, 40)

    return math.log2(curved(1.0) / curved(0.5))


def a_feature(index: int, attribute: str, law: Any) -> float:
    """Position, width, or height over 1/R_s of one feature of A measured alone, V rising."""
    alone = replace(law, features=(law.features[index],))
    current = trace(alone, 240, -0.01)
    straight = slope(current, 5e-3)
    found = peak(lambda v: (slope(current, v) - straight) * alone.r_s_ohm, -1.2e-3, 1.2e-3)
    return float(getattr(found, attribute)) - (alone.lag_V if attribute == "position" else 0.0)


def a_lag(law: Any) -> float:
    """Half of what a feature moves between the sweep directions."""

    def position(start_V: float) -> float:
        current = trace(law, 240, start_V)
        return peak(partial(slope, current), -0.2e-3, 0.3e-3, slope(current, 5e-3)).position

    return (position(-0.01) - position(0.01)) / 2


def c_line(quantity: Callable[[Curve], float], field_T: float, law: JunctionLaw) -> float:
    return quantity(iv(law, 40, after_fields(law, field_T)))


def near_3_mV(current: Curve) -> float:
    return v_off_V(current, 1e-3, 9e-3)


def c_saturation_T(law: JunctionLaw) -> float:
    return first_true(lambda H: law.magnetic_state(after_fields(law, H)) == "P", 0, 2)


def c_loop_T(law: JunctionLaw) -> float:
    """Half of the distance between the branches of I(H), where I at 2.67 mV has gone halfway."""

    def current(*fields_T: float) -> float:
        return law.current_A(2.67e-3, 40, after_fields(law, *fields_T))

    middle_A = (current(0.0) + current(2.0)) / 2
    rising = first_true(lambda H: current(H) > middle_A, 0, 1)
    falling = first_true(lambda H: current(2.0, H) > middle_A, 0, 1)
    return (rising - falling) / 2


def mtj_iv(law: JunctionLaw, state: str, T: float = 295) -> Curve:
    return iv(law, T, after_fields(law, -0.2, *([] if state == "parallel" else [0.025])))


def mtj_tmr(attribute: str, law: JunctionLaw) -> float:
    parallel, antiparallel = mtj_iv(law, "parallel"), mtj_iv(law, "antiparallel")
    found = peak(lambda v: parallel(v) / antiparallel(v) - 1, -6e-3, -1.5e-3)
    return float(getattr(found, attribute))


def mtj_switch_T(start_T: float, end_T: float, law: JunctionLaw) -> float:
    """The field between start and end, coming from ±1 T and start, at which the state turns."""
    side = -1.0 if end_T > start_T else 1.0
    before = law.magnetic_state(after_fields(law, side, start_T))
    share = first_true(
        lambda f: (
            law.magnetic_state(after_fields(law, side, start_T, start_T + f * (end_T - start_T)))
            != before
        ),
        0,
        1,
    )
    return start_T + share * (end_T - start_T)


def mtj_oscillation(index: int, state: str, attribute: str, law: Any) -> float:
    """Position, width or height of one conductance feature of the MTJ measured alone."""
    alone = replace(law, oscillations=(law.oscillations[index],), peak_fwhm_V=1e-6)
    current = mtj_iv(alone, state)
    found = peak(partial(slope, current), -1.2e-3, 1.2e-3, slope(current, 5e-3))
    return float(getattr(found, attribute))


def engine_value(at: KeyPath, law: JunctionLaw) -> float:
    """The value of a key with which the model, summed over a mesh, has the law's currents."""
    *state, key = map(str, at)
    fields_T = [-0.2, 0.025] if state == ["antiparallel"] else [-0.2]
    measured = iv(law, 295, after_fields(law, *fields_T))
    content = CONTENTS["MTJ-transport"]
    table: Any = content[state[0]] if state else content
    side = -1.0 if state == ["antiparallel"] else 1.0
    centres = content[state[0] if state else "parallel"]
    names = {field.name for field in fields(SpinEngine)}
    engine = SpinEngine(**{k: v for k, v in {**content, **centres}.items() if k in names})
    engine = replace(engine, ap=side * engine.ap, p_right=side * engine.p_right)

    def model_A(value: float, bias_mV: float) -> float:
        if key == "reference_K":
            return 1e-9 * current_nA(replace(engine, kt_meV=26.0 * 295 / value), bias_mV)
        value *= side if key in ("ap", "p_right") else 1.0
        return 1e-9 * current_nA(replace(engine, **{key: value}), bias_mV)

    value = table[key]
    # Where the current tells most of it.
    shift = {V: abs(model_A(1.05 * value, V) - model_A(value, V)) for V in (-8.0, -2.0, 0.0, 6.0)}
    most_mV = max(shift, key=lambda V: shift[V])
    ends = sorted((0.8 * value, 1.2 * value))
    wanted_A = measured(1e-3 * most_mV)
    return float(brentq(lambda x: model_A(x, most_mV) - wanted_A, *ends, xtol=1e-9))


def probe(name: str, at: KeyPath) -> Callable[[Any], float]:  # noqa: PLR0911
    """How the quantity that a key of a file names is measured on the law."""
    match name, at:
        case ("MTJ-transport", (str(key),)) if key.endswith("_T"):
            return PROBES["MTJ", key]
        case ("MTJ-transport", _):
            return partial(engine_value, at)
        case ("A", ("features", int(index), key)):
            attribute = {"position_V": "position", "fwhm_V": "fwhm", "amplitude": "height"}[
                str(key)
            ]
            return partial(a_feature, index, attribute)
        case ("MTJ", ("oscillations", int(index), "parallel_S" | "antiparallel_S" as key)):
            return partial(mtj_oscillation, index, key.removesuffix("_S"), "height")
        case ("MTJ", ("oscillations", int(index), key)):
            attribute = {"position_V": "position", "fwhm_V": "fwhm"}[str(key)]
            return partial(mtj_oscillation, index, "parallel", attribute)
        case ("MTJ", (str(state), "r_s_ohm")):
            return lambda law: 1 / slope(mtj_iv(law, state), 0.01)
        case ("MTJ", (str(state), "v_off_V")):
            return lambda law: v_off_V(mtj_iv(law, state), 2e-3, 9e-3)
        case ("MTJ", (str(state), "peak_A")):
            return lambda law: mtj_iv(law, state)(-3.5e-3)
        case ("C", ("zero_field" | "parallel" as state, key)):
            quantity = {"r_s_ohm": chord_10_mV, "v_off_V": near_3_mV}[str(key)]
            return partial(c_line, quantity, 0.0 if state == "zero_field" else -1.0)
        case (_, (str(key),)):
            return PROBES.get((name, key)) or PROBES["resistor", key]
    raise LookupError(f"no probe for {at} of {name}")


PROBES: dict[tuple[str, str], Callable[[Any], float]] = {
    ("resistor", "r_s_ohm"): lambda law: chord_10_mV(iv(law, 40)),
    ("A", "reference_K"): lambda law: reference_K(law, 157.0, chord_10_mV),
    ("A", "i_off_A"): lambda law: (trace(law, 240, -0.01)(0) + trace(law, 240, 0.01)(0)) / 2,
    ("A", "i_off_per_K"): partial(linear_in_T, lambda current: current(0.0), reference_K=240),
    ("A", "r_s_ohm"): lambda law: chord_10_mV(iv(law, 240)),
    ("A", "r_s_per_K"): partial(linear_in_T, chord_10_mV, reference_K=240),
    ("A", "lag_V"): a_lag,
    ("B", "t_cross_K"): b_crossover_K,
    ("B", "freeze_K"): b_freeze_K,
    ("B", "exponent"): b_exponent,
    ("B", "r_s_ohm"): lambda law: b_r_s(law, 120),
    ("B", "r_s_e_a_meV"): partial(energy, b_r_s, 50, 350),
    ("B", "v_off_V"): lambda law: b_v_off(law, 120),
    ("B", "v_off_e_a_low_meV"): partial(energy, b_v_off, 50, 100),
    ("B", "v_off_e_a_high_meV"): partial(energy, b_v_off, 150, 350),
    ("B", "p_max_W"): lambda law: b_p_max(law, 120),
    ("B", "p_max_e_a_low_meV"): partial(energy, b_p_max, 50, 100),
    ("B", "p_max_e_a_high_meV"): partial(energy, b_p_max, 150, 350),
    ("C", "reference_K"): lambda law: reference_K(law, 63.0, chord_10_mV),
    ("C", "r_s_per_K"): partial(linear_in_T, chord_10_mV, reference_K=40),
    ("C", "v_off_per_K"): partial(linear_in_T, near_3_mV, reference_K=40),
    ("C", "parallel_field_T"): c_saturation_T,
    ("C", "lag_T"): c_loop_T,
    # R_s of the MTJ falls as T rises.
    ("MTJ", "reference_K"): lambda law: first_true(
        lambda T: slope(mtj_iv(law, "parallel", T), 0.01) >= 1 / 57.7e3, 5, 390
    ),
    ("MTJ", "r_s_per_K"): partial(linear_in_T, lambda i: 1 / slope(i, 0.01), reference_K=295),
    ("MTJ", "peak_V"): partial(mtj_tmr, "position"),
    ("MTJ", "peak_fwhm_V"): partial(mtj_tmr, "fwhm"),
    ("MTJ", "free_up_T"): partial(mtj_switch_T, 0.0, 0.05),
    ("MTJ", "free_down_T"): partial(mtj_switch_T, 0.0, -0.05),
    ("MTJ", "pinned_up_T"): partial(mtj_switch_T, 0.05, 0.5),
    ("MTJ", "pinned_down_T"): partial(mtj_switch_T, 0.2, 0.02),
}


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize(
    ("name", "at"),
    [(name, at) for name in sorted(CONTENTS) for at in numbers(CONTENTS[name])],
    ids=lambda value: value if isinstance(value, str) else ".".join(map(str, value)),
)
def test_a_changed_parameter_changes_what_it_names(name: str, at: KeyPath, factor: float) -> None:
    measure = probe(name, at)
    before = measure(changed(name, at, 1.0))
    assert measure(changed(name, at, factor)) / before == pytest.approx(factor, rel=0.01)
