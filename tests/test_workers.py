"""Several processes share the files: what one gives, whatever happens to a process."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.results import to_text
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.work.batches import BATCH_BYTES, Batch, analyse_batch, in_batches
from nanojunction.analysis.work.outcomes import Work
from nanojunction.analysis.work.workers import in_processes
from tests.catalogues import iv_file

CAMPAIGN = Path(__file__).parents[1] / "sample_data" / "campaign"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runs of several kinds, notes, a file that is none, and one that was cut off."""
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("C_40K_IH_2.13mV", "resistor-100_295K"):
        shutil.copy(CAMPAIGN / f"{name}.csv", folder)
    for number in range(12):
        iv_file(folder / f"J{number}.csv", f"J{number}", 40.0, seed=number)
    (folder / "J3.notes.toml").write_text('comment = "the pump was on"\n', encoding="utf-8")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "none.csv").write_text("not,a,run\n", encoding="utf-8")
    return folder


def works(*files: Path) -> list[Work]:
    return [Work((file,), None, IVSettings()) for file in files]


class Deadly(IVSettings):
    """Settings over which any other process that is given them ends at once."""

    def __reduce__(self) -> Any:
        return os._exit, (9,)


def test_two_processes_give_what_one_gives(folder: Path) -> None:
    one, two = analyse([folder]), analyse([folder], workers=2)
    assert [Path(error.file).name for error in one.errors] == ["empty.csv", "none.csv"]
    assert to_text(two.to_json()) == to_text(one.to_json())


def test_a_process_that_is_killed_costs_nothing(folder: Path) -> None:
    """Its batch is done again by the one in its place."""
    victims = []

    def kill_one(done: int, total: int) -> None:
        if not victims and done < total / 2:
            victims.append(multiprocessing.active_children()[0])
            victims[0].kill()

    found = analyse([folder], workers=2, progress=kill_one)
    assert len(victims) == 1
    assert to_text(found.to_json()) == to_text(analyse([folder]).to_json())


def test_a_file_over_which_processes_end_twice_is_an_error_and_the_others_are_done(
    folder: Path,
) -> None:
    good, deadly, other = folder / "J1.csv", folder / "J2.csv", folder / "J3.csv"
    first, second, third = works(good, deadly, other)
    second = Work(second.files, None, Deadly())
    batch = Batch((first, second, third), (None, None, None), large=True)
    found = {
        work.files[0]: outcome
        for done, outcomes in in_processes(iter([batch]), 2)
        for work, outcome in zip(done.works, outcomes, strict=True)
    }
    assert [len(found[path].packed) for path in (good, deadly, other)] == [1, 0, 1]
    (error,) = found[deadly].errors
    assert error.file == deadly.as_posix()
    assert "the process that analysed this file was ended with status 9, twice" in error.error
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_after_a_batch_as_before_it(folder: Path, collects: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        (outcome,) = analyse_batch(Batch(tuple(works(folder / "J1.csv")), (None,)))
        assert len(outcome.results) == 1
        assert gc.isenabled() is collects
    finally:
        (gc.enable if was else gc.disable)()


def test_small_files_are_done_here_while_others_start(folder: Path) -> None:
    """What would end another process is never sent to one."""
    (work,) = works(folder / "J1.csv")
    batch = Batch((Work(work.files, None, Deadly()),), (None,))
    ((_, (outcome,)),) = in_processes(iter([batch]), 2)
    assert [result.run.device for result in outcome.results] == ["J1"]
    assert not outcome.errors
    assert multiprocessing.active_children() == []


def test_an_interrupted_analysis_leaves_no_process(folder: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        assert len(multiprocessing.active_children()) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse([folder], workers=2, progress=interrupt)
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(os.name == "nt", reason="sends the signal of a terminal to a process group")
def test_ctrl_c_ends_the_command_and_its_processes_without_a_word_from_them(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    text = iv_file(runs / "0.csv", "J", 40.0).read_text(encoding="utf-8")
    for number in range(1, 1500):
        (runs / f"{number}.csv").write_text(text, encoding="utf-8")
    # A background job of a shell, as which tests may run, ignores Ctrl-C: so would the command.
    heard = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from nanojunction.cli.main import main; main()"
    )
    command = [sys.executable, "-c", heard, "analyse", str(runs), "--workers", "2"]
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    children: list[psutil.Process] = []
    while len(children) < 2:  # one that works, one that multiprocessing has for itself
        assert process.poll() is None
        children = psutil.Process(process.pid).children()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"Traceback" not in said
    assert not psutil.wait_procs(children, timeout=10)[1]


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(
        st.sampled_from([0, 10_000, 300_000, BATCH_BYTES, 3 * BATCH_BYTES]), max_size=40
    ),
    hands=st.integers(1, 4),
)
def test_batches_hold_all_files_in_order_and_a_large_one_alone(
    sizes: list[int], hands: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sizes")
    files = [folder / f"{number}.csv" for number in range(len(sizes))]
    for file, size in zip(files, sizes, strict=True):
        with file.open("wb") as empty:
            empty.truncate(size)
    todo = works(*files)
    batches = list(in_batches(todo, None, hands))
    assert [work for batch in batches for work in batch.works] == todo
    for batch in batches:
        held = sum(work.files[0].stat().st_size for work in batch.works)
        assert held <= BATCH_BYTES or len(batch.works) == 1
