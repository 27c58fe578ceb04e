"""Files that are written whole or not at all, and what is said where they cannot be."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.results import write_results
from nanojunction.analysis.written import replacing, written_whole

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")


def test_a_file_takes_the_place_of_the_one_before_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("before", encoding="utf-8")
    with written_whole(path) as file:
        file.write("Ω\n")
        file.flush()
        assert path.read_text(encoding="utf-8") == "before"
    assert path.read_bytes() == "Ω\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_stays_where_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), written_whole(path) as file:
        file.write(str(1 / 0))
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "results.json"
    with pytest.raises(FileNotFoundError) as error, written_whole(path):
        pass
    assert error.value.filename == str(path)
    with pytest.raises(OSError) as error, replacing(tmp_path / "a.parquet"):
        raise OSError(errno.ENOSPC, "Error writing bytes to file")  # as pyarrow says it
    assert (error.value.filename, error.value.strerror) == (
        str(tmp_path / "a.parquet"),
        os.strerror(errno.ENOSPC),
    )


@LINUX
def test_a_device_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    document = analyse([tmp_path]).to_json()
    with pytest.raises(OSError) as error:
        write_results(document, full)
    assert error.value.filename == str(full)
    assert full.is_char_device()
    assert list(tmp_path.iterdir()) == [full]


@LINUX
def test_results_may_go_into_a_pipe(tmp_path: Path) -> None:
    receiving, sending = os.pipe()
    write_results(analyse([tmp_path]).to_json(), f"/dev/fd/{sending}")
    os.close(sending)
    with os.fdopen(receiving, encoding="utf-8") as file:
        assert '"nanojunction-results/1"' in file.read()
