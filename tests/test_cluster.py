"""A Dask cluster does the work: real workers, the same results, sentences for what goes wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.store import CatalogueStore
from nanojunction.analysis.results import to_text
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.theory.axes import parse_axis
from nanojunction.analysis.theory.exchange_sweeps import exchange_sweeps, found_by
from nanojunction.analysis.work import dask_cluster
from nanojunction.analysis.work.batches import Batch
from nanojunction.analysis.work.dask_cluster import ClusterError, connected, in_cluster
from nanojunction.analysis.work.hands import Hands
from nanojunction.analysis.work.outcomes import Work
from nanojunction.models.errors import ModelError
from tests.catalogues import iv_file


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes; a worker that is lost over a batch may not try that again."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=2,
            processes=True,
            threads_per_worker=2,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs with notes and files that fail, named as from the folder above it."""
    monkeypatch.chdir(tmp_path)
    folder = Path("runs")
    folder.mkdir()
    for number in range(24):
        iv_file(folder / f"J{number}.csv", f"J{number}", 40.0, seed=number)
    (folder / "J3.notes.toml").write_text('comment = "the pump was on"\n', encoding="utf-8")
    (folder / "J4.notes.toml").write_text("nonsense = 1\n", encoding="utf-8")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "none.csv").write_text("not,a,run\n", encoding="utf-8")
    return folder


def test_a_cluster_gives_what_one_process_gives(cluster: LocalCluster, folder: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = analyse(
        [folder],
        scheduler=cluster.scheduler_address,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert len(found.errors) == 3
    assert to_text(found.to_json()) == to_text(analyse([folder]).to_json())
    assert steps == [(number, 26) for number in range(1, 27)]


def test_what_a_catalogue_keeps_is_not_computed_again(cluster: LocalCluster, folder: Path) -> None:
    with Catalogue("c.sqlite") as catalogue:
        store = CatalogueStore(catalogue)
        first = analyse([folder], scheduler=cluster.scheduler_address, kept=store)
        second = analyse([folder], scheduler=cluster.scheduler_address, kept=store)
    assert (first.taken, second.taken) == (0, 23)
    assert to_text(second.to_json()) == to_text(first.to_json())


def test_the_batches_of_a_lost_worker_are_done_again(cluster: LocalCluster, folder: Path) -> None:
    lost = []

    def lose_one(done: int, total: int) -> None:
        if not lost and done < total / 2:
            with Client(cluster.scheduler_address, set_as_default=False) as client:
                pids = client.run(os.getpid)
            lost.append(psutil.Process(next(iter(pids.values()))))
            lost[0].kill()

    found = analyse([folder], scheduler=cluster.scheduler_address, progress=lose_one)
    assert len(lost) == 1
    assert to_text(found.to_json()) == to_text(analyse([folder]).to_json())


def test_an_interrupted_analysis_leaves_nothing_to_do(cluster: LocalCluster, folder: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse([folder], scheduler=cluster.scheduler_address, progress=interrupt)
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0


def test_a_file_that_a_worker_does_not_see_is_an_error(cluster: LocalCluster, folder: Path) -> None:
    (seen, unseen) = (Work((folder / name,), None, IVSettings()) for name in ("J0.csv", "gone.csv"))
    found = {
        work.files: outcome
        for batch, outcomes in in_cluster([seen, unseen], None, cluster.scheduler_address)
        for work, outcome in zip(batch.works, outcomes, strict=True)
    }
    assert len(found[seen.files].packed) == 1
    (error,) = found[unseen.files].errors
    assert error.file == "runs/gone.csv"
    assert "does not see this file: put it where all workers have it" in error.error


def test_a_worker_of_another_version_refuses(cluster: LocalCluster, folder: Path) -> None:
    batch = Batch((Work((folder.absolute() / "J0.csv",), None, IVSettings()),), (None,))
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        future = client.submit(dask_cluster._analyse_there, batch, "0.0.1+other")
        with pytest.raises(ClusterError, match="install the same version on both sides"):
            future.result()


@pytest.mark.parametrize("address", ["127.0.0.1", "nonsense", "http://127.0.0.1:80"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address} "):
        connected(address)


def test_a_port_where_nobody_listens_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ClusterError, match="no Dask scheduler answers at tcp://"):
        connected(f"tcp://127.0.0.1:{port}")


def test_another_program_that_answers_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(ClusterError, match="no Dask scheduler answers"):
            connected(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_a_cluster_without_workers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 1.0)
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(ClusterError, match="has no workers: start some with `dask worker tcp://"),
    ):
        connected(empty.scheduler_address)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nanojunction.cli", "analyse", *arguments],
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


def test_workers_and_a_scheduler_together_are_wrong_usage(folder: Path) -> None:
    done = command(str(folder), "--workers", "2", "--scheduler", "tcp://127.0.0.1:1")
    assert done.returncode == 2
    with pytest.raises(ValueError, match="workers or a scheduler"):
        analyse([folder], workers=2, scheduler="tcp://127.0.0.1:1")


@pytest.mark.campaign
def test_the_command_on_a_cluster_of_daemons(folder: Path, tmp_path: Path) -> None:
    """`dask scheduler` and `dask worker`, as one starts them by hand."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask_command = [sys.executable, "-m", "dask"]
    scheduler: list[Any] = [*dask_command, "scheduler", "--host", address, "--no-dashboard"]
    worker: list[Any] = [*dask_command, "worker", address, "--no-dashboard", "--nthreads", "1"]
    with (tmp_path / "log.txt").open("wb") as log:
        daemons = [
            subprocess.Popen(one, cwd=tmp_path, stdout=log, stderr=log)
            for one in (scheduler, [*worker, "--host", "127.0.0.1"])
        ]
        try:
            for _ in range(6):  # the daemons take some seconds to listen
                done = command(str(folder), "--scheduler", address, "--json", "-")
                if "no Dask scheduler" not in done.stderr and "no workers" not in done.stderr:
                    break
        finally:
            for daemon in daemons:
                daemon.terminate()
            for daemon in daemons:
                daemon.wait(30)
    assert done.returncode == 1, done.stderr  # three files have errors
    assert json.loads(done.stdout) == analyse([folder]).to_json()


def test_a_model_is_swept_on_a_cluster_as_here(cluster: LocalCluster) -> None:
    units = {"p_left": "", "mu": "meV"}
    axes = [parse_axis(text, units) for text in ("p-left=-0.9:0.9:61", "mu=-2:2:41")]
    (sweep,) = exchange_sweeps({"bias": 1.0}, axes)
    there = found_by(sweep, hands=Hands(scheduler=cluster.scheduler_address))
    for name, values in found_by(sweep).results.items():
        assert np.array_equal(values, there.results[name])


def test_what_a_model_cannot_do_is_said_by_a_cluster_too(cluster: LocalCluster) -> None:
    (sweep,) = exchange_sweeps({}, [parse_axis("p-left=-1:2:3000", {"p_left": ""})])
    with pytest.raises(ModelError, match="is no polarisation"):
        found_by(sweep, hands=Hands(scheduler=cluster.scheduler_address))
