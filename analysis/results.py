"""The results document `nanojunction-results/1`: built, checked, written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanojunction.analysis.devices.claims import find_claims
from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.estimates.of_device import DeviceEstimates
from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.results_check import (
    LISTS,
    SCHEMA,
    check_item,
    check_numbers,
    check_results,
    check_schema,
)
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import plain
from nanojunction.analysis.written import written_whole


@dataclass(frozen=True, slots=True)
class FileError:
    """A file that could not be read or analysed, and why; as text a sentence that names both."""

    file: str
    error: str

    @classmethod
    def of(cls, path: Path, problem: Exception | str) -> FileError:
        """Return the error of a file; a name that the problem begins with is not repeated."""
        text = str(problem)
        for name in (str(path), path.as_posix()):
            text = text.removeprefix(f"{name}: ").removeprefix(f"{name}, ")
        return cls(path.as_posix(), text)

    def __str__(self) -> str:
        return f"{self.file}: {self.error}"

    def to_json(self) -> dict[str, str]:
        """Return the JSON object of one error."""
        return {"file": self.file, "error": self.error}


def build_results(
    runs: Sequence[RunResult],
    groups: Sequence[Group] = (),
    errors: Sequence[FileError] = (),
    warnings: Sequence[str] = (),
    estimates: Sequence[DeviceEstimates] = (),
) -> dict[str, Any]:
    """Return the document as plain JSON values, checked; files are named as they were given.

    `warnings` are about no single run.

    Raises ResultsError where a value cannot be stated in the document.
    """
    coming = coming_results(runs, groups, errors, warnings, estimates)
    document = {key: list(item) if key in LISTS else item for key, item in coming.items()}
    check_results(document)
    return document


def coming_results(
    runs: Sequence[RunResult],
    groups: Sequence[Group] = (),
    errors: Sequence[FileError] = (),
    warnings: Sequence[str] = (),
    estimates: Sequence[DeviceEstimates] = (),
) -> dict[str, Any]:
    """Return the document for `texts_of` and `write_results`: its lists are made item by item."""
    return {
        "schema": SCHEMA,
        "runs": (_explained(_run(result)) for result in runs),
        "groups": (_explained(group.to_json()) for group in groups),
        "verdicts": (claim.to_json() for claim in find_claims(runs, groups)),
        "estimates": (one.to_json() for one in estimates),
        "errors": (error.to_json() for error in errors),
        "warnings": list(warnings),
    }


def _explained(item: dict[str, Any]) -> dict[str, Any]:
    _explain(item)
    return item


def _explain(item: Any) -> None:
    """Give every missing value without a note one: it was NaN or infinite."""
    if isinstance(item, dict):
        if "value" in item and item["value"] is None and not item.get("note"):
            item["note"] = "the value is not a finite number"
        for part in item.values():
            _explain(part)
    elif isinstance(item, list) and item and isinstance(item[0], dict | list):
        for part in item:
            _explain(part)


def _run(result: RunResult) -> dict[str, Any]:
    run = result.run
    return {
        "file": run.file.as_posix(),
        "parts": [part.as_posix() for part in run.parts],
        "segment": run.segment,
        "kind": run.kind,
        "device": run.device,
        "conditions": plain(run.conditions.to_json()),
        "quantities": {key: _value(item) for key, item in result.quantities.items()},
        "warnings": list(result.warnings),
        "notes": None if run.notes is None else plain(run.notes.to_json()),
    }


def _value(item: Any) -> Any:
    if isinstance(item, list | tuple):
        return [_value(part) for part in item]
    if isinstance(item, Mapping):
        return {str(key): _value(part) for key, part in item.items()}
    return item.to_json() if hasattr(item, "to_json") else plain(item)


def to_text(document: Mapping[str, Any]) -> str:
    """Return the document as JSON text, one line a key and no NaN or Infinity in it."""
    return "".join(texts_of(document))


def texts_of(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the JSON text of a document in pieces, an object of its lists after the other.

    The lists may be iterators; each object is checked when it comes. Raises ResultsError where
    one is not what the schema promises.
    """
    check_schema(document.get("schema"))
    before = "{"
    for key, item in document.items():
        yield f"{before}{json.dumps(key)}: "
        if key in LISTS:
            yield from _list_texts(key, item)
        else:
            check_numbers(item, key)
            yield _text(item, 1)
        before = ",\n"
    yield "}\n"


def _list_texts(key: str, items: Iterable[Any]) -> Iterator[str]:
    before = "["
    for index, item in enumerate(items):
        where = f"{key}[{index}]"
        check_item(key, item, where)
        check_numbers(item, where)
        yield f"{before}{_text(item, 3)}"
        before = ",\n"
    yield "]" if before != "[" else "[]"


def _text(item: Any, levels: int) -> str:
    """Return the JSON text of a value, with a line for each key of so many levels."""
    if levels == 0 or not isinstance(item, Mapping) or not item:
        return json.dumps(item, allow_nan=False, ensure_ascii=False)
    texts = (f"{json.dumps(key)}: {_text(value, levels - 1)}" for key, value in item.items())
    return "{" + ",\n".join(texts) + "}"


def write_results(document: Mapping[str, Any], path: PathLike) -> None:
    """Check the document and write it as UTF-8; a reader never sees half of it.

    It may be one that is still coming (`coming_results`). Raises ResultsError where the document
    is wrong, OSError where the file cannot be written.
    """
    with written_whole(Path(path)) as file:
        file.writelines(texts_of(document))
