"""The verdict on a device in words: on published numbers, and on resistors that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis.analyse import Analysis
from nanojunction.analysis.calibration import LinePoint, MeasuringLine, against_line
from nanojunction.analysis.controls.carried_out import find_controls
from nanojunction.analysis.devices.claims import Claim, find_claims
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.results import build_results
from nanojunction.analysis.results_check import ResultsError, check_results
from nanojunction.analysis.run import Conditions, Polarity
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity
from nanojunction.cli.findings import MOST_NAMES, MOST_VERDICTS, claims_of, warnings_of
from tests.iv_simulation import line as junction_a
from tests.iv_simulation import noisy_run, sweep

PATH = sweep([0.0, 0.01, -0.01, 0.01, -0.01, 0.0], 1e-3)
LINE = MeasuringLine(
    (LinePoint("resistor-100", 100.0, Quantity(40e-6, 1e-6), Quantity(0.11e-6, 2e-9)),)
)


def passive(v: np.ndarray) -> np.ndarray:
    return np.asarray(v / 157.0)


def measured(
    rng: np.random.Generator,
    law: object = junction_a,
    *,
    offset_V: float = 0.0,
    polarity: Polarity = "normal",
    temperature_K: float = 40.0,
    minute: int = 0,
    device: str = "A",
) -> RunResult:
    """An I(V) compared with the line; `offset_V` is in series and stays when it is reversed."""
    assert callable(law)
    way = -1.0 if polarity == "reversed" else 1.0
    held = Conditions(temperature_K, 0.0, polarity=polarity, wires=4, heater="on")
    run = noisy_run(lambda v: way * law(way * (v + offset_V)), PATH, rng, 2e-9, conditions=held)
    header = {"Started": f"2026-11-20T00:{minute:02d}:00+00:00"}
    named = replace(run, device=device, header=header, file=Path(f"{device}{minute}.csv"))
    return against_line(analyse_iv(named), LINE)


def only_claim(results: list[RunResult]) -> Claim:
    (claim,) = find_claims(results, find_controls(results))
    return claim


def test_the_published_junction_is_a_candidate_with_its_numbers() -> None:
    claim = only_claim([measured(np.random.default_rng(1))])
    assert claim.verdict == "candidate"
    assert claim.reason.startswith("beyond the measuring line by 102× in V and 236× in I")
    assert "A0.csv, 40 K, 0 T" in claim.reason
    assert "in 1 of 1 runs" in claim.reason


def test_the_clearest_run_is_quoted_and_the_others_are_counted() -> None:
    rng = np.random.default_rng(1)
    weak = measured(rng, lambda v: -1e-6 + v / 157.0, minute=1, temperature_K=300.0)
    claim = only_claim([weak, measured(rng, minute=2), measured(rng, minute=3, temperature_K=80.0)])
    assert claim.run in {"A2.csv", "A3.csv"}
    assert "in 2 of 3 runs" in claim.reason


def test_a_resistor_is_no_candidate_and_is_told_by_how_little() -> None:
    claim = only_claim([measured(np.random.default_rng(1), passive, offset_V=60e-6)])
    assert claim.verdict == "no candidate"
    assert claim.reason.startswith("not beyond the measuring line: 1.5× in V")


def test_without_calibrated_resistors_nothing_is_decided() -> None:
    run = measured(np.random.default_rng(1)).run
    claim = only_claim([analyse_iv(run)])
    assert claim.verdict == "undecided"
    assert "no calibrated resistors" in claim.reason


def test_controls_confirm_a_candidate_or_do_not() -> None:
    rng = np.random.default_rng(2)
    both: tuple[Polarity, ...] = ("normal", "reversed")
    ways = [measured(rng, polarity=way, minute=k) for k, way in enumerate(both)]
    claim = only_claim(ways)
    assert claim.verdict == "confirmed"
    assert "controls: a candidate; passed: polarity" in claim.reason
    stays = [
        measured(rng, passive, offset_V=4e-3, polarity=way, minute=k) for k, way in enumerate(both)
    ]
    claim = only_claim(stays)
    assert claim.verdict == "not confirmed"
    assert "polarity failed: V_off" in claim.reason


@pytest.mark.parametrize("thermovoltage_V", [30e-6, 100e-6, 1e-3])
def test_resistors_with_a_thermovoltage_are_never_confirmed(thermovoltage_V: float) -> None:
    rng = np.random.default_rng(3)
    both: tuple[Polarity, ...] = ("normal", "reversed", "reversed", "normal")
    verdicts = []
    for _ in range(20):
        offsets = thermovoltage_V * (1.0 + 0.1 * rng.standard_normal(4))
        runs = [
            measured(rng, passive, offset_V=float(offset), polarity=way, minute=k)
            for k, (offset, way) in enumerate(zip(offsets, both, strict=True))
        ]
        verdicts.append(only_claim(runs).verdict)
    assert "confirmed" not in verdicts
    if thermovoltage_V < 10 * 40e-6:
        assert set(verdicts) == {"no candidate"}


def test_verdicts_are_in_the_document_and_on_the_screen() -> None:
    results = [measured(np.random.default_rng(1))]
    document = build_results(results)
    (verdict,) = document["verdicts"]
    assert verdict["device"] == "A" and verdict["verdict"] == "candidate"
    with pytest.raises(ResultsError, match="verdicts"):
        check_results({**document, "verdicts": [{"device": "A"}]})
    (line,) = claims_of(Analysis(tuple(results), (), ()))
    assert line.startswith("A: candidate: beyond the measuring line by")


def test_of_many_devices_some_candidates_are_printed_and_all_are_counted() -> None:
    rng = np.random.default_rng(1)
    resistors = [measured(rng, passive, device=f"R{k}") for k in range(14)]
    lines = claims_of(Analysis((*resistors, measured(rng)), (), ()))
    assert len(lines) == 2
    assert lines[0].startswith("A: candidate")
    assert lines[1].startswith("15 devices: 14 no candidate, 1 candidate; the reasons of all")
    many = [measured(rng, device=f"A{k}") for k in range(MOST_VERDICTS + 3)]
    lines = claims_of(Analysis(tuple(many), (), ()))
    assert len(lines) == MOST_VERDICTS + 1
    assert "--report, --json" in lines[-1]


def test_a_warning_that_many_runs_share_is_one_line() -> None:
    rng = np.random.default_rng(1)
    runs = [
        replace(measured(rng, device=f"A{k}"), warnings=("20 rows in compliance are left out",))
        for k in range(MOST_NAMES + 2)
    ]
    runs = [
        replace(one, run=replace(one.run, file=Path(f"A{k}.csv"))) for k, one in enumerate(runs)
    ]
    (line,) = warnings_of(Analysis(tuple(runs), (), ()))
    assert line.startswith("A0.csv, A1.csv,")
    assert line.endswith(" and 2 more: 20 rows in compliance are left out")
