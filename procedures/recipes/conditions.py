"""Conditions on earlier results: `[STEP.]QUANTITY OP VALUE UNIT`, or `broken`.

>>> condition = parse_condition("r_s_ohm > 1 Mohm")
>>> condition.quantity, condition.operator, condition.value
('r_s_ohm', '>', 1000000.0)
>>> condition.holds_for(2e6)
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nanojunction.procedures.quantities import parse_quantity

#: The numbers that the analysis of one run gives (docs/quantities.md), with their units.
UNITS = {
    "i_off_A": "A",
    "v_off_V": "V",
    "r_s_ohm": "ohm",
    "r_s_local_zero_ohm": "ohm",
    "r_s_chord_ohm": "ohm",
    "r_s_local_offset_ohm": "ohm",
    "p_max_W": "W",
    "v_at_p_max_V": "V",
    "fill_factor": "",
    "offset_ratio_v": "",
    "offset_ratio_i": "",
    "voltage_V": "V",
    "i_mean_A": "A",
    "i_zero_field_A": "A",
    "i_max_field_A": "A",
}
BROKEN = "broken"
_SHAPE = re.compile(
    r"\s*(?:(?P<step>[^.<>=]+?)\s*\.\s*)?(?P<quantity>[A-Za-z]\w*)\s*"
    r"(?P<operator>>=|<=|>|<)\s*(?P<value>[^<>=]+?)\s*"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison with the last result of the sample, of the measurement `step` if it is named.

    `quantity` is `broken` for the mark that a junction gets when it broke down; the rest then
    has no meaning. `value` is in the quantity's own unit.
    """

    text: str
    quantity: str
    operator: str = ""
    value: float = 0.0
    step: str = ""

    @property
    def is_broken(self) -> bool:
        """Tell whether the mark of a broken junction is asked for, not a result."""
        return self.quantity == BROKEN

    def holds_for(self, result: float) -> bool:
        """Tell whether a result (in the quantity's unit) fulfils the comparison."""
        match self.operator:
            case ">":
                return result > self.value
            case ">=":
                return result >= self.value
            case "<":
                return result < self.value
            case _:
                return result <= self.value


def parse_condition(text: str) -> Condition:
    """Return the condition that `text` states; raises ValueError with one sentence."""
    if text.strip() == BROKEN:
        return Condition(text.strip(), BROKEN)
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(
            "is no condition; write [STEP.]QUANTITY, one of > >= < <=, and a value with its unit, "
            'such as "r_s_ohm > 1 Mohm", or "broken"'
        )
    quantity = match["quantity"]
    if quantity not in UNITS:
        raise ValueError(f"no result is called {quantity!r}; known are {', '.join(UNITS)}")
    value = parse_quantity(match["value"], UNITS[quantity])
    return Condition(text.strip(), quantity, match["operator"], value, match["step"] or "")
