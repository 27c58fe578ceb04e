"""`nanojunction export`: runs as Parquet or NeXus files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.catalogues import opened
from nanojunction.cli.console import (
    FAILED,
    WRONG_USAGE,
    in_words,
    make_folder,
    say,
    steps_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nanojunction.analysis.run_result import RunResult

SUFFIXES = {"nexus": ".nxs", "parquet": ".parquet"}


def export(
    paths: Sequence[str],
    form: str,
    out: Path,
    *,
    pattern: str | None,
    about: Path | None,
    catalogue: str,
) -> int:
    """Export; 1 if a run could not be, 2 for a form that there is not."""
    if form not in SUFFIXES:
        say(f"error: --format {form!r}: the formats are {' and '.join(SUFFIXES)}")
        return WRONG_USAGE
    from nanojunction.analysis.analyse import analyse
    from nanojunction.analysis.export.about import About, read_about
    from nanojunction.analysis.export.errors import ExportError
    from nanojunction.cli.analyse import enter_into, store_in

    known = About() if about is None else read_about(about)
    make_folder(out, "--out")
    with opened(catalogue) as entries, steps_of("analysing") as show:
        found = analyse(
            list(map(Path, paths)), pattern=pattern, progress=show, kept=store_in(entries)
        )
        enter_into(entries, found)
    failed = [str(error) for error in found.errors]
    written: dict[Path, Path] = {}
    missing: dict[str, None] = {}
    for name, results in _pieces(found.run_results, paths, form):
        target = out / name
        source = results[0].run.file
        try:
            if target in written:
                raise ExportError(f"{source}: would overwrite what {written[target]} became")
            target.parent.mkdir(parents=True, exist_ok=True)
            missing.update(dict.fromkeys(_write(form, results, target, known)))
        except (ExportError, OSError) as problem:
            failed.append(in_words(problem))
        else:
            written[target] = source
    for sentence in failed:
        say(f"error: {sentence}")
    if missing:
        how = "; --about can say when it was calibrated" if "calibration_time" in missing else ""
        say(f"not known, and left out of the files: {', '.join(missing)}{how}")
    say(f"{len(written)} file{'' if len(written) == 1 else 's'} in {out}")
    return FAILED if failed else 0


def _write(form: str, results: list[RunResult], target: Path, about: object) -> tuple[str, ...]:
    from nanojunction.analysis.export.about import About

    if form == "nexus":
        from nanojunction.analysis.export.nexus import write_nexus

        assert isinstance(about, About)
        return write_nexus(results, target, about)
    from nanojunction.analysis.export.parquet import write_parquet

    write_parquet(results[0], target)
    return ()


def _pieces(
    results: Sequence[RunResult], paths: Sequence[str], form: str
) -> Iterator[tuple[Path, list[RunResult]]]:
    """Yield what becomes one file each, and its name below the folder of the files.

    All I(V) of a run file become one NeXus file, every run a Parquet file of its own.
    """
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    files: dict[Path, list[RunResult]] = {}
    for result in results:
        files.setdefault(result.run.file, []).append(result)
    for file, of_file in files.items():
        above = next((folder for folder in folders if file.is_relative_to(folder)), file.parent)
        name = file.relative_to(above).with_suffix("")
        if form == "nexus":
            yield name.with_name(f"{name.name}{SUFFIXES[form]}"), of_file
            continue
        for result in of_file:
            segment = result.run.segment
            part = "" if segment is None else f"_{segment}"
            yield name.with_name(f"{name.name}{part}{SUFFIXES[form]}"), [result]
