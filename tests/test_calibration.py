"""Offsets against the measuring line: interpolation, ratios, bounds and the verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.calibration import (
    CalibrationError,
    LinePoint,
    MeasuringLine,
    against_line,
    is_calibration,
    measuring_line,
)
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run import Run, RunKind
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity

# Chowrira's bounds on the line of the published measurements.
PUBLISHED = ((100.0, 40e-6, 0.11e-6), (1e3, 20e-6, 30e-9), (10e3, 30e-6, 0.8e-9))


def line_of(rows: tuple[tuple[float, float, float], ...], relative: float = 0.01) -> MeasuringLine:
    return MeasuringLine(
        tuple(
            LinePoint(
                f"resistor-{r:g}", r, Quantity(v, relative * abs(v)), Quantity(i, relative * i)
            )
            for r, v, i in rows
        )
    )


def run_of(device: str, kind: RunKind = "iv", current: np.ndarray | None = None) -> Run:
    voltage = np.concatenate([np.linspace(-0.01, 0.01, 81), np.linspace(0.01, -0.01, 81)])
    count = len(voltage)
    return Run(
        file=Path(f"{device}.csv"),
        device=device,
        kind=kind,
        time_s=None,
        leg=np.repeat([0, 1], 81),
        setpoint_V=None,
        setpoint_A=None,
        voltage_V=voltage,
        current_A=np.zeros(count) if current is None else current,
        field_T=None,
        temperature_K=None,
        in_compliance=np.zeros(count, dtype=bool),
    )


def resistor(r: float, v: float, i: float, err: float = 0.01, device: str = "") -> RunResult:
    quantities = {
        "r_s_ohm": Quantity(r, 1e-3 * r),
        "v_off_V": Quantity(v, err * abs(v)),
        "i_off_A": Quantity(i, err * abs(i)),
    }
    return RunResult(run_of(device or f"resistor-{r:g}", "calibration"), quantities, ())


def junction(r: float | None, v: float | None, i: float | None) -> RunResult:
    def quantity(value: float | None) -> Quantity:
        if value is None:
            return Quantity(None, note="no crossing in the swept range")
        return Quantity(value, 1e-3 * abs(value))

    quantities = {"r_s_ohm": quantity(r), "v_off_V": quantity(v), "i_off_A": quantity(i)}
    return RunResult(run_of("A"), quantities, ())


def test_the_published_junction_a_is_a_candidate() -> None:
    found = against_line(junction(157.0, 4.05e-3, -26e-6), line_of(PUBLISHED[:1])).quantities
    assert found["offset_ratio_v"].value == pytest.approx(101.25)
    assert found["offset_ratio_i"].value == pytest.approx(236.4, abs=0.1)
    assert found["candidate"].value == 1.0
    assert found["candidate"].note.startswith(
        "beyond the measuring line by 101× in V and 236× in I"
    )


def test_a_ratio_carries_both_errors() -> None:
    found = against_line(junction(100.0, 4.0e-3, -26e-6), line_of(PUBLISHED, 0.05)).quantities
    assert found["offset_ratio_v"].stderr == pytest.approx(100 * np.hypot(1e-3, 0.05))


def test_the_degraded_junction_is_within_the_line() -> None:
    found = against_line(junction(8.1e3, 25e-6, 3e-9), line_of(PUBLISHED)).quantities
    assert found["candidate"].value == 0.0
    assert "not beyond the measuring line" in found["candidate"].note


@pytest.mark.parametrize(("v", "i"), [(84e-3, 5e-9), (100e-6, -13.8e-6)])
def test_a_candidate_needs_both_ratios(v: float, i: float) -> None:
    found = against_line(junction(10e3, v, i), line_of(PUBLISHED)).quantities
    assert found["candidate"].value == 0.0


def test_offsets_are_interpolated_in_the_logarithm_of_the_resistance() -> None:
    line = line_of(PUBLISHED)
    middle = line.offset("v_off_V", np.sqrt(100.0 * 1e3))
    assert middle.value == pytest.approx(30e-6)
    assert middle.stderr == pytest.approx(0.5 * np.hypot(0.4e-6, 0.2e-6))
    assert middle.note is None


@pytest.mark.parametrize(("r", "nearest"), [(63.0, 40e-6), (57.7e3, 30e-6)])
def test_outside_the_range_the_nearest_resistor_serves_and_is_flagged(
    r: float, nearest: float
) -> None:
    offset = line_of(PUBLISHED).offset("v_off_V", r)
    assert offset.value == pytest.approx(nearest)
    assert re.search(r"was not calibrated at [\d.]+ [kMm]?Ω: ", offset.note or "")
    found = against_line(junction(r, 4e-3, 1e-3), line_of(PUBLISHED)).quantities
    assert "nearest resistor" in found["candidate"].note
    assert "nearest resistor" in found["offset_ratio_v"].note


@given(st.floats(100, 1e4))
def test_an_interpolated_offset_lies_between_its_neighbours(r: float) -> None:
    line = line_of(PUBLISHED)
    assert 20e-6 <= line.offset("v_off_V", r).value <= 40e-6
    assert 0.8e-9 * (1 - 1e-9) <= line.offset("i_off_A", r).value <= 0.11e-6 * (1 + 1e-9)


def test_opposite_signs_of_the_line_never_cancel() -> None:
    line = line_of(((100.0, 20e-6, 1e-9), (10e3, -20e-6, 1e-9)))
    assert line.offset("v_off_V", 1e3).value == pytest.approx(20e-6)
    assert line.offset("v_off_V", 1e3, signed=True).value == pytest.approx(0.0, abs=1e-12)


def test_a_line_offset_of_zero_within_its_error_gives_a_lower_bound() -> None:
    point = LinePoint("resistor-100", 100.0, Quantity(1e-6, 2e-6), Quantity(1e-7, 1e-9))
    found = against_line(junction(100.0, 4e-3, -26e-6), MeasuringLine((point,))).quantities
    ratio = found["offset_ratio_v"]
    assert ratio.value == pytest.approx(4e-3 / 5e-6)
    assert ratio.stderr is None
    assert "lower bound" in ratio.note
    assert "at least 800× in V" in found["candidate"].note


def test_a_lower_bound_below_ten_decides_nothing_alone() -> None:
    unknown = Quantity(1e-6, 1e-3)  # the line's offset is zero within 2 mV
    point = LinePoint("resistor-100", 100.0, unknown, Quantity(1e-7, 1e-9))
    line = MeasuringLine((point,))
    found = against_line(junction(100.0, 4e-3, -26e-6), line).quantities["candidate"]
    assert found.value is None
    assert found.note.startswith("cannot be told: at least 2× in V and 260× in I")
    other_fails = against_line(junction(100.0, 4e-3, -2e-7), line).quantities["candidate"]
    assert other_fails.value == 0.0


def test_the_line_adds_systematic_errors_and_subtracts_nothing() -> None:
    found = against_line(junction(100.0, 4e-3, -26e-6), line_of(PUBLISHED)).quantities
    assert (found["v_off_V"].value, found["v_off_V"].syst) == (4e-3, pytest.approx(40e-6))
    assert (found["i_off_A"].value, found["i_off_A"].syst) == (-26e-6, pytest.approx(0.11e-6))
    assert "v_off_corrected_V" not in found


def test_subtraction_on_request_keeps_both_values() -> None:
    line = line_of(((100.0, -40e-6, 0.1e-6),))
    found = against_line(junction(100.0, 4e-3, -26e-6), line, subtract=True).quantities
    assert found["v_off_V"].value == 4e-3
    assert found["v_off_corrected_V"].value == pytest.approx(4.04e-3)
    assert found["i_off_corrected_A"].value == pytest.approx(-26.1e-6)


def test_what_is_missing_gives_no_ratio_but_its_reason() -> None:
    open_junction = against_line(junction(None, None, 1e-12), line_of(PUBLISHED)).quantities
    assert open_junction["candidate"].value is None
    assert "no slope resistance" in open_junction["candidate"].note
    no_crossing = against_line(junction(1e3, None, 1e-5), line_of(PUBLISHED)).quantities
    assert no_crossing["offset_ratio_v"].value is None
    assert "no crossing" in no_crossing["candidate"].note


def test_repeats_on_one_resistor_are_averaged_with_their_sign() -> None:
    runs = [resistor(100.0, 30e-6, 1e-7), resistor(100.4, 34e-6, 1e-7), resistor(1e3, 2e-5, 3e-8)]
    line = measuring_line(runs)
    assert [round(point.resistance_ohm) for point in line.points] == [100, 1000]
    assert line.points[0].v_off_V.value == pytest.approx(32e-6, rel=0.02)


def test_only_runs_on_resistors_make_a_line() -> None:
    with pytest.raises(CalibrationError, match=r"A\.csv: device 'A' is not recognised"):
        measuring_line([junction(100.0, 1e-6, 1e-8)])
    with pytest.raises(CalibrationError, match="no calibration run gives a resistance"):
        measuring_line([])


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("resistor-100", True),
        ("Calibration 1k", True),
        ("R100ohm", True),
        ("10 kΩ", True),
        ("10kOhm", True),
        ("A", False),
        ("B-degraded", False),
        ("MTJ-20um", False),
        ("junction 100", False),
    ],
)
def test_resistors_are_recognised_by_name(device: str, expected: bool) -> None:
    assert is_calibration(run_of(device)) is expected


def test_a_resistor_measured_through_a_line_with_offsets() -> None:
    rng = np.random.default_rng(1)
    run = run_of("resistor-100", "calibration")
    source_offset, meter_offset = 20e-6, 50e-9
    current = (run.voltage_V - source_offset) / 100.0 + meter_offset
    noisy = replace(run, current_A=current + 1e-9 * rng.standard_normal(len(current)))
    (point,) = measuring_line([analyse_iv(noisy)]).points
    assert point.resistance_ohm == pytest.approx(100.0, rel=1e-4)
    assert point.i_off_A.value == pytest.approx(-150e-9, abs=1e-9)
    assert point.v_off_V.value == pytest.approx(15e-6, abs=0.1e-6)
