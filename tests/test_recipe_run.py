"""Recipes on the virtual cryostat: order, conditions, pauses, failures, and the journal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.station import Station
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.estimate import Cost
from nanojunction.procedures.recipes.run_rows import Bias, bias_of, read_rows
from tests.recipes import IV, Night, expected, measured, rows_in
from tests.run_rows import header_of

Make = Callable[..., Station]


def test_a_recipe_runs_to_its_end(virtual_station: Make, tmp_path: Path) -> None:
    night = Night(
        f'[[steps]]\nname = "map"\nover = {{ temperature = "294, 293 K", field = [0, 0.05] }}\n'
        f"steps = [{IV}]",
        tmp_path / "runs",
    )
    with virtual_station() as station:
        assert night.on(station)
        assert not station.bench.world.output_on
    with night.journal() as journal:
        assert len(journal.runs()) == 4
        for run in night.plan.runs:
            rows = rows_in(journal, run.key)
            assert measured(rows) == expected(run)
            target_K, target_T = (setting.value for setting in run.settings[:2])
            assert all(abs(row["Temperature (K)"] - target_K) <= 0.2 for row in rows)
            assert all(abs(row["Field (T)"] - target_T) <= 5e-4 for row in rows)
    assert night.said == []


def test_the_window_of_stability_is_in_the_header(virtual_station: Make, tmp_path: Path) -> None:
    night = Night(
        f'[[steps]]\nover = {{ temperature = "294 K", repeat = 2 }}\nsteps = [{IV}]', tmp_path
    )
    with virtual_station() as station:
        assert night.on(station)
    first, second = sorted(tmp_path.glob("*.csv"))
    assert header_of(first, "Stability window") == "60.0 s"
    assert header_of(second, "Stability window") == "0.0 s"
    for file in (first, second):
        assert header_of(file, "Temperature setpoint") == "294.0 K"


def test_a_condition_ends_the_loop(virtual_station: Make, tmp_path: Path) -> None:
    night = Night(
        f'[[steps]]\nname = "cold"\nover = {{ repeat = 3 }}\nstop_when = "r_s_ohm > 100 ohm"\n'
        f'steps = [{IV}]\n[[steps]]\nname = "warm"\nover = {{ repeat = 2 }}\n'
        f'stop_when = "r_s_ohm > 1 kohm"\nsteps = [{IV}]',
        tmp_path,
    )
    with virtual_station() as station:
        assert night.on(station)
    with night.journal() as journal:
        assert [run.key for run in journal.runs()] == [
            "cold/repeat=1/iv", "warm/repeat=1/iv", "warm/repeat=2/iv",
        ]  # fmt: skip
        skipped = journal.skipped()
    assert list(skipped) == ["cold/repeat=2/iv", "cold/repeat=3/iv"]
    assert skipped["cold/repeat=2/iv"].startswith(
        "steps[0].stop_when: r_s_ohm > 100 ohm, and A has 1"
    )
    assert "the loop ends: " in night.said[0]


def test_a_condition_skips_a_step_and_looks_at_the_step_it_names(
    virtual_station: Make, tmp_path: Path
) -> None:
    named = IV.replace("{ measure", '{ name = "first", measure')
    skip = IV.replace(" } }", ' }, skip_when = "first.i_off_A < -1 uA" }')
    broken = IV.replace(" } }", ' }, skip_when = "broken" }')
    unknown = IV.replace(" } }", ' }, sample = "J9", skip_when = "v_off_V > 1 mV" }')
    night = Night(
        f'[[steps]]\nname = "all"\nsteps = [{named}, {skip}, {broken}, {unknown}]', tmp_path
    )
    with virtual_station() as station:
        assert night.on(station)
    with night.journal() as journal:
        assert [run.key for run in journal.runs()] == ["all/first", "all/iv#2", "all/iv#3"]
        assert list(journal.skipped()) == ["all/iv"]
    assert (
        "steps[0].steps[3].skip_when: 'v_off_V > 1 mV' cannot be judged: there is no such result "
        "yet" in night.said
    )


def test_what_is_marked_broken_is_skipped(virtual_station: Make, tmp_path: Path) -> None:
    step = IV.replace(" } }", ' }, skip_when = "broken" }')
    night = Night(
        f'[[steps]]\npause = "look"\n[[steps]]\nover = {{ sample = "A, B" }}\nsteps = [{step}]',
        tmp_path,
        answer=lambda _words: night.journal().mark("A", "broken", "test") is None,
    )
    with virtual_station() as station:
        assert night.on(station)
    with night.journal() as journal:
        assert journal.history("A").marks == {"broken": "test"}
        assert list(journal.skipped()) == ["sample=A/iv"]
        assert [run.key for run in journal.runs()] == ["pause", "sample=B/iv"]


def test_a_pause_asks_and_a_refusal_ends_the_recipe(virtual_station: Make, tmp_path: Path) -> None:
    night = Night(
        f'[[steps]]\nsteps = [{IV}]\n[[steps]]\npause = "plug in R"\n[[steps]]\nsteps = [{IV}]',
        tmp_path,
        answer=lambda _words: False,
    )
    with virtual_station() as station:
        assert not night.on(station)
        assert night.asked == ["plug in R"]
        night.answer = lambda _words: not station.bench.world.output_on
        assert night.on(station, resume=True)
    assert night.asked == ["plug in R", "plug in R"]
    with night.journal() as journal:
        assert [(run.key, run.part, run.status) for run in journal.runs()] == [
            ("iv", 1, "finished"), ("pause", 1, "aborted"), ("pause", 2, "finished"),
            ("iv#2", 1, "finished"),
        ]  # fmt: skip
        assert "pause: plug in R: answered" in [words for _, _, words in journal.events()]


FAILS = '{ measure = "iv", set = { temperature = 294, timeout = 1, window = 9 } }'


@pytest.mark.parametrize("policy", ["stop", "continue"])
def test_a_failed_run_is_recorded_and_the_policy_kept(
    virtual_station: Make, tmp_path: Path, policy: str
) -> None:
    night = Night(f"[[steps]]\nsteps = [{FAILS}, {IV}]", tmp_path)
    night.text = f'on_failure = "{policy}"\n{night.text}'
    with virtual_station() as station:
        assert not night.on(station)
        assert not station.bench.world.output_on
    with night.journal() as journal:
        statuses = {run.key: run.status for run in journal.runs()}
        (failed, *_) = journal.runs()
    assert statuses == {"iv": "failed"} | ({"iv#2": "finished"} if policy == "continue" else {})
    assert "the sample was not within" in (failed.error or "")
    assert "failed: iv: the sample was not within" in night.said[0]


def test_a_stop_ends_run_and_recipe_and_resume_measures_the_rest_once(
    virtual_station: Make, tmp_path: Path
) -> None:
    night = Night(f"[[steps]]\nover = {{ repeat = 3 }}\nsteps = [{IV}]", tmp_path)
    night.stop_at("repeat=2", rows=7)
    with virtual_station() as station:
        assert not night.on(station)
        night.go_on()
        assert night.on(station, resume=True)
    with night.journal() as journal:
        assert [(run.key, run.part, run.status) for run in journal.runs()] == [
            ("repeat=1/iv", 1, "finished"), ("repeat=2/iv", 1, "aborted"),
            ("repeat=2/iv", 2, "finished"), ("repeat=3/iv", 1, "finished"),
        ]  # fmt: skip
        for run in night.plan.runs:
            assert measured(rows_in(journal, run.key)) == expected(run)
        (result,) = [
            words for _, key, words in journal.events() if key == "repeat=2/iv"
        ]  # fmt: skip
        assert "aborted" in result
    assert len(list(tmp_path.glob("*_part2.csv"))) == 1


def test_the_journal_knows_what_each_junction_saw(virtual_station: Make, tmp_path: Path) -> None:
    wide = '{ measure = "iv", sample = "B", set = { turning_points = "0, 20 mV", step = "5 mV" } }'
    night = Night(f"[[steps]]\nsteps = [{IV}, {IV}, {wide}]", tmp_path)
    with virtual_station() as station:
        assert night.on(station)
    with night.journal() as journal:
        a, b, nobody = (journal.history(sample) for sample in ("A", "B", "C"))
        rows = rows_in(journal, "iv#3")
    assert (a.runs, b.runs, nobody.runs) == (2, 1, 0)
    assert a.max_voltage_V == pytest.approx(2e-3, abs=2e-5)
    assert b.max_voltage_V == max(abs(row["Voltage (V)"]) for row in rows)
    assert b.max_current_A == max(abs(row["Current (A)"]) for row in rows)
    assert b.dwell_s[1e-2] == pytest.approx(rows[-1]["Time (s)"] - rows[1]["Time (s)"])
    assert b.dwell_s[0.1] == nobody.max_voltage_V == 0.0


SUSPENDED = """#Parameters:
Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Temperature setpoint (K)
0.0,0,0.1,0.1,1e-4,290.0
1.0,0,0.1,0.1,1e-4,290.0
# Event: {"after_rows": 2, "what": "suspended: the magnet is quenched"}
# Event: {"after_rows": 2, "what": "the conditions are back: goes on"}
3601.0,0,0.1,0.1,2e-4,290.0
3603.0,0,0.1,0.1,1e-4,290.0
7203.0,1,0.1,0.1,1e-4,280.0
7207.0,1,-0.2,-0.2,1e-4,280.0
"""


def test_time_with_the_output_open_is_no_dwell(tmp_path: Path) -> None:
    file = tmp_path / "run.csv"
    file.write_text(SUSPENDED, encoding="utf-8")
    bias = bias_of(read_rows(file))
    assert bias == Bias(0.2, 2e-4, {1e-3: 7.0, 1e-2: 7.0, 0.1: 7.0, 1.0: 0.0})


def test_a_suspended_run_counts_what_the_junction_saw(
    virtual_station: Make, tmp_path: Path
) -> None:
    drift = {"kind": "drift", "at_s": 500.0, "kelvin": 30.0, "seconds": 300.0}
    night = Night(
        '[[steps]]\nmeasure = "it"\nset = { temperature = 290, window = 20, voltage = "0.1 V", '
        "duration = 400 }",
        tmp_path,
    )
    virtual = {"junction": "resistor-1k", "speed": 200, "faults": [drift]}
    with virtual_station(virtual=virtual) as station:
        assert night.on(station)
    with night.journal() as journal:
        (run,) = journal.runs()
        assert run.file is not None
        time_s = (found := read_rows(tmp_path / run.file)).column("Time (s)")
        (gap,) = found.interrupted
        assert time_s[gap] - time_s[gap - 1] > 100.0
        seen = time_s[-1] - time_s[0] - (time_s[gap] - time_s[gap - 1])
        assert journal.history("A").dwell_s[1e-2] == pytest.approx(seen)


def test_an_analysis_that_fails_ends_nothing_and_judges_nothing(
    virtual_station: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(
        f'[[steps]]\nsteps = [{IV}]\n[[steps]]\nname = "later"\nover = {{ repeat = 3 }}\n'
        f'stop_when = "r_s_ohm > 1 ohm"\nsteps = [{IV}]',
        tmp_path,
    )

    def break_the_installation(progress: Progress) -> None:
        if progress.words.startswith("later/repeat=1"):
            monkeypatch.setitem(sys.modules, "nanojunction.analysis.analyse", None)
        elif progress.words.startswith("later/repeat=2"):
            monkeypatch.undo()

    night.on_progress = break_the_installation
    with virtual_station() as station:
        assert night.on(station)
    with night.journal() as journal:
        assert [run.key for run in journal.runs() if run.status == "finished"] == [
            "iv", "later/repeat=1/iv", "later/repeat=2/iv",
        ]  # fmt: skip
        assert list(journal.skipped()) == ["later/repeat=3/iv"]
        events = [words for _, key, words in journal.events() if key == "later/repeat=1/iv"]
    assert any(words.startswith("no results: ModuleNotFoundError: ") for words in events)
    assert any(
        "steps[1].stop_when: 'r_s_ohm > 1 ohm' cannot be judged: no results: " in words
        for words in night.said
    )


def test_the_live_state_tells_how_far_the_whole_recipe_is(
    virtual_station: Make, tmp_path: Path
) -> None:
    night = Night(
        f'[[steps]]\nsteps = [{IV}, {{ pause = "look" }}]\n[[steps]]\nover = {{ repeat = 2 }}\n'
        f"steps = [{IV}]",
        tmp_path,
    )
    night.costs = {run.key: Cost(measuring_s=10.0) for run in night.plan.runs}
    seen: list[dict[str, Any]] = []
    night.on_progress = lambda _progress: seen.append(night.live.state())
    night.answer = lambda _words: seen.append(night.live.state()) is None
    with virtual_station() as station:
        assert night.on(station)
    seen.append(night.live.state())
    running = [state for state in seen if state["percent"] is not None]
    percents = [state["percent"] for state in running]
    assert percents == sorted(percents)
    assert percents[-1] == pytest.approx(100.0)
    pause = next(state for state in running if state["status"] == "waiting for the operator")
    assert pause["percent"] == pytest.approx(100.0 / 3.0, abs=0.1)
    of_the_run = [share for state in running if (share := state["run_percent"]) is not None]
    assert of_the_run.count(100.0) >= 3 and of_the_run != sorted(of_the_run)


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_calibration_before_gives_ratios_to_the_offsets_of_the_line(
    virtual_station: Make, tmp_path: Path, in_parts: bool
) -> None:
    line = IV.replace('"iv"', '"calibrate", sample = "R100"').replace("0.1 }", "1, nominal = 100 }")
    night = Night(
        f'[[steps]]\nsteps = [{line}, {{ pause = "bond A" }}]\n'
        f'[[steps]]\nstop_when = "offset_ratio_i >= 10"\nsteps = [{IV}]\n',
        tmp_path,
    )
    with virtual_station(virtual={"junction": "resistor-100"}) as station:
        night.answer = lambda _words: station.bench.mount("A") is None
        if in_parts:
            night.stop_at("calibrate", rows=7)
            assert not night.on(station)
            night.go_on()
        assert night.on(station, resume=in_parts)
    assert len(list(tmp_path.glob("*calibrate*.csv"))) == 1 + in_parts
    assert any(words.startswith("the loop ends: ") for words in night.said)
