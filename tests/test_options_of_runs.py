"""What referees ask for, one option each: polarity, wires, heater off, history of the field."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.procedures.field_history import FieldHistory
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.runner import run_procedure
from tests.run_rows import header_of, rows_of

Make = Callable[..., Station]

SWITCH = {
    "driver": "keithley2700",
    "positions": {
        "1": {"normal": [101, 117], "reversed": [109, 125]},
        "2": {"normal": [102, 118]},
    },
    "short": [108, 124],
}
CHIP: dict[str, Any] = {
    "switch": SWITCH,
    "virtual": {"junctions": {"1": "A", "2": "resistor-1k"}, "speed": 1000},
}


def v_off(file: Path) -> float:
    (result,) = analyse([file]).run_results
    value = result.quantities["v_off_V"].value
    assert value is not None
    return value


def test_the_offset_of_a_junction_flips_with_its_polarity(
    virtual_station: Make, tmp_path: Path
) -> None:
    """An offset of the line does not: the voltmeter's 1 mV stays on the resistor."""
    world = {"voltmeter_offset_V": 1e-3}
    tables = CHIP | {"virtual": CHIP["virtual"] | {"world": world}}
    with virtual_station(**tables) as station:
        found = {}
        for reverse in (False, True):
            procedure = IVSweep(sample="A", position="1", reverse=reverse)
            outcome = run_procedure(procedure, station, tmp_path, name=f"reverse-{reverse}")
            assert outcome.ok, outcome.error
            found[reverse] = v_off(outcome.file)
        assert station.bench.world.hot_switches == 0
    intrinsic, of_line = (found[False] - found[True]) / 2.0, (found[False] + found[True]) / 2.0
    assert intrinsic == pytest.approx(4e-3, rel=0.1)
    assert of_line == pytest.approx(1e-3, rel=0.05)


def test_nothing_connected_is_no_measurement(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station(**CHIP) as station:
        outcome = run_procedure(IVSweep(), station, tmp_path)
    assert outcome.status == "failed"
    assert "connect a position before measuring, for example with --set position=1 (1, 2)" in (
        outcome.error or ""
    )
    assert outcome.rows == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"position": "7"}, "'7' is none of the station's: 1, 2"),
        ({"reverse": True}, "needs the position"),
        ({"reverse": True, "position": "2"}, "position 2 is not wired for the reversed polarity"),
        ({"heater_off": True}, "needs a temperature"),
        ({"persistent": True}, "needs a field"),
    ],
)
def test_what_makes_no_sense_is_refused(
    settings: dict[str, Any], words: str, virtual_station: Make, tmp_path: Path
) -> None:
    with virtual_station(**CHIP) as station, pytest.raises(ProcedureError, match=words):
        run_procedure(IVSweep(**settings), station, tmp_path)


def test_two_wires_measure_the_leads_as_well(virtual_station: Make, tmp_path: Path) -> None:
    virtual = {
        "junction": "resistor-100", "speed": 1000, "world": {"lead_resistance_ohm": 1.5},
    }  # fmt: skip
    ohms = {}
    with virtual_station(virtual=virtual) as station:
        for wires in ("2", "4"):
            outcome = run_procedure(IVSweep(wires=wires), station, tmp_path, name=f"w{wires}")
            (result,) = analyse([outcome.file]).run_results
            ohms[wires] = result.quantities["r_s_ohm"].value
    assert ohms["4"] == pytest.approx(100.0, rel=1e-3)
    assert ohms["2"] - ohms["4"] == pytest.approx(1.5, rel=0.02)


def test_the_heater_is_off_while_it_is_measured_and_on_again_after(
    virtual_station: Make, tmp_path: Path
) -> None:
    procedure = IVSweep(temperature="280 K", window="20 s", heater_off=True, step="1mV")
    seen: list[float] = []
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:

        def look(_progress: Any) -> None:
            if station.source_meter.is_output_on():
                seen.append(station.temperature.heater_percent())

        outcome = run_procedure(procedure, station, tmp_path, on_progress=look)
        assert outcome.ok, outcome.error
        assert set(seen) == {0.0}
        # On again where the sample has come to, not with a jump back to where it was.
        assert station.temperature.setpoint_K() == pytest.approx(
            station.temperature.temperature_K(), abs=30.0
        )
        assert station.temperature.setpoint_K() < 280.0
        assert station.temperature.heater_percent() > 0.0


def test_the_way_to_a_field() -> None:
    history = FieldHistory(degauss_T=0.5, saturate_T=-0.2, target_T=0.025)
    *swings, zero, saturated, target = history.way()
    assert (zero, saturated, target) == (0.0, -0.2, 0.025)
    assert swings[0] == 0.5
    sizes = [abs(field) for field in swings]
    assert sizes == sorted(sizes, reverse=True)
    assert all(a * b < 0 for a, b in pairwise(swings))
    assert sizes[-1] < 2e-3
    words = "demagnetised from 0.5 T; saturated at -0.2 T; went to 0.025 T from below"
    assert history.words() == words
    assert FieldHistory().way() == ()


def test_p_and_ap_of_katckos_junction(virtual_station: Make, tmp_path: Path) -> None:
    """AP at 250 Oe is reached from saturation at −2000 Oe; at +5 mV the currents differ in sign."""
    current = {}
    with virtual_station(virtual={"junction": "MTJ", "speed": 2000}) as station:
        for state, field in (("P", "-2000 Oe"), ("AP", "250 Oe")):
            procedure = IVSweep(
                sample="MTJ", state=state, saturate="-2000 Oe", field=field,
                turning_points="0, 5mV", step="5mV",
            )  # fmt: skip
            outcome = run_procedure(procedure, station, tmp_path, name=state)
            current[state] = rows_of(outcome.file)[-1]["Current (A)"]
            note = header_of(outcome.file, "Field history")
            assert note.startswith("saturated at -0.2 T")
            assert "magnet" in header_of(outcome.file, "Field at start")
    assert current["P"] < 0.0 < current["AP"]


def test_field_cooling_goes_to_the_field_first(virtual_station: Make, tmp_path: Path) -> None:
    procedure = IVSweep(
        temperature="290 K", window="5 s", field="0.2 T", field_first=True, vmax="1mV", step="1mV"
    )
    words: list[str] = []
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        outcome = run_procedure(
            procedure, station, tmp_path, on_progress=lambda p: words.append(p.words)
        )
    assert outcome.ok
    first_K = next(i for i, w in enumerate(words) if " K" in w)
    last_T = max(i for i, w in enumerate(words) if "ramping the field" in w)
    assert last_T < first_K


def test_a_persistent_magnet_keeps_the_field_with_its_leads_at_zero(
    virtual_station: Make, tmp_path: Path
) -> None:
    procedure = IVSweep(field="0.3 T", persistent=True, vmax="1mV", step="1mV")
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        outcome = run_procedure(procedure, station, tmp_path)
        assert outcome.ok, outcome.error
        assert station.magnet.field_T() == pytest.approx(0.3, abs=1e-3)
        assert station.magnet.lead_field_T() == pytest.approx(0.0, abs=1e-3)
        assert station.bench.world.field_T() == pytest.approx(0.3, abs=1e-3)
    assert {round(row["Field (T)"], 2) for row in rows_of(outcome.file)} == {0.3}


def test_a_station_without_a_switch_has_no_positions(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station() as station, pytest.raises(LaboratoryError, match=r"no \[switch\]"):
        run_procedure(IVSweep(position="1"), station, tmp_path)


@pytest.mark.parametrize("driver", ["keithley2400", "keithley2450", "keithley2600"])
def test_other_mains_than_the_instruments_are_noticed(
    driver: str, virtual_station: Make, tmp_path: Path
) -> None:
    tables = {"source_meter": {"driver": driver}, "station": {"line_frequency_Hz": 60}}
    with virtual_station(**tables) as station:
        outcome = run_procedure(IVSweep(), station, tmp_path)
    assert outcome.status == "failed"
    assert "set to mains of 50 Hz, the station file says 60 Hz" in (outcome.error or "")
    assert outcome.rows == 0


def test_a_fixed_settling_looks_at_nothing(virtual_station: Make, tmp_path: Path) -> None:
    procedure = IVSweep(
        temperature="200 K", temperature_rate="20 K/min", fixed_wait="30 s", field="0.1 T",
        field_wait="20 s", vmax="1mV", step="1mV", excursion="0",
    )  # fmt: skip
    words: list[str] = []
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        outcome = run_procedure(
            procedure, station, tmp_path, on_progress=lambda p: words.append(p.words)
        )
    assert outcome.ok, outcome.error
    assert "waiting for 30 s at 200 K" in words
    assert not any("to be stable" in one for one in words)
