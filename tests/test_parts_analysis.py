"""The morning's analysis: runs in parts or without a row, calibrations in a folder, the table."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from nanojunction.analysis.analyse import NO_DEVICES, Analysis, analyse
from nanojunction.analysis.field.states import LARGEST_AGAINST_ZERO
from nanojunction.analysis.reading.reader import read_runs
from nanojunction.cli import analyse as command
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.at_fixed import CurrentOverTime
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.partial import Partial
from nanojunction.procedures.runner import Outcome, run_procedure
from nanojunction.procedures.stopping import StopRequest
from nanojunction.procedures.temperature_series import TemperatureSeries
from tests.conftest import station_content
from tests.run_files import END, HEADER, NAMES
from tests.run_rows import rows_of

Make = Callable[..., Station]
PROCEDURES: dict[str, JunctionProcedure] = {
    "iv": IVSweep(sample="A", turning_points="0, 5mV, -5mV, 0", step="0.5mV"),
    "it": CurrentOverTime(sample="A", interval="1s", duration="40s"),
    "ih": IHSweep(sample="A", fields="-0.2, 0.2, -0.2 T", field_rate="0.5T/min", interval="2s"),
    "series": TemperatureSeries(
        sample="A", temperatures="290, 280 K", turning_points="0, 3mV, -3mV, 0", step="0.5mV",
        window="10s",
    ),
}  # fmt: skip
CALIBRATION = HEADER.replace("#Data:", "#\tKind: calibration\n#Data:").replace(": B", ": R1k")


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The texts of whole run files, one of each kind, as the software writes them."""
    folder, texts = tmp_path_factory.mktemp("wholes"), {}
    content = station_content(virtual={"junction": "A", "speed": 2000})
    for kind, procedure in PROCEDURES.items():
        with Station(station_from(content, "station.toml")) as station:
            outcome = run_procedure(procedure, station, folder, name=kind)
        assert outcome.ok, outcome.error
        texts[kind] = outcome.file.read_text(encoding="utf-8")
    return texts


def cut(text: str, *rows: int) -> list[str]:
    """Return the texts of the parts that a run would have, killed after so many rows."""
    lines = text.splitlines(keepends=True)
    names = next(n for n, line in enumerate(lines) if not line.startswith("#"))
    header, body = "".join(lines[: names + 1]), lines[names + 1 : -1]
    assert "#\tPart: 1\n" in header
    edges = sorted(rows)
    parts, before, at = [], [], 0.0
    for number, (start, stop) in enumerate(
        zip([0, *edges], [*edges, len(body)], strict=True), start=1
    ):
        files = ", ".join(before)
        stated = f"#\tPart: {number}, after {start} rows in {files}\n" if before else "#\tPart: 1\n"
        shifted = [row.split(",", 1) for row in body[start:stop]]
        times = [f"{float(time) - at!r},{rest}" for time, rest in shifted]
        parts.append(header.replace("#\tPart: 1\n", stated) + "".join(times))
        before.append("x.csv" if number == 1 else f"x_part{number}.csv")
        at = float(shifted[-1][0]) if shifted else at
    end = f'# End: {{"status": "finished", "rows": {len(body) - edges[-1]}}}\n'
    return [*parts[:-1], parts[-1] + end]


def write_parts(folder: Path, texts: list[str]) -> list[Path]:
    names = ["x.csv", *(f"x_part{n}.csv" for n in range(2, len(texts) + 1))]
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return [folder / name for name in names]


def numbers(item: Any) -> Any:
    """Return what was found with numbers that agree to rounding."""
    if isinstance(item, dict):
        return {key: numbers(value) for key, value in item.items()}
    if isinstance(item, list):
        return [numbers(value) for value in item]
    return pytest.approx(item, rel=1e-9, abs=1e-18) if isinstance(item, float) else item


@pytest.mark.parametrize("kind", PROCEDURES)
@given(data=st.data())
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_run_that_is_cut_anywhere_has_the_quantities_of_the_whole(
    kind: str, data: st.DataObject, wholes: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("cut")
    text = wholes[kind]
    rows = sum(not line.startswith("#") for line in text.splitlines()) - 1
    cuts = data.draw(st.lists(st.integers(0, rows), min_size=1, max_size=3))
    files = write_parts(folder, cut(text, *cuts))
    (folder / "whole").mkdir()
    (folder / "whole" / "x.csv").write_text(text, encoding="utf-8", newline="")
    shuffled = data.draw(st.permutations(files))
    whole = analyse([folder / "whole"]).to_json()
    found = analyse(shuffled).to_json()
    assert found["errors"] == found["warnings"] == []
    assert len(found["runs"]) == len(whole["runs"])
    for run, expected in zip(found["runs"], whole["runs"], strict=True):
        assert run["file"] == files[0].as_posix()
        assert run["parts"] == [file.as_posix() for file in files[1:]]
        assert run["quantities"] == numbers(expected["quantities"])
        assert run["conditions"] == numbers(expected["conditions"])
        assert [w for w in run["warnings"] if "measured in" not in w] == expected["warnings"]


def test_the_parts_that_the_software_writes(virtual_station: Make, tmp_path: Path) -> None:
    stop = StopRequest()
    sweep = {"turning_points": "0, 2mV, -2mV, 0", "step": "0.2mV", "sample": "A"}
    with virtual_station(virtual={"junction": "A", "speed": 1000}) as station:
        one = run_procedure(
            IVSweep(**sweep), station, tmp_path, stop=stop, name="x",
            on_progress=lambda now: stop.ask("test") if now.rows >= 13 else None,
        )  # fmt: skip
        done = Partial((one.file,), one.rows, rows_of(one.file)[-1])
        two: Outcome = run_procedure(IVSweep(**sweep), station, tmp_path, continues=done)
    (result,) = analyse([tmp_path]).run_results
    run = result.run
    assert (run.file, run.parts, run.status) == (one.file, (two.file,), "finished")
    assert len(run) == 43
    assert run.time_s is not None and (run.time_s[1:] > run.time_s[:-1]).all()
    assert run.warnings == (
        f"measured in 2 parts: {one.rows} rows in x.csv, {43 - one.rows} rows in x_part2.csv; "
        "the time between them is not counted",
    )


def test_parts_are_in_the_order_that_they_state(wholes: dict[str, str], tmp_path: Path) -> None:
    """Which is not that of their names: part 10 comes after part 9."""
    files = write_parts(tmp_path, cut(wholes["iv"], *range(2, 24, 2)))
    (result,) = analyse([tmp_path]).run_results
    assert (result.run.file, *result.run.parts) == tuple(files)
    assert len(files) == 12


def only(found: Analysis, file: Path) -> tuple[str, ...]:
    """Return the warnings of the run in a file."""
    (result,) = [one for one in found.run_results if one.run.file == file]
    assert result.run.parts == ()
    return result.run.warnings


def test_a_part_whose_earlier_part_is_missing_is_alone(
    wholes: dict[str, str], tmp_path: Path
) -> None:
    files = write_parts(tmp_path, cut(wholes["iv"], 20, 41))
    found = analyse([files[0], files[2]])
    assert not found.errors
    assert any("cut off" in warning for warning in only(found, files[0]))
    assert (
        "it goes on after 41 rows in x.csv, x_part2.csv, but these are not all among the files "
        "given: this part is analysed alone"
    ) in only(found, files[2])
    assert any("goes on after 20 rows in x.csv" in w for w in read_runs(files[1])[0].warnings)


def test_a_part_beside_an_unreadable_one_is_alone(wholes: dict[str, str], tmp_path: Path) -> None:
    files = write_parts(tmp_path, cut(wholes["iv"], 20))
    files[0].write_bytes(b"\0" * 4096)
    found = analyse(files)
    assert [error.file for error in found.errors] == [files[0].as_posix()]
    assert any("analysed alone" in warning for warning in only(found, files[1]))


def test_two_files_that_go_on_after_one_are_not_both_joined(
    wholes: dict[str, str], tmp_path: Path
) -> None:
    files = write_parts(tmp_path, cut(wholes["iv"], 20))
    again = tmp_path / "x_part2_2.csv"
    again.write_text(files[1].read_text(encoding="utf-8"), encoding="utf-8")
    found = analyse([tmp_path])
    assert [result.run.parts for result in found.run_results] == [(files[1],), ()]
    assert any("analysed alone" in warning for warning in only(found, again))


def test_parts_of_the_same_name_in_other_folders_are_other_runs(
    wholes: dict[str, str], tmp_path: Path
) -> None:
    for night in ("one", "two"):
        (tmp_path / night).mkdir()
        write_parts(tmp_path / night, cut(wholes["iv"], 20))
    found = analyse([tmp_path])
    assert [result.run.file.parent.name for result in found.run_results] == ["one", "two"]


def test_other_peoples_files_are_never_joined(tmp_path: Path) -> None:
    table = "V (V),I (A)\n" + "".join(f"{v},{v * 1e-3}\n" for v in (0.0, 0.01, 0.02, 0.03))
    for name, part in (("x", "1"), ("x_part2", "2, after 4 rows in x.csv")):
        (tmp_path / f"{name}.csv").write_text(f"# Part: {part}\n{table}", encoding="utf-8")
    found = analyse([tmp_path])
    assert [len(result.run) for result in found.run_results] == [4, 4]


@pytest.mark.parametrize("empty", ["", "header", "names"])
def test_a_part_killed_before_its_first_row_is_no_error(
    empty: str, wholes: dict[str, str], tmp_path: Path
) -> None:
    first, second, third = write_parts(tmp_path, cut(wholes["iv"], 20, 20))
    text = second.read_text(encoding="utf-8")
    kept = {"": 0, "header": text.index("Time (s)"), "names": len(text)}[empty]
    second.write_text(text[:kept], encoding="utf-8")
    found = analyse([tmp_path])
    assert (found.errors, found.warnings) == ((), ())
    (result,) = found.run_results
    assert (result.run.parts, result.run.status) == ((second, third), "finished")
    first.unlink()
    (error,) = analyse([second, third]).errors
    sentence = CUT_OFF if empty else EMPTY
    assert (error.file, error.error) == (second.as_posix(), sentence)


CUT_OFF = "the run was cut off before its first row: nothing to analyse"
EMPTY = "is empty: nothing to analyse"


def test_files_that_were_cut_off_before_their_first_row_are_errors(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").write_text(HEADER, encoding="utf-8")
    (tmp_path / "c.csv").write_text(HEADER + NAMES, encoding="utf-8")
    found = analyse([tmp_path])
    assert [(Path(error.file).name, error.error) for error in found.errors] == [
        ("a.csv", EMPTY),
        ("b.csv", CUT_OFF),
        ("c.csv", CUT_OFF),
    ]
    assert (found.run_results, found.warnings) == ((), ())


def test_runs_that_ended_before_their_first_row_are_one_warning_that_names_all(
    tmp_path: Path,
) -> None:
    failed = '# End: {"status": "failed", "rows": 0, "error": "the magnet did not answer"}\n'
    for number in range(9):
        (tmp_path / f"{number}.csv").write_text(HEADER + NAMES + failed, encoding="utf-8")
    found = analyse([tmp_path])
    assert (found.errors, found.run_results) == ((), ())
    (warning,) = found.to_json()["warnings"]
    assert warning.startswith("9 files hold no row")
    for number in range(9):
        assert f"{number}.csv (failed: the magnet did not answer)" in warning
    assert command.analyse(
        [str(tmp_path)], json_file="", report=tmp_path / "report", pattern=None,
        calibration=None, reference=LARGEST_AGAINST_ZERO, workers=1, devices=NO_DEVICES,
        by_device=False,
    ) == 0  # fmt: skip
    assert "9 files hold no row" in (tmp_path / "report" / "report.html").read_text("utf-8")


@pytest.mark.parametrize("text", ["not,a,run\n", "V (V),I (A)\n", HEADER + NAMES + "1,2\n"])
def test_what_is_damaged_or_foreign_stays_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    found = analyse([tmp_path])
    assert (len(found.errors), found.warnings) == (1, ())


def line_of(resistance_ohm: float) -> str:
    volts = [n * 1e-3 for n in (*range(-10, 11), *range(9, -11, -1))]
    rows = [
        f"{0.1 * n},{int(n > 20)},{V},{V},{V / resistance_ohm + 1e-9},0.0,40.0,39.5,0\n"
        for n, V in enumerate(volts)
    ]
    return NAMES + "".join(rows) + END.replace("3", str(len(rows)))


def night_of(folder: Path, *, calibrations: int) -> Path:
    night = folder / "runs" / "night"
    night.mkdir(parents=True)
    for n in range(3):
        (night / f"B{n}.csv").write_text(HEADER + line_of(25_000), encoding="utf-8")
    for n in range(calibrations):
        (folder / "runs" / f"R{n}.csv").write_text(CALIBRATION + line_of(1000), encoding="utf-8")
    return night


def morning(night: Path, calibration: Path, report: Path) -> int:
    return command.analyse(
        [str(night)],
        json_file="",
        report=report,
        pattern=None,
        calibration=calibration,
        reference=LARGEST_AGAINST_ZERO,
        workers=1,
        devices=NO_DEVICES,
        by_device=False,
    )


def test_the_command_of_the_morning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = night_of(tmp_path, calibrations=2)
    assert morning(night, tmp_path / "runs", tmp_path / "report") == 0
    said = capsys.readouterr().err
    assert said.count("passed over") == 1
    assert "2 of the 5 runs there make the measuring line" in said
    assert "error: " not in said
    found = analyse([night], calibration=tmp_path / "runs")
    assert len(found.run_results) == 3
    assert all("candidate" in result.quantities for result in found.run_results)
    together = analyse([night], calibration=tmp_path / "runs", workers=2)
    assert together.to_json() == found.to_json()


def test_a_folder_without_a_calibration_is_one_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night = night_of(tmp_path, calibrations=0)
    assert morning(night, tmp_path / "runs", tmp_path / "report") == 1
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert "none of the 3 runs there is recognised as a calibrated resistor" in error


def test_an_error_names_its_file_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = night_of(tmp_path, calibrations=0)
    report = tmp_path / "report"
    assert morning(night, night / "B0.csv", report) == 1
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert error.count("B0.csv") == 1
    assert "device 'B' is not recognised" in error
    page = (report / "report.html").read_text(encoding="utf-8")
    assert page.split("could not be used</h2>")[1].split("</section>")[0].count("B0.csv") == 1


def test_the_table_shows_the_means_of_runs_at_rest(wholes: dict[str, str], tmp_path: Path) -> None:
    for kind in ("it", "ih", "iv"):
        (tmp_path / f"{kind}.csv").write_text(wholes[kind], encoding="utf-8")
    results = analyse([tmp_path]).run_results
    page = io.StringIO()
    Console(file=page, width=200).print(command.table_of(results))
    head, *rows = (line.split() for line in page.getvalue().splitlines())
    assert head[-6:] == ["mean", "V", "(mV)", "mean", "I", "(µA)"]
    cells = {row[0]: row[-2:] for row in rows}
    assert cells["iv.csv"] == ["–", "–"]
    for kind in ("it.csv", "ih.csv"):
        assert "–" not in cells[kind]
    sweeps = [result for result in results if result.run.kind == "iv"]
    assert "mean" not in [str(column.header) for column in command.table_of(sweeps).columns]


def test_the_table_names_a_run_in_parts(wholes: dict[str, str], tmp_path: Path) -> None:
    write_parts(tmp_path, cut(wholes["iv"], 20))
    page = io.StringIO()
    (result,) = analyse([tmp_path]).run_results
    Console(file=page, width=200).print(command.table_of([result]))
    assert "x.csv (in 2 parts)" in page.getvalue()


def test_an_ih_without_a_field_names_its_file_once(
    wholes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = wholes["ih"].replace("Field (T)", "Lead (x)")
    (tmp_path / "loop.csv").write_text(text, encoding="utf-8")
    command.show_runs(analyse([tmp_path]))
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "field column" in line]
    assert line == "loop.csv: an I(H) run needs a field column"
