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
from pathlib import Path
from typing import Any

import tomli_w

from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.faults import Fault
from nanojunction.models.junction import JunctionLaw, load_junction
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import Plan, plan_of
from nanojunction.procedures.recipes.recipe_file import recipe_from
from nanojunction.procedures.recipes.resume import files_of
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.campaign_procedures import ORDERS
from tests.campaign_truth import VMAX, Ramp, assert_row, assert_rows_of
from tests.commands import give
from tests.conftest import station_content

REPOSITORY = Path(__file__).parents[1]
JUNCTION, SPEED = "A", 1000.0

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
    policies: Mapping[str, str]
    patience_s: float = 3600.0
    text: str = field(init=False)
    out: Path = field(init=False)
    recipe: Path = field(init=False)
    notes: Path = field(init=False)
    ramps: list[Ramp] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.out, self.recipe = self.folder / "runs", self.folder / "campaign.toml"
        self.notes = self.folder / "notes"
        self.text = RECIPE.replace("PATIENCE", f"{self.patience_s:g}")
        self.recipe.write_text(self.text, encoding="utf-8")
        self._note_ramps()

    def _note_ramps(self) -> None:
        """Have the world note from where to where its magnet ramps."""
        magnet = self.cryostat.world.magnet
        ramp_lead = magnet.ramp_lead

        def ramp_and_note(t: float, target_T: float, rate_T_per_s: float) -> None:
            self.ramps.append((magnet.field_T(t), target_T))
            ramp_lead(t, target_T, rate_T_per_s)

        magnet.ramp_lead = ramp_and_note

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
        done = give(*arguments)
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
                assert_row(f"{file.name}: {values}", values, laws)

    def assert_complete(self, ramps: Sequence[Ramp]) -> None:
        """Look whether the rows are those of the plan: none twice, none missing.

        `ramps` are those that the magnet has made since the recipe was resumed. A run that was
        ended for the junction's sake has the rows up to there.
        """
        with self.journal() as journal:
            for run in self.plan.runs:
                parts = [read_rows(file) for file in files_of(journal, run.key)]
                was_ended = journal.parts(run.key)[-1].status in ("broken", "protected")
                assert_rows_of(run, parts, ramps, is_whole=not was_ended)


def served(seed: int, faults: Sequence[Fault] = ()) -> VirtualCryostat:
    """Return a cryostat with the campaign's junction, not yet entered."""
    return VirtualCryostat(JUNCTION, speed=SPEED, seed=seed, faults=faults)


def chosen(seed: int, what: str) -> random.Random:
    """Return the chance of a case: the same for the same seed."""
    return random.Random(f"campaign {what} {seed}")
