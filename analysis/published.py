"""The published numbers, and where an analysis has the measured ones beside them.

Chowrira 2020 (hal-03001215): nanojunctions A, B, C. Katcko 2019 (Commun. Phys. 2, 116): the MgO
magnetic tunnel junction. Tolerances and kinds are those of the project's table of quantities.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING

from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.found import Found, curve_at, exact, is_masked, missing
from nanojunction.analysis.temperature.activation import Arrhenius
from nanojunction.analysis.values import Quantity

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis
    from nanojunction.analysis.screening.yields import Yields

K_B_meV_per_K = 0.0861733


def compare(
    analysis: Analysis, batches: Mapping[str, Yields] = MappingProxyType({})
) -> tuple[ComparedRow, ...]:
    """Return every published number beside the one that the analysis found.

    `batches` are the yields of whole batches, by name; without them their rows are left out.
    """
    found = Found(analysis)
    tables = (
        line,
        junction_a,
        junction_b,
        junction_b_thermal,
        degraded_b,
        junction_c,
        tunnel_junction,
    )
    rows = [row for table in tables for row in table(found)]
    return (*rows, *batch_rows(batches))


def batch_rows(batches: Mapping[str, Yields]) -> Iterator[ComparedRow]:
    """Yield the batches: Chowrira's 193 nanojunctions and Katcko's 216 tunnel junctions."""
    for name, device, condition, source, numbers in (
        ("chowrira-193", "chip", "40 K", "Chowrira, p. 3", (
            ("neither_open_nor_short", "neither open nor short", "10 of 193", 10.0),
            ("candidate", "offsets ≥ 10× calibration", "9 of 193", 9.0),
        )),
        ("katcko-216", "MTJ batch", "295 K", "Katcko, Methods", (
            ("neither_open_nor_short", "neither open nor short", "216", 216.0),
            ("candidate", "generating", "1 of 168", 1.0),
            ("ohmic", "without offset", "167 of 168 and 48 more", 215.0),
        )),
    ):  # fmt: skip
        if name not in batches:
            continue
        yields = batches[name]
        row = partial(ComparedRow, device, condition, kind="value", source=source)
        for key, quantity, published, count in numbers:
            yield row(quantity, published, measured=exact(float(yields.yields[key].count)),
                      expected=count, tolerance=0.01)  # fmt: skip
        if name == "katcko-216":
            yield row("median R (P)", "4395 Ω", measured=yields.resistance_ohm, unit="Ω",
                      expected=4395.0, tolerance=0.05,
                      note="of one drawn batch; the tolerance is ours")  # fmt: skip


def line(found: Found) -> Iterator[ComparedRow]:
    """The measuring line: offsets on calibrated resistors (Chowrira, footnote a and Fig. 1)."""
    for name, ohm, microvolts, nanoamperes in (
        ("resistor-100", "100 Ω", 40.0, 110.0),
        ("resistor-1k", "1 kΩ", 20.0, 30.0),
        ("resistor-10k", "10 kΩ", 30.0, 0.8),
    ):
        row = partial(ComparedRow, name, "calibration", kind="bound", source="Chowrira, footnote a")
        v_off = found.best("v_off_V", name, "calibration")
        i_off = found.best("i_off_A", name, "calibration")
        yield row(f"V_off of {ohm}", f"{microvolts:g} µV", measured=v_off, unit="µV", scale=1e6,
                  low=-microvolts, high=microvolts)  # fmt: skip
        yield row(f"I_off of {ohm}", f"{nanoamperes:g} nA", measured=i_off, unit="nA", scale=1e9,
                  low=-nanoamperes, high=nanoamperes)  # fmt: skip


def junction_a(found: Found) -> Iterator[ComparedRow]:
    """Nanojunction A at 240 K (Chowrira, Fig. 1), and a metallic junction at 40 K."""
    at_240 = partial(found.best, device="A", temperature_K=240.0)
    row = partial(ComparedRow, "A", "240 K", source="Chowrira, Fig. 1d")
    value = partial(row, kind="value", tolerance=0.02)
    yield value("R_s, chord ±10 mV", "157 Ω", measured=at_240("r_s_chord_ohm"), unit="Ω",
                expected=157.0)  # fmt: skip
    yield value("I_off", "−26 µA", measured=at_240("i_off_A"), unit="µA", scale=1e6,
                expected=-26.0)  # fmt: skip
    yield value("V_off", "4.05 mV", measured=at_240("v_off_V"), unit="mV", scale=1e3,
                expected=4.05)  # fmt: skip
    yield row("I_off over the line's", "230×", kind="bound",
              measured=at_240("offset_ratio_i"), low=10.0)  # fmt: skip
    yield row("V_off over the line's", "100×", kind="bound",
              measured=at_240("offset_ratio_v"), low=10.0)  # fmt: skip
    yield from _features(found)
    yield row("I_sp(t) at V = 0", "−10 µA in another run", kind="choice", unit="µA", scale=1e6,
              measured=at_240("i_off_A"), source="Chowrira, Fig. 1c",
              note="the junction file has one state, whose current at V = 0 is I_off")  # fmt: skip
    cold = partial(ComparedRow, "A", "40 K", kind="bound", source="Chowrira, p. 5",
                   note="a metallic junction other than B")  # fmt: skip
    at_40 = partial(found.best, device="A", temperature_K=40.0)
    yield cold("P_max", "17 to 55 nW", measured=at_40("p_max_W"), unit="nW", scale=1e9,
               low=17.0, high=55.0)  # fmt: skip
    yield cold("R_s", "150 to 800 Ω", measured=at_40("r_s_chord_ohm"), unit="Ω", low=150.0,
               high=800.0)  # fmt: skip


def _features(found: Found) -> Iterator[ComparedRow]:
    """Sub-k_BT features of A's conductance near V = 0 (Chowrira, Fig. 1e)."""
    row = partial(ComparedRow, "A", "240 K", source="Chowrira, Fig. 1e")
    features = features_of(found, "A", temperature_K=240.0)
    width = narrowest(features)
    yield row("narrowest feature of dI/dV, FWHM", "0.3 meV", kind="value", measured=width,
              unit="meV", expected=0.3, tolerance=0.15)  # fmt: skip
    positions = [one["position_V"] for one in features]
    known = [(abs(one.value), one) for one in positions if one.value is not None]
    outermost = max(known, key=lambda one: one[0], default=None)
    span = missing("no feature was found")
    if outermost is not None:
        span = Quantity(2.0 * outermost[0], _scaled(outermost[1], 2.0).stderr)
    yield row("span of the features", "within 1.4 mV", kind="bound", measured=span, unit="mV",
              scale=1e3, high=1.4)  # fmt: skip
    thermal = _scaled(width, 1.0 / (K_B_meV_per_K * 240.0))
    yield row("FWHM over k_BT = 20.7 meV", "sub-k_BT", kind="bound", measured=thermal,
              high=1.0)  # fmt: skip


def features_of(found: Found, device: str, **conditions: float) -> list[dict[str, Quantity]]:
    """Return the features of the device's run there that knows their widths best."""
    lists = [
        features
        for result in found.runs(device, "iv", **conditions)
        if isinstance(features := result.quantities.get("features"), list) and features
    ]
    return min(lists, key=_usual_error, default=[])


def _usual_error(features: list[dict[str, Quantity]]) -> float:
    """Return the median standard error (meV) of the features' widths."""
    return median(one["fwhm_meV"].stderr or math.inf for one in features)


def narrowest(features: list[dict[str, Quantity]]) -> Quantity:
    """Return the FWHM (meV) of the narrowest feature whose width is known to 10 %."""
    widths = [
        width
        for one in features
        if (width := one["fwhm_meV"]).value is not None
        and width.stderr is not None
        and width.stderr <= 0.1 * width.value
    ]
    return min(widths, key=lambda one: one.value or 0.0, default=missing("no feature was found"))


def _scaled(quantity: Quantity, factor: float) -> Quantity:
    if quantity.value is None:
        return quantity
    stderr = None if quantity.stderr is None else quantity.stderr * abs(factor)
    return Quantity(quantity.value * factor, stderr, quantity.note)


def junction_b(found: Found) -> Iterator[ComparedRow]:
    """Nanojunction B at 40, 295 and 360 K (Chowrira, Fig. 2)."""
    for kelvin, key, name, text, unit, scale, expected, tolerance in (
        (40, "v_off_V", "V_off", "84 mV", "mV", 1e3, 84.0, 0.02),
        (40, "i_off_A", "I_off", "−13.8 µA", "µA", 1e6, -13.8, 0.02),
        (40, "r_s_local_zero_ohm", "R_s at V = 0", "25.9 kΩ", "kΩ", 1e-3, 25.9, 0.02),
        (40, "p_max_W", "P_max", "450 nW", "nW", 1e9, 450.0, 0.03),
        (295, "p_max_W", "P_max", "27 nW", "nW", 1e9, 27.0, 0.05),
        (295, "v_off_V", "V_off", "≈ 11.1 mV", "mV", 1e3, 11.1, 0.05),
        (360, "p_max_W", "P_max", "24 nW", "nW", 1e9, 24.0, 0.05),
        (360, "r_s_local_zero_ohm", "R_s at V = 0", "1.05 kΩ", "kΩ", 1e-3, 1.05, 0.05),
        (360, "v_off_V", "V_off", "≈ 10.0 mV", "mV", 1e3, 10.0, 0.05),
    ):
        measured = found.best(key, "B", temperature_K=float(kelvin))
        yield ComparedRow(
            "B", f"{kelvin} K", name, text, "value", measured, unit, scale, expected, tolerance,
            source="Chowrira, Fig. 2",
        )  # fmt: skip


def junction_b_thermal(found: Found) -> Iterator[ComparedRow]:
    """Thermal activation of B from 40 to 360 K (Chowrira, Fig. 2b)."""
    row = partial(ComparedRow, "B", "40 to 360 K", source="Chowrira, Fig. 2b")
    fits = found.group("arrhenius", "B")

    def gain(key: str) -> Quantity:
        """Return ΔAICc in favour of two regimes."""
        fit = fits.get(key)
        if not isinstance(fit, Arrhenius) or fit.delta_aicc is None:
            return missing(f"no Arrhenius fit of {key}")
        return exact(fit.delta_aicc)

    def fitted(key: str, regimes: str, name: str) -> Quantity:
        fit = fits.get(key)
        if not isinstance(fit, Arrhenius):
            return missing(f"no Arrhenius fit of {key}")
        chosen = fit.one if regimes == "one" else fit.two
        return chosen.quantities.get(name, missing(f"{key} has no {name}"))

    yield row("R_s: ΔAICc for two regimes", "one regime", kind="bound",
              measured=gain("r_s_ohm"), high=10.0)  # fmt: skip
    for key, name in (("v_off_V", "V_off"), ("p_max_W", "P_max")):
        yield row(f"{name}: ΔAICc for two regimes", "two regimes", kind="bound",
                  measured=gain(key), low=10.0)  # fmt: skip
        yield row(f"{name}: crossover T*", "120 K", kind="value", unit="K", expected=120.0,
                  measured=fitted(key, "two", "t_cross_K"), tolerance=15.0,
                  absolute=True)  # fmt: skip
    for key, low, high, name in (("v_off_V", "e_a_low_meV", "e_a_high_meV", "V_off"),
                                 ("p_max_W", "e_a_low_meV", "e_a_high_meV", "P_max")):  # fmt: skip
        below, above = fitted(key, "two", low), fitted(key, "two", high)
        yield row(f"{name}: E_a above less below T*", "lower below", kind="bound", unit="meV",
                  measured=difference(above, below), low=0.0)  # fmt: skip
    for key, regimes, energy, name, text in (
        ("r_s_ohm", "one", "e_a_meV", "R_s: E_a", "12.4 meV from the end points"),
        ("p_max_W", "two", "e_a_low_meV", "P_max: E_a below T*", "9.6 meV from the ends"),
        ("p_max_W", "two", "e_a_high_meV", "P_max: E_a above T*", "16.6 meV (11 to 22)"),
    ):
        yield row(name, text, kind="choice", measured=fitted(key, regimes, energy), unit="meV")


def degraded_b(found: Found) -> Iterator[ComparedRow]:
    """What electrostatic degradation leaves of B (Chowrira, footnote a)."""
    degraded = partial(ComparedRow, "B-degraded", "40 K", source="Chowrira, footnote a")
    best = partial(found.best, device="B-degraded", temperature_K=40.0)
    yield degraded("R_s at V = 0", "8.1 kΩ", kind="value", measured=best("r_s_local_zero_ohm"),
                   unit="kΩ", scale=1e-3, expected=8.1, tolerance=0.02)  # fmt: skip
    yield degraded("V_off", "within 30 µV", kind="bound", measured=best("v_off_V"), unit="µV",
                   scale=1e6, low=-30.0, high=30.0)  # fmt: skip
    yield degraded("I_off", "within 0.8 nA", kind="bound", measured=best("i_off_A"), unit="nA",
                   scale=1e9, low=-0.8, high=0.8)  # fmt: skip


def difference(one: Quantity, other: Quantity) -> Quantity:
    """Return one less other; without a standard error where one of them has none."""
    if one.value is None or other.value is None:
        return missing(one.note or other.note or "not both were found")
    if one.stderr is None or other.stderr is None:
        return Quantity(one.value - other.value, None, "not both have a standard error")
    return Quantity(one.value - other.value, math.hypot(one.stderr, other.stderr))


def junction_c(found: Found) -> Iterator[ComparedRow]:
    """Nanojunction C at 40 K in two magnetic states (Chowrira, Fig. 3)."""
    row = partial(ComparedRow, "C", source="Chowrira, Fig. 3")
    value = partial(row, kind="value", tolerance=0.03)
    loops = partial(found.of_group, "magneto", "C")
    for where, condition, key, name, text, unit, scale, expected in (
        (None, "H = 0", "r_s_zero_field_ohm", "R_s(H) from two loops", "63 Ω", "Ω", 1.0, 63.0),
        (0.0, "H = 0", "v_off_V", "V_off", "2.76 mV", "mV", 1e3, 2.76),
        (None, "P", "r_s_max_field_ohm", "R_s(H) from two loops", "550 Ω", "Ω", 1.0, 550.0),
        (-0.5, "P", "v_off_V", "V_off", "2.13 mV", "mV", 1e3, 2.13),
    ):
        measured = loops(key) if where is None else found.best(key, "C", field_T=where)
        yield value(f"40 K, {condition}", name, text, measured=measured, unit=unit, scale=scale,
                    expected=expected)  # fmt: skip
    for key, name, text, expected in (
        ("mr", "MR", "−89 %", -89.0),
        ("mr_optimistic", "MR'", "770 %", 770.0),
        ("spin_polarisation", "|P| (Jullière)", "89.1 %", 89.1),
    ):
        yield value("40 K", name, text, measured=loops(key), unit="%", scale=100.0,
                    expected=expected)  # fmt: skip
    currents = found.curve("C", "mc_from_loops")
    bound = partial(row, kind="bound", unit="%", scale=100.0)
    near = 5e-5
    yield bound("40 K, 2.67 mV", "MC", "−185 %", measured=_nearest(currents, 2.67e-3, near),
                high=-100.0, note="the paper's own four numbers give −169 %")  # fmt: skip
    yield bound("40 K, 2.13 mV", "MC", "−100 %", measured=_nearest(currents, 2.13e-3, near),
                low=-105.0, high=-95.0)  # fmt: skip
    masked = is_masked(currents, 2.76e-3, near)
    yield row("40 K, 2.76 mV", "MC masked (1: yes)", "1470 %", kind="bound", low=0.5,
              measured=missing("no loop there") if masked is None else exact(float(masked)),
              note="4.6 µV from the zero of I(0 T): no ratio can be given")  # fmt: skip


def _nearest(curve: object, x: float, within: float) -> Quantity:
    """Return the point of a curve nearest x, if it lies within reach and is not masked."""
    from nanojunction.analysis.values import Curve

    if not isinstance(curve, Curve) or not len(curve.x):
        return missing("there is no such curve")
    at = min(range(len(curve.x)), key=lambda k: abs(float(curve.x[k]) - x))
    if abs(float(curve.x[at]) - x) > within:
        return missing(f"there is no loop at {x:g} V")
    y = float(curve.y[at])
    return missing(curve.note or "masked") if y != y else Quantity(y, float(curve.stderr[at]))  # noqa: PLR0124


def tunnel_junction(found: Found) -> Iterator[ComparedRow]:
    """The MgO tunnel junction at 295 K: P at −2000 Oe, AP at 250 Oe (Katcko, Fig. 2)."""
    row = partial(ComparedRow, "MTJ", source="Katcko, Fig. 2")
    parallel, antiparallel = (found.curve("MTJ", "i_of_v", name) for name in
                              ("parallel", "reference"))  # fmt: skip
    yield row("295 K, AP", "I at +1.4 mV", "−70 nA", "value",
              curve_at(antiparallel, 1.4e-3, 6e-4), "nA", 1e9, -70.0, 0.03)  # fmt: skip
    bound = partial(row, kind="bound", unit="nA", scale=1e9)
    yield bound("295 K, P", "I at +5 mV", "I_P < 0", high=0.0,
                measured=curve_at(parallel, 5e-3, 6e-4))  # fmt: skip
    yield bound("295 K, AP", "I at +5 mV", "I_AP > 0", low=0.0,
                measured=curve_at(antiparallel, 5e-3, 6e-4))  # fmt: skip
    loops = found.curve("MTJ", "tmr_from_loops")
    percent = partial(row, "295 K", kind="bound", unit="%", scale=100.0)
    yield percent("TMR at +5 mV from I(H)", "< −100 %", high=-100.0,
                  measured=_nearest(loops, 5e-3, 1e-4))  # fmt: skip
    yield percent("TMR at +10 mV from I(H)", "TMR < 0", high=0.0,
                  measured=_nearest(loops, 1e-2, 1e-4))  # fmt: skip
    peak = partial(found.of_group, "magneto", "MTJ", "tmr_peak")
    value = partial(row, "295 K", kind="value", tolerance=0.10)
    yield value("TMR peak", "+300 %", measured=peak("height"), unit="%", scale=100.0,
                expected=300.0)  # fmt: skip
    yield value("TMR peak, position", "−3.5 mV", measured=peak("position_V"), unit="mV",
                scale=1e3, expected=-3.5)  # fmt: skip
    yield value("TMR peak, FWHM over TMR = 0", "1.3 meV", measured=peak("fwhm_V"), unit="meV",
                scale=1e3, expected=1.3)  # fmt: skip
    for state, field_T in (("P", -0.2), ("AP", 0.025)):
        width = narrowest(features_of(found, "MTJ", field_T=field_T))
        yield row(f"295 K, {state}", "narrowest oscillation of dI/dV", "0.25 meV", kind="bound",
                  measured=width, unit="meV", high=0.35)  # fmt: skip
    power = max((found.best("p_max_W", "MTJ", field_T=field_T) for field_T in (-0.2, 0.025)),
                key=lambda one: one.value or 0.0)  # fmt: skip
    yield row("295 K", "P_max", "above 0.1 nW", kind="bound", measured=power, unit="nW",
              scale=1e9, low=0.1)  # fmt: skip
