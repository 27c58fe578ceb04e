"""Numbers, units and symbols as physicists write them: 25.90(2) kΩ, V_off, −13.8 µA."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from nanojunction.analysis.values import Quantity

MINUS = "−"
NO_BREAK = "\u00a0"

_PREFIXES = {
    -18: "a",
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
}
_PREFIXED = frozenset({"V", "A", "Ω", "W", "S", "T", "s", "Ω·µm²", "W/cm²"})
_WHOLE_UNITS = {
    "ra_ohm_um2": "Ω·µm²",
    "power_per_area_W_per_cm2": "W/cm²",
    "array_power_W_per_cm2": "W/cm²",
}
_UNITS = {"ohm": "Ω", "um2": "µm²"} | {
    unit: unit for unit in ("V", "A", "W", "S", "T", "K", "meV", "s")
}
_SYMBOLS = {
    "i_off_A": ("I", "off"),
    "v_off_V": ("V", "off"),
    "r_s_ohm": ("R", "s"),
    "r_s_local_zero_ohm": ("R", "s, at 0 V"),
    "r_s_chord_ohm": ("R", "s, chord"),
    "r_s_local_offset_ohm": ("R", "s, at V_off"),
    "r_s_parallel_ohm": ("R", "s, P"),
    "r_s_reference_ohm": ("R", "s, reference"),
    "r_s_zero_field_ohm": ("R", "s, 0 T"),
    "r_s_max_field_ohm": ("R", "s, H_P"),
    "p_v_W": ("P", "V"),
    "p_max_W": ("P", "max"),
    "v_at_p_max_V": ("V", "P max"),
    "fill_factor": ("FF", ""),
    "i_mean_A": ("I", "mean"),
    "v_mean_V": ("V", "mean"),
    "i_zero_field_A": ("I", "0 T"),
    "i_max_field_A": ("I", "largest H"),
    "voltage_V": ("V", ""),
    "ra_ohm_um2": ("RA", ""),
    "area_um2": ("area", ""),
    "power_per_area_W_per_cm2": ("P", "max per area"),
    "array_power_W_per_cm2": ("P", "max per array cell"),
    "sites": ("paramagnetic centres under the junction", ""),
    "power_per_site_W": ("P", "max per centre"),
    "e_a_meV": ("E", "a"),
    "e_a_low_meV": ("E", "a, low T"),
    "e_a_high_meV": ("E", "a, high T"),
    "t_cross_K": ("T", "cross"),
    "spin_polarisation": ("|P| (Jullière)", ""),
    "spin_polarisation_tmr": ("|P| (Jullière), from the TMR peak", ""),
    "mr_optimistic": ("MR′ (optimistic)", ""),
}
_ACRONYMS = {"mr": "MR", "mc": "MC", "tmr": "TMR", "iv": "I(V)", "fwhm": "FWHM"}
_PERCENT = ("mr", "mc", "tmr", "spin_polarisation")
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Symbol:
    """The name of a quantity, its subscript and its SI unit ("" for a plain number)."""

    name: str
    subscript: str = ""
    unit: str = ""

    @property
    def plain(self) -> str:
        """The symbol as text: V_off."""
        return f"{self.name}_{self.subscript}" if self.subscript else self.name


@dataclass(frozen=True, slots=True)
class Scale:
    """A factor from SI to a prefixed unit, and that unit."""

    factor: float
    unit: str


def symbol_of(key: str) -> Symbol:
    """Return the symbol of a key of the results JSON; an unknown key is named by its words."""
    head, _, tail = key.rpartition("_")
    unit = _WHOLE_UNITS.get(key) or (_UNITS.get(tail, "") if head else "")
    if unit == "" and is_percentage(key):
        unit = "%"
    if key in _SYMBOLS:
        return Symbol(*_SYMBOLS[key], unit)
    words = (head if tail in _UNITS and head else key).split("_")
    return Symbol(" ".join(_ACRONYMS.get(word, word) for word in words), "", unit)


def is_percentage(key: str) -> bool:
    """Tell whether a key holds a ratio that is usually written in percent."""
    return any(key == item or key.startswith(f"{item}_") for item in _PERCENT) and not key.endswith(
        ("_V", "_meV", "_K")
    )


def si_scale(values: Iterable[float], unit: str) -> Scale:
    """Return the prefix that brings the largest of `values` (SI) between 1 and 1000.

    Units that take no prefix (K, meV, plain numbers) keep the factor 1; percent has the factor 100.
    """
    if unit == "%":
        return Scale(100.0, unit)
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if unit not in _PREFIXED or largest == 0.0:
        return Scale(1.0, unit)
    # Six digits, so that 999.9999 µV is 1 mV.
    exponent = int(f"{largest:.5e}".split("e")[1])
    power = min(max(3 * (exponent // 3), min(_PREFIXES)), max(_PREFIXES))
    return Scale(10.0**-power, _PREFIXES[power] + unit)


def with_uncertainty(value: float, stderr: float | None) -> str:
    """Return 25.90(2): one or two digits of the standard error (rule of the Particle Data Group).

    Without a standard error (or with 0) the value has four digits. Never an exponent.
    """
    if stderr is None or not math.isfinite(stderr) or stderr <= 0.0:
        return typeset(plain_number(value))
    if abs(value) > stderr * 10.0**_MOST_DIGITS:
        return typeset(f"{value:.{_MOST_DIGITS}g}")
    if stderr >= 100.0:
        # Zeros stand for the digits that the uncertainty leaves open: 21120(180).
        digits = 1 - math.floor(math.log10(stderr))
        return typeset(f"{round(value, digits):.0f}({round(stderr, digits):.0f})")
    from uncertainties import ufloat

    return typeset(f"{ufloat(value, stderr):fS}")


def plain_number(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits, without an exponent where one can."""
    text = f"{value:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e7:
        return f"{value:.0f}" if abs(value) >= 1 else f"{value:.{digits}f}"
    return text


def typeset(text: str) -> str:
    """Return a number's text with a true minus sign."""
    return text.replace("-", MINUS)


def measured(quantity: Quantity, unit: str) -> str | None:
    """Return "84.0126(17) mV" with the prefix of the value's size; None for a missing value."""
    if quantity.value is None:
        return None
    sizes = [quantity.value] if quantity.value else [quantity.stderr or 0.0]
    scale = si_scale(sizes, unit)
    stderr = None if quantity.stderr is None else quantity.stderr * scale.factor
    return joined(with_uncertainty(quantity.value * scale.factor, stderr), scale.unit)


def amount(value: float, unit: str, digits: int = 4) -> str:
    """Return a value without an uncertainty, with the prefix of its size: "40 K", "−200 mT"."""
    scale = si_scale([value], unit)
    return joined(typeset(plain_number(value * scale.factor, digits)), scale.unit)


def in_words(value: float, unit: str, digits: int = 4) -> str:
    """Return `amount` with a plain space and hyphen, for a sentence that is also read on a console.

    >>> in_words(-0.2, "T")
    '-200 mT'
    """
    return amount(value, unit, digits).replace(NO_BREAK, " ").replace(MINUS, "-")


def times(ratio: float) -> str:
    """Return a ratio with three digits as people write it, for a sentence, with plain spaces.

    >>> times(0.97857), times(915.4), times(21012.0)
    ('0.979×', '915×', '21 000×')
    """
    if not 1e4 <= abs(ratio) < 1e15:
        return f"{plain_number(float(f'{ratio:.3g}'))}×"
    return f"{float(f'{ratio:.3g}'):,.0f}×".replace(",", " ")


def joined(number: str, unit: str) -> str:
    """Return number and unit with a space that does not break."""
    return f"{number}{NO_BREAK}{unit}" if unit else number


def numbered(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return runs of consecutive numbers as (first, last), in order."""
    spans: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans
