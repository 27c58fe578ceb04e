"""Checks of runs that differ in one thing: polarity, heater, output, wires, or the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nanojunction.analysis.calibration import number
from nanojunction.analysis.controls.rules import (
    Estimate,
    agrees,
    combined,
    exceeds,
    flips,
    judged,
    pooled,
)
from nanojunction.analysis.devices.checks import Check, Conditions, Findings
from nanojunction.analysis.devices.clusters import mean_temperature_K
from nanojunction.analysis.devices.groups import run_name
from nanojunction.analysis.notation import NO_BREAK, measured, symbol_of
from nanojunction.analysis.reading.conditions import rest_s
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity


@dataclass(frozen=True, slots=True)
class Offset:
    """One of the two offsets of an I(V): its key, and how keys that belong to it begin and end."""

    key: str
    stem: str
    unit: str

    @property
    def name(self) -> str:
        """The symbol as text: V_off."""
        return symbol_of(self.key).plain

    def named(self, part: str) -> str:
        """Return the key of something that belongs to this offset: v_off_change_V."""
        return f"{self.stem}_{part}_{self.unit}"

    def text(self, value: Estimate) -> str:
        """Return a value with its uncertainty and unit."""
        return plain_text(value.to_quantity(), self.unit)


def plain_text(quantity: Quantity, unit: str) -> str:
    """Return a value with its uncertainty and unit, in letters that consoles have."""
    return (measured(quantity, unit) or "?").replace(NO_BREAK, " ")


V_OFF, I_OFF = Offset("v_off_V", "v_off", "V"), Offset("i_off_A", "i_off", "A")
OFFSETS = (V_OFF, I_OFF)

SAME_CHORD = 1.02
"""Chords over voltages in this ratio are compared; sensed voltages are noisy."""


def quantities_of(results: Sequence[RunResult], key: str) -> list[Quantity]:
    """Return a quantity of every run."""
    return [number(result.quantities, key) for result in results]


def names_of(*results: Sequence[RunResult]) -> tuple[str, ...]:
    """Return the names of runs."""
    return tuple(run_name(result.run) for group in results for result in group)


def missing(results: Sequence[RunResult], key: str) -> str:
    """Return why none of the runs has a quantity."""
    notes = (quantity.note for quantity in quantities_of(results, key))
    return next((note for note in notes if note), "no run has it")


def pair_of(
    offset: Offset, first: Sequence[RunResult], other: Sequence[RunResult]
) -> tuple[Estimate, Estimate] | str:
    """Return the means of an offset in two groups of runs, or why there is none."""
    a, b = pooled(quantities_of(first, offset.key), quantities_of(other, offset.key))
    if a is None or b is None:
        return f"{offset.name}: {missing(first if a is None else other, offset.key)}"
    return a, b


def polarity_check(
    normal: Sequence[RunResult], other: Sequence[RunResult], conditions: Conditions
) -> Check:
    """Compare I(V) of a junction with those of the same, connected the other way round.

    (n − r)/2 flips and is the junction's, (n + r)/2 stays and is the measuring line's. Passed if
    the part that flips is at least ten times the part that stays, in V_off and in I_off.
    """
    found = Findings()
    for offset in OFFSETS:
        intrinsic, line = offset.named("intrinsic"), offset.named("line")
        pair = pair_of(offset, normal, other)
        if isinstance(pair, str):
            found.lacks(pair, intrinsic, line)
            continue
        n, r = pair
        flipping, staying = combined((0.5, n), (-0.5, r)), combined((0.5, n), (0.5, r))
        found.add(
            flips(n, r),
            f"{offset.name}: {offset.text(flipping)} flips with the junction, "
            f"{offset.text(staying)} stays with the line",
            **{intrinsic: flipping.to_quantity(), line: staying.to_quantity()},
        )
    return found.check("polarity", conditions, names_of(normal, other))


def heater_check(
    on: Sequence[RunResult], off: Sequence[RunResult], conditions: Conditions
) -> Check:
    """Compare I(V) with the sample's heater on and off: passed if the offsets keep to a tenth."""
    found = Findings()
    for offset in OFFSETS:
        agreement(found, offset, pair_of(offset, on, off), ("heater on", "off"))
    warm, cold = mean_temperature_K(on), mean_temperature_K(off)
    if warm is not None and cold is not None:
        difference = Quantity(cold - warm, None, "of the means over the runs")
        found.quantities["temperature_change_K"] = difference
        found.words.append(f"at {warm:.4g} and {cold:.4g} K")
    return found.check("heater", conditions, names_of(on, off))


def output_check(
    kept: Sequence[RunResult], opened: Sequence[RunResult], conditions: Conditions
) -> Check:
    """Compare I(V) after a rest with the output on at zero (or none) with those after it was off.

    What an output charges decays once it is open. Passed if the offsets keep to a tenth. Runs after
    a rest with the output on are taken where there are any, else those without a rest: before them
    the output was open for an unknown time, so that they may fail the check and never pass it.
    """
    rested = [result for result in kept if result.run.conditions.output == "on"]
    found = Findings()
    before = "output on before" if rested else "no rest before"
    for offset in OFFSETS:
        pair = pair_of(offset, rested or kept, opened)
        agreement(found, offset, pair, (before, "open before"))
    times_s = [time_s for result in opened if (time_s := rest_s(result.run.header)) is not None]
    if times_s:
        shortest = Quantity(min(times_s), None, "the shortest rest with the output open")
        found.quantities["rest_s"] = shortest
        found.words.append(f"open for {min(times_s):.4g} s")
    check = found.check("output", conditions, names_of(rested or kept, opened))
    if rested or check.outcome != "passed":
        return check
    reason = f"{check.reason}; nothing was measured after a rest with the output on"
    return replace(check, outcome="undecided", reason=reason)


def wires_check(
    two: Sequence[RunResult], four: Sequence[RunResult], conditions: Conditions
) -> Check:
    """Compare I(V) sensed with two and with four wires.

    Leads carry no current at V_off, which therefore keeps to a tenth; I_off is not compared. The
    difference of the chord's resistances is that of the leads, and must not be below zero.
    """
    found = Findings()
    agreement(found, V_OFF, pair_of(V_OFF, four, two), ("4 wires", "2 wires"))
    key, leads = "r_s_chord_ohm", "lead_resistance_ohm"
    chords = [*quantities_of(two, key), *quantities_of(four, key)]
    windows = [float(q.extra["window_V"]) for q in chords if q.value is not None]
    differ = max(windows, default=0.0) > SAME_CHORD * min(windows, default=0.0)
    with_leads, without = pooled(quantities_of(two, key), quantities_of(four, key))
    if with_leads is None or without is None or differ:
        why = (
            "the chords of the runs are not over the same voltages"
            if differ
            else f"R_s: {missing(two if with_leads is None else four, key)}"
        )
        found.quantities[leads] = Quantity(None, note=why)
        found.words.append(f"the leads' resistance is not known: {why}")
        return found.check("wires", conditions, names_of(two, four))
    difference = combined((1.0, with_leads), (-1.0, without)).to_quantity()
    text = plain_text(difference, "Ω")
    if judged(combined((1.0, with_leads), (-1.0, without))) == "failed":
        words = f"two wires show less resistance than four, by {text}: a contact changed"
        found.add("failed", words, **{leads: difference})
    else:
        found.add("passed", f"the leads have {text}", **{leads: difference})
    return found.check("wires", conditions, names_of(two, four))


def agreement(
    found: Findings, offset: Offset, pair: tuple[Estimate, Estimate] | str, labels: tuple[str, str]
) -> None:
    """Add whether an offset changes by no more than a tenth from the first to the second value."""
    key = offset.named("change")
    if isinstance(pair, str):
        found.lacks(pair, key)
        return
    first, second = pair
    found.add(
        agrees(first, second),
        f"{offset.name}: {offset.text(first)} ({labels[0]}), {offset.text(second)} ({labels[1]})",
        **{key: combined((-1.0, first), (1.0, second)).to_quantity()},
    )


def reference_check(
    device: Sequence[RunResult], reference: Sequence[RunResult], conditions: Conditions
) -> Check:
    """Compare a device with a bare channel or a reference junction on the same line.

    Passed if the device's offsets are at least ten times the reference's. A reference without a
    V_off, such as a bare channel that is open, is compared in I_off alone.
    """
    found = Findings()
    name = reference[0].run.device
    for offset in OFFSETS:
        own = pooled(quantities_of(device, offset.key))[0]
        its = pooled(quantities_of(reference, offset.key))[0]
        key = offset.named("reference")
        if own is None:
            found.lacks(f"{offset.name}: {missing(device, offset.key)}", key)
        elif its is None:
            why = f"{name} has no {offset.name}: {missing(reference, offset.key)}"
            found.quantities[key] = Quantity(None, note=why)
            found.words.append(why)
        else:
            words = f"{offset.name}: {offset.text(own)}, of {name} {offset.text(its)}"
            found.add(exceeds(own, its), words, **{key: its.to_quantity()})
    there = mean_temperature_K(reference)
    if there is not None:
        found.words.append(f"{name} was measured at {there:.4g} K")
    return found.check("reference", conditions, names_of(device, reference))
