"""The laboratory of the fault campaign: a cryostat, a small recipe, the command, and what is true.

The virtual cryostat lives in the test's process, and the command reaches it over sockets: in the
same process where that is enough, as a process of its own where it is killed. So the world outlives
the command, and tells afterwards what was really done to the junction.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomli_w
from typer.testing import CliRunner

from nanojunction.cli.main import app
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.faults import Fault
from nanojunction.models.junction import JunctionLaw, load_junction
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.recipes.checking import procedure_of
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import Plan, PlannedRun, plan_of
from nanojunction.procedures.recipes.recipe_file import recipe_from
from nanojunction.procedures.recipes.resume import files_of
from nanojunction.procedures.recipes.run_rows import RunRows, read_rows
from tests.campaign_procedures import ORDERS
from tests.conftest import station_content
from tests.recipes import expected, measured

REPOSITORY = Path(__file__).parents[1]
JUNCTION, SPEED, VMAX = "A", 1000.0, 0.01
#: The level and the number of rows of the I(t).
STEADY_V, STEADY_ROWS = 1e-3, 9

RECIPE = """
[recipe]
name = "Campaign"
sample = "A"
[defaults]
nplc = 0.01
window = "5 s"
turning_points = "0, 10 mV, -10 mV, 0"
step = "1250 uV"
patience = "PATIENCE s"
[[steps]]
name = "cold"
over = { temperature = "294, 293 K", field = "0.05, -0.05 T" }
steps = [{ name = "curve", measure = "campaign-iv" }]
[[steps]]
name = "listed"
measure = "campaign-iv"
set = { temperature = "293 K", measure_range = "1 mA", buffered = "on" }
[[steps]]
name = "steady"
measure = "campaign-it"
set = { voltage = "1 mV", duration = "8 s", temperature = "293 K" }
[[steps]]
name = "loop"
measure = "campaign-ih"
set = { voltage = "2 mV", fields = "-0.1, 0.1, -0.1 T", interval = "2 s", temperature = "293 K" }
"""

#: What a plug-in's package says of itself when it is installed.
ENTRY_POINTS = """[nanojunction.procedures]
campaign-iv = tests.campaign_procedures:CampaignIV
campaign-it = tests.campaign_procedures:CampaignIT
campaign-ih = tests.campaign_procedures:CampaignIH
"""


def install_plugin(folder: Path) -> Path:
    """Make the folder of an installed package with the campaign's procedures."""
    info = folder / "campaign_procedures-1.dist-info"
    info.mkdir(parents=True)
    about = "Metadata-Version: 2.1\nName: campaign-procedures\nVersion: 1\n"
    (info / "METADATA").write_text(about, encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, and what it said."""

    status: int
    words: str


@dataclass(slots=True)
class Laboratory:
    """A served cryostat, its station file, and a recipe in a folder of runs."""

    cryostat: VirtualCryostat
    folder: Path
    plugin: Path
    policies: Mapping[str, str] = field(
        default_factory=lambda: {"magnet": "hold", "heater": "hold"}
    )
    patience_s: float = 3600.0
    text: str = ""
    out: Path = field(init=False)
    recipe: Path = field(init=False)
    notes: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.out, self.recipe = self.folder / "runs", self.folder / "campaign.toml"
        self.notes = self.folder / "notes"
        self.text = self.text or RECIPE.replace("PATIENCE", f"{self.patience_s:g}")
        self.recipe.write_text(self.text, encoding="utf-8")

    @property
    def plan(self) -> Plan:
        """The plan of the recipe."""
        return plan_of(recipe_from(self.text, "campaign.toml"))

    def station(self, timeout_s: float) -> Path:
        """Write the station file, with the time-out of every instrument; return its path."""
        tables: dict[str, dict[str, Any]] = {
            role: {"address": one.address, "visa_library": "@py", "timeout_s": timeout_s}
            for role, one in self.cryostat.endpoints.items()
        }
        tables["magnet"]["on_exit"] = self.policies["magnet"]
        tables["temperature"]["on_exit"] = self.policies["heater"]
        content = station_content(**tables, virtual={"junction": JUNCTION, "speed": SPEED})
        path = self.folder / "station.toml"
        path.write_text(tomli_w.dumps(content), encoding="utf-8")
        return path

    def ordered(self, **orders: Any) -> Path:
        """Write orders for the procedures, and begin new notes; return the path of the orders."""
        self.notes.unlink(missing_ok=True)
        count = len(list(self.folder.glob("orders*.json")))
        path = self.folder / f"orders{count}.json"
        path.write_text(json.dumps({"notes": str(self.notes), **orders}), encoding="utf-8")
        return path

    def noted(self) -> list[tuple[float, ...]]:
        """Return the rows that were acknowledged to the procedures since the last orders."""
        if not self.notes.exists():
            return []
        lines = self.notes.read_text(encoding="utf-8").split("\n")[:-1]
        return [tuple(json.loads(line)) for line in lines]

    def arguments(self, station: Path, *options: str) -> list[str]:
        """Return what the command is told to run the recipe."""
        return ["run", str(self.recipe), "--station", str(station), "--out", str(self.out),
                *options]  # fmt: skip

    def here(self, arguments: Sequence[str], **orders: Any) -> Ended:
        """Give the command in this process; only what it has a sentence for may end it."""
        os.environ[ORDERS] = str(self.ordered(**orders))
        done = CliRunner().invoke(app, list(arguments))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.output)

    def started(self, arguments: Sequence[str], **orders: Any) -> subprocess.Popen[str]:
        """Start the command as a process of its own, in a session of its own."""
        path = os.pathsep.join([str(self.plugin), str(REPOSITORY)])
        return subprocess.Popen(
            [sys.executable, "-m", "nanojunction.cli", *arguments],
            env={**os.environ, ORDERS: str(self.ordered(**orders)), "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    # What is on the disk

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal to read it."""
        with Journal(self.out / NAME, read_only=True) as journal:
            yield journal

    def has_plan(self) -> bool:
        """Tell whether the journal was begun."""
        if not (self.out / NAME).exists():
            return False
        with sqlite3.connect(self.out / NAME) as base:
            return bool(base.execute("SELECT name FROM sqlite_master").fetchall())

    def files(self) -> list[Path]:
        """Return the run files in the order in which they were made."""
        with self.journal() as journal:
            return [file for key in journal.keys() for file in files_of(journal, key)]  # noqa: SIM118

    def rows(self, files: Sequence[Path]) -> list[tuple[float, ...]]:
        """Return the complete rows of run files."""
        return [row for file in files for row in read_rows(file).rows]

    # What is true

    def ask(self, role: str, question: str) -> str:
        """Ask an instrument over a connection of its own, after everybody has left."""
        endpoint = self.cryostat.endpoints[role]
        port, end = int(endpoint.address.split("::")[2]), endpoint.read_termination.encode()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(question.encode() + endpoint.write_termination.encode())
            answer = b""
            while not answer.endswith(end):
                data = client.recv(4096)
                assert data, f"{role} closed the connection after {answer!r}"
                answer += data
        return answer.decode("ascii").strip()

    def assert_safe(self) -> None:
        """Look at the instruments and at the world: source, magnet and heater are as promised."""
        output, level = self.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
        assert (output, float(level)) == ("0", 0.0), "the instrument says that it is on"
        world = self.cryostat.world
        assert not world.output_on, "the relay is closed"
        assert world.largest_voltage_V <= VMAX * 1.01, "the junction saw more than was asked for"
        with world.lock:
            now = world.sync()
            assert not world.magnet.ramping(now), "the magnet is on its way"
            field_T, heater = world.magnet.field_T(now), world.cryostat.heater_percent(now)
        if self.policies["magnet"] == "zero":
            assert abs(field_T) < 1e-3, f"the field is {field_T:g} T, not at zero"
        off = self.policies["heater"] == "off"
        assert (heater == 0.0) == off, f"the heater gives {heater:g} %"

    def assert_true(self, files: Sequence[Path], broken: JunctionLaw | None = None) -> None:
        """Look for numbers in the rows that the junction, field and sample never had.

        `broken` is what the junction may have become.
        """
        laws = [load_junction(JUNCTION), *([] if broken is None else [broken])]
        for file in files:
            found = read_rows(file)
            for row in found.rows:
                values = dict(zip(found.columns, row, strict=True))
                self._assert_row(f"{file.name}: {values}", values, laws)

    def _assert_row(
        self, where: str, values: Mapping[str, float], laws: Sequence[JunctionLaw]
    ) -> None:
        V, T, H = values["Voltage (V)"], values["Temperature (K)"], values["Field (T)"]
        assert abs(values["Setpoint (V)"]) <= VMAX, where
        assert 291.0 <= T <= 296.0, where
        assert abs(values["Temperature vti (K)"] - T) <= 20.0, where
        assert abs(H) <= 0.1005, where
        assert values["Leg"] in range(6) and values["In compliance"] in (0, 1), where
        if not values["In compliance"]:
            assert abs(V - values["Setpoint (V)"]) <= NOISE_V, where
            assert any(could_be(law, V, T, H, values["Current (A)"]) for law in laws), where

    def assert_complete(self) -> None:
        """Look whether the rows are those of the plan: none twice, none missing.

        A run that was ended for the junction's sake has the rows up to there.
        """
        with self.journal() as journal:
            for run in self.plan.runs:
                parts = [read_rows(file) for file in files_of(journal, run.key)]
                was_ended = journal.parts(run.key)[-1].status in ("broken", "protected")
                assert_rows_of(run, parts, is_whole=not was_ended)


def assert_rows_of(run: PlannedRun, parts: Sequence[RunRows], *, is_whole: bool) -> None:
    """Look whether the parts of a run have its rows, in order, at its temperature and field."""
    procedure = procedure_of(run, "campaign.toml")
    rows = [dict(zip(part.columns, row, strict=True)) for part in parts for row in part.rows]
    target_K, target_T = procedure.target_K(), procedure.target_T()
    for row in rows:
        assert target_K is None or abs(row["Temperature (K)"] - target_K) <= 2.0, run.key
        assert target_T is None or abs(row["Field (T)"] - target_T) <= 1e-3, run.key
    if isinstance(procedure, IHSweep):
        assert_loop(run.key, rows)
        return
    steady = [(0, STEADY_V)] * STEADY_ROWS
    wanted = expected(run) if isinstance(procedure, IVSweep) else steady
    if not is_whole:
        wanted = wanted[: len(rows)]
    assert measured(rows) == wanted, run.key


#: Offset, pickup and noise of the line at an integration of 0.01 cycles, five times over.
NOISE_V, NOISE_A = 6e-5, 1e-6


def could_be(law: JunctionLaw, V: float, T: float, H: float, I: float) -> bool:  # noqa: E741
    """Tell whether a junction could show this point, with the noise of the measuring line."""
    memory = law.apply_field(law.at_rest(), H)
    currents = [law.current_A(V + shift, T, memory) for shift in (-NOISE_V, 0.0, NOISE_V)]
    slack = NOISE_A + 0.03 * max(map(abs, currents))
    return min(currents) - slack <= I <= max(currents) + slack


def assert_loop(key: str, rows: Sequence[Mapping[str, float]]) -> None:
    """Look whether an I(H) has gone along each of its legs, in order, and nowhere twice.

    How many rows a leg has depends on how fast the computer is.
    """
    legs = [int(row["Leg"]) for row in rows]
    assert legs == sorted(legs) and set(legs) == {0, 1}, f"{key}: legs {legs}"
    for leg, up in enumerate((1.0, -1.0)):
        fields = [row["Field (T)"] for row in rows if row["Leg"] == leg]
        steps = [up * (after - before) for before, after in pairwise(fields)]
        assert all(step > -1e-3 for step in steps), f"{key}: leg {leg} goes back: {fields}"


def served(seed: int, faults: Sequence[Fault] = ()) -> VirtualCryostat:
    """Return a cryostat with the campaign's junction, not yet entered."""
    return VirtualCryostat(JUNCTION, speed=SPEED, seed=seed, faults=faults)


def chosen(seed: int, what: str) -> random.Random:
    """Return the chance of a case: the same for the same seed."""
    return random.Random(f"campaign {what} {seed}")
