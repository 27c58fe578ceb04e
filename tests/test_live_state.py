"""What the live state says in the moments in which somebody looks: waits, faults, pauses, ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.procedures.at_fixed import CurrentOverTime
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.live import LIVE_FILE, Live
from nanojunction.procedures.live_rows import KeptRows
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.execute import RecipeRun
from nanojunction.procedures.recipes.resume import begin_or_resume
from nanojunction.procedures.runner import run_procedure
from nanojunction.procedures.stopping import StopRequest
from tests.recipes import HEAD, IV, Night

Make = Callable[..., Station]
State = dict[str, Any]


def written(folder: Path) -> State:
    """Return the state as a script finds it beside the run files."""
    found: State = json.loads((folder / LIVE_FILE).read_text(encoding="utf-8"))
    return found


def test_every_key_is_there_from_the_beginning() -> None:
    live = Live(None)
    early = set(live.state())
    live.begin(procedure="iv", sample="A")
    live.row({"Voltage (V)": 1.0})
    live.suspend("gone", 60.0)
    live.end("failed", "why")
    assert set(live.state()) - early == {"run"}
    assert live.state()["percent"] is None


def test_what_is_derived_is_rounded_and_what_is_measured_is_not() -> None:
    live = Live(None)
    live.begin(procedure="iv")
    live.row({"Temperature (K)": 290.12345678})
    live.update(percent=12.3456, left_s=45.678)
    state = live.state()
    assert (state["percent"], state["left_s"]) == (12.3, 46)
    assert state["temperature_K"] == 290.12345678
    assert list(state["read_at"]) == ["temperature_K"]
    ends = datetime.fromisoformat(state["ends"]) - datetime.fromisoformat(state["started"])
    assert 45.0 < ends.total_seconds() < 60.0


def test_on_the_way_the_state_has_what_is_read_and_where_it_goes(
    virtual_station: Make, tmp_path: Path
) -> None:
    live, seen = Live(None), []
    procedure = IVSweep(
        sample="A", temperature="292 K", field="-0.2 T", window="20 s", vmax="1mV", step="1mV"
    )
    with virtual_station(virtual={"junction": "A", "speed": 500}) as station:
        outcome = run_procedure(
            procedure, station, tmp_path, live=live,
            on_progress=lambda _progress: seen.append(live.state()),
        )  # fmt: skip
    assert outcome.ok, outcome.error
    ways = [state for state in seen if state["point"] is None]
    assert {(state["target_K"], state["target_T"]) for state in ways} == {(292.0, -0.2)}
    assert len({state["temperature_K"] for state in ways}) > 3
    assert len({state["field_T"] for state in ways}) > 3
    assert all(state["percent"] is state["left_s"] is None for state in ways)
    assert all(state["simulated"] for state in ways)
    last = live.state()
    assert last["field_T"] == last["point"]["Field (T)"] == pytest.approx(-0.2, abs=1e-3)
    assert last["temperature_K"] == last["point"]["Temperature (K)"]


def test_a_quench_shows_what_is_read_since_and_until_when_it_is_waited(
    virtual_station: Make, tmp_path: Path
) -> None:
    live, seen = Live(None), []
    procedure = CurrentOverTime(field="0.4 T", duration="60 s", patience="400 s")
    fault = {"kind": "quench", "role": "source_meter", "after_exchanges": 70}

    def look(_progress: Progress) -> None:
        seen.append(live.state())
        world = station.bench.world
        if sum(state["status"] == "suspended" for state in seen) > 3:
            with world.lock:
                now = world.sync()
                if world.magnet.quenched:
                    world.magnet.clear_quench(now)

    virtual = {"junction": "resistor-1k", "speed": 200, "faults": [fault]}
    with virtual_station(virtual=virtual) as station:
        outcome = run_procedure(procedure, station, tmp_path, live=live, on_progress=look)
    assert outcome.ok, outcome.error
    quenched = [state for state in seen if "quenched" in state["words"]
                and state["suspended"] and state["suspended"]["until"]]  # fmt: skip
    assert quenched
    for state in quenched:
        assert state["status"] == "suspended"
        assert (state["left_s"], state["ends"]) == (None, None)
        since, until = (datetime.fromisoformat(state["suspended"][key])
                        for key in ("since", "until"))  # fmt: skip
        assert (until - since).total_seconds() == pytest.approx(400.0 / 200.0, abs=0.5)
    assert "clear it at its front panel" in quenched[-1]["words"]
    assert quenched[-1]["field_T"] == pytest.approx(0.0, abs=0.01)
    assert quenched[-1]["point"]["Field (T)"] == pytest.approx(0.4, abs=1e-3)
    assert [live.state()[key] for key in ("status", "suspended")] == ["finished", None]
    # The page draws no line over the gap.
    (gap,) = live.rows(run=0, after=0)["gaps"]
    times = live.rows(run=0, after=0)["columns"]["Time (s)"]
    steps = [after - before for before, after in pairwise(times)]
    assert steps.index(max(steps)) == gap - 1


def test_a_temperature_that_runs_away_is_a_suspension_until_it_is_back(
    virtual_station: Make, tmp_path: Path
) -> None:
    live, seen = Live(None), []
    drift = {"kind": "drift", "role": "source_meter", "after_exchanges": 90, "kelvin": 30.0,
             "seconds": 300.0}  # fmt: skip
    procedure = IVSweep(
        temperature="290 K", window="20 s", step="0.1mV", nplc=0.5, autozero=False, repeats=20,
        measure_range="10uA", buffered="off",
    )  # fmt: skip
    virtual = {"junction": "resistor-1k", "speed": 500, "faults": [drift]}
    with virtual_station(virtual=virtual) as station:
        run_procedure(
            procedure, station, tmp_path, live=live,
            on_progress=lambda _progress: seen.append(live.state()),
        )  # fmt: skip
    back = [state for state in seen if state["status"] == "suspended"
            and state["words"].startswith(("waiting", "ramping"))]  # fmt: skip
    assert back
    assert all("the temperature is" in state["suspended"]["why"] for state in back)
    assert all(state["suspended"]["until"] is None for state in back)
    assert len({state["temperature_K"] for state in back}) > 1


def test_a_run_that_only_a_person_ends_has_no_percent(
    virtual_station: Make, tmp_path: Path
) -> None:
    live, stop, seen = Live(None), StopRequest(), []

    def look(_progress: Progress) -> None:
        seen.append(live.state())
        if live.state()["rows"] > 5:
            stop.ask("enough")

    with virtual_station() as station:
        run_procedure(CurrentOverTime(), station, tmp_path, live=live, stop=stop, on_progress=look)
    assert {state["percent"] for state in seen} == {None}
    assert [live.state()[key] for key in ("status", "left_s", "ends")] == ["finished", 0, None]


def carry_out(
    text: str,
    station: Station,
    folder: Path,
    live: Live,
    ask: Callable[[str], bool] = lambda _words: True,
) -> bool:
    """Carry a recipe out with `live` told of it; True if all is done."""
    night = Night(text, folder)
    with night.journal() as journal:
        begin_or_resume(journal, night.plan, station, resume=False)
        return RecipeRun(
            night.plan, station, journal, StopRequest(), Countdown({}, station.clock), ask,
            night.said.append, night.on_progress, live,
        ).go()  # fmt: skip


class Noting(Live):
    """A live state that keeps what it said when a run had ended, and what followed."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.after_runs: list[tuple[str, str]] = []

    def end(self, status: str, error: str | None) -> None:
        """Note the status as a script finds it."""
        super().end(status, error)
        found = json.loads(self.file.read_text(encoding="utf-8")) if self.file else {}
        self.after_runs.append((found["status"], found["run_status"]))


def test_between_the_runs_of_a_recipe_nothing_is_finished(
    virtual_station: Make, tmp_path: Path
) -> None:
    live = Noting(tmp_path / LIVE_FILE)
    with virtual_station() as station:
        assert carry_out(f"[[steps]]\nsteps = [{IV}, {IV}]", station, tmp_path, live)
    assert live.after_runs == [("running", "finished")] * 2
    last = written(tmp_path)
    assert last["status"] == "finished"
    assert (last["recipe"], last["words"], last["step"]) == (
        "Night", "finished", "step 2 of 2: iv#2",
    )  # fmt: skip


@pytest.mark.parametrize(("answer", "ends"), [(True, "finished"), (False, "aborted")])
def test_a_pause_says_whom_it_waits_for_and_its_end(
    virtual_station: Make, tmp_path: Path, answer: bool, ends: str
) -> None:
    live, during = Live(tmp_path / LIVE_FILE), []

    def ask(_words: str) -> bool:
        during.append(written(tmp_path))
        return answer

    text = f'[[steps]]\nsteps = [{IV}]\n[[steps]]\npause = "plug in R"\n[[steps]]\nsteps = [{IV}]'
    with virtual_station() as station:
        assert carry_out(text, station, tmp_path, live, ask) == answer
    (state,) = during
    assert (state["status"], state["words"]) == ("waiting for the operator", "plug in R")
    assert (state["step"], state["point"]) == ("step 2 of 3: pause", None)
    assert written(tmp_path)["status"] == ends


def test_the_last_error_says_whose_it_is_and_grows_old(
    virtual_station: Make, tmp_path: Path
) -> None:
    live = Live(None)
    fails = '{ measure = "iv", set = { temperature = 294, timeout = 1, window = 9 } }'
    with virtual_station() as station:
        assert not carry_out(f"[[steps]]\nsteps = [{fails}, {IV}]", station, tmp_path, live)
    state = live.state()
    assert state["status"] == "failed"
    assert state["last_error"][8:].startswith(" A iv: the sample was not within")
    assert state["last_error_run"] == state["run"]
    live.begin(procedure="iv", sample="B")
    assert live.state()["last_error_run"] < live.state()["run"]


def test_what_ends_in_the_middle_has_failed_and_what_has_not_begun_is_silent(
    tmp_path: Path,
) -> None:
    live = Live(tmp_path / LIVE_FILE)
    live.leave(LaboratoryError("the station is in use"))
    assert not (tmp_path / LIVE_FILE).exists()  # it may be another program's
    live.begin_recipe("Night")
    live.begin(procedure="iv", sample="A")
    live.leave(LaboratoryError("the magnet is gone"))
    assert written(tmp_path)["status"] == "failed"
    assert written(tmp_path)["last_error"].endswith("A iv: the magnet is gone")


def test_the_run_before_is_kept_until_the_next_has_rows() -> None:
    rows = KeptRows()
    rows.begin(None, None)
    rows.add({"Voltage (V)": 1.0})
    rows.interrupt()
    rows.add({"Voltage (V)": 2.0})
    rows.begin("iv", "A")
    rows.begin("pause", "")
    assert rows.before == {
        "procedure": "iv", "sample": "A", "total": 2, "gaps": [1],
        "columns": {"Voltage (V)": [1.0, 2.0]},
    }  # fmt: skip
    assert rows.beyond(0) == {"total": 0, "gaps": [], "columns": {}}


@pytest.mark.parametrize("key", ["q\n", "\x03"], ids=["q", "Ctrl-C"])
def test_a_recipe_that_a_person_ends_in_a_pause_is_aborted(
    nanojunction: Any, station_file: Any, tmp_path: Path, key: str
) -> None:
    pty = pytest.importorskip("pty", reason="Windows has other terminals")
    (tmp_path / "night.toml").write_text(
        f'{HEAD}[[steps]]\npause = "plug in R"\n[[steps]]\nsteps = [{IV}]\n', encoding="utf-8"
    )
    ours, theirs = pty.openpty()
    process = nanojunction(
        "run", tmp_path / "night.toml", "--station", station_file(), "--out", tmp_path / "runs",
        stdin=theirs, start_new_session=True,
    )  # fmt: skip
    said = ""
    while "Enter goes on" not in said:
        said += process.stderr.readline()
        assert process.poll() is None, said
    assert written(tmp_path / "runs")["status"] == "waiting for the operator"
    if key == "\x03":  # what a terminal makes of it
        process.send_signal(signal.SIGINT)
    else:
        os.write(ours, key.encode())
    process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    last = written(tmp_path / "runs")
    assert (last["status"], last["words"]) == ("aborted", "ended, 2 steps are left")


def test_rows_of_a_batch_are_looked_at_like_any_others(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    class InOneBatch(IVSweep):
        def emit_rows(self, rows: Any) -> None:
            names = list(rows[0])
            self.emit("batch results", {name: [row[name] for row in rows] for name in names})

    live = Live(None)
    procedure = InOneBatch(vmax="10mV", step="1mV", compliance="5.5 uA")
    with virtual_station(virtual={"junction": "resistor-1k"}) as station:
        outcome = run_procedure(procedure, station, tmp_path, live=live)
    assert outcome.ok
    assert live.rows(run=0, after=0)["total"] == outcome.rows
    assert outcome.in_compliance > 0
