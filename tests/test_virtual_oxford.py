"""The virtual IPS 120-10 and ITC 503 as their manuals describe them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nanojunction.instruments.virtual import World, WorldSettings
from nanojunction.instruments.virtual.oxford.ips120_10 import Ips120
from nanojunction.instruments.virtual.oxford.itc503 import Itc503
from tests.virtual_bench import world_with


def ips(settings: WorldSettings | None = None) -> Ips120:
    return Ips120(world_with(settings=settings), latency_s=0.005)


def itc() -> Itc503:
    return Itc503(world_with(), latency_s=0.005)


def after(instrument: Ips120 | Itc503, seconds: float) -> None:
    instrument.world.clock.sleep(seconds)


# IPS 120-10

IPS_SESSIONS = {
    "power-up": [
        ("V", "IPS120-10  Version 3.07  (c) OXFORD 1996"),
        ("X", "X00A4C0H0M10P00"),
        ("R7", "R+0.000"),
    ],
    "local control refuses what would change something": [
        ("A0", "?A0"),
        ("J1.5", "?J1.5"),
        ("H1", "?H1"),
        ("C3", "C"),
        ("A0", "A"),
        ("J1.5", "J"),
        ("R8", "R+1.500"),
    ],
    "a dollar asks for no answer": [
        ("$C3", None),
        ("$J0.25", None),
        ("$nonsense", None),
        ("R8", "R+0.250"),
        ("@1R8", "R+0.250"),
    ],
    "extended resolution, and Q is never answered": [
        ("C3", "C"),
        ("J0.123456", "J"),
        ("R8", "R+0.123"),
        ("Q4", None),
        ("R8", "R+0.12346"),
        ("T0.1234", "T"),
        ("R9", "R+0.1234"),
        ("Q1", "?Q1"),
    ],
    "amperes and tesla": [
        ("C3", "C"),
        ("I50", "I"),
        ("R5", "R+50.00"),
        ("R8", "R+4.000"),
        ("S2.5", "S"),
        ("R6", "R+2.50"),
        ("R9", "R+0.200"),
    ],
    "limits": [
        ("C3", "C"),
        ("J7.1", "?J7.1"),
        ("J-7", "J"),
        ("R8", "R-7.000"),
        ("I-100", "?I-100"),
        ("R21", "R-87.50"),
        ("R22", "R+87.50"),
    ],
    "nonsense": [
        ("C3", "C"),
        ("", "?"),
        ("7", "?7"),
        ("K1", "?K1"),
        ("R3", "?R3"),
        ("R25", "?R25"),
        ("A3", "?A3"),
        ("J1e-3", "?J1e-3"),
        ("Jnan", "?Jnan"),
        ("T-1", "?T-1"),
    ],
    "a clamped output is released first": [
        ("C3", "C"),
        ("A1", "?A1"),
        ("A0", "A"),
        ("A1", "A"),
    ],
}


@pytest.mark.parametrize("session", IPS_SESSIONS.values(), ids=IPS_SESSIONS)
def test_ips_session(session: list[tuple[str, str | None]]) -> None:
    supply = ips()
    assert [(sent, supply.handle(sent)) for sent, _ in session] == session


def ready_ips(settings: WorldSettings | None = None) -> Ips120:
    supply = ips(settings)
    for command in ("C3", "$Q4", "A0", "H1"):
        supply.handle(command)
    after(supply, 20.0)
    return supply


def test_a_ramp_is_sweeping_until_it_is_at_rest_at_the_setpoint() -> None:
    supply = ready_ips()
    for command in ("T0.3", "J0.5", "A1"):
        supply.handle(command)
    assert supply.handle("X") == "X00A1C3H1M11P00"
    after(supply, 30.0)
    assert float(supply.handle("R7")[1:]) == pytest.approx(0.15, abs=0.001)
    after(supply, 75.0)
    assert supply.handle("X") == "X00A1C3H1M10P00"
    assert supply.handle("R7") == "R+0.50000"
    assert supply.world.field_T() == 0.5


def test_hold_stops_and_a_new_setpoint_during_a_sweep_is_followed() -> None:
    supply = ready_ips()
    for command in ("T0.6", "J1", "A1"):
        supply.handle(command)
    after(supply, 20.0)
    supply.handle("A0")
    stopped = supply.world.field_T()
    after(supply, 100.0)
    assert supply.world.field_T() == stopped == pytest.approx(0.2, abs=1e-3)
    supply.handle("A1")
    supply.handle("J-0.1")
    after(supply, 100.0)
    assert supply.world.field_T() == -0.1


def test_a_rate_above_the_limit_runs_at_the_limit_and_says_so() -> None:
    supply = ready_ips()
    for command in ("T10", "J2", "A1"):
        supply.handle(command)
    assert supply.handle("X") == "X00A1C3H1M13P00"
    after(supply, 60.0)
    assert supply.world.field_T() == pytest.approx(1.0, abs=1e-3)


def test_persistent_mode_and_back() -> None:
    supply = ready_ips()
    for command in ("T0.6", "J0.5", "A1"):
        supply.handle(command)
    after(supply, 60.0)
    supply.handle("H0")
    after(supply, 20.0)
    supply.handle("A2")
    after(supply, 60.0)
    assert supply.world.field_T() == 0.5
    assert (supply.handle("R7"), supply.handle("R18")) == ("R+0.00000", "R+0.50000")
    assert supply.handle("X") == "X00A2C3H2M10P00"
    assert supply.handle("H1") == "?H1"  # the leads do not carry the magnet's current
    supply.handle("A1")
    after(supply, 60.0)
    assert supply.handle("H1") == "H"
    after(supply, 20.0)
    supply.handle("A2")
    after(supply, 60.0)
    assert supply.world.field_T() == 0.0


def test_forcing_the_heater_on_a_mismatch_quenches_and_the_supply_recovers() -> None:
    supply = ready_ips()
    for command in ("T1", "J2", "A1"):
        supply.handle(command)
    after(supply, 130.0)
    supply.handle("H0")
    after(supply, 20.0)
    supply.handle("A2")
    after(supply, 130.0)
    assert supply.handle("H2") == "H"
    after(supply, 16.0)
    assert supply.handle("X")[:5] == "X10A4"
    assert supply.handle("A1") == "?A1"
    after(supply, 10.0)
    assert supply.world.field_T() == 0.0
    assert supply.handle("A0") == "A"
    assert supply.handle("X")[:5] == "X00A0"
    assert supply.handle("R18") == "R+0.00000"


def test_without_a_switch_the_field_follows_the_leads() -> None:
    supply = ips(WorldSettings(switch_fitted=False))
    for command in ("C3", "A0", "J0.1", "A1"):
        assert supply.handle(command) == command[0]
    assert supply.handle("X")[7:9] == "H8"
    after(supply, 60.0)
    assert supply.world.field_T() == 0.1
    assert supply.handle("H1") == "?H1"


def test_the_supply_shows_the_voltage_of_the_coil() -> None:
    supply = ready_ips()
    for command in ("T0.6", "J1", "A1"):
        supply.handle(command)
    rate_A_per_s = 0.6 / 60.0 / 0.08
    assert float(supply.handle("R1")[1:]) == pytest.approx(12.0 * rate_A_per_s, abs=0.02)


class AnyOrderOfCommands(RuleBasedStateMachine):
    """Whatever is sent: the field stays within limits and never jumps while all is normal."""

    def __init__(self) -> None:
        super().__init__()
        self.supply = ready_ips()
        self.last = (self.supply.world.now(), 0.0)

    @rule(n=st.sampled_from([0, 1, 2, 4]))
    def activity(self, n: int) -> None:
        assert self.supply.handle(f"A{n}") in ("A", f"?A{n}")

    @rule(n=st.sampled_from([0, 1]))
    def heater(self, n: int) -> None:
        assert self.supply.handle(f"H{n}") in ("H", f"?H{n}")

    @rule(tesla=st.floats(-8, 8))
    def setpoint(self, tesla: float) -> None:
        answer = self.supply.handle(f"J{tesla:.5f}")
        assert answer.startswith("?") == (abs(round(tesla, 5)) > 7.0)

    @rule(rate=st.floats(0.01, 2.0))
    def rate(self, rate: float) -> None:
        assert self.supply.handle(f"T{rate:.4f}") == "T"

    @rule(seconds=st.floats(0.0, 500.0))
    def wait(self, seconds: float) -> None:
        after(self.supply, seconds)

    @invariant()
    def the_field_moves_no_faster_than_its_limit(self) -> None:
        world: World = self.supply.world
        (t0, before), (t, field) = self.last, (world.now(), world.field_T())
        mismatch = world.settings.quench_mismatch_T  # what a too early ramp may make it jump
        assert abs(field) <= 7.0
        if not world.magnet.quenched:
            assert abs(field - before) <= 1.0 / 60.0 * (t - t0) + mismatch + 1e-9
        self.last = (t, field)


TestAnyOrderOfCommands = AnyOrderOfCommands.TestCase


# ITC 503

ITC_SESSIONS = {
    "power-up": [
        ("V", "ITC503 Version 1.11 (c) OXFORD 1997"),
        ("X", "X0A0C0S00H1L0"),
        ("R0", "R295.000"),
    ],
    "local control": [("T100", "?T100"), ("C1", "C"), ("T100", "T"), ("R0", "R100.000")],
    "manual heater": [
        ("C3", "C"),
        ("O40", "O"),
        ("R5", "R40.0"),
        ("R6", "R16.0"),
        ("O100", "?O100"),
        ("A1", "A"),
        ("O40", "?O40"),
        ("X", "X0A1C3S00H1L0"),
    ],
    "gas": [("C3", "C"), ("G12.5", "G"), ("R7", "R12.5"), ("A2", "A"), ("G1", "?G1")],
    "loop constants": [
        ("C3", "C"),
        ("P15", "P"),
        ("I1.5", "I"),
        ("D0.2", "D"),
        ("R8", "R15.0"),
        ("R9", "R1.5"),
        ("R10", "R0.2"),
        ("L1", "L"),
        ("P20", "?P20"),
        ("X", "X0A0C3S00H1L1"),
    ],
    "limits": [("C3", "C"), ("T-1", "?T-1"), ("T2000", "?T2000"), ("H2", "?H2"), ("R14", "?R14")],
    "the sweep table": [
        ("C3", "C"),
        ("s100", "?s100"),
        ("$x1", None),
        ("$y2", None),
        ("s12.5", "s"),
        ("r", "r12.500"),
        ("w", "w"),
        ("r", "r0.000"),
    ],
}


@pytest.mark.parametrize("session", ITC_SESSIONS.values(), ids=ITC_SESSIONS)
def test_itc_session(session: list[tuple[str, str | None]]) -> None:
    controller = itc()
    assert [(sent, controller.handle(sent)) for sent, _ in session] == session


def kelvin(controller: Itc503, parameter: int) -> float:
    return float(controller.handle(f"R{parameter}")[1:])


def test_power_up_holds_its_temperature() -> None:
    controller = itc()
    after(controller, 3600.0)
    assert kelvin(controller, 1) == pytest.approx(295.0, abs=0.02)
    assert kelvin(controller, 5) > 10.0


def test_automatic_control_brings_insert_and_sample_to_the_setpoint() -> None:
    controller = itc()
    for command in ("C3", "A1", "T245"):
        controller.handle(command)
    after(controller, 60.0)
    assert kelvin(controller, 2) > kelvin(controller, 1) + 1.0
    after(controller, 540.0)
    assert [kelvin(controller, n) for n in (1, 2, 3)] == pytest.approx([245.0] * 3, abs=0.02)
    assert kelvin(controller, 4) == pytest.approx(0.0, abs=0.02)


def test_heater_off_cools_down() -> None:
    controller = itc()
    for command in ("C3", "A1", "T295", "A0", "O0"):
        controller.handle(command)
    after(controller, 600.0)
    assert kelvin(controller, 5) == 0.0
    assert kelvin(controller, 1) < 60.0


def test_a_setpoint_below_the_gas_ends_at_the_gas() -> None:
    controller = itc()
    for command in ("C3", "A1", "T1.5"):
        controller.handle(command)
    after(controller, 3600.0)
    assert kelvin(controller, 0) == 1.5
    assert kelvin(controller, 1) == pytest.approx(4.2, abs=0.02)


def test_a_sweep_goes_on_while_the_heater_is_in_manual_and_is_caught_up_with() -> None:
    controller = itc()
    for command in ("C3", "x1", "y1", "s275", "y2", "s4", "y3", "s60", "S1"):
        controller.handle(command)
    after(controller, 120.0)
    assert kelvin(controller, 1) == pytest.approx(295.0, abs=0.02)
    controller.handle("A1")
    after(controller, 600.0)
    assert kelvin(controller, 2) == pytest.approx(275.0, abs=0.1)


def test_a_sweep_ramps_the_setpoint_and_holds() -> None:
    controller = itc()
    for command in ("C3", "A1", "T295"):
        controller.handle(command)
    for row, (target, sweep_min, hold_min) in enumerate([(255.0, 4.0, 10.0), (275.0, 2.0, 5.0)], 1):
        for column, value in enumerate((target, sweep_min, hold_min), 1):
            for command in (f"x{row}", f"y{column}", f"s{value}"):
                controller.handle(command)
    controller.handle("S1")
    after(controller, 120.0)
    assert kelvin(controller, 0) == pytest.approx(275.0, abs=0.1)
    assert controller.handle("X")[6:9] == "S01"
    after(controller, 500.0)
    assert controller.handle("X")[6:9] == "S02"
    assert kelvin(controller, 2) == pytest.approx(255.0, abs=0.2)
    controller.handle("S0")
    assert controller.handle("X")[6:9] == "S00"
    assert kelvin(controller, 0) == pytest.approx(255.0)


@given(line=st.text(st.characters(codec="latin-1"), max_size=30))
def test_any_line_is_answered_with_its_letter_or_a_question_mark(line: str) -> None:
    for instrument in (ips(), itc()):
        answer = instrument.handle(line)
        if answer is None:
            assert "$" in line or "Q" in line
        else:
            assert answer.startswith("?") or answer[0] in "CUVWXRI"
        assert instrument.handle("R5").startswith("R")
