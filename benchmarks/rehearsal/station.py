"""The station file of the rehearsed night."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .bench import LATENCY_S


def station_content(endpoints: Mapping[str, Mapping[str, str | int]]) -> dict[str, Any]:
    """Return the station file's content for served instruments; [virtual] marks its runs."""
    limits: dict[str, dict[str, Any]] = {
        "source_meter": {
            "wires": 4, "max_voltage_V": 0.1, "max_current_A": 1e-3, "ramp_V_per_s": 0.1,
        },
        "magnet": {"max_field_T": 1.0, "ramp_T_per_min": 0.5},
        "temperature": {
            "sensors": {"sample": "B", "vti": "A"},
            "min_K": 4, "max_K": 320, "ramp_K_per_min": 5,
        },
    }  # fmt: skip
    tables: dict[str, Any] = {
        "station": {"name": "Rehearsal"},
        "virtual": {"speed": 1, "bus_latency_s": LATENCY_S},
    }
    return tables | {role: {**keys, **limits[role]} for role, keys in endpoints.items()}


def station_text(content: Mapping[str, Any]) -> str:
    """Return the content as TOML."""
    lines = []
    for table, keys in content.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {_value(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {json.dumps(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)
