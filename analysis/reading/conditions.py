"""What was held during a run: from the file's name by a pattern, and from its header."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from nanojunction.analysis.reading.columns import identify
from nanojunction.analysis.reading.units import unit
from nanojunction.analysis.run import Conditions, Heater, Output, Polarity, State, Wires

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER_IN_NAME = r"[-+]?(?:\d+[.,p]?\d*|\.\d+)(?:[eE][-+]?\d+)?"  # 4p2 and 4,2 are 4.2
_FIELD = re.compile(r"\{([^{}]*)\}")
_NAMES = {"temperature": "K", "field": "T", "voltage": "V", "current": "A"}
_WORDS = {
    "device": ".+?",
    "position": ".+?",
    "state": "P|AP",
    "polarity": "normal|reversed",
    "wires": "2|4",
    "heater": "on|off",
    "output": "on|off",
}
_HEADER_NAMES = {
    "temperature_K": ("temperature", "sample temperature", "temperature setpoint", "t"),
    "field_T": ("field", "magnetic field", "field setpoint", "h", "b"),
    "voltage_V": ("voltage", "bias", "fixed voltage", "voltage setpoint"),
    "current_A": ("current", "fixed current", "current setpoint"),
}
_OTHER_NAMES = frozenset(
    {"state", "magnetic state", "polarity", "reversed polarity", "wires", "heater", "heater off"}
    | {"output before", "output during rest", "rest", "position", "station"}
)


def match_pattern(stem: str, pattern: str) -> dict[str, str | float] | str:
    """Return what `pattern` reads from a file's name, or a warning where the name does not match.

    Fields are `{device}`, `{state}` (P or AP), `{polarity}` (normal or reversed), `{wires}` (2 or
    4), `{heater}` (on or off), `{output}` (on or off, before the run), `{position}`,
    `{temperature_K}`, `{field_T}`, `{voltage_V}`, `{current_A}` (also with other units, such as
    `{field_Oe}` or `{voltage_mV}`) and `{}` for anything. The decimal mark is a point, a comma or
    a p. Numbers are returned in SI under the SI key. Raises ValueError for an unknown field.
    """
    expression = ""
    keys: list[tuple[str, float, float] | None] = []
    at = 0
    for found in _FIELD.finditer(pattern):
        key, group = _pattern_field(found[1], pattern)
        expression += re.escape(pattern[at : found.start()]) + group
        keys.append(key)
        at = found.end()
    matched = re.fullmatch(expression + re.escape(pattern[at:]), stem)
    if matched is None:
        return f"the file's name '{stem}' does not match the pattern '{pattern}'"
    values: dict[str, str | float] = {}
    for key, text in zip(keys, matched.groups(), strict=True):
        if key is None:
            continue
        name, factor, offset = key
        if name in _WORDS:
            values[name] = text
            continue
        number = float(re.sub("[,p]", ".", text)) * factor + offset
        if name == "temperature_K" and number <= 0.0:
            raise ValueError(
                f"the file's name gives {number:g} K by the pattern '{pattern}': no temperature is "
                "below 0 K; is it in °C ({temperature_C})?"
            )
        values[name] = number
    return values


def check_pattern(pattern: str) -> None:
    """Raise ValueError where a pattern for file names has a field that there is not."""
    for found in _FIELD.finditer(pattern):
        _pattern_field(found[1], pattern)


def _pattern_field(field: str, pattern: str) -> tuple[tuple[str, float, float] | None, str]:
    """Return (SI key, factor, offset) of a field, None for any text, and its expression."""
    if field == "":
        return None, "(.*?)"
    if field in _WORDS:
        return (field, 1.0, 0.0), f"({_WORDS[field]})"
    name, _, symbol = field.partition("_")
    known = unit(symbol)
    if name not in _NAMES or known is None or known[0] != name:
        raise ValueError(
            f"the pattern '{pattern}' has an unknown field '{{{field}}}'; allowed are {{device}}, "
            "{state}, {polarity}, {wires}, {heater}, {output}, {position}, {temperature_K}, "
            "{field_T}, {voltage_V}, {current_A} and {}, also with other units such as "
            "{voltage_mV} or {field_Oe}"
        )
    return (f"{name}_{_NAMES[name]}", known[1], known[2]), f"({_NUMBER_IN_NAME})"


def conditions_of(header: Mapping[str, str], named: Mapping[str, str | float]) -> Conditions:
    """Return the conditions that a header states, those in `named` (from the pattern) winning."""
    stated = tuple((name, header[name]) for name in _names_that_matter(tuple(header)))
    return _conditions(dict(stated), named) if named else _stated(stated)


@lru_cache(maxsize=1024)  # the files of a campaign share what they state
def _stated(stated: tuple[tuple[str, str], ...]) -> Conditions:
    return _conditions(dict(stated), {})


def _conditions(header: Mapping[str, str], named: Mapping[str, str | float]) -> Conditions:
    lower = {key.lower(): value for key, value in header.items()}
    values: dict[str, float] = {}
    for key in _HEADER_NAMES:
        number = named.get(key)
        numbers = (_number(text, key.partition("_")[0]) for _, text in _stating(header, key))
        number = number if number is not None else next((n for n in numbers if n is not None), None)
        if number is not None:
            values[key] = float(number)
    text = str(named.get("state") or lower.get("state") or lower.get("magnetic state") or "")
    state: State | None = "P" if text == "P" else "AP" if text == "AP" else None
    station = _station(header)
    return Conditions(
        **values,
        state=state,
        polarity=_polarity(str(named.get("polarity") or ""), lower),
        wires=_wires(str(named.get("wires") or lower.get("wires") or "station"), station),
        heater=_heater(str(named.get("heater") or ""), lower, station),
        output=_output(str(named.get("output") or ""), lower),
        position=str(named.get("position") or lower.get("position") or "") or None,
    )


def not_understood(header: Mapping[str, str]) -> list[str]:
    """Return warnings about conditions that a header states in words that are no number."""
    return [
        f"the header's {name} '{text[:60]}' is no number with a unit"
        f"{' above 0 K' if key == 'temperature_K' else ''}, and is not used"
        for key in _HEADER_NAMES
        for name, text in _stating(header, key)
        if len(name) > 1 and text and _number(text, key.partition("_")[0]) is None
    ]


def _stating(header: Mapping[str, str], key: str) -> list[tuple[str, str]]:
    """Return the header's names that mean a condition, the usual ones first, with their texts."""
    return [(name, header[name]) for name in _names_stating(tuple(header))[key]]


@lru_cache(maxsize=256)  # the files of a campaign share their names
def _names_stating(names: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return for each condition which of a header's names mean it, the usual ones first."""
    lower = {name.lower(): name for name in names}
    found = {}
    for key, usual in _HEADER_NAMES.items():
        quantity = key.partition("_")[0]
        # A letter alone, other than the usual ones, may be anything.
        others = (
            name
            for name in names
            if name.lower() not in usual and 1 < len(name) < 40 and _is(name, quantity)
        )
        found[key] = (*(lower[name] for name in usual if name in lower), *others)
    return found


@lru_cache(maxsize=256)
def _names_that_matter(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of a header's names that conditions follow from, in their order."""
    stating = {name for some in _names_stating(names).values() for name in some}
    return tuple(name for name in names if name in stating or name.lower() in _OTHER_NAMES)


def _is(name: str, quantity: str) -> bool:
    """Tell whether a name is one of a column that holds the sample's own quantity."""
    try:
        column = identify(name)
    except ValueError:
        return False
    return column is not None and column.role == quantity and not column.qualifier


def _polarity(named: str, lower: Mapping[str, str]) -> Polarity | None:
    """Return how the junction was connected, None where neither name nor header says it."""
    text = (named or lower.get("polarity", "")).strip().lower()
    if not text:
        stated = lower.get("reversed polarity", "").strip().lower()
        text = {"true": "reversed", "false": "normal"}.get(stated, "")
    return "reversed" if text == "reversed" else "normal" if text == "normal" else None


def _wires(text: str, station: Mapping[str, Any]) -> Wires | None:
    """Return 2 or 4: the run's own, or else what the station's source-meter was set to."""
    if text.strip().lower() == "station":
        text = str(_part(station, "instruments", "source_meter").get("wires", ""))
    found = re.match(r"\s*([24])(?!\d)", text)
    return None if found is None else 2 if found[1] == "2" else 4


def _heater(named: str, lower: Mapping[str, str], station: Mapping[str, Any]) -> Heater | None:
    """Return whether the sample's heater was on: under control, and giving power at the start."""
    text = (named or lower.get("heater", "")).strip().lower()
    if text in ("on", "off"):
        return "on" if text == "on" else "off"
    stated = lower.get("heater off", "").strip().lower()
    if stated == "true":
        return "off"
    percent = _part(station, "instruments", "temperature").get("heater_percent")
    is_on = isinstance(percent, int | float) and percent > 0
    return "on" if stated == "false" and is_on else None


def _output(named: str, lower: Mapping[str, str]) -> Output | None:
    """Return whether the output was on while the junction rested, None if it did not rest."""
    text = (named or lower.get("output before", "")).strip().lower()
    if not text and rest_s(lower) is not None:
        text = lower.get("output during rest", "").strip().lower()
    return "on" if text == "on" else "off" if text == "off" else None


def rest_s(header: Mapping[str, str]) -> float | None:
    """Return how long (s) the junction was left alone before a run, None if it was not."""
    stated = next((text for key, text in header.items() if key.lower() == "rest"), "")
    time_s = _number(stated, "time")
    return time_s if time_s is not None and time_s > 0.0 else None


def _station(header: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the station's settings that a header of ours has as JSON, else nothing.

    Raises ValueError where they are damaged.
    """
    text = header.get("Station", "")
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("the header is damaged: its 'Station' is not whole") from error
    return found if isinstance(found, dict) else {}


def _part(settings: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return a nested table of settings, empty where there is none."""
    for key in keys:
        found = settings.get(key)
        settings = found if isinstance(found, dict) else {}
    return settings


def _number(text: str, quantity: str) -> float | None:
    """Return a header's "40 K" or "5 mV" in SI, None if it is no number with a unit of that.

    No temperature is below 0 K.
    """
    found = re.fullmatch(rf"\s*({_NUMBER})\s*(.*?)\s*", text) if len(text) < 80 else None
    if found is None:
        return None
    known = unit(found[2]) if found[2] else (quantity, 1.0, 0.0)
    if known is None or known[0] != quantity:
        return None
    number = float(found[1]) * known[1] + known[2]
    return None if quantity == "temperature" and number <= 0.0 else number
