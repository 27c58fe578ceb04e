"""A run as one Parquet file: its columns in SI, and all that is known of it as metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanojunction.analysis.export.errors import ExportError
from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.results import build_results
from nanojunction.analysis.run import columns_of
from nanojunction.analysis.written import replacing

if TYPE_CHECKING:
    from nanojunction.analysis.run_result import RunResult

SCHEMA = "nanojunction-run/1"
KEY = b"nanojunction"
"""Under which the metadata (a JSON text) are in the file's schema."""


def write_parquet(result: RunResult, path: PathLike) -> None:
    """Write a run's rows; every number is bit for bit the one that was read.

    The columns have the names of our run files. The metadata hold the file, the header, and what
    the results JSON has of a run. Raises ExportError without pyarrow.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as problem:
        raise ExportError(
            "Parquet files need pyarrow: pip install 'nanojunction[export]'"
        ) from problem
    columns = columns_of(result.run)
    table = pyarrow.table(columns).replace_schema_metadata({KEY: json.dumps(metadata_of(result))})
    with replacing(Path(path)) as target:
        parquet.write_table(table, target, compression="zstd")


def metadata_of(result: RunResult) -> dict[str, Any]:
    """Return what is known of a run beside its rows, as plain JSON values."""
    run, source = result.run, result.provenance
    (found,) = build_results([result])["runs"]
    return {
        "schema": SCHEMA,
        **found,
        "status": run.status,
        "header": dict(run.header),
        "provenance": None
        if source is None
        else {
            "sha256": source.sha256,
            "settings": json.loads(source.settings),
            "version": source.version,
            "analysed": source.analysed,
        },
    }
