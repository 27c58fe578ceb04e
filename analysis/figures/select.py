"""Which figures an analysis calls for, chosen by what its runs and groups hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nanojunction.analysis.calibration import is_calibration
from nanojunction.analysis.devices.generating import largest_power
from nanojunction.analysis.devices.groups import Group, run_name
from nanojunction.analysis.field.states import States
from nanojunction.analysis.figures.arrhenius_figures import arrhenius_figure
from nanojunction.analysis.figures.calibration_figures import calibration_figure
from nanojunction.analysis.figures.conductance_figures import (
    conductance_figure,
    features_of,
    finest,
    has_structure,
)
from nanojunction.analysis.figures.curves import Member, by_conditions, iv_traces, quantity
from nanojunction.analysis.figures.iv_figures import series_figure, single_figure, states_figure
from nanojunction.analysis.figures.magneto_figures import (
    loops_figure,
    resistance_figure,
)
from nanojunction.analysis.figures.ratio_figures import ratio_figure
from nanojunction.analysis.figures.style import DrawnFigure
from nanojunction.analysis.figures.time_figures import time_figure
from nanojunction.analysis.notation import amount
from nanojunction.analysis.values import Curve

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis

MOST_FIGURES = 30
"""Figures of a report in all."""

_ZERO_FIELD_T = 1e-3

Draw = Callable[[], DrawnFigure | None]


@dataclass(frozen=True, slots=True)
class DeviceFigures:
    """The figures of one device in order, and what was not drawn."""

    device: str
    members: tuple[Member, ...]
    groups: tuple[Group, ...]
    draw: tuple[Draw, ...] = field(default=())


def devices_of(analysis: Analysis) -> list[DeviceFigures]:
    """Return what to draw for each junction, in order of appearance; nothing is drawn yet."""
    members: dict[str, list[Member]] = {}
    names = {}
    for index, result in enumerate(analysis.run_results):
        members.setdefault(result.run.device, []).append(Member(index, result))
        names[run_name(result.run)] = Member(index, result)
    taken: set[str] = set()
    found = []
    for device, own in members.items():
        junction = [m for m in own if not is_calibration(m.result.run)]
        groups = tuple(g for g in analysis.groups if g.device == device)
        if not junction:
            continue
        slug = unique_slug(device, taken)
        draw = tuple(_figures(device, slug, junction, groups, names))
        found.append(DeviceFigures(device, tuple(junction), groups, draw))
    return found


def share_figures(devices: Sequence[DeviceFigures]) -> list[int]:
    """Return how many figures each device gets, MOST_FIGURES in all.

    Where there are more, devices beyond the measuring line come first, then those with most to
    show (temperature series, magnetic states), then the largest power, then the order of
    appearance; and where any is beyond the line, or has such groups, devices with neither get
    none: on a chip these are opens and shorts for the most part.
    """
    wanted = sum(len(device.draw) for device in devices)

    def interest(number: int) -> tuple[bool, int, float, int]:
        device = devices[number]
        verdicts = [quantity(m.result, "candidate").value for m in device.members]
        series = [g for g in device.groups if g.kind in ("arrhenius", "magneto")]
        power, _, _ = largest_power([m.result for m in device.members])
        return 1.0 not in verdicts, -len(series), -(power.value or 0.0), number

    shares = [0] * len(devices)
    left = MOST_FIGURES
    ranked = sorted(range(len(devices)), key=interest)
    if wanted > MOST_FIGURES:
        special = [number for number in ranked if interest(number)[:2] != (True, 0)]
        ranked = special or ranked
    for number in ranked:
        shares[number] = min(left, len(devices[number].draw))
        left -= shares[number]
    return shares


def line_figure(analysis: Analysis) -> DrawnFigure | None:
    """Return the figure of the measuring line, None without calibrated resistors."""
    members = [Member(n, result) for n, result in enumerate(analysis.run_results)]
    resistors = [m for m in members if is_calibration(m.result.run)]
    junctions = [m for m in members if m.result.run.kind == "iv" and m not in resistors]
    return calibration_figure("measuring-line", resistors, junctions) if resistors else None


def unique_slug(device: str, taken: set[str]) -> str:
    """Return the device's name as a part of file names, on any system and only once."""
    plain = unicodedata.normalize("NFKD", device).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", plain).strip("-.")[:40] or "device"
    slug, number = stem, 2
    while slug.lower() in taken:
        slug, number = f"{stem}-{number}", number + 1
    taken.add(slug.lower())
    return slug


def _figures(
    device: str,
    slug: str,
    members: Sequence[Member],
    groups: Sequence[Group],
    names: dict[str, Member],
) -> Iterator[Draw]:
    """Yield what draws each figure of a device: series first, then states, then the rest."""
    iv = [m for m in members if m.result.run.kind == "iv"]
    rest = {m.index: m for m in iv}
    for n, group in enumerate(g for g in groups if g.kind == "arrhenius"):
        own = [names[run] for run in group.runs if run in names]
        tag = slug if n == 0 else f"{slug}-{n + 1}"
        yield _later(series_figure, f"iv-{tag}", device, own)
        yield _later(arrhenius_figure, f"arrhenius-{tag}", group, [m.index for m in own])
        for member in own:
            rest.pop(member.index, None)
    in_no_series = list(rest.values())
    for n, group in enumerate(g for g in groups if g.kind == "magneto"):
        own = [names[run] for run in group.runs if run in names]
        tag = slug if n == 0 else f"{slug}-{n + 1}"
        yield from _magneto(device, f"{tag}", group, own, rest)
    single = [m for m in rest.values() if iv_traces(m.result)]
    if single:
        yield _later(single_figure, f"iv-{slug}-single", device, by_conditions(single))
    yield from _conductance(device, slug, iv, in_no_series)
    in_group = {run for g in groups if g.kind == "magneto" for run in g.runs}
    loose = [
        m for m in members if m.result.run.kind == "ih" and run_name(m.result.run) not in in_group
    ]
    if loose:
        yield _later(loops_figure, f"ih-{slug}-single", device, loose)
    at_rest = [m for m in members if m.result.run.kind in ("it", "vt")]
    if at_rest:
        yield _later(time_figure, f"time-{slug}", device, at_rest)


def _later(draw: Callable[..., DrawnFigure | None], *arguments: Any) -> Draw:
    return lambda: draw(*arguments)


def _magneto(
    device: str, tag: str, group: Group, own: Sequence[Member], rest: dict[int, Member]
) -> Iterator[Draw]:
    """Yield the figures of one `magneto` group; the I(V) runs of its states leave `rest`."""
    iv = [m for m in own if m.result.run.kind == "iv"]
    loops = [m for m in own if m.result.run.kind == "ih"]
    states = group.quantities.get("states")
    runs = [m.index for m in own]
    if isinstance(states, States):
        pair = []
        for name, results, at in (
            ("P", states.parallel, states.parallel_field_T),
            ("AP", states.reference, states.reference_field_T),
        ):
            chosen = [m for m in iv if any(m.result is result for result in results)]
            pair.append((_state_name(chosen, name, at), chosen))
            for member in chosen:
                rest.pop(member.index, None)
        stated = any(m.conditions.state == "AP" for m in iv)
        levels = _levels(group, "tmr_from_loops" if stated else "mc_from_loops")
        yield _later(states_figure, f"iv-{tag}-states", device, pair, levels)
    if loops:
        yield _later(loops_figure, f"ih-{tag}", device, loops)
        yield _later(resistance_figure, f"rs-{tag}", group, iv, runs)
    if isinstance(states, States):
        at = states.reference_field_T
        stated = any(m.conditions.state == "AP" for m in iv)
        key = "mc" if at is not None and abs(at) <= _ZERO_FIELD_T and not stated else "tmr"
        yield _later(ratio_figure, f"{key}-{tag}", group, key, runs)


def _state_name(members: Sequence[Member], name: str, field_T: float | None) -> str:
    stated = all(m.conditions.state == name for m in members)
    field_words = "" if field_T is None else amount(round(field_T, 5) + 0.0, "T", 3)
    if stated or name == "P":
        return f"{name} ({field_words})" if field_words else name
    return field_words or "reference"


def _levels(group: Group, key: str) -> list[tuple[float, float]]:
    """Return (V, I) of the plateaus of the loops, from the points of MC or of TMR."""
    curve = group.quantities.get(key)
    if not isinstance(curve, Curve):
        return []
    found = []
    for side in ("parallel_A", "reference_A"):
        for voltage, level in zip(curve.x.tolist(), curve.extra.get(side, ()), strict=False):
            if level["value"] is not None:
                found.append((voltage, level["value"]))
    return found


def _conductance(
    device: str, slug: str, iv: Sequence[Member], in_no_series: Sequence[Member]
) -> Iterator[Draw]:
    """Yield dI/dV where features were found, else of runs that are in no temperature series."""
    featured = [m for m in iv if features_of(m)]
    pool = featured or [m for m in in_no_series if has_structure(m)]
    chosen = finest(pool)
    if chosen:
        yield _later(conductance_figure, f"didv-{slug}", device, chosen)
