"""The night that benchmarks/night.py rehearses for a quarter of an hour, in virtual time.

The same recipe, lines and operator; the clock stands still while computers compute, so that what
is compared with the dry run is what instruments and cryostat take. And the rehearsal's own books:
what its stopwatch looks at is there, and no moment is lost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.rehearsal import observed
from benchmarks.rehearsal.accounts import ACCOUNTS, PARTS, WINDOWS, accounts_of
from benchmarks.rehearsal.bench import FIRST, LATENCY_S, endpoints, serve
from benchmarks.rehearsal.station import station_content, station_text
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import load_station_file, station_from
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.estimate import Cost, timed
from nanojunction.procedures.recipes.execute import RecipeRun
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.journal_records import RunRecord
from nanojunction.procedures.recipes.plan import Plan, plan_of
from nanojunction.procedures.recipes.recipe_file import load_recipe, recipe_from
from nanojunction.procedures.recipes.resume import begin_or_resume, checked_runs, remaining
from nanojunction.procedures.recipes.timing import pace_of, start_of
from nanojunction.procedures.stopping import StopRequest
from tests.virtual_bench import SteppedClock

RECIPE = Path(str(resources.files("nanojunction.sample_data").joinpath("recipes/night.toml")))
DRIVERS = {"source_meter": "keithley2400", "magnet": "ips120_10", "temperature": "itc503"}
on_serial_lines = pytest.mark.skipif(
    not hasattr(os, "openpty"), reason="this system has no pseudo-terminals"
)


class Rehearsal:
    """The served cryostat on a clock of its own, and the station that reaches it."""

    def __init__(self, servers: ExitStack) -> None:
        self.cryostat = VirtualCryostat(FIRST, bus_latency_s=LATENCY_S)
        self.cryostat.clock = self.cryostat.world.clock = SteppedClock()
        self.ports = serve(self.cryostat, servers)
        content = station_content(endpoints(self.cryostat, self.ports))
        self.station = Station(station_from(content, "night's station"))
        self.station.clock, self.station.watchdog = self.cryostat.clock, False

    def operator(self, words: str) -> bool:
        """Plug in what a pause asks for."""
        self.cryostat.mount("C" if "junction C" in words else FIRST)
        return True

    def carry_out(self, plan: Plan, folder: Path) -> list[RunRecord]:
        """Carry out a plan; return what the journal knows of its runs."""
        ignore: Any = [].append
        with Journal(folder / NAME) as journal:
            begin_or_resume(journal, plan, self.station, resume=False)
            work = RecipeRun(
                plan, self.station, journal, StopRequest(), Countdown({}, self.station.clock),
                self.operator, ignore, ignore,
            )  # fmt: skip
            assert work.go()
            return [run for run in journal.runs() if run.file is not None]


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with ExitStack() as servers:
        yield Rehearsal(servers)


@on_serial_lines
def test_the_dry_run_of_the_night_is_right(rehearsal: Rehearsal, tmp_path: Path) -> None:
    plan, config = plan_of(load_recipe(RECIPE)), rehearsal.station.config
    todo = remaining(plan, checked_runs(plan, on_paper(config, "station.toml")), None)
    costs, _ = timed([one.procedure for one in todo], start_of(config), pace_of(config))
    with rehearsal.station as station:
        began = station.clock.now()
        runs = rehearsal.carry_out(plan, tmp_path)
        took_s = station.clock.now() - began
    assert took_s > 600.0, "a cut of at least ten minutes"
    assert sum(costs, Cost()).total_s == pytest.approx(took_s, rel=0.05)
    for run, cost in zip(runs, costs, strict=True):
        assert run.status == "finished"
        assert run.rows == pytest.approx(cost.rows, rel=0.05)
        assert run.took_s == pytest.approx(cost.total_s, rel=0.1)
    for role, port in rehearsal.ports.items():
        assert port.counts.lines_in >= port.counts.lines_out > 100
        exchange_s = port.counts.answering_s / port.counts.lines_out
        assert exchange_s > (LATENCY_S if role == "source_meter" else 0.015)


EVERY_PACE = """
[recipe]
name = "Every pace"
sample = "C"
[defaults]
measure_range = "1 mA"
[[steps]]
over = { interval = [0, 1, 5] }
steps = [{ measure = "ih", set = { voltage = "2 mV", fields = "-0.01, 0.01, -0.03 T" } }]
[[steps]]
over = { interval = [0, 0.5] }
steps = [{ measure = "it", set = { duration = "10 s" } }]
[[steps]]
over = { nplc = [0.01, 1], environment_interval = [0, 1] }
steps = [{ measure = "iv", set = { vmax = "10 mV", step = "100 uV" } }]
"""


@on_serial_lines
def test_the_dry_run_knows_what_slow_lines_do_to_every_pace(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    plan, config = plan_of(recipe_from(EVERY_PACE, "pace.toml")), rehearsal.station.config
    todo = remaining(plan, checked_runs(plan, on_paper(config, "station.toml")), None)
    costs, _ = timed([one.procedure for one in todo], start_of(config), pace_of(config))
    with rehearsal.station:
        runs = rehearsal.carry_out(plan, tmp_path)
    for run, cost in zip(runs, costs, strict=True):
        assert (run.key, run.rows) == (run.key, pytest.approx(cost.rows, rel=0.05))
        assert (run.key, run.took_s) == (run.key, pytest.approx(cost.total_s, rel=0.1))


@on_serial_lines
def test_the_nights_station_file_can_be_read(rehearsal: Rehearsal, tmp_path: Path) -> None:
    content = station_content(endpoints(rehearsal.cryostat, rehearsal.ports))
    file = tmp_path / "station.toml"
    file.write_text(station_text(content), encoding="utf-8")
    assert load_station_file(file) == rehearsal.station.config


def test_the_bytes_of_a_serial_line_are_in_the_plan() -> None:
    def exchange_s(**keys: Any) -> float:
        where = {role: {"driver": driver, "address": "TCPIP::127.0.0.1::5025::SOCKET"}
                 for role, driver in DRIVERS.items()}  # fmt: skip
        where["magnet"] |= keys
        return pace_of(station_from(station_content(where), "station.toml")).of("magnet")

    socket_s = exchange_s()
    line_s = exchange_s(address="ASRL3::INSTR")
    assert line_s > 3.0 * socket_s > 3.0 * LATENCY_S
    slow_s = exchange_s(address="ASRL3::INSTR", baud_rate=2400)
    assert slow_s - socket_s == pytest.approx(4.0 * (line_s - socket_s))


@pytest.mark.parametrize("place", [*observed.PHASES, *observed.KINDS, observed.RUN])
def test_what_the_stopwatch_looks_at_is_there(place: str) -> None:
    module, _, path = place.partition(":")
    owner: Any = import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    assert callable(vars(owner)[name])


MOMENTS = st.lists(
    st.tuples(
        st.sampled_from([*observed.PHASES.values(), observed.BETWEEN]),
        st.sampled_from(
            [*observed.KINDS.values(), observed.COMPUTING, "source_meter", "magnet", "temperature"]
        ),
        st.floats(min_value=0.0, max_value=1e4),
    )
)


@settings(deadline=None)
@given(moments=MOMENTS, in_a_run=st.booleans())
def test_every_moment_is_in_one_account(
    moments: list[tuple[str, str, float]], in_a_run: bool
) -> None:
    procedure = IVSweep(temperature="295 K", window=60.0) if in_a_run else None
    spent = accounts_of(moments, procedure, 10)
    assert set(spent) <= set(ACCOUNTS)
    assert sum(spent.values()) == pytest.approx(sum(one[2] for one in moments), abs=1e-6)
    assert spent.get(WINDOWS, 0.0) <= 60.0


def test_the_parts_of_a_plan_share_no_account() -> None:
    accounts = [account for part in PARTS.values() for account in part]
    assert len(accounts) == len(set(accounts))
    assert set(PARTS) == set(Cost.__dataclass_fields__) - {"rows"}


def test_a_stopwatch_books_all_time_on_what_is_innermost() -> None:
    began_s = time.monotonic()
    watch = observed.Stopwatch(began_s)
    inside = watch.around(lambda: (watch.phase, watch.kind), kind="files")
    outside = watch.around(inside, phase="points")
    assert outside() == ("points", "files")
    assert (watch.phase, watch.kind) == (observed.BETWEEN, observed.COMPUTING)
    watch.book()
    assert 0.0 <= sum(watch.booked.values()) <= time.monotonic() - began_s
    assert set(watch.booked) >= {("", "points", "files"), ("", "points", observed.COMPUTING)}
