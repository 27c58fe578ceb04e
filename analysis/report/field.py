"""Rows of the report about magnetic states, switching fields and windows of opposite current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from nanojunction.analysis.field.states import States
from nanojunction.analysis.field.switching import Proposal, SwitchingField
from nanojunction.analysis.notation import amount, measured
from nanojunction.analysis.values import Quantity

Row = tuple[Markup, Markup | str, str]

FIELD_KEYS = (
    *("states", "proposed_fields", "switching_fields"),
    *("sign_reversals", "sign_reversals_from_loops"),
)
"""Keys of a `magneto` group that `field_rows` puts into words."""


def field_rows(key: str, item: Any) -> Iterator[Row]:
    """Yield what is to be said under one of `FIELD_KEYS`: (quantity, value, remark)."""
    if isinstance(item, States):
        fields = (item.parallel_field_T, item.reference_field_T)
        value = " and ".join("?" if h is None else amount(h, "T", 3) for h in fields)
        yield Markup("P and reference"), value, item.reason
    elif isinstance(item, Proposal):
        if item.antiparallel_field_T is not None and item.parallel_field_T is not None:
            fields = (item.parallel_field_T, item.antiparallel_field_T)
            value = " and ".join(amount(h, "T", 3) for h in fields)
            yield Markup("P and AP, proposed by the loops"), value, item.reason
    elif key == "switching_fields":
        for switch in item:
            assert isinstance(switch, SwitchingField)
            way = "rising" if switch.direction == "up" else "falling"
            head = Markup("{} to {}, field {}").format(switch.before, switch.after, way)
            yield head, measured(switch.field_T, "T") or "", switch.field_T.note or ""
    elif key in FIELD_KEYS:
        source = "I(H)" if key.endswith("_from_loops") else "I(V)"
        for window in item:
            yield _window(window, source)


def _window(window: Mapping[str, Any], source: str) -> Row:
    """Return the row of one window, or of one voltage, of opposite currents; `source` is I(V)…"""
    ends = [window.get(end) for end in ("from_V", "to_V")]
    where = [measured(end, "V") or "" for end in ends if isinstance(end, Quantity)]
    value = " to ".join(where) or amount(window["voltage_V"], "V")
    state = {"parallel": "P", "reference": "the reference"}.get(window["delivers"] or "")
    words = [
        f"P {measured(window['parallel_A'], 'A')} and reference "
        f"{measured(window['reference_A'], 'A')} at {amount(window['voltage_V'], 'V')}"
    ]
    if state is not None:
        words.append(f"{state} delivers power")
    if (widest := window.get("largest_difference_A")) is not None:
        at = amount(widest.extra["voltage_V"], "V")
        words.append(f"largest difference {measured(widest, 'A')} at {at}")
    words += dict.fromkeys(end.note for end in ends if isinstance(end, Quantity) and end.note)
    return Markup("opposite currents, from {}").format(source), value, "; ".join(words)
