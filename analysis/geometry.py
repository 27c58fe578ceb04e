"""The area of a junction, as an option, a header or notes state it: "20 um ± 0.5 um"."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Shape = Literal["diameter", "area"]

LENGTHS_m: Mapping[str, float] = {
    "m": 1.0,
    "cm": 1e-2,
    "mm": 1e-3,
    "um": 1e-6,
    "µm": 1e-6,
    "μm": 1e-6,
    "micron": 1e-6,
    "microns": 1e-6,
    "nm": 1e-9,
    "Å": 1e-10,
    "angstrom": 1e-10,
}
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SIZE = re.compile(
    rf"\s*({_NUMBER})\s*([^\d\s±+^²]*)(\^?2|²)?\s*"
    rf"(?:(?:±|\+/?-)\s*({_NUMBER})\s*([^\d\s^²]*)(\^?2|²)?)?\s*"
)
_LONGEST = 80
_HEADER = re.compile(
    r"(?:junction|device|sample|pillar|mtj)?\s*(diameter|area)\s*(?:[(\[]([^()\[\]]*)[)\]])?",
    re.IGNORECASE,
)
_NOT_STATED = re.compile(r"\s*(0(\.0*)?\s*\S*)?\s*")
_EXAMPLES: Mapping[Shape, str] = {"diameter": "20 um or 300 nm ± 10 nm", "area": "314 um^2"}


@dataclass(frozen=True, slots=True)
class Area:
    """The area of a junction with the standard error that follows from its tolerance.

    `stated` is what was stated, in words; `source` is who said so.
    """

    area_m2: float
    stderr_m2: float
    stated: str
    source: str

    @property
    def relative_error(self) -> float:
        """The standard error over the area."""
        return self.stderr_m2 / self.area_m2


def circle_m2(diameter_m: float) -> float:
    """Return the area of a circle in m²; raises ValueError for a diameter that is not above 0.

    >>> round(circle_m2(20e-6) * 1e12, 2)
    314.16
    """
    if not 0.0 < diameter_m < math.inf:
        raise ValueError(f"diameter_m is {diameter_m}: give a diameter in m, above 0")
    return math.pi * diameter_m**2 / 4.0


def parse_length(text: str) -> float:
    """Return "90 nm" in m; raises ValueError for what is no length above 0."""
    value, tolerance = _parsed(text, square=False, example="90 nm")
    if tolerance:
        raise ValueError(f"{text!r} has a tolerance, a length such as 90 nm is expected")
    return value


def parse_area(text: str, shape: Shape, source: str) -> Area:
    """Return the area that a diameter ("20 um", "300 nm ± 10 nm") or an area ("314 um^2") states.

    The tolerance counts as one standard error; that of a diameter is doubled in the area. Raises
    ValueError with one sentence.

    >>> area = parse_area("20 um ± 1 um", "diameter", "lithography")
    >>> print(f"{area.area_m2 * 1e12:.1f} µm², {area.relative_error:.0%}")
    314.2 µm², 10%
    """
    value, tolerance = _parsed(text, square=shape == "area", example=_EXAMPLES[shape])
    words = f"{shape} {' '.join(text.split())}"
    if shape == "area":
        return Area(value, tolerance, words, source)
    area_m2 = circle_m2(value)
    return Area(area_m2, 2.0 * area_m2 * tolerance / value, words, source)


def area_of_header(header: Mapping[str, str]) -> tuple[Area | None, str | None]:
    """Return the area that a run's header states, and a warning where it says what is none.

    Keys are such as "Diameter", "Junction area" or "Diameter (um)"; a diameter wins, and 0 is
    not known.
    """
    warning = None
    found: dict[str, Area] = {}
    for key, shape, unit in _sizes_in(tuple(header)):
        text = header[key]
        if _NOT_STATED.fullmatch(text):
            continue
        try:
            whole = f"{text} {unit}".strip()
            found.setdefault(shape, parse_area(whole, shape, "header"))
        except ValueError as error:
            warning = f"the header's {key!r} is not used: {error}"
    return found.get("diameter") or found.get("area"), warning


@lru_cache(maxsize=256)  # the files of a campaign share their keys
def _sizes_in(keys: tuple[str, ...]) -> tuple[tuple[str, Shape, str], ...]:
    """Return those of a header's keys that name a size, which one, and the unit in them."""
    named = ((key, _named(key)) for key in keys if len(key) <= _LONGEST)
    return tuple((key, *found) for key, found in named if found is not None)


def _named(key: str) -> tuple[Shape, str] | None:
    """Return which size a header's key names, and the unit in it; None if it names none."""
    found = _HEADER.fullmatch(key.strip())
    if found is None:
        return None
    return "diameter" if found[1].lower() == "diameter" else "area", found[2] or ""


def _parsed(text: str, *, square: bool, example: str) -> tuple[float, float]:
    """Return a size and its tolerance (0 where there is none) in m or m²."""
    found = _SIZE.fullmatch(text) if len(text) <= _LONGEST else None
    unit = found[2] or found[5] if found is not None else None
    known = LENGTHS_m.get(unit or "")
    exponents = [] if found is None else [bool(found[n]) for n in (3, 6) if found[n - 1]]
    if found is None or known is None or any(one is not square for one in exponents):
        raise ValueError(f"{text[:_LONGEST]!r} is no size with a unit such as {example}")
    other = LENGTHS_m.get(found[5] or unit or "")
    if other is None:
        raise ValueError(f"{text!r}: the tolerance has no unit that is known; write {example}")
    power = 2 if square else 1
    value = float(found[1]) * known**power
    tolerance = float(found[4] or 0.0) * other**power
    if not 0.0 < value < math.inf or not tolerance < value:
        raise ValueError(f"{text!r}: a size must be above 0, and above its tolerance")
    return value, tolerance
