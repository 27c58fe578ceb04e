"""The demo measures and knows no answer: change a junction by 10 %, and what is measured follows.

Every row of the comparison is moved by at least one parameter of a junction file (or, for the
offsets of the measuring line, of the world). Parameters that concern different rows are changed
together, each by a factor of its own where rows could be mistaken for each other.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.published import compare
from nanojunction.cli.demo_campaign import Step, measure, station, steps
from nanojunction.instruments.station import Station
from nanojunction.procedures.stopping import StopRequest
from tests.conftest import DEMO_SEED, Demonstrated

pytestmark = pytest.mark.campaign

Row = tuple[str, str, str]


@dataclass(frozen=True)
class Change:
    """Parameters with their factors, the runs to be made again, and what each row does then.

    `follows` gives the factor on the measured value; rows in `up` and `down` must move that way by
    more than five standard errors. A row is named by its quantity, which then holds under every
    condition, or by "condition | quantity".
    """

    junction: str
    parameters: Mapping[str, float]
    runs: tuple[str, ...]
    follows: Mapping[str, float]
    up: Sequence[str] = ()
    down: Sequence[str] = ()


UP, DOWN = 1.1, 1 / 1.1
R, V = "R_s", "V_off"
C_R = "R_s(H) from two loops"
CHANGES = [
    Change("resistor-100", {"r_s_ohm": UP}, ("resistor",), {"I_off of 100 Ω": DOWN}),
    Change("resistor-1k", {"r_s_ohm": UP}, ("resistor",), {"I_off of 1 kΩ": DOWN}),
    Change("resistor-10k", {"r_s_ohm": UP}, ("resistor",), {}, up=["I_off of 10 kΩ"]),
    Change("world", {"voltmeter_offset_V": 1.5}, ("resistor", "B-degraded"),
           {"V_off of 100 Ω": 1.5, "V_off of 1 kΩ": 1.5}, up=["V_off of 10 kΩ", V],
           down=["I_off of 10 kΩ"]),
    Change("A", {"i_off_A": UP}, ("resistor", "A_"),
           {"I_off": UP, V: UP, "I_off over the line's": UP, "V_off over the line's": UP,
            "I_sp(t) at V = 0": UP, "P_max": 1.21}),
    Change("A", {"r_s_ohm": UP}, ("A_",), {"R_s, chord ±10 mV": UP, V: UP, R: UP}),
    Change("A", {"features.1.fwhm_V": UP, "features.2.position_V": 1.2}, ("A_240K",),
           {"narrowest feature of dI/dV, FWHM": UP, "FWHM over k_BT = 20.7 meV": UP},
           up=["span of the features"]),
    Change("B", {"r_s_ohm": UP, "v_off_V": 1.05, "p_max_W": 1.2}, ("B_",),
           {"R_s at V = 0": UP, V: 1.05, "P_max": 1.2}, down=["I_off"]),
    Change("B", {"r_s_e_a_meV": UP, "p_max_e_a_low_meV": 1.15, "v_off_e_a_low_meV": UP}, ("B_",),
           {"R_s: E_a": UP, "P_max: E_a below T*": 1.15},
           down=["P_max: E_a above less below T*", "V_off: E_a above less below T*"]),
    Change("B", {"t_cross_K": UP, "p_max_e_a_high_meV": 1.15}, ("B_",),
           {"V_off: crossover T*": UP, "P_max: crossover T*": UP, "P_max: E_a above T*": 1.15},
           up=["P_max: E_a above less below T*"]),
    Change("B-degraded", {"r_s_ohm": UP}, ("B-degraded",), {"R_s at V = 0": UP}, up=["I_off"]),
    Change("C", {"zero_field.r_s_ohm": UP, "parallel.v_off_V": 1.05}, ("C_",),
           {f"40 K, H = 0 | {C_R}": UP, f"40 K, P | {V}": 1.05}, up=["MR", "MC"],
           down=["MR'", "|P| (Jullière)"]),
    Change("C", {"parallel.r_s_ohm": UP, "zero_field.v_off_V": 1.05}, ("C_",),
           {f"40 K, P | {C_R}": UP, f"40 K, H = 0 | {V}": 1.05}, up=["MR'"],
           down=["MC masked (1: yes)"]),
    Change("MTJ", {"antiparallel.v_off_V": UP, "oscillations.*.fwhm_V": UP}, ("MTJ",),
           {"narrowest oscillation of dI/dV": UP}, up=["TMR at +10 mV from I(H)"],
           down=["I at +1.4 mV", "295 K, AP | I at +5 mV"]),
    Change("MTJ", {"parallel.v_off_V": UP, "peak_V": 1.05}, ("MTJ",),
           {"P_max": 1.21, "TMR peak, position": 1.05},
           down=["295 K, P | I at +5 mV", "TMR at +5 mV from I(H)"]),
    Change("MTJ", {"parallel.peak_A": UP, "peak_fwhm_V": UP}, ("MTJ",),
           {"TMR peak": (4.4 - 1) / 3}, up=["TMR peak, FWHM over TMR = 0"]),
]  # fmt: skip


def measured(
    folder: Path, campaign: Sequence[Step], world: Mapping[str, float]
) -> list[ComparedRow]:
    config = station(DEMO_SEED)
    assert config.virtual is not None
    virtual = config.virtual.model_copy(update={"world": dict(world)})
    with Station(config.model_copy(update={"virtual": virtual})) as on:
        outcomes = measure(
            on, tuple(campaign), folder, StopRequest(), lambda _percent, _words: None
        )
    return list(compare(analyse([outcome.file for outcome in outcomes])))


@pytest.fixture(scope="session")
def undisturbed(demonstrated: Demonstrated) -> list[ComparedRow]:
    """What the demo has measured, but for the batches."""
    return list(compare(analyse(demonstrated.campaign)))


def changed_file(junction: str, factors: Mapping[str, float], folder: Path) -> Path:
    """Write the junction's file with parameters multiplied by their factors; return its path."""
    source = resources.files("nanojunction.sample_data") / "junctions" / f"{junction}.toml"
    content = tomllib.loads(source.read_text(encoding="utf-8"))
    for parameter, factor in factors.items():
        *path, last = parameter.split(".")
        tables: list[Any] = [content]
        for key in path:
            tables = [
                inner
                for table in tables
                for inner in (table if key == "*" else [table[int(key) if key.isdigit() else key]])
            ]
        for table in tables:
            table[last] *= factor
    file = folder / f"{junction}.toml"
    file.write_text(tomli_w.dumps(content), encoding="utf-8")
    return file


def names(change: Change) -> str:
    return f"{change.junction}-{'+'.join(change.parameters)}"


@pytest.mark.parametrize("change", CHANGES, ids=names)
def test_what_is_measured_follows(
    change: Change, undisturbed: list[ComparedRow], tmp_path: Path
) -> None:
    world: dict[str, float] = {}
    campaign = [step for step in steps() if step.name.startswith(change.runs)]
    if change.junction == "world":
        world = {name: factor * 5e-6 for name, factor in change.parameters.items()}
    else:
        file = changed_file(change.junction, change.parameters, tmp_path)
        campaign = [
            replace(step, junction=str(file)) if step.junction == change.junction else step
            for step in campaign
        ]
    after = {key(row): row for row in measured(tmp_path / "runs", campaign, world)}
    before = {key(row): row for row in undisturbed}
    wrong = []
    for name in named(change):
        concerned = [one for one in before if is_named(one, name, change)]
        assert concerned, f"no row is named {name}"
        wrong += [
            (after[one], before[one])
            for one in concerned
            if not follows(change, name, after[one], before[one])
        ]
    assert not wrong


def key(row: ComparedRow) -> Row:
    return row.device, row.condition, row.quantity


def named(change: Change) -> list[str]:
    return [*change.follows, *change.up, *change.down]


def is_named(row: Row, name: str, change: Change) -> bool:
    """Tell whether a change names a row; one of the world names the rows of all devices it runs."""
    device, condition, quantity = row
    if change.junction == "world":
        if not device.startswith(change.runs):
            return False
    elif device != change.junction:
        return False
    wanted, bar, rest = name.partition(" | ")
    return (condition, quantity) == (wanted, rest) if bar else quantity == name


def follows(change: Change, name: str, after: ComparedRow, before: ComparedRow) -> bool:
    now, was = after.shown, before.shown
    assert now is not None
    assert was is not None
    errors = math.hypot(after.shown_stderr or 0.0, before.shown_stderr or 0.0)
    if name in change.follows:
        factor = change.follows[name]
        moved = abs(now - was) > errors
        return moved and abs(now / was - factor) <= 0.01 * abs(factor) + 3.0 * errors / abs(was)
    return now > was + 5.0 * errors if name in change.up else now < was - 5.0 * errors


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("P_max", {"p_max_e_a_high_meV": 9.577 / 16.6}),
        # A V_off that falls this slowly needs a P_max that does, or I(V) would not rise everywhere.
        ("V_off", {"v_off_e_a_high_meV": 6.365 / 14.0, "p_max_e_a_high_meV": 1.3 / 16.6}),
    ],
)
def test_two_regimes_of_equal_energy_are_nearly_one(
    name: str, factors: dict[str, float], undisturbed: list[ComparedRow], tmp_path: Path
) -> None:
    """A criterion does not grow by ten per cent: it falls when the regimes become one.

    It does not vanish: the line's offsets, a few 1e-4 of P_max when warm, are far larger than the
    statistical errors, and bend ln P_max a little.
    """
    before, after = thermal_b(undisturbed, tmp_path, factors)
    criterion, energies = f"{name}: ΔAICc for two regimes", f"{name}: E_a above less below T*"
    assert after[criterion] < 0.5 * before[criterion]
    assert abs(after[energies]) < 0.05 * abs(before[energies])


def test_a_resistance_that_freezes_within_the_range_has_two_regimes(
    undisturbed: list[ComparedRow], tmp_path: Path
) -> None:
    """R_s of B has one regime by its law, unless it stays below 60 K what it is there."""
    before, after = thermal_b(undisturbed, tmp_path, {"freeze_K": 2.0})
    criterion = "R_s: ΔAICc for two regimes"
    assert before[criterion] < 10.0 < after[criterion]


def thermal_b(
    undisturbed: list[ComparedRow], folder: Path, factors: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return what is shown of B's temperature series, as it is and with parameters changed."""
    file = changed_file("B", factors, folder)
    campaign = [replace(step, junction=str(file)) for step in steps() if step.junction == "B"]
    rows = measured(folder / "runs", campaign, {})

    def thermal(all_rows: list[ComparedRow]) -> dict[str, float]:
        return {row.quantity: row.shown for row in all_rows if row.shown is not None
                and (row.device, row.condition) == ("B", "40 to 360 K")}  # fmt: skip

    return thermal(undisturbed), thermal(rows)


def test_every_row_is_moved_by_some_parameter(undisturbed: list[ComparedRow]) -> None:
    """All but the criteria, which have their own tests above, and the batches, which have a file.

    The numbers of the batches follow in test_demo_batches_follow.py.
    """
    still = {
        key(row)
        for row in undisturbed
        if not any(is_named(key(row), name, change) for change in CHANGES for name in named(change))
    }
    criteria = {f"{name}: ΔAICc for two regimes" for name in ("R_s", "V_off", "P_max")}
    assert still == {("B", "40 to 360 K", criterion) for criterion in criteria}
