"""`nanojunction runs`: what a catalogue knows of runs, as a table, JSON or CSV."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.analyse import COLUMNS, with_error
from nanojunction.cli.catalogues import VARIABLE, name_of
from nanojunction.cli.console import WRONG_USAGE, say, wide_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nanojunction.analysis.catalogue.database import Catalogue
    from nanojunction.analysis.catalogue.errors import UnknownKey
    from nanojunction.analysis.catalogue.listing import Listed, Selection

_SHOWN = ("device", "kind", "temperature_K", "field_T")


def runs(
    paths: Sequence[str],
    *,
    catalogue: str,
    device: str,
    kind: str,
    where: Sequence[str],
    sort: str,
    columns: str,
    limit: int | None,
    json_file: str,
    csv_file: str,
) -> int:
    """List runs; 0 also if there is none, 2 for a question that makes no sense."""
    name = name_of(catalogue)
    if not name:
        say(f"error: name a catalogue: --catalogue FILE, or {VARIABLE} in the environment")
        return WRONG_USAGE
    if json_file == "-" and csv_file == "-":
        say("error: --json - and --csv - both want standard output; give one of them a file")
        return WRONG_USAGE
    from nanojunction.analysis.catalogue.database import Catalogue
    from nanojunction.analysis.catalogue.errors import QuestionError, UnknownKey
    from nanojunction.analysis.catalogue.listing import Selection
    from nanojunction.analysis.catalogue.questions import Question, parse_question

    with Catalogue(name, new=False) as opened:
        try:
            asked = [parse_question(text) for text in where]
            named = {"device": device, "kind": kind}
            asked += [Question(key, "=", text) for key, text in named.items() if text]
            below = tuple(map(Path, paths))
            selection = Selection(below, tuple(asked), tuple(_keys_of(sort)), limit)
            _list(opened, selection, _keys_of(columns), json_file, csv_file)
        except UnknownKey as problem:
            say(f"error: {_in_words(problem)}")
            return WRONG_USAGE
        except QuestionError as problem:
            say(f"error: {problem}")
            return WRONG_USAGE
    return 0


def _in_words(problem: UnknownKey) -> str:
    from nanojunction.common.names import did_you_mean

    meant = did_you_mean(problem.key, problem.known)
    if not meant:
        return str(problem)
    return f"no run in the catalogue has a {problem.key!r}{meant}"


def _keys_of(text: str) -> list[str]:
    return [key for part in text.split(",") if (key := part.strip())]


def _list(
    catalogue: Catalogue,
    selection: Selection,
    keys: list[str],
    json_file: str,
    csv_file: str,
) -> None:
    from nanojunction.analysis.catalogue.errors import UnknownKey
    from nanojunction.analysis.catalogue.listing import find_errors, find_runs, known_keys

    known = known_keys(catalogue) if keys else []
    for key in keys:
        if key not in known and key.removesuffix(".stderr") not in known:
            raise UnknownKey(key, known)
    # JSON has everything that is known of a run; a table has what is asked for.
    only = None if json_file else keys or _usual_keys()
    found = find_runs(catalogue, selection, only)
    failed = find_errors(catalogue, selection.below)
    if json_file:
        document = {
            "catalogue": catalogue.name,
            "runs": [run.to_json() for run in found],
            "errors": [{"file": path, "error": error} for path, error in failed],
        }
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        _write(text, json_file)
    if csv_file:
        _write(_csv_text(found, keys or [*_SHOWN, *_usual_keys()]), csv_file)
    if "-" not in (json_file, csv_file):
        _show(found, keys)
        if selection.questions and failed:
            say(f"files that failed: {len(failed)} (without a question they are named)")
        else:
            for path, error in failed:
                gone = "" if Path(path).exists() else " (missing)"
                say(f"error: {path}{gone}: {error}")


def _usual_keys() -> list[str]:
    """Return the keys of the quantities that a table has if none are asked for."""
    return [key for _, some, _ in COLUMNS for key in some]


def _write(text: str, file: str) -> None:
    if file == "-":
        sys.stdout.buffer.write(text.encode("utf-8"))  # UTF-8, whatever the console
        sys.stdout.flush()
    else:
        Path(file).write_bytes(text.encode("utf-8"))


def _csv_text(found: Sequence[Listed], keys: Sequence[str]) -> str:
    """Return one line a run: its file, plateau and the keys, every number with all its digits."""
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    numbers = {key for run in found for key in run.numbers}
    with_errors = ([key, f"{key}.stderr"] if key in numbers else [key] for key in keys)
    names = list(dict.fromkeys(name for some in with_errors for name in some))
    writer.writerow(["path", "segment", "missing", *names])
    for run in found:
        cells = ["" if (value := run.value(name)) is None else value for name in names]
        segment = "" if run.held["segment"] is None else run.held["segment"]
        writer.writerow([run.held["path"], segment, int(run.is_missing), *cells])
    return out.getvalue()


def _show(found: Sequence[Listed], keys: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not found:
        say("no run in the catalogue is like that")
        return
    table = Table(box=None, padding=(0, 1))
    table.add_column("run", overflow="fold", min_width=24)
    titles = keys or ["device", "kind", "T (K)", "H (T)", *(title for title, _, _ in COLUMNS)]
    for title in titles:
        table.add_column(title, justify="right", overflow="fold")
    for run in found:
        part = "" if run.held["segment"] is None else f" #{run.held['segment']}"
        missing = " (missing)" if run.is_missing else ""
        if keys:
            cells = [_asked(run, key) for key in keys]
        else:
            cells = [_cell(run, key, 1.0) for key in _SHOWN]
            cells += [_cell(run, some[0], scale) for _, some, scale in COLUMNS]
        name = f"{run.path.name}{part}{missing}"
        table.add_row(*map(Text, (name, *cells)))
    wide_console().print(table)
    say(f"{len(found)} run{'' if len(found) == 1 else 's'}")


def _asked(run: Listed, key: str) -> str:
    """Return what is under a key that was asked for: a quantity with the unit of its size."""
    value, stderr, _ = run.numbers.get(key, (None, None, None))
    if value is None:
        return _cell(run, key, 1.0)
    from nanojunction.analysis.notation import measured, symbol_of
    from nanojunction.analysis.values import Quantity

    return measured(Quantity(value, stderr), symbol_of(key).unit) or "–"


def _cell(run: Listed, key: str, scale: float) -> str:
    """Return what is under a key for a person: a number with its error, a dash for nothing."""
    if key in run.numbers:
        from nanojunction.analysis.values import Quantity

        value, stderr, note = run.numbers[key]
        return note or "–" if value is None else with_error(Quantity(value, stderr), scale)
    value = run.value(key)
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "–"
    return "–" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)
