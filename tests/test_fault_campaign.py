"""The fault campaign: a small recipe, hundreds of seeded faults, and what must hold after each.

docs/fault-campaign.md says what is tried and how. The table at the end of the tests counts it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.virtual.faults import read_faults
from nanojunction.models.junction import load_junction
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.campaign import Ended, Laboratory, chosen, install_plugin, served
from tests.campaign_cases import (
    KINDS,
    LONG_S,
    ON_A_CONNECTION,
    ROWS,
    SHORT_S,
    SHORTEST_S,
    Case,
    cases,
    in_the_world,
    on_a_connection,
)
from tests.campaign_procedures import FILLER, ORDERS

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def laboratory(
    plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Laboratory]]:
    """Return a factory of laboratories with faults."""
    monkeypatch.syspath_prepend(str(plugin))
    monkeypatch.setenv(ORDERS, "")
    with ExitStack() as stack:

        def make(case: Case, faults: Sequence[dict[str, Any]] = (), **more: Any) -> Laboratory:
            chance = chosen(case.seed, f"{case.kind}, policies")
            policies = {"magnet": chance.choice(("hold", "zero")),
                        "heater": chance.choice(("hold", "off"))}  # fmt: skip
            cryostat = served(case.seed + 1, read_faults(faults, f"{case}"))
            stack.enter_context(cryostat)
            return Laboratory(cryostat, tmp_path / "laboratory", plugin, policies, **more)

        yield make


# What must hold


def judged(lab: Laboratory, ended: Ended, statuses: set[str], *, killed: bool = False) -> str:
    """Look at what the command left behind; return its outcome in a word.

    `statuses` are those that the run which did not finish may have.
    """
    files = lab.files() if lab.has_plan() else []
    assert_rows_kept(lab, files, killed=killed)
    if not lab.has_plan():
        assert ended.status == 1 or killed, ended.words
        return "nothing begun"
    with lab.journal() as journal:
        parts = journal.runs()
        done = all(map(journal.is_done, journal.keys()))
    unfinished = [part for part in parts if part.status != "finished"]
    assert {part.status for part in unfinished} <= statuses, unfinished
    safe = "NOT SAFE" not in ended.words
    if not killed:
        spared = any(part.status in ("broken", "protected") for part in parts)
        assert ended.status == (0 if done and safe and not spared else 1), ended.words
        assert len(unfinished) <= 1 or "broken" in statuses, unfinished
    for part in parts:
        file = lab.out / str(part.file)
        if file.exists() and part.status != "running":
            end = read_rows(file).end
            assert end is not None and end["status"] == part.status, f"{end} {part}"
            assert end["rows"] == part.rows == len(read_rows(file).rows), f"{end} {part}"
    if not safe:
        return "NOT SAFE, said"
    if unfinished:
        return unfinished[0].status
    return "finished" if done else "not opened"


def assert_rows_kept(lab: Laboratory, files: Sequence[Path], *, killed: bool = False) -> None:
    """Look whether the files have what was acknowledged, to the last bit, and no more.

    A killed process may have written one that it did not live to acknowledge.
    """
    rows, noted = lab.rows(files), lab.noted()
    assert rows[: len(noted)] == noted, "an acknowledged row is lost, or another one"
    assert len(rows) - len(noted) <= (1 if killed else 0), "rows that nobody was told of"


def resumed(lab: Laboratory, broken: Any = None) -> None:
    """Resume, and look whether all is as if nothing had happened."""
    before = {file: file.read_bytes() for file in lab.out.glob("*.csv")}
    ramps_before = len(lab.ramps)
    station = lab.station(LONG_S)
    ended = lab.here(lab.arguments(station, "--resume", "--no-watchdog"))
    with lab.journal() as journal:
        assert ended.status == (1 if journal.spared() else 0), ended.words
    assert all(file.read_bytes() == was for file, was in before.items()), "an old file was changed"
    lab.assert_safe()
    assert_rows_kept(lab, [file for file in lab.files() if file not in before])
    lab.assert_true(lab.files(), broken)
    lab.assert_complete(lab.ramps[ramps_before:])
    with lab.journal() as journal:
        assert "running" not in {part.status for part in journal.runs()}


def make_safe(lab: Laboratory) -> None:
    """Give `nanojunction safe` until it says that all is safe, as a person would."""
    station = lab.station(LONG_S)
    ended = lab.here(["safe", "--station", str(station)])
    assert ended.status == 0, ended.words
    assert "safe: source at zero, output open" in ended.words
    lab.assert_safe()


def run_into(lab: Laboratory, timeout_s: float, **orders: Any) -> Ended:
    """Begin the recipe in this process."""
    return lab.here(lab.arguments(lab.station(timeout_s), "--no-watchdog"), **orders)


# The campaign


def of(*kinds: str) -> Any:
    """Return the mark that tries all cases of some kinds."""
    chosen_cases = [case for case in cases() if case.kind in kinds]
    return pytest.mark.parametrize(
        "case", chosen_cases, ids=[f"{case.kind} {case.seed}" for case in chosen_cases]
    )


@pytest.fixture
def enter(record_property: Any) -> Callable[..., None]:
    """Return who enters a case into the table at the end of the tests."""

    def enter(case: Case, outcome: str, lab: Laboratory | None = None) -> None:
        rows = 0 if lab is None else len(lab.rows(lab.files()))
        record_property("campaign", [case.kind, outcome, rows])

    return enter


@of(*ON_A_CONNECTION)
def test_a_fault_of_a_connection(laboratory: Any, enter: Any, case: Case) -> None:
    fault = on_a_connection(case)
    lab = laboratory(case, [fault])
    is_long = case.kind == "hang for long"
    ended = run_into(lab, SHORTEST_S if is_long else SHORT_S)
    assert len(lab.cryostat.struck) == 1, "the fault never came"
    outcome = judged(lab, ended, {"failed"})
    if outcome == "NOT SAFE, said":
        assert is_long, f"{fault}: {ended.words}"
        make_safe(lab)
    else:
        lab.assert_safe()
    resumed(lab)
    enter(case, outcome, lab)


@of("quench", "quench, then cleared")
def test_a_quench(laboratory: Any, enter: Any, case: Case) -> None:
    cleared = case.kind == "quench, then cleared"
    lab = laboratory(case, [in_the_world(case)], patience_s=3600.0 if cleared else 30.0)
    with somebody_at_the_supply(lab, ready=cleared) as clear:
        ended = run_into(lab, LONG_S)
        assert len(lab.cryostat.struck) == 1, "the fault never came"
        outcome = judged(lab, ended, {"failed"})
        clear()
    if outcome == "NOT SAFE, said":
        assert "quenched; clear it at the front panel" in ended.words
        make_safe(lab)
    else:
        lab.assert_safe()
    resumed(lab)
    enter(case, outcome, lab)


@contextmanager
def somebody_at_the_supply(lab: Laboratory, *, ready: bool) -> Iterator[Callable[[], None]]:
    """Have a person clear quenches at the front panel: when called, or as soon as a run waits."""
    ended, cryostat = threading.Event(), lab.cryostat

    def clear() -> None:
        with cryostat.world.lock:
            cryostat.world.sync()
            if cryostat.world.magnet.quenched:
                cryostat.instruments["magnet"].execute("C3")
                cryostat.instruments["magnet"].execute("A0")

    def stand_by() -> None:
        while not ended.wait(0.02):
            if any("suspended: " in file.read_text("utf-8") for file in lab.out.glob("*.csv")):
                clear()

    person = threading.Thread(target=stand_by)
    if ready:
        person.start()
    yield clear
    ended.set()
    if ready:
        person.join()


@of("drift")
def test_a_drift_of_the_temperature(laboratory: Any, enter: Any, case: Case) -> None:
    lab = laboratory(case, [in_the_world(case)])
    ended = run_into(lab, LONG_S)
    assert len(lab.cryostat.struck) == 1, "the fault never came"
    outcome = judged(lab, ended, {"failed"})
    assert outcome == "finished", ended.words
    lab.assert_safe()
    resumed(lab)
    enter(case, outcome, lab)


@of("breakdown")
def test_a_breakdown_of_the_junction(laboratory: Any, enter: Any, case: Case) -> None:
    fault = in_the_world(case)
    lab = laboratory(case, [fault])
    ended = run_into(lab, LONG_S)
    with pytest.raises(AssertionError):
        lab.assert_true(lab.files())  # the junction did break down
    outcome = judged(lab, ended, {"broken", "protected"})
    lab.assert_safe()
    resumed(lab, load_junction(fault["becomes"]))
    enter(case, outcome, lab)


@of("exception in startup", "exception in execute", "exception in shutdown")
def test_an_exception_in_a_step_of_a_procedure(laboratory: Any, enter: Any, case: Case) -> None:
    chance, lab = case.chance, laboratory(case)
    step = case.kind.removeprefix("exception in ")
    where = {"startup": (", at once", ", output on"), "execute": ("",),
             "shutdown": (", at once", ", at its end")}[step]  # fmt: skip
    count = chance.randrange(1, ROWS) if step == "execute" else chance.randrange(1, 8)
    ended = run_into(lab, LONG_S, step=step + chance.choice(where), count=count)
    assert f"InTrouble: in {step}" in ended.words
    assert judged(lab, ended, {"failed"}) == "failed"
    lab.assert_safe()
    resumed(lab)
    enter(case, "failed", lab)


@of("exception in a loop")
def test_an_exception_in_the_middle_of_a_loop(laboratory: Any, enter: Any, case: Case) -> None:
    """At a field, not at a row: how many rows a leg has depends on the computer.

    In the first half of a leg: also a last row that has seen all of it has its mean field at 0 T.
    """
    lab, leg = laboratory(case), case.seed % 2
    beyond_T = case.chance.uniform(0.01, 0.09) * (1.0 if leg else -1.0)
    ended = run_into(lab, LONG_S, step="loop", leg=leg, beyond_T=beyond_T)
    assert "InTrouble: in execute" in ended.words
    assert judged(lab, ended, {"failed"}) == "failed"
    lab.assert_safe()
    resumed(lab)
    with lab.journal() as journal:
        assert [part.status for part in journal.parts("loop")] == ["failed", "finished"]
    enter(case, "failed", lab)


@of("disk full")
def test_a_full_disk(laboratory: Any, enter: Any, case: Case, tmp_path: Path) -> None:
    chance, lab = case.chance, laboratory(case)
    with small_disk(tmp_path / "disk", lambda: enter(case, "skipped: not root")) as disk:
        lab.out = disk / "runs"
        full = {"step": "disk full", "count": chance.randrange(1, ROWS - 20), "disk": str(disk),
                "leave_bytes": chance.randrange(5000)}  # fmt: skip
        ended = run_into(lab, LONG_S, **full)
        assert "could not be written" in ended.words
        assert all(file.read_bytes()[-1:] in (b"", b"\n") for file in lab.files()), "half a row"
        outcome = judged(lab, ended, {"failed", "running"})
        assert ended.status == 1
        lab.assert_safe()
        (disk / FILLER).unlink()
        resumed(lab)
        enter(case, "failed", lab)
        assert outcome in ("failed", "running")


@contextmanager
def small_disk(folder: Path, skipped: Callable[[], None]) -> Iterator[Path]:
    """Make a real file system of a megabyte."""
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        skipped()
        pytest.skip("only root can mount a small file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@of("kill -9", "SIGTERM")
def test_a_process_that_is_killed(laboratory: Any, enter: Any, eventually: Any, case: Case) -> None:
    """Half of them at a row from outside, half at any moment of the run by its own hand."""
    chance, lab = case.chance, laboratory(case)
    number = signal.SIGKILL if case.kind == "kill -9" else signal.SIGTERM
    watched = case.seed % 4 < 2
    options = ["--watchdog"] if watched else ["--no-watchdog"]
    arguments = lab.arguments(lab.station(LONG_S), *options)
    if case.seed % 2:
        process = lab.started(arguments, step=number.name, count=chance.randrange(1, 2 * ROWS))
    else:
        process = lab.started(arguments)
        rows = chance.randrange(ROWS - 20)
        eventually(lambda: lab.has_plan() and len(lab.noted()) >= rows, f"{rows} rows")
        process.send_signal(number)
    _, words = process.communicate(timeout=100)
    killed = number == signal.SIGKILL
    assert process.returncode == (-number if killed else 1), words
    statuses = {"running"} if killed else {"aborted"}
    outcome = judged(lab, Ended(process.returncode, words), statuses, killed=killed)
    assert outcome not in ("finished", "NOT SAFE, said"), words
    if killed and not watched:
        make_safe(lab)
    lab.assert_safe()
    resumed(lab)
    enter(case, "made safe by the watchdog" if killed and watched else
          "made safe by `safe`" if killed else "aborted", lab)  # fmt: skip


def test_there_are_enough_cases() -> None:
    assert len(cases()) >= 200
    assert min(KINDS.values()) >= 8
