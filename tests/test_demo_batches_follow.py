"""The demo's batches are measured, too: change a population by 10 %, and its rows follow."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.published import batch_rows
from nanojunction.cli.demo import batch_of
from nanojunction.cli.demo_campaign import batch, calibrations, measure, station
from nanojunction.instruments.station import Station
from nanojunction.procedures.stopping import StopRequest

pytestmark = pytest.mark.campaign


def screened(content: dict[str, Any], name: str, temperature: str, folder: Path) -> dict[str, Any]:
    """Measure a batch and the line on the demo's station; return what the comparison shows."""
    file = folder / f"{name}.toml"
    file.write_text(tomli_w.dumps(content), encoding="utf-8")
    campaign = (*calibrations(), *batch(str(file), seed=7, temperature=temperature))
    with Station(station(seed=7)) as on:
        outcomes = measure(on, campaign, folder, StopRequest(), lambda _percent, _words: None)
    files = [outcome.file for outcome in outcomes]
    line = analyse([one for one in files if one.parent == folder])
    rows: list[ComparedRow] = list(batch_rows({name: batch_of(name, files, line)}))
    return {row.quantity: row.shown for row in rows}


def chip(name: str) -> dict[str, Any]:
    entry = resources.files("nanojunction.sample_data") / "chips" / f"{name}.toml"
    return tomllib.loads(entry.read_text(encoding="utf-8"))


def test_the_chips_counts_follow_its_populations(tmp_path: Path) -> None:
    content = chip("chowrira-193")
    by_truth = {table["truth"]: table for table in content["populations"]}
    assert by_truth["generating"]["count"] == 6  # the last of them: A's metallic kind
    by_truth["generating"]["count"] += 1
    by_truth["ohmic"]["count"] += 1
    assert screened(content, "chowrira-193", "40 K", tmp_path) == {
        "neither open nor short": 12.0,
        "offsets ≥ 10× calibration": 10.0,
    }


def test_the_tunnel_junctions_counts_and_median_follow(tmp_path: Path) -> None:
    content = chip("katcko-216")
    content["wafer"]["rows"] = 14  # room for a tenth more
    generating, *others = content["populations"]
    generating["count"] = 2
    for table, count in zip(others, (184, 53), strict=True):
        table["count"] = count
        table["junction"]["r_s_ohm"]["median"] *= 1.1
    shown = screened(content, "katcko-216", "295 K", tmp_path)
    assert shown.pop("median R (P)") == pytest.approx(1.1 * 4395.0, rel=0.01)
    assert shown == {"neither open nor short": 239.0, "generating": 2.0, "without offset": 237.0}
