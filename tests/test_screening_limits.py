"""No stage of a screening goes beyond a junction's limits, whatever chip file and protocol say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.screening.verdicts import STAGES
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.recipes.checking import on_paper, procedure_of
from nanojunction.procedures.screening.estimate import check_all
from nanojunction.procedures.screening.stages import Place, StagePlan
from tests.screenings import Evening, chip_text, station_of

STATION = station_of({"J1": "A"})
volts = st.floats(1e-4, 0.2)


@settings(deadline=None, max_examples=60)
@given(
    limit_V=volts,
    limit_A=st.floats(1e-6, 1e-3),
    contact_V=volts,
    short_V=volts,
    compliance_A=st.floats(1e-7, 1e-2),
    reach_V=st.none() | st.floats(-10.0, 10.0).filter(lambda one: abs(one) > 1e-4),
)
def test_whatever_is_asked_for_the_plan_stays_within(
    *,
    limit_V: float,
    limit_A: float,
    contact_V: float,
    short_V: float,
    compliance_A: float,
    reach_V: float | None,
) -> None:
    limits = f"max_voltage_V = {limit_V!r}\nmax_current_A = {limit_A!r}\n"
    more = (
        f'[protocol]\ncontact = {{ vmax = "{contact_V!r} V", compliance = "{compliance_A!r} A" }}\n'
        f'short_iv = {{ vmax = "{short_V!r} V" }}\n'
    )
    night = Evening(chip_text({"J1": ""}, more, limits), STATION, Path("nowhere"))
    try:
        plan = night.plan
        check_all(plan, on_paper(STATION, "test station"))
    except LaboratoryError:
        return  # refused before the first output
    (junction,) = plan.chip.junctions
    for stage in STAGES:
        if stage == "at_zero":
            continue
        wider = reach_V if stage not in ("contact", "contact_again", "short_iv") else None
        if wider is None and stage not in ("contact", "contact_again", "short_iv"):
            wider = short_V
        run = plan.stage_run(junction, StagePlan(stage, Place(), wider), f"J1/{stage}")
        procedure = procedure_of(run, "chip.toml")
        assert isinstance(procedure, IVSweep)
        assert max(map(abs, procedure.sweep().turning_points)) <= limit_V
        if stage.startswith("contact"):
            assert float(procedure.compliance) <= min(limit_A, max(compliance_A, 1e-4))


def test_a_report_is_told_everything_that_is_measured_by() -> None:
    more = '[protocol]\nfield = "0.2 T"\n[protocol.short_iv]\nnplc = 5.0\n'
    used = Evening(chip_text({"J1": ""}, more), STATION, Path("nowhere")).plan.protocol.used()
    assert used["field"] == "0.2 T"
    assert (used["contact.vmax"], used["contact.nplc"]) == ("1 mV", 1.0)
    assert (used["short_iv.nplc"], used["short_iv.settle"]) == (5.0, "0 s")
    assert used["repeats.repeats"] == 3


def test_the_contact_check_stays_below_a_millivolt_and_the_current_is_limited() -> None:
    night = Evening(chip_text({"J1": ""}), STATION, Path("nowhere"))
    (junction,) = night.plan.chip.junctions
    run = night.plan.stage_run(junction, StagePlan("contact", Place()), "J1/contact")
    procedure = procedure_of(run, "chip.toml")
    assert isinstance(procedure, IVSweep)
    assert max(procedure.sweep().turning_points) <= 1e-3
    assert float(procedure.compliance) <= 1e-4


@pytest.mark.parametrize("junction", ["B", "short"])
def test_in_the_world_a_greedy_protocol_goes_to_the_limits_and_no_further(
    tmp_path: Path, junction: str
) -> None:
    limits = "max_voltage_V = 0.02\nmax_current_A = 2e-5\nmax_dwell_in_compliance_s = 5\n"
    greedy = (
        '[protocol]\ncontact = { vmax = "0.1 V", compliance = "1 mA" }\n'
        'short_iv = { vmax = "0.2 V" }\nat_zero = { duration = "5 s" }\n'
    )
    chip = {"J1": junction}
    night = Evening(chip_text({"J1": ""}, greedy, limits), station_of(chip), tmp_path / "runs")
    with Station(night.config) as station:
        assert night.on(station)
        assert station.bench.world.largest_voltage_at("J1") < 0.0202
    with night.journal() as journal:
        assert journal.history("J1").max_current_A <= 2e-5 * 1.01
