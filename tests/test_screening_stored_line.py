"""What a kill leaves of a look at the open line, when the runs of a screening are judged."""

from __future__ import annotations

from pathlib import Path

from nanojunction.analysis.screening.stored import stored_runs
from tests.catalogues import iv_file


def test_a_look_at_the_open_line_without_a_row_is_no_error(tmp_path: Path) -> None:
    whole = iv_file(tmp_path / "whole.csv", "open line", 40.0).read_text(encoding="utf-8")
    header = whole[: whole.index("#Data:")]
    (tmp_path / "whole.csv").unlink()
    for stage, errors in (("open_line", 0), ("contact", 1)):
        file = tmp_path / f"{stage}.csv"
        stated = header.replace("#\tSample:", f"#\tScreening stage: {stage}\n#\tSample:", 1)
        file.write_text(stated + "#Data:\nVoltage (V),Current (A)\n", encoding="utf-8")
        assert len(stored_runs([file]).errors) == errors, stage
