"""Yields of a batch: verdicts on measured junctions of known truth, intervals that mean it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.calibration import (
    LinePoint,
    MeasuringLine,
    against_line,
    measuring_line,
)
from nanojunction.analysis.devices.claims import find_claims
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run import Run, RunKind
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.intervals import wilson
from nanojunction.analysis.screening.one_run import DeviceVerdict, judge
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.yields import batch_yields
from nanojunction.analysis.values import Quantity
from nanojunction.instruments.station import Station
from nanojunction.models.population import Device, parse_batch
from nanojunction.procedures.iv import Calibration, IVSweep
from nanojunction.procedures.runner import run_procedure

# One sweep for every kind of junction: what a screening would use.
SCREENING = {
    "turning_points": "0, 10 mV, -10 mV, 0",
    "step": "2 mV",
    "compliance": "250 uA",
    "environment_interval": "3600 s",
    "compliance_dwell": "0 s",  # at this speed an exchange takes seconds
}

# Of every kind what is hardest to tell from its neighbours. At 295 K B has its V_off at 11.1 mV,
# beyond the sweep; shorts leave hardly a row that is not in compliance.
BATCH = """
device = "chip"
[[populations]]
truth = "open"
count = 6
[populations.junction]
law = "linear"
r_s_ohm = { distribution = "lognormal", median = 3e10, sigma = 0.5 }
[[populations]]
truth = "short"
count = 6
[populations.junction]
law = "linear"
r_s_ohm = { distribution = "uniform", low = 0.05, high = 9.5 }
[[populations]]
truth = "ohmic"
count = 6
[populations.junction]
law = "linear"
r_s_ohm = { distribution = "uniform", low = 11.0, high = 10e3 }
[[populations]]
truth = "ohmic"
count = 1
[populations.junction]
law = "linear"
r_s_ohm = 20e6
[[populations]]
truth = "candidate"
count = 1
like = "A"
[[populations]]
truth = "candidate"
count = 1
like = "B"
[[populations]]
truth = "candidate"
count = 1
like = "C"
[[populations]]
truth = "candidate"
count = 1
like = "MTJ"
"""


def measured(station: Station, devices: tuple[Device, ...], folder: Path) -> list[RunResult]:
    """Measure every device once, and the line, over the sockets; analyse the run files."""
    for name, ohm in (("100", "100 ohm"), ("1k", "1 kohm"), ("10k", "10 kohm")):
        station.bench.mount(f"resistor-{name}")
        run = Calibration(sample=f"resistor-{name}", nominal=ohm, repeats=2)
        assert run_procedure(run, station, folder / "line").ok
    for device in devices:
        station.bench.mount(device.law)
        run = IVSweep(sample=device.name, **SCREENING)
        assert run_procedure(run, station, folder / "chip", name=device.name).ok
    analysis = analyse([folder / "chip"])
    assert not analysis.errors
    return list(analysis.run_results)


def line_in(folder: Path) -> MeasuringLine:
    return measuring_line(analyse([folder / "line"]).run_results)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_measured_junction_gets_the_verdict_of_its_population(
    virtual_station: Callable[..., Station], tmp_path: Path, seed: int
) -> None:
    devices = parse_batch(BATCH, "mine.toml", seed)
    with virtual_station(virtual={"seed": seed}) as station:
        results = measured(station, devices, tmp_path)
    line = line_in(tmp_path)
    found = batch_yields(results, line=line)
    truth = {device.name: device.truth for device in devices}
    assert {one.device: one.verdict for one in found.devices} == truth
    assert found.counts() == {"open": 6, "short": 6, "ohmic": 7, "candidate": 4, "undecided": 0}
    assert found.yields["neither_open_nor_short"].count == 11

    # Compared before, B's V_off beyond the sweep is bound by where it ends, as for a single device.
    compared = [against_line(result, line) for result in results]
    assert batch_yields(compared).counts() == found.counts()
    claims = {claim.device: claim for claim in find_claims(compared, [])}
    candidates = {device for device, claim in claims.items() if claim.verdict == "candidate"}
    assert candidates == {device for device, kind in truth.items() if kind == "candidate"}
    beyond = [device for device in candidates if "lies beyond the sweep" in claims[device].reason]
    assert len(beyond) == 1
    assert "at least" in claims[beyond[0]].reason


# The rules, one by one

LINE = MeasuringLine(
    tuple(
        LinePoint(f"resistor-{r:g}", r, Quantity(5e-6, 1e-7), Quantity(i, 1e-2 * i))
        for r, i in ((100.0, 5e-8), (10e3, 5e-10))
    )
)


def run_of(
    current_of: Callable[[np.ndarray], np.ndarray],
    device: str = "chip-001",
    noise_A: float = 1e-11,
    limit_A: float = math.inf,
    kind: RunKind = "iv",
) -> Run:
    """A run of 0, 10 mV, −10 mV, 0 in 0.5 mV steps; beyond the limit the rows are in compliance."""
    v = np.concatenate(
        [np.linspace(0, 0.01, 21), np.linspace(0.01, -0.01, 41), np.linspace(-0.01, 0, 21)]
    )
    rng = np.random.default_rng(3)
    current = current_of(v)
    limited = np.abs(current) > limit_A
    # A source in compliance shows the voltage at which the junction carries the limit.
    wide = np.linspace(-0.02, 0.02, 40001)
    at_limit = np.interp(np.sign(current) * min(limit_A, 1e3), current_of(wide), wide)
    sensed = np.where(limited, at_limit, v)
    return Run(
        file=Path(f"{device}.csv"),
        device=device,
        kind=kind,
        time_s=None,
        leg=np.repeat([0, 1, 2], [21, 41, 21]),
        setpoint_V=v,
        setpoint_A=None,
        voltage_V=sensed,
        current_A=np.clip(current, -limit_A, limit_A) + rng.normal(0, noise_A, len(v)),
        field_T=None,
        temperature_K=None,
        in_compliance=limited,
    )


def verdict(
    current_of: Callable[[np.ndarray], np.ndarray],
    *,
    line: MeasuringLine | None = LINE,
    thresholds: Thresholds = Thresholds(),  # noqa: B008
    noise_A: float = 1e-11,
    limit_A: float = math.inf,
) -> DeviceVerdict:
    run = run_of(current_of, noise_A=noise_A, limit_A=limit_A)
    return judge(analyse_iv(run), line, thresholds)


def test_no_current_is_open_and_the_reason_gives_the_least_resistance() -> None:
    found = verdict(lambda v: np.full(len(v), 1e-10))
    assert found.verdict == "open"
    assert "above" in found.reason


def test_a_slope_that_is_hidden_by_noise_is_open_and_one_that_stands_out_is_not() -> None:
    assert verdict(lambda v: v / 5e9).verdict == "open"
    assert verdict(lambda v: v / 2e8).verdict == "ohmic"
    assert verdict(lambda v: v / 2e8, thresholds=Thresholds(open_above_ohm=1e8)).verdict == "open"


def test_a_current_without_a_slope_is_not_called_open() -> None:
    found = verdict(lambda v: np.full(len(v), -1e-6))
    assert found.verdict == "undecided"
    assert "-1 µA flows at 0 V" in found.reason


@pytest.mark.parametrize("r_ohm", [0.1, 1.0, 9.9])
@pytest.mark.parametrize("limit_A", [1e-4, 1e-3, 1.0])
def test_a_short_is_one_in_compliance_and_out_of_it(r_ohm: float, limit_A: float) -> None:
    found = verdict(lambda v: v / r_ohm, noise_A=1e-8, limit_A=limit_A)
    assert found.verdict == "short"
    assert found.resistance_ohm == pytest.approx(r_ohm, rel=0.01)


def test_a_generating_junction_in_compliance_is_not_called_a_short() -> None:
    found = verdict(lambda v: (v - 0.004) / 150, noise_A=1e-9, limit_A=50e-6)
    assert found.verdict == "candidate"


def test_a_candidate_needs_both_offsets() -> None:
    assert verdict(lambda v: (v - 0.004) / 150, noise_A=1e-9).verdict == "candidate"
    # A hundred times the current, but a V_off of the line's size, and the other way round.
    assert verdict(lambda v: (v - 9e-6) / 1.2, thresholds=HARD_SHORTS).verdict == "ohmic"
    assert verdict(lambda v: (v - 1e-4) / 5e6).verdict == "ohmic"


HARD_SHORTS = Thresholds(short_below_ohm=0.1)


def test_an_offset_beyond_the_sweep_counts_as_large_as_the_sweep() -> None:
    found = verdict(lambda v: (v - 0.084) / 25.9e3)
    assert found.verdict == "candidate"
    assert "at least" in found.reason
    # The sweep went to 10 mV: with a line of 2 mV that is no ten times.
    coarse = MeasuringLine(
        tuple(replace(point, v_off_V=Quantity(2e-3, 1e-5)) for point in LINE.points)
    )
    found = verdict(lambda v: (v - 0.084) / 25.9e3, line=coarse)
    assert found.verdict == "undecided"
    assert "sweep further" in found.reason


def test_a_sweep_that_cannot_tell_the_resistance_calls_nothing_open() -> None:
    whole = run_of(lambda v: v / 1e6)
    one_sided = replace(
        whole,
        **{
            name: getattr(whole, name)[:21]
            for name in ("leg", "setpoint_V", "voltage_V", "current_A", "in_compliance")
        },
    )
    found = judge(analyse_iv(one_sided), LINE, Thresholds())
    assert found.verdict == "undecided"
    assert "chord" in found.reason
    local = Thresholds(resistance="r_s_ohm")
    assert judge(analyse_iv(one_sided), LINE, local).verdict == "ohmic"


def test_a_run_that_was_not_compared_with_the_line_is_undecided_and_says_so() -> None:
    found = verdict(lambda v: (v - 0.004) / 150, line=None, noise_A=1e-9)
    assert found.verdict == "undecided"
    assert "no known resistor" in found.reason


def test_a_falling_current_is_undecided() -> None:
    found = verdict(lambda v: -v / 1e3, noise_A=1e-9)
    assert found.verdict == "undecided"
    assert found.resistance_ohm == pytest.approx(-1e3, rel=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"open_above_ohm": 0.0},
        {"short_below_ohm": math.inf},
        {"open_below_A": math.nan},
        {"candidate_ratio": -1.0},
        {"short_below_ohm": 2e9},
        {"confidence": 1.0},
        {"resistance": "v_off_V"},
    ],
)
def test_thresholds_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Thresholds(**wrong)


# The statistics


def resistors(ohms: list[float]) -> list[RunResult]:
    return [
        analyse_iv(run_of(partial(np.multiply, 1.0 / ohm), f"chip-{n:03d}", noise_A=1e-9))
        for n, ohm in enumerate(ohms)
    ]


def test_the_wilson_interval_of_nine_in_193() -> None:
    found = wilson(9, 193)
    z, n, p = 1.959963985, 193, 9 / 193
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (found.count, found.of, found.fraction) == (9, 193, p)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))


@given(st.integers(1, 500), st.data())
def test_a_yield_lies_inside_of_its_interval(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    found = wilson(count, of)
    assert 0.0 <= found.low <= found.fraction + 1e-12
    assert found.fraction - 1e-12 <= found.high <= 1.0
    assert (
        found.high - found.low > wilson(10 * count, 10 * of).high - wilson(10 * count, 10 * of).low
    )


@pytest.mark.parametrize(("count", "of"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_yield_is_refused(count: int, of: int) -> None:
    with pytest.raises(ValueError, match="is no yield"):
        wilson(count, of)


def test_the_median_is_that_of_what_is_neither_open_nor_short_and_ra_goes_with_the_area() -> None:
    results = resistors([0.5, 1e11, 3000.0, 4000.0, 4395.0, 5000.0, 57.7e3])
    found = batch_yields(results, line=LINE, diameter_m=20e-6)
    assert found.resistance_ohm.value == pytest.approx(4395, rel=1e-3)
    low, high = found.resistance_ohm.extra["interval"]
    assert 2999 < low < 4395 < high < 57.8e3
    # Katcko 2019, Methods: 4395 Ω is 1.38e6 Ω·µm² at 20 µm.
    assert found.ra_ohm_um2 is not None
    assert found.ra_ohm_um2.value == pytest.approx(1.38e6, rel=2e-3)
    assert found.ra_ohm_um2.extra["interval"] == pytest.approx([314.159 * low, 314.159 * high])


def test_the_bootstrap_interval_holds_the_true_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    thresholds = Thresholds(confidence=0.8)
    template = resistors([1000.0])[0]
    held = 0
    for _ in range(60):
        results = [
            replace(
                template,
                run=replace(template.run, device=f"chip-{n}"),
                quantities={**template.quantities, "r_s_chord_ohm": Quantity(float(ohm), 0.1)},
            )
            for n, ohm in enumerate(4395.0 * np.exp(rng.normal(0.0, 0.5, 41)))
        ]
        found = batch_yields(results, line=LINE, thresholds=thresholds)
        low, high = found.resistance_ohm.extra["interval"]
        held += low < 4395.0 < high
    # 48 are expected; outside of 39 … 57 one of a thousand seeds would fall.
    assert 39 <= held <= 57


def test_too_few_junctions_have_no_interval_and_none_no_median() -> None:
    two = batch_yields(resistors([1000.0, 3000.0]), line=LINE)
    assert two.resistance_ohm.value == pytest.approx(2000.0, rel=1e-3)
    assert two.resistance_ohm.stderr is None
    assert "too few" in str(two.resistance_ohm.note)
    none = batch_yields(resistors([1e11]), line=LINE, diameter_m=3e-7)
    assert none.resistance_ohm.value is None
    assert none.ra_ohm_um2 is not None
    assert none.ra_ohm_um2.value is None


def test_the_same_runs_give_the_same_numbers_and_plain_json() -> None:
    results = resistors([0.5, 1e11, 3000.0, 4000.0, 4395.0])
    first, again = (
        json.dumps(batch_yields(results, line=LINE, diameter_m=2e-5).to_json(), allow_nan=False)
        for _ in range(2)
    )
    assert first == again
    content = json.loads(first)
    assert content["yields"]["short"]["count"] == 1
    assert content["yields"]["neither_open_nor_short"]["fraction"] == pytest.approx(0.6)
    assert content["devices"][1] | {"reason": ""} == {
        "device": "chip-001",
        "verdict": "open",
        "resistance_ohm": None,
        "reason": "",
    }
    assert content["thresholds"]["short_below_ohm"] == 10.0


def test_a_batch_is_one_run_of_each_junction_and_nothing_else() -> None:
    one = resistors([1000.0])[0]
    with pytest.raises(ValueError, match=r"chip-000.*one run of each"):
        batch_yields([one, one])
    with pytest.raises(ValueError, match="no results"):
        batch_yields([])
    calibration = replace(one, run=replace(one.run, kind="calibration"))
    with pytest.raises(ValueError, match="no I\\(V\\) of a junction"):
        batch_yields([calibration])
    with pytest.raises(ValueError, match="diameter_m"):
        batch_yields([one], diameter_m=0.0)
