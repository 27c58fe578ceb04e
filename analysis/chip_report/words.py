"""What numbers, verdicts, stages and thresholds are called on the page."""

from __future__ import annotations

from collections.abc import Mapping

from nanojunction.analysis.notation import NO_BREAK, amount, measured, times
from nanojunction.analysis.screening.verdicts import JunctionVerdict, Stage, Verdict
from nanojunction.analysis.values import Quantity

#: What each verdict says, for the legend.
MEANINGS: Mapping[Verdict, str] = {
    "candidate": "both offsets beyond the measuring line, repeatedly, and at rest",
    "unstable": "a contact, level or offset that does not stay",
    "broken": "another junction after a run than before it, for good",
    "undecided": "could not be decided",
    "ohmic": "conducts, offsets like the measuring line's",
    "short": "below the threshold of shorts",
    "open": "no conductance above the noise, at two connections",
}

STAGES: Mapping[Stage, str] = {
    "contact": "contact check",
    "contact_again": "contact check, connected anew",
    "short_iv": "short I(V)",
    "wide_iv": "wide I(V)",
    "repeats": "repeated I(V)",
    "at_zero": "I(t) at V = 0",
    "field": "I(V) in a field",
    "temperature": "I(V) at other temperatures",
}

#: Label and unit of each number of a verdict; "×" is that of a ratio.
NUMBERS: Mapping[str, tuple[str, str]] = {
    "resistance_ohm": ("R", "Ω"),
    "ra_ohm_um2": ("R × area", "Ω·µm²"),
    "v_off_V": ("V_off", "V"),
    "i_off_A": ("I_off", "A"),
    "offset_ratio_v": ("V_off over the line's", "×"),
    "offset_ratio_i": ("I_off over the line's", "×"),
    "p_max_W": ("P_max", "W"),
    "fill_factor": ("fill factor", ""),
    "temperature_K": ("temperature", "K"),
}

THRESHOLDS: Mapping[str, tuple[str, str]] = {
    "open_above_ohm": ("Ω", "a conductance not clearly above this resistance's is none"),
    "open_below_A": ("A", "an open junction carries less at 0 V"),
    "open_known_above_ohm": ("Ω", "a run that could not see this resistance calls nothing open"),
    "short_below_ohm": ("Ω", "below it a junction is a short"),
    "resistance": ("", "which resistance is meant"),
    "candidate_ratio": ("×", "both offsets over the measuring line's, in the same run"),
    "change_share": ("", "currents further apart, as a share of the larger: another junction"),
    "repeat_share": ("", "offsets repeat if the smallest is this share of the largest"),
    "at_rest_share": ("", "share of the sweeps' I_off that flows at V = 0 without a sweep"),
    "drift_share": ("", "of the current at V = 0: how far it may drift over its run"),
    "telegraph_share": ("", "of the current: how far apart two levels, or two legs, may lie"),
    "semiconducting_ratio": ("", "conductance at all bias over that at small bias; R cold to warm"),
    "attempts": ("", "of a stage whose runs fail"),
    "confidence": ("", "of every interval on this page"),
}


def shown(quantity: Quantity | None, unit: str) -> str:
    """Return a number with its uncertainty and unit; a dash where it is not known."""
    if quantity is None or quantity.value is None:
        return "–"
    if unit == "×":
        return ratio_shown(quantity.value)
    return measured(quantity, unit) or "–"


def ratio_shown(ratio: float) -> str:
    """Return a ratio with three digits: 812×, 21 000×."""
    return times(ratio).replace(" ", NO_BREAK)


def numbers_shown(verdict: JunctionVerdict) -> list[list[str]]:
    """Return label, number and remark of each number that a verdict has."""
    return [
        [label, shown(verdict.numbers[key], unit), verdict.numbers[key].note or ""]
        for key, (label, unit) in NUMBERS.items()
        if key in verdict.numbers
    ]


def least_ratio(verdict: JunctionVerdict) -> float | None:
    """Return the smaller of both offset ratios, None unless both are known."""
    ratios = [verdict.numbers.get(key) for key in ("offset_ratio_v", "offset_ratio_i")]
    known = [one.value for one in ratios if one is not None and one.value is not None]
    return min(known) if len(known) == len(ratios) else None


def threshold_shown(name: str, value: object) -> str:
    """Return a threshold with its unit."""
    unit = THRESHOLDS[name][0]
    if not isinstance(value, float) or unit in ("", "×"):
        return f"{value:g}{unit}" if isinstance(value, float) else str(value)
    return amount(value, unit)
