"""Controls of a device: is the effect the junction's own, and does it stay? Runs of known truth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.analyse import Analysis, analyse_run
from nanojunction.analysis.controls.carried_out import find_controls
from nanojunction.analysis.controls.over_time import straight_line
from nanojunction.analysis.controls.rules import (
    Estimate,
    agrees,
    exceeds,
    flips,
    persists,
    pooled,
    stays,
)
from nanojunction.analysis.devices.checks import Check, Outcome
from nanojunction.analysis.devices.groups import Group, find_groups
from nanojunction.analysis.report.page import write_report
from nanojunction.analysis.results import build_results
from nanojunction.analysis.run import Conditions, Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.values import Quantity
from nanojunction.cli.analyse import show_runs
from tests.iv_simulation import Law, line, noisy_run, sweep

PATH = sweep([0.0, 0.01, -0.01, 0.01, -0.01, 0.0], 1e-3)
NORMAL = Conditions(temperature_K=40.0, field_T=0.0, polarity="normal", wires=4, heater="on")
REVERSED = replace(NORMAL, polarity="reversed")
OPENED, LOADED = replace(NORMAL, output="off"), replace(NORMAL, output="on")
DRAWS = 4000
SEEDS = 50


def resistor(v: np.ndarray) -> np.ndarray:
    return v / 157.0


class Bench:
    """A measuring line with offsets, and a clock; `iv` measures a law of a junction."""

    def __init__(self, seed: int = 1, offset_V: float = 5e-6, noise_A: float = 2e-9) -> None:
        self.rng = np.random.default_rng(seed)
        self.offset_V, self.noise_A = offset_V, noise_A
        self.minutes = 0

    def iv(self, law: Law, conditions: Conditions = NORMAL, device: str = "J") -> RunResult:
        """Measure an I(V); the voltmeter adds its offset, leads their resistance to two wires."""
        way = -1.0 if conditions.polarity == "reversed" else 1.0
        run = noisy_run(
            lambda v: way * law(way * v), PATH, self.rng, self.noise_A, conditions=conditions
        )
        shifted = run.voltage_V + self.offset_V
        if conditions.wires == 2:
            shifted = shifted + 0.3 * run.current_A
        return self._result(replace(run, voltage_V=shifted, device=device))

    def rest(self, kind: str, value: float, conditions: Conditions = NORMAL) -> RunResult:
        """Measure I(t) at V = 0, or V(t) at I = 0: white noise about a value."""
        zero, rows = np.zeros(64), np.arange(64.0)
        values = value + abs(value) * 1e-3 * self.rng.normal(size=64)
        path = (np.ones(64), np.zeros(64, dtype=np.int64))
        run = noisy_run(resistor, path, self.rng, 0.0, conditions=conditions)
        run = replace(run, setpoint_V=zero)
        if kind == "it":
            run = replace(run, kind="it", current_A=values, voltage_V=zero, time_s=rows)
        else:
            run = replace(
                run, kind="vt", current_A=zero, voltage_V=values, setpoint_V=None,
                setpoint_A=zero, time_s=rows,
            )  # fmt: skip
        return self._result(replace(run, device="J"))

    def _result(self, run: Run) -> RunResult:
        hours, minutes = divmod(self.minutes, 60)
        self.minutes += 5
        header = {"Started": f"2026-11-20T{hours:02d}:{minutes:02d}:00+00:00"}
        file = Path(f"run{self.minutes}.csv")
        return analyse_run(replace(run, header=header, file=file), IVSettings())


def controls(results: Sequence[RunResult]) -> Group:
    (group,) = find_controls(results)
    return group


def check(results: Sequence[RunResult], name: str) -> Check:
    (found,) = (one for one in controls(results).checks if one.name == name)
    return found


def confirmed(group: Group) -> Quantity:
    found = group.quantities["confirmed"]
    assert isinstance(found, Quantity)
    return found


def candidates(results: Sequence[RunResult]) -> list[RunResult]:
    """The same runs, as if compared with a measuring line that they are beyond."""
    return [replace(r, quantities={**r.quantities, "candidate": Quantity(1.0)}) for r in results]


# Polarity


def test_the_part_that_flips_is_told_from_the_part_that_stays() -> None:
    bench = Bench(offset_V=20e-6)
    runs = [bench.iv(line, conditions) for conditions in (NORMAL, REVERSED, REVERSED, NORMAL)]
    found = check(runs, "polarity")
    assert found.outcome == "passed"
    for key, truth in (
        ("v_off_intrinsic_V", 26e-6 * 157.0),
        ("v_off_line_V", 20e-6),
        ("i_off_intrinsic_A", -26e-6),
        ("i_off_line_A", -20e-6 / 157.0),
    ):
        value = found.quantities[key]
        assert value.value == pytest.approx(truth, abs=4.0 * value.stderr), key
    assert "4.08" in found.reason and "flips with the junction" in found.reason


def test_a_resistor_behind_a_voltmeter_with_an_offset_fails() -> None:
    """What looks like a generating junction stays where it is when the junction is reversed."""
    bench = Bench(offset_V=1e-3)
    runs = [bench.iv(resistor, conditions) for conditions in (NORMAL, REVERSED)]
    found = controls(candidates(runs))
    assert found.checks[0].outcome == "failed"
    assert confirmed(found).value == 0.0
    assert (confirmed(found).note or "").startswith("a candidate, but polarity failed: V_off")


@pytest.mark.parametrize(
    ("law", "offset_V", "expected"),
    [(line, 5e-6, "passed"), (resistor, 1e-3, "failed"), (resistor, 0.0, "undecided")],
    ids=["a junction", "a line with an offset", "nothing at all"],
)
def test_noise_rarely_misleads_the_polarity(law: Law, offset_V: float, expected: Outcome) -> None:
    found = Counter(
        check([bench.iv(law, NORMAL), bench.iv(law, REVERSED)], "polarity").outcome
        for bench in (Bench(seed, offset_V) for seed in range(SEEDS))
    )
    assert found[expected] >= SEEDS - 2


def test_a_reversed_run_alone_decides_nothing() -> None:
    found = check([Bench().iv(line, REVERSED)], "polarity")
    assert found.outcome == "undecided"
    assert "no run in normal polarity" in found.reason


def test_an_offset_beyond_the_sweep_decides_nothing() -> None:
    far: Law = lambda v: -1e-4 + v / 157.0  # noqa: E731
    found = check([Bench().iv(far, c) for c in (NORMAL, REVERSED)], "polarity")
    assert found.outcome == "undecided"
    assert "does not cross zero" in (found.quantities["v_off_intrinsic_V"].note or "")


# Heater, wires, rest, references


def test_the_effect_persists_with_the_heater_off() -> None:
    bench = Bench()
    off = replace(NORMAL, heater="off", temperature_K=38.5)
    found = check([bench.iv(line), bench.iv(line, off)], "heater")
    assert found.outcome == "passed"
    assert found.quantities["temperature_change_K"].value == pytest.approx(-1.5)


@pytest.mark.parametrize(("temperature_K", "expected"), [(40.0, "failed"), (36.0, "undecided")])
def test_an_effect_of_the_heater_is_told_unless_the_sample_cooled(
    temperature_K: float, expected: str
) -> None:
    bench = Bench()
    off = replace(NORMAL, heater="off", temperature_K=temperature_K)
    assert check([bench.iv(line), bench.iv(resistor, off)], "heater").outcome == expected


def test_a_sample_that_cools_a_little_does_not_part_the_other_runs() -> None:
    """Within 0.5 K of one another: without care, 39.6 K and 40.05 K would leave 40.15 K alone."""
    bench = Bench()
    at = (
        (NORMAL, 40.05), (REVERSED, 40.15), (replace(NORMAL, heater="off"), 39.6)
    )  # fmt: skip
    runs = [bench.iv(line, replace(held, temperature_K=kelvin)) for held, kelvin in at]
    assert check(runs, "polarity").outcome == "passed"
    assert check(runs, "heater").outcome == "passed"


def test_a_heater_that_gave_no_power_anyhow_is_no_control() -> None:
    bench = Bench()
    idle = bench.iv(line, replace(NORMAL, heater=None))
    idle = replace(idle, run=replace(idle.run, header={"Heater off": "False"}))
    found = check([idle, bench.iv(line, replace(NORMAL, heater="off"))], "heater")
    assert found.outcome == "undecided"
    assert "gave no power in the other runs either" in found.reason


def charged(open_s: float) -> Law:
    """An offset that an output has charged, and that decays with 60 s once it is open."""
    return lambda v: -26e-6 * np.exp(-open_s / 60.0) + v / 157.0


@pytest.mark.parametrize(
    ("open_s", "expected"), [(0.0, "passed"), (4.0, "passed"), (9.0, "failed"), (600.0, "failed")]
)
def test_an_offset_that_decays_once_the_output_is_open_is_found_out(
    open_s: float, expected: str
) -> None:
    bench = Bench()
    runs = candidates([bench.iv(charged(0.0), LOADED), bench.iv(charged(open_s), OPENED)])
    found = check(runs, "output")
    assert found.outcome == expected
    change = found.quantities["i_off_change_A"]
    truth_A = 26e-6 * (1.0 - math.exp(-open_s / 60.0))
    assert change.value == pytest.approx(truth_A, abs=4.0 * change.stderr)
    assert confirmed(controls(runs)).value == (0.0 if expected == "failed" else None)


def test_an_offset_that_appears_once_the_output_is_open_is_found_out() -> None:
    bench = Bench(offset_V=0.0)
    found = check([bench.iv(resistor, LOADED), bench.iv(line, OPENED)], "output")
    assert found.outcome == "failed"


@pytest.mark.parametrize("law", [resistor, line], ids=["nothing at all", "a junction"])
def test_noise_decides_nothing_about_the_output(law: Law) -> None:
    noisy = 2e-9 if law is resistor else 5e-5
    found = Counter(
        check([bench.iv(law, LOADED), bench.iv(law, OPENED)], "output").outcome
        for bench in (Bench(seed, 0.0, noisy) for seed in range(SEEDS))
    )
    assert found["undecided"] >= SEEDS - 2


@pytest.mark.parametrize(("open_s", "expected"), [(0.0, "undecided"), (600.0, "failed")])
def test_against_runs_without_a_rest_nothing_passes(open_s: float, expected: str) -> None:
    """Nobody knows how long the output was open before them: perhaps as long."""
    bench = Bench()
    found = check([bench.iv(line), bench.iv(charged(open_s), OPENED)], "output")
    assert found.outcome == expected
    assert "no rest before" in found.reason


def test_a_rest_with_the_output_on_is_the_better_comparison() -> None:
    bench = Bench()
    runs = [bench.iv(charged(600.0)), bench.iv(line, LOADED), bench.iv(line, OPENED)]
    found = check(runs, "output")
    assert found.outcome == "passed"
    assert len(found.runs) == 2
    assert "output on before" in found.reason


def test_an_open_output_alone_is_no_check() -> None:
    assert find_controls([Bench().iv(line, OPENED)]) == []
    turned = replace(OPENED, polarity="reversed")
    assert not [
        one
        for one in controls([Bench().iv(line), Bench().iv(line, turned)]).checks
        if one.name == "output"
    ]


def test_runs_after_an_open_output_are_a_group_of_their_own() -> None:
    """A rest with the output on is no other setup than none."""
    bench = Bench()
    runs = [bench.iv(line, held) for held in (NORMAL, OPENED, LOADED, OPENED)]
    groups = [g for g in find_groups(runs) if g.kind == "repeat"]
    assert [g.conditions.get("output") for g in groups] == [None, "off"]
    assert [len(g.runs) for g in groups] == [2, 2]


def test_two_wires_show_the_leads_and_the_same_v_off() -> None:
    bench = Bench()
    found = check([bench.iv(line), bench.iv(line, replace(NORMAL, wires=2))], "wires")
    assert found.outcome == "passed"
    leads = found.quantities["lead_resistance_ohm"]
    assert leads.value == pytest.approx(0.3, abs=4.0 * leads.stderr)


def test_two_wires_with_less_resistance_than_four_are_a_changed_contact() -> None:
    bench = Bench()
    better: Law = lambda v: -26e-6 + v / 150.0  # noqa: E731
    found = check([bench.iv(line), bench.iv(better, replace(NORMAL, wires=2))], "wires")
    assert found.outcome == "failed"
    assert "less resistance than four" in found.reason


@pytest.mark.parametrize(
    ("share", "expected"), [(1.0, "passed"), (0.38, "undecided"), (0.02, "failed"), (-1, "failed")]
)
@pytest.mark.parametrize(("kind", "value"), [("it", -26e-6), ("vt", 4.08e-3)])
def test_what_is_left_at_rest(share: float, expected: str, kind: str, value: float) -> None:
    """−10 µA for minutes where the sweep gave −26 µA is neither there nor gone."""
    bench = Bench()
    assert check([bench.iv(line), bench.rest(kind, share * value)], "rest").outcome == expected


def test_a_reading_that_drifts_at_rest_is_named() -> None:
    bench = Bench()
    steady = bench.rest("it", -26e-6)
    drifting = replace(steady.run, current_A=steady.run.current_A * np.linspace(1.0, 0.8, 64))
    found = check([bench.iv(line), analyse_run(drifting, IVSettings())], "rest")
    assert "I drifts by" in found.reason
    assert "drifts" not in check([bench.iv(line), steady], "rest").reason


@pytest.mark.parametrize(("offset_A", "expected"), [(-1e-9, "passed"), (-5e-6, "failed")])
def test_a_reference_junction_is_ten_times_smaller(offset_A: float, expected: str) -> None:
    bench = Bench()
    reference: Law = lambda v: offset_A + v / 200.0  # noqa: E731
    runs = [bench.iv(line), bench.iv(reference, device="reference-CoPc")]
    assert controls(runs).device == "J"
    assert check(runs, "reference").outcome == expected


def test_a_reference_counts_in_normal_polarity_alone() -> None:
    """The mean of both polarities would hide an effect of the reference's own."""
    bench = Bench()
    runs = [bench.iv(line), *(bench.iv(line, c, device="bare") for c in (NORMAL, REVERSED))]
    assert check(runs, "reference").outcome == "failed"


@pytest.mark.parametrize("first", [0, 1])
def test_a_reference_is_compared_where_it_is_set_up_alike(first: int) -> None:
    """Whichever was measured first; its open output is no part of the usual comparison."""
    bench = Bench()
    bare = [bench.iv(resistor, device="bare"), bench.iv(line, OPENED, device="bare")]
    own = [bench.iv(line), bench.iv(line, OPENED)]
    found = check([*own, bare[first], bare[1 - first]], "reference")
    assert found.outcome == "passed"
    assert len(found.runs) == 2


def test_a_bare_channel_is_compared_in_the_current_alone() -> None:
    bench = Bench(noise_A=1e-12)
    nothing: Law = lambda v: 1e-10 + 0.0 * v  # noqa: E731
    channel = replace(NORMAL, position="bare 7")
    found = check([bench.iv(line), bench.iv(nothing, channel, device="X")], "reference")
    assert found.outcome == "passed"
    assert found.quantities["v_off_reference_V"].value is None


# Time


def drifting(bench: Bench, change_A: float, runs: int = 5) -> list[RunResult]:
    return [
        bench.iv(lambda v, k=k: line(v) + change_A * k / (runs - 1), NORMAL) for k in range(runs)
    ]


@pytest.mark.parametrize(("change_A", "expected"), [(1e-6, "passed"), (6e-6, "failed")])
def test_a_drift_is_measured_against_the_effect(change_A: float, expected: str) -> None:
    found = check(drifting(Bench(), change_A), "drift")
    assert found.outcome == expected
    change, slope = found.quantities["i_off_change_A"], found.quantities["i_off_drift_A_per_s"]
    assert change.value == pytest.approx(change_A, abs=4.0 * change.stderr)
    assert slope.value == pytest.approx(change_A / (4 * 300.0), abs=4.0 * slope.stderr)
    assert slope.extra["significance"] > 100


def test_two_repeats_are_no_drift() -> None:
    assert find_controls(drifting(Bench(), 6e-6, runs=2)) == []


def test_repeats_without_a_start_time_decide_nothing() -> None:
    runs = [replace(r, run=replace(r.run, header={})) for r in drifting(Bench(), 0.0)]
    found = check(runs, "drift")
    assert found.outcome == "undecided"
    assert "do not say when each was started" in found.reason


def test_the_first_leg_is_compared_with_the_last() -> None:
    bench = Bench()
    steady = [bench.iv(line) for _ in range(3)]
    assert check(steady, "legs").outcome == "passed"
    run = steady[0].run
    forming = replace(run, current_A=run.current_A + np.where(run.leg >= 3, 5e-6, 0.0))
    changed = [analyse_run(forming, IVSettings()), *steady[1:]]
    assert check(changed, "legs").outcome == "failed"


# The verdict on a device


def test_a_device_is_confirmed_by_its_polarity_and_everything_else_that_was_done() -> None:
    bench = Bench()
    off = replace(NORMAL, heater="off")
    runs = candidates([bench.iv(line, c) for c in (NORMAL, REVERSED, off)])
    assert confirmed(controls(runs)).value == 1.0
    without = [r for r in runs if r.run.conditions.polarity == "normal"]
    assert confirmed(controls(without)).value is None
    assert "the polarity was not reversed" in (confirmed(controls(without)).note or "")


def test_no_candidate_is_never_confirmed() -> None:
    bench = Bench()
    runs = [bench.iv(line, c) for c in (NORMAL, REVERSED)]
    none = [replace(r, quantities={**r.quantities, "candidate": Quantity(0.0)}) for r in runs]
    assert confirmed(controls(none)).value == 0.0
    uncompared = confirmed(controls(runs))
    assert uncompared.value == 1.0
    assert (uncompared.note or "").startswith("not compared with the measuring line")


def test_runs_that_allow_no_check_make_no_group() -> None:
    assert find_controls([Bench().iv(line), Bench().iv(line, device="resistor-100")]) == []


def test_reversed_runs_are_no_repeats_of_normal_ones() -> None:
    bench = Bench()
    runs = [bench.iv(line, c) for c in (NORMAL, REVERSED, NORMAL, REVERSED)]
    groups = [g for g in find_groups(runs) if g.kind == "repeat"]
    assert [g.conditions["polarity"] for g in groups] == ["normal", "reversed"]
    assert [len(g.runs) for g in groups] == [2, 2]
    signs = [np.sign(g.quantities["v_off_V"].value) for g in groups]
    assert signs == [1.0, -1.0]


def test_results_report_and_command_show_the_controls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(offset_V=1e-3)
    runs = [bench.iv(resistor, c) for c in (NORMAL, REVERSED)]
    (group,) = find_controls(runs)
    (stated,) = build_results(runs, [group])["groups"]
    assert stated["kind"] == "controls"
    assert stated["checks"][0]["name"] == "polarity"
    assert stated["checks"][0]["outcome"] == "failed"
    assert stated["quantities"]["candidate"]["note"].startswith("no run was compared")
    found = Analysis(tuple(runs), (group,), ())
    page = write_report(found, tmp_path, title="J").read_text(encoding="utf-8")
    assert "<h3>Controls</h3>" in page
    assert "✗ FAILED" in page and "✗ NOT confirmed" in page
    show_runs(found)
    said = capsys.readouterr().out
    assert "J reversed" in said
    assert "40 K, 0 T, 4 wires" in said
    assert "polarity" in said and "FAILED" in said and "NOT confirmed" in said


OFFSET = st.one_of(
    st.just(Quantity(None, note="the current does not cross zero inside the swept range")),
    st.builds(
        Quantity,
        st.sampled_from([4e-3, -4e-3, 4.1e-3, 1e-3, 1e-6, 0.0]),
        st.sampled_from([None, 0.0, 1e-7, 1e-3]),
        st.just("stated"),
    ),
)
HELD = st.builds(
    Conditions,
    temperature_K=st.sampled_from([None, 40.0, 40.2, 36.0, 300.0]),
    field_T=st.sampled_from([None, 0.0, -0.5]),
    state=st.sampled_from([None, "P"]),
    polarity=st.sampled_from([None, "normal", "reversed"]),
    wires=st.sampled_from([None, 2, 4]),
    heater=st.sampled_from([None, "on", "off"]),
    output=st.sampled_from([None, "on", "off"]),
)


@st.composite
def any_results(draw: st.DrawFn) -> list[RunResult]:
    """Runs of one device and perhaps references, with whatever an analysis may have found."""
    found = []
    for number in range(draw(st.integers(1, 7))):
        device = draw(st.sampled_from(["J", "J", "J", "bare 1"]))
        kind = draw(st.sampled_from(["iv", "iv", "iv", "it", "vt"]))
        run = replace(
            EMPTY, device=device, kind=kind, conditions=draw(HELD), file=Path(f"{number}.csv"),
            header={"Started": f"2026-11-20T00:0{number}:00"} if draw(st.booleans()) else {},
        )  # fmt: skip
        keys = ("v_off_V", "i_off_A", "r_s_chord_ohm", "i_mean_A", "v_mean_V", "candidate")
        quantities = {key: draw(OFFSET) for key in keys if draw(st.booleans())}
        if "r_s_chord_ohm" in quantities:
            chord = quantities["r_s_chord_ohm"]
            quantities["r_s_chord_ohm"] = replace(chord, extra={"window_V": 0.01})
        found.append(RunResult(run, quantities, ()))
    return found


EMPTY = noisy_run(resistor, sweep([0.0, 0.01], 5e-3), np.random.default_rng(0), 0.0)


@given(any_results(), st.randoms(use_true_random=False))
def test_whatever_was_measured_the_verdict_follows_from_the_checks(
    results: list[RunResult], random: Random
) -> None:
    groups = find_controls(results)
    build_results(results, groups)
    for group in groups:
        outcomes = {one.outcome for one in group.checks}
        verdict = confirmed(group).value
        assert all(one.reason for one in group.checks)
        if verdict == 1.0:
            assert outcomes == {"passed"}
            assert any(one.name == "polarity" for one in group.checks)
        if "failed" in outcomes:
            assert verdict == 0.0
    shuffled = list(results)
    random.shuffle(shuffled)
    before, after = (
        sorted((one.name, one.outcome) for group in found for one in group.checks)
        for found in (groups, find_controls(shuffled))
    )
    assert before == after


# The rules


Rule = Callable[[Estimate, Estimate], Outcome]
LIMITS: dict[str, tuple[Rule, float, float]] = {
    "flips": (flips, 1.1, -0.9),
    "exceeds": (exceeds, 1.0, 0.1),
    "agrees": (agrees, 1.0, 0.9),
    "stays": (stays, 1.0, -0.1),
    "persists, half": (persists, 1.0, 0.5),
    "persists, a tenth": (persists, -1.0, -0.1),
}


@pytest.mark.parametrize("rule", LIMITS)
def test_on_the_limit_nothing_is_judged_but_by_chance(rule: str) -> None:
    """0.13 % a side: 5.4 of 4000 either way, and 20 are more than chance."""
    judge, first, second = LIMITS[rule]
    rng = np.random.default_rng(7)
    found = Counter(
        judge(Estimate(first + a, 1e-3), Estimate(second + b, 1e-3))
        for a, b in 1e-3 * rng.normal(size=(DRAWS, 2))
    )
    wrong = [found["passed"], found["failed"]]
    assert max(wrong) < 20
    assert max(wrong) > 0, "the rule is wider than it says"


@pytest.mark.parametrize(
    "stderr", [None, 1e-3, 1e-4], ids=["unknown", "right", "a tenth of the scatter"]
)
def test_repeats_that_scatter_are_judged_by_their_scatter(stderr: float | None) -> None:
    """Two runs in each polarity, on the limit: also where the stated errors are far too small."""
    rng = np.random.default_rng(8)
    found: Counter[Outcome] = Counter()
    for noise in 1e-3 * rng.normal(size=(DRAWS, 4)):
        values = [Quantity(x, stderr) for x in np.array([1.1, 1.1, -0.9, -0.9]) + noise]
        n, r = pooled(values[:2], values[2:])
        assert n is not None and r is not None
        found[flips(n, r)] += 1
    assert found["passed"] + found["failed"] < 60


def test_a_line_through_repeats_finds_no_drift_in_noise() -> None:
    rng = np.random.default_rng(9)
    times = np.array([0.0, 1.0, 2.0, 5.0, 6.0])
    within = 0
    for noise in rng.normal(size=(DRAWS, 5)):
        _, slope = straight_line(times, [Quantity(1.0 + x, 1.0) for x in noise])
        assert slope.stderr is not None
        within += abs(slope.value) <= slope.stderr
    assert 0.65 <= within / DRAWS <= 0.80


VALUES = st.floats(-1e3, 1e3, allow_subnormal=False)
ERRORS = st.floats(1e-9, 1e3)
RULES = st.sampled_from([flips, exceeds, agrees, stays, persists])


@given(RULES, VALUES, VALUES, ERRORS, st.sampled_from([-4.0, -1.0, 0.25, 1024.0]))
def test_sign_and_unit_change_no_judgement(
    rule: Rule, a: float, b: float, stderr: float, factor: float
) -> None:
    def at(scale: float) -> Outcome:
        size = abs(scale) * stderr
        return rule(Estimate(scale * a, size), Estimate(scale * b, size))

    assert at(factor) == at(1.0)


@given(RULES, VALUES, VALUES)
def test_unknown_errors_decide_nothing(rule: Rule, a: float, b: float) -> None:
    assert rule(Estimate(a, None), Estimate(b, 1e-9)) == "undecided"


@given(VALUES, VALUES, ERRORS)
def test_either_polarity_may_be_called_normal(n: float, r: float, stderr: float) -> None:
    first, second = Estimate(n, stderr), Estimate(r, stderr)
    assert flips(first, second) == flips(second, first)


@given(st.lists(st.tuples(VALUES, st.none() | st.floats(0.0, 1e3)), max_size=5))
def test_repeats_of_any_sort_have_a_mean_or_none(values: list[tuple[float, float | None]]) -> None:
    (found,) = pooled([Quantity(value, stderr) for value, stderr in values])
    if not values:
        assert found is None
        return
    assert found is not None
    low, high = min(v for v, _ in values), max(v for v, _ in values)
    margin = 1e-9 * max(abs(low), abs(high))
    assert low - margin <= found.value <= high + margin
    assert found.stderr is None or found.stderr >= 0.0


@given(st.lists(st.tuples(VALUES, st.none() | st.floats(0.0, 1e3)), min_size=3, max_size=6))
def test_a_line_goes_through_repeats_of_any_sort(values: list[tuple[float, float | None]]) -> None:
    times = 1.8e12 + 300.0 * np.arange(len(values))
    mean, slope = straight_line(times, [Quantity(value, stderr) for value, stderr in values])
    for found in (mean, slope):
        assert np.isfinite(found.value)
        assert found.stderr is not None and found.stderr >= 0.0
