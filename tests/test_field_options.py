"""`analyse --p-field --ap-field --approach`: the user decides which fields are compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nanojunction.cli.main import app
from tests.test_results_json import sweep, write_run


@pytest.fixture
def three_fields(tmp_path: Path) -> Path:
    """C at three fields, R_s 63, 300 and 550 Ω."""
    rng = np.random.default_rng(1)
    for name, r, h in (("zero", 63.0, 0.0), ("middle", 300.0, 0.2), ("high", 550.0, -0.5)):
        rows = sweep(lambda V, r=r: (V - 2e-3) / r, 40.0, h, rng, 1e-9)
        write_run(tmp_path / f"C_{name}.csv", "C", "iv", rows)
    return tmp_path


def analysed(folder: Path, *options: str) -> dict[str, object]:
    found = CliRunner().invoke(app, ["analyse", str(folder), "--json", "-", *options])
    assert found.exit_code == 0, found.output
    (group,) = (g for g in json.loads(found.stdout)["groups"] if g["kind"] == "magneto")
    quantities: dict[str, object] = group["quantities"]
    return quantities


def test_the_largest_field_is_p_and_zero_the_reference_unless_said(three_fields: Path) -> None:
    found = analysed(three_fields)
    assert found["mr"]["value"] == pytest.approx(63 / 550 - 1, abs=1e-3)
    assert found["states"]["source"] == "proposed"
    assert "standard errors" in found["states"]["reason"]


def test_fields_are_given_with_a_unit(three_fields: Path) -> None:
    found = analysed(three_fields, "--p-field", "200mT", "--ap-field", "-5000Oe")
    assert found["mr"]["value"] == pytest.approx(550 / 300 - 1, abs=1e-3)
    assert found["states"]["source"] == "given"
    assert found["states"]["parallel"]["field_T"] == pytest.approx(0.2)


def test_a_field_at_which_nothing_was_measured_is_said(three_fields: Path) -> None:
    options = ("--p-field", "5T")
    found = analysed(three_fields, *options)
    assert found["mr"]["value"] is None
    shown = CliRunner().invoke(app, ["analyse", str(three_fields), *options])
    assert "C, magneto: no two I(V) were measured at the fields that were given" in shown.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--p-field", "3 apples"), "--p-field: '3 apples'"),
        (("--ap-field", "lots"), "--ap-field: 'lots'"),
        (("--p-field", "0"), "two different fields"),
        (("--approach", "sideways"), "give up or down"),
    ],
)
def test_what_is_no_field_is_refused_in_words(
    three_fields: Path, options: tuple[str, str], words: str
) -> None:
    found = CliRunner().invoke(app, ["analyse", str(three_fields), *options])
    assert found.exit_code == 2
    assert words in " ".join(found.output.replace("│", " ").split())
