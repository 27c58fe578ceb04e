"""A junction left alone before its output is used, open or at 0 V: what the output has charged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nanojunction.analysis.analyse import Analysis, analyse
from nanojunction.analysis.report.page import write_report
from nanojunction.analysis.results import build_results
from nanojunction.cli.analyse import show_runs
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.models.junction import Memory
from nanojunction.procedures.at_fixed import CurrentOverTime, OffsetOverTime
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.live import Live
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.estimate import timed
from nanojunction.procedures.recipes.resume import checked_runs, remaining
from nanojunction.procedures.recipes.show import plan_table
from nanojunction.procedures.recipes.timing import Place, pace_of
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.runner import run_procedure
from nanojunction.procedures.stopping import StopRequest
from nanojunction.procedures.temperature_series import TemperatureSeries
from tests.recipes import Night
from tests.run_rows import header_of
from tests.test_disturbance import events_of
from tests.test_parts import part, stopped_after
from tests.virtual_bench import Resistor, unhurried

SHORT: dict[str, Any] = {"turning_points": "0, 2 mV, 0", "step": "1 mV"}
LOOP: dict[str, Any] = {"fields": "0.38, 0.4 T", "interval": "2 s"}
OPEN, LOADED = "rests, output open", "rests, output on at zero"


@pytest.fixture
def bench() -> VirtualCryostat:
    """A virtual cryostat."""
    return VirtualCryostat("A")


@pytest.fixture
def station(bench: VirtualCryostat) -> Iterator[Station]:
    """An open station on the bench, in virtual time."""
    with unhurried(bench) as station, station:
        yield station


class Watched:
    """What a person sees while it is measured: words, time, whether the output is on."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.seen: list[tuple[str, float, bool]] = []

    def __call__(self, progress: Progress) -> None:
        clock = self.station.clock
        is_on = self.station.source_meter.is_output_on()
        self.seen.append((progress.words, clock.now(), is_on))

    @property
    def rests(self) -> list[tuple[str, float, bool]]:
        """The looks while the junction rested."""
        return [one for one in self.seen if one[0].startswith("rests")]

    def left_s(self) -> list[float]:
        """What was said of the time left, look by look."""
        return [float(words.split(", ")[2].split()[0]) for words, *_ in self.rests]

    def rested_s(self) -> list[float]:
        """How long each rest was said to be, when it began; every one went to its end."""
        left = self.left_s()
        first = [at for at, s in enumerate(left) if at == 0 or s >= left[at - 1]]
        assert all(left[at - 1] <= 2.0 for at in [*first[1:], len(left)])
        return [left[at] for at in first]


# The run


@pytest.mark.parametrize(("output", "words"), [("off", OPEN), ("on", LOADED)])
@pytest.mark.parametrize("procedure", [IVSweep, CurrentOverTime, IHSweep], ids=["iv", "it", "ih"])
def test_the_junction_is_left_alone_before_the_first_level(
    procedure: type[JunctionProcedure], output: str, words: str, station: Station, tmp_path: Path
) -> None:
    own = {IVSweep: SHORT, IHSweep: LOOP, CurrentOverTime: {"duration": "3 s"}}[procedure]
    run = procedure(rest="30 s", rest_output=output, **own)
    watched = Watched(station)
    outcome = run_procedure(run, station, tmp_path, on_progress=watched)
    assert outcome.ok, outcome.error
    assert {one.rpartition(", ")[0] for one, *_ in watched.rests} == {words}
    assert {is_on for *_, is_on in watched.rests} == {output == "on"}
    assert watched.rested_s() == [30.0]
    began = watched.seen.index(watched.rests[0])
    _, first_row_s, _ = watched.seen[began + len(watched.rests)]
    assert first_row_s - watched.rests[0][1] == pytest.approx(30.5, abs=0.5)
    assert header_of(outcome.file, "Rest") == "30.0 s"
    assert header_of(outcome.file, "Output during rest") == output


def test_at_rest_nothing_is_driven(station: Station, tmp_path: Path) -> None:
    levels = set[float]()

    def look(progress: Progress) -> None:
        if progress.words.startswith("rests"):
            levels.add(station.source_meter.level())

    for output in ("off", "on"):
        run = IVSweep(rest="5 s", rest_output=output, turning_points="2 mV, -2 mV", step="1 mV")
        assert run_procedure(run, station, tmp_path, name=output, on_progress=look).ok
    assert levels == {0.0}


def test_without_a_rest_the_output_is_switched_on_at_once(station: Station, tmp_path: Path) -> None:
    watched = Watched(station)
    assert run_procedure(IVSweep(**SHORT), station, tmp_path, on_progress=watched).ok
    assert watched.rests == []


def test_a_series_rests_at_every_temperature(station: Station, tmp_path: Path) -> None:
    run = TemperatureSeries(temperatures="294, 292 K", window="5 s", rest="10 s", **SHORT)
    watched = Watched(station)
    assert run_procedure(run, station, tmp_path, on_progress=watched).ok
    assert watched.rested_s() == [10.0, 10.0]


@pytest.mark.parametrize("output", ["off", "on"])
def test_a_stop_ends_the_rest_at_once(
    output: str, bench: VirtualCryostat, station: Station, tmp_path: Path
) -> None:
    stop, watched = StopRequest(), Watched(station)

    def stop_then(progress: Progress) -> None:
        watched(progress)
        if len(watched.rests) == 3:
            stop.ask("test")

    run = IVSweep(rest="7 d", rest_output=output, **SHORT)
    outcome = run_procedure(run, station, tmp_path, stop=stop, on_progress=stop_then)
    assert (outcome.status, outcome.rows) == ("aborted", 0)
    assert len(watched.rests) == 3
    assert station.clock.now() < 60.0
    assert not bench.world.output_on


def test_the_live_state_says_how_long_it_rests(station: Station, tmp_path: Path) -> None:
    live, states = Live(None), list[dict[str, Any]]()
    run_procedure(
        IVSweep(rest="20 s", temperature="295 K", window="0 s", **SHORT), station, tmp_path,
        live=live, on_progress=lambda _: states.append(live.state()),
    )  # fmt: skip
    resting = [state for state in states if state["words"].startswith("rests")]
    assert resting[0]["words"] == f"{OPEN}, 20 s left"
    assert resting[0]["status"] == "running"
    assert resting[-1]["temperature_K"] == pytest.approx(295.0, abs=0.5)


# Disturbances


@pytest.mark.parametrize(
    "procedure",
    [
        IVSweep(field="0.4 T", rest="60 s", rest_output="on", **SHORT),
        CurrentOverTime(field="0.4 T", rest="60 s", rest_output="on", duration="5 s"),
        IHSweep(field="0.4 T", rest="60 s", rest_output="on", **LOOP),
    ],
    ids=["iv", "it", "ih"],
)
def test_a_quench_during_the_rest_suspends_the_run_and_it_rests_again(
    procedure: JunctionProcedure, bench: VirtualCryostat, station: Station, tmp_path: Path
) -> None:
    watched, world = Watched(station), bench.world

    def somebody(progress: Progress) -> None:
        """Quench the magnet after some seconds of the first rest, and clear it later."""
        watched(progress)
        with world.lock:
            if len(watched.rests) == 5 and progress.words == watched.rests[-1][0]:
                world.magnet.quench(world.sync())
            elif world.magnet.quenched:
                world.magnet.clear_quench(world.sync())

    outcome = run_procedure(procedure, station, tmp_path, on_progress=somebody)
    assert outcome.ok, outcome.error
    (suspended, back) = events_of(outcome.file)
    assert "suspended: the magnet is quenched" in suspended
    assert back == "the conditions are back: goes on"
    assert [left for left in watched.left_s() if left == 60.0] == [60.0, 60.0]
    assert {is_on for *_, is_on in watched.rests} == {True}
    waiting = [on for words, _, on in watched.seen if words.startswith("ramping the field")]
    assert waiting and not any(waiting)
    assert procedure.planned_rows() in (None, outcome.rows)


def test_an_instrument_that_is_lost_during_the_rest_ends_it_safely(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    lost = {"kind": "drop", "role": "temperature", "after_exchanges": 60}
    with virtual_station(virtual={"junction": "A", "speed": 500, "faults": [lost]}) as station:
        watched = Watched(station)
        run = IVSweep(rest="1 h", rest_output="on", **SHORT)
        outcome = run_procedure(run, station, tmp_path, on_progress=watched)
        assert not station.bench.world.output_on
    assert (outcome.status, outcome.rows, outcome.unsafe) == ("failed", 0, ())
    assert watched.rests


# What makes no sense


@pytest.mark.parametrize(
    ("procedure", "tables", "words"),
    [
        (IVSweep(rest_output="on"), {}, "rest_output: on is for a rest, and there is none"),
        (
            OffsetOverTime(rest="5 s", rest_output="on", duration="5 s"), {},
            "a current of zero leaves the junction open",
        ),
        (
            IVSweep(rest="5 s"), {"source_meter": {"output_off": "normal"}},
            "output_off is 'normal', which loads the junction",
        ),
    ],
)  # fmt: skip
def test_a_rest_that_is_none_is_refused(
    procedure: JunctionProcedure,
    tables: dict[str, Any],
    words: str,
    virtual_station: Callable[..., Station],
    tmp_path: Path,
) -> None:
    with virtual_station(**tables) as station, pytest.raises(ProcedureError, match=words):
        run_procedure(procedure, station, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_rest_on_needs_no_open_output(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    run = IVSweep(rest="5 s", rest_output="on", **SHORT)
    with virtual_station(source_meter={"output_off": "normal"}) as station:
        assert run_procedure(run, station, tmp_path).ok


@pytest.mark.parametrize(("value", "words"), [("-1 s", "rest"), ("8 d", "rest"), ("2 V", "rest")])
def test_a_rest_is_a_time(value: str, words: str) -> None:
    with pytest.raises(LaboratoryError, match=words):
        IVSweep(rest=value)


# Plans, estimates, parts


def test_the_estimate_of_a_procedure_counts_its_rests() -> None:
    for kind, more, rests in (
        (IVSweep, SHORT, 1),
        (IHSweep, {}, 1),
        (CurrentOverTime, {"duration": "10 s"}, 1),
        (TemperatureSeries, {"temperatures": "40, 60, 80"}, 3),
    ):
        without, with_rest = kind(**more), kind(rest="1 min", **more)
        added = with_rest.get_estimates() - without.get_estimates()
        assert added == pytest.approx(60.0 * rests)
    assert CurrentOverTime(rest="1 min").get_estimates() == 0.0, "nobody knows when it ends"


def test_the_dry_run_shows_rests_where_there_are_any(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    config = virtual_station().config
    headers = {}
    for rest in ("0 s", "90 s"):
        night = Night(f'[[steps]]\nmeasure = "iv"\nset = {{ rest = "{rest}" }}\n', tmp_path)
        made = checked_runs(night.plan, on_paper(config, "station.toml"))
        todo = remaining(night.plan, made, None)
        costs, _ = timed([one.procedure for one in todo], Place(), pace_of(config))
        headers[rest] = [column.header for column in plan_table(night.plan, todo, costs).columns]
        assert costs[0].resting_s == float(rest.split()[0])
    assert "rest" in headers["90 s"] and "rest" not in headers["0 s"]


@pytest.mark.parametrize("rest", ["0 s", "5 min"])
def test_a_rest_is_not_learnt_as_settling(rest: str, station: Station, tmp_path: Path) -> None:
    night = Night(
        '[[steps]]\nmeasure = "iv"\n[steps.set]\ntemperature = "280 K"\nwindow = "20 s"\n'
        f'tolerance = "0.2 K"\nstep = "10 mV"\nrest = "{rest}"\n',
        tmp_path,
    )
    (one,) = remaining(night.plan, checked_runs(night.plan, station), None)
    (cost,), _ = timed([one.procedure], Place(295.0), pace_of(station.config))
    night.costs = {one.run.key: cost}
    assert night.on(station)
    with night.journal() as journal:
        (settling_s,) = journal.settlings_s()
    assert settling_s == pytest.approx(cost.settling_s, rel=0.3)


def test_a_part_rests_before_it_goes_on(station: Station, tmp_path: Path) -> None:
    sweep = {"rest": "10 s", "rest_output": "on", **SHORT}
    one = stopped_after(2, IVSweep(**sweep), station, tmp_path)
    watched = Watched(station)
    two = run_procedure(
        IVSweep(**sweep), station, tmp_path, continues=part(one), on_progress=watched
    )
    assert (one.rows, two.rows) == (2, 4)
    assert watched.rested_s() == [10.0]
    assert {is_on for *_, is_on in watched.rests} == {True}


# What it is for


class Charging(Resistor):
    """Charges by itself with 60 s while it is left open, and discharges as fast at 0 V.

    By a sweep, which is quick, it is not changed: its offset is that of its history.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(1e3, 0.0)
        self._now, self._last_s, self._is_loaded = now, now(), False
        self._charge = 1.0

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        now = self._now()
        kept = math.exp((self._last_s - now) / 60.0)
        self._charge = self._charge * kept + (0.0 if self._is_loaded else 1.0 - kept)
        self.offset_V = 4e-3 * self._charge
        self._last_s, self._is_loaded = now, abs(voltage_V) < 1e-5
        return memory


def measured_after_rests(station: Station, folder: Path) -> Analysis:
    """Measure after five minutes with the output on, and after five minutes with it open."""
    for output in ("on", "off"):
        run = IVSweep(
            sample="J", rest="5 min", rest_output=output, vmax="10 mV", step="1 mV", nplc=0.1,
            measure_range="100 uA", breakdown_stop=False,
        )  # fmt: skip
        outcome = run_procedure(run, station, folder, name=output)
        assert outcome.ok, outcome.error
    return analyse([folder])


def test_a_junction_that_charges_is_found_out(
    bench: VirtualCryostat, station: Station, tmp_path: Path
) -> None:
    """The sweep after the open output alone shows a V_off that may be an effect."""
    bench.mount(Charging(station.clock.now))
    found = measured_after_rests(station, tmp_path)
    (group,) = found.groups
    output, *_ = group.checks
    assert (output.name, output.outcome) == ("output", "failed"), output.reason
    change = output.quantities["v_off_change_V"]
    assert change.value == pytest.approx(4e-3, rel=0.1)
    assert group.quantities["confirmed"].value == 0.0


def test_junction_a_does_not_mind(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = measured_after_rests(station, tmp_path)
    (group,) = found.groups
    output, *_ = group.checks
    assert (output.name, output.outcome) == ("output", "passed"), output.reason
    document = build_results(found.run_results, found.groups)
    assert [run["conditions"]["output"] for run in document["runs"]] == ["off", "on"]
    assert document["groups"][0]["checks"][0]["quantities"].keys() == {
        "v_off_change_V", "i_off_change_A", "rest_s",
    }  # fmt: skip
    assert document["groups"][0]["checks"][0]["quantities"]["rest_s"]["value"] == 300.0
    page = write_report(found, tmp_path / "report", title="J").read_text(encoding="utf-8")
    assert "output open before" in page and "(output on before)" in page
    show_runs(found)
    said = " ".join(capsys.readouterr().out.split())
    assert "output passed" in said
