"""The demo measures and knows no answer: change a junction by 10 %, and what is measured follows.

Every row of the comparison is moved by at least one parameter of a junction file (or, for the
offsets of the measuring line, of the world).
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

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.published import compare
from nanojunction.cli.demo_campaign import Step, measure, station, steps
from nanojunction.instruments.station import Station
from nanojunction.procedures.runner import StopRequest

pytestmark = pytest.mark.campaign

Row = tuple[str, str, str]


@dataclass(frozen=True)
class Change:
    """A parameter ten per cent larger, the runs to be made again, and what each row does then.

    `follows` gives the factor on the measured value; `moves` names rows that must move away from
    where they were by more than five standard errors (energies, criteria), and how.
    """

    junction: str
    parameter: str
    runs: tuple[str, ...]
    follows: Mapping[str, float]
    up: Sequence[str] = ()
    down: Sequence[str] = ()


UP, DOWN = 1.1, 1 / 1.1
R, V = "R_s", "V_off"
CHANGES = [
    Change("resistor-100", "r_s_ohm", ("resistor",), {"I_off of 100 Ω": DOWN}),
    Change("resistor-1k", "r_s_ohm", ("resistor",), {"I_off of 1 kΩ": DOWN}),
    Change("resistor-10k", "r_s_ohm", ("resistor",), {}, up=["I_off of 10 kΩ"]),
        Change("world", "voltmeter_offset_V", ("resistor", "B-degraded"),
           {"V_off of 100 Ω": UP, "V_off of 1 kΩ": UP}, up=["V_off of 10 kΩ", V],
           down=["I_off of 10 kΩ"]),
    Change("A", "i_off_A", ("resistor", "A_"),
           {"I_off": UP, V: UP, "I_off over the line's": UP, "V_off over the line's": UP,
            "I_sp(t) at V = 0": UP, "P_max": 1.21}),
    Change("A", "r_s_ohm", ("A_",), {"R_s, chord ±10 mV": UP, V: UP, R: UP}),
    Change("A", "features.1.fwhm_V", ("A_240K",),
           {"narrowest feature of dI/dV, FWHM": UP, "FWHM over k_BT = 20.7 meV": UP}),
    Change("A", "features.2.position_V", ("A_240K",), {"span of the features": UP}),
    Change("B", "r_s_ohm", ("B_",), {"R_s at V = 0": UP}, up=["I_off"]),
    Change("B", "v_off_V", ("B_",), {V: UP}),
    Change("B", "p_max_W", ("B_",), {"P_max": UP}),
    Change("B", "t_cross_K", ("B_",), {"V_off: crossover T*": UP, "P_max: crossover T*": UP}),
    Change("B", "r_s_e_a_meV", ("B_",), {"R_s: E_a": UP}),
    Change("B", "p_max_e_a_low_meV", ("B_",), {"P_max: E_a below T*": UP},
           down=["P_max: E_a above less below T*"]),
    Change("B", "p_max_e_a_high_meV", ("B_",), {"P_max: E_a above T*": UP},
           up=["P_max: E_a above less below T*"]),
    Change("B", "v_off_e_a_low_meV", ("B_",), {}, down=["V_off: E_a above less below T*"]),
    Change("B-degraded", "r_s_ohm", ("B-degraded",), {"R_s at V = 0": UP}, up=["I_off"]),
    Change("C", "zero_field.r_s_ohm", ("C_",), {"R_s(H) from two loops": UP}, up=["MR"],
           down=["MR'", "|P| (Jullière)", "MC"]),
    Change("C", "parallel.r_s_ohm", ("C_",), {"R_s(H) from two loops": UP}, up=["MR'"]),
    Change("C", "zero_field.v_off_V", ("C_",), {V: UP}, down=["MC masked (1: yes)"]),
    Change("C", "parallel.v_off_V", ("C_",), {V: UP}),
    Change("MTJ", "antiparallel.v_off_V", ("MTJ",), {}, up=["TMR at +10 mV from I(H)"],
           down=["I at +1.4 mV", "I at +5 mV"]),
    Change("MTJ", "parallel.v_off_V", ("MTJ",), {"P_max": 1.21},
           down=["I at +5 mV", "TMR at +5 mV from I(H)"]),
    Change("MTJ", "parallel.peak_A", ("MTJ",), {"TMR peak": (4.4 - 1) / 3}),
    Change("MTJ", "peak_V", ("MTJ",), {"TMR peak, position": UP}),
    Change("MTJ", "peak_fwhm_V", ("MTJ",), {}, up=["TMR peak, FWHM over TMR = 0"]),
    Change("MTJ", "oscillations.*.fwhm_V", ("MTJ_295K_P", "MTJ_295K_AP"),
           {"narrowest oscillation of dI/dV": UP}),
]  # fmt: skip


def measured(
    folder: Path, campaign: Sequence[Step], world: Mapping[str, float]
) -> list[ComparedRow]:
    config = station(seed=7)
    assert config.virtual is not None
    virtual = config.virtual.model_copy(update={"world": dict(world)})
    with Station(config.model_copy(update={"virtual": virtual})) as on:
        outcomes = measure(
            on, tuple(campaign), folder, StopRequest(), lambda _percent, _words: None
        )
    return list(compare(analyse([outcome.file for outcome in outcomes])))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[ComparedRow]:
    """The whole campaign, once."""
    return measured(tmp_path_factory.mktemp("undisturbed"), steps(), {})


def changed_file(junction: str, parameter: str, folder: Path, factor: float = 1.1) -> Path:
    """Write the junction's file with a parameter multiplied by `factor`; return its path."""
    source = resources.files("nanojunction.sample_data") / "junctions" / f"{junction}.toml"
    content = tomllib.loads(source.read_text(encoding="utf-8"))
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
    file.write_text(as_toml(content), encoding="utf-8")
    return file


def as_toml(content: Mapping[str, Any]) -> str:
    def plain(table: Mapping[str, Any]) -> list[str]:
        return [f"{key} = {value!r}".replace("'", '"') for key, value in table.items()
                if not isinstance(value, dict | list)]  # fmt: skip

    lines = plain(content)
    for key, value in content.items():
        for table in value if isinstance(value, list) else [value] * isinstance(value, dict):
            lines += [f"[[{key}]]" if isinstance(value, list) else f"[{key}]", *plain(table)]
    return "\n".join(lines) + "\n"


def names(change: Change) -> str:
    return f"{change.junction}-{change.parameter}"


@pytest.mark.parametrize("change", CHANGES, ids=names)
def test_what_is_measured_follows(
    change: Change, undisturbed: list[ComparedRow], tmp_path: Path
) -> None:
    world: dict[str, float] = {}
    campaign = [step for step in steps() if step.name.startswith(change.runs)]
    if change.junction == "world":
        world[change.parameter] = 1.1 * 5e-6
    else:
        file = changed_file(change.junction, change.parameter, tmp_path)
        campaign = [
            replace(step, junction=str(file)) if step.junction == change.junction else step
            for step in campaign
        ]
    after = {key(row): row for row in measured(tmp_path / "runs", campaign, world)}
    before = {key(row): row for row in undisturbed}
    device = None if change.junction == "world" else change.junction
    for quantity in {*change.follows, *change.up, *change.down}:
        moved = [
            (after[one], before[one])
            for one in before
            if one[2] == quantity and device in (None, one[0]) and after[one].shown is not None
        ]
        assert moved, f"{quantity} was not measured"
        assert any(follows(change, quantity, *one) for one in moved), (quantity, moved)


def key(row: ComparedRow) -> Row:
    return row.device, row.condition, row.quantity


def follows(change: Change, quantity: str, after: ComparedRow, before: ComparedRow) -> bool:
    now, was = after.shown, before.shown
    assert now is not None
    assert was is not None
    errors = math.hypot(after.shown_stderr or 0.0, before.shown_stderr or 0.0)
    if quantity in change.follows:
        factor = change.follows[quantity]
        moved = abs(now - was) > errors
        return moved and abs(now / was - factor) <= 0.01 * abs(factor) + 3.0 * errors / abs(was)
    return now > was + 5.0 * errors if quantity in change.up else now < was - 5.0 * errors


CRITERIA = ["R_s", "V_off", "P_max"]


def test_two_regimes_of_equal_energy_are_nearly_one(
    undisturbed: list[ComparedRow], tmp_path: Path
) -> None:
    """A criterion does not grow by ten per cent: it falls when the regimes become one.

    It does not vanish: the line's offsets, a few 1e-4 of P_max when warm, are far larger than the
    statistical errors, and bend ln P_max a little.
    """
    file = changed_file("B", "p_max_e_a_high_meV", tmp_path, factor=9.577 / 16.6)
    campaign = [replace(step, junction=str(file)) for step in steps() if step.junction == "B"]
    after = {row.quantity: row.shown for row in measured(tmp_path / "runs", campaign, {})}
    before = {row.quantity: row.shown for row in undisturbed if row.device == "B"}
    criterion, energies = "P_max: ΔAICc for two regimes", "P_max: E_a above less below T*"
    assert (after[criterion] or 0.0) < 0.5 * (before[criterion] or 0.0)
    assert abs(after[energies] or 0.0) < 0.05 * (before[energies] or 0.0)


def test_every_row_is_moved_by_some_parameter(undisturbed: list[ComparedRow]) -> None:
    moved = {
        (change.junction, quantity)
        for change in CHANGES
        for quantity in {*change.follows, *change.up, *change.down}
    }
    still = [
        key(row)
        for row in undisturbed
        if (row.device, row.quantity) not in moved and ("world", row.quantity) not in moved
    ]
    criteria = [("B", "40 to 360 K", f"{name}: ΔAICc for two regimes") for name in CRITERIA]
    assert still == criteria
