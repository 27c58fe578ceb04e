"""Estimates: RA products, sites, power of an area, and a device among published spin engines."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.estimates.device_file import (
    DeviceFileError,
    Devices,
    Stated,
    load_devices,
)
from nanojunction.analysis.estimates.engines import published_engines
from nanojunction.analysis.estimates.formulas import (
    areal_power_density,
    paramagnetic_sites,
    ra_product,
)
from nanojunction.analysis.geometry import area_of_header, circle_m2, parse_area, parse_length
from nanojunction.analysis.reading.notes_file import notes_text, parse_notes
from nanojunction.analysis.reading.reader import read_runs
from nanojunction.analysis.values import Quantity
from nanojunction.cli.main import app
from tests.test_results_json import sweep, write_run

NANO = parse_area("300 nm", "diameter", "Chowrira 2020, Methods")
MTJ = parse_area("20 um", "diameter", "Katcko 2019, Methods")


# What the papers print


@pytest.mark.parametrize(("ohm", "printed"), [(4395.0, 1.38e6), (57.7e3, 1.81e7)])
def test_the_published_ra_products_come_back(ohm: float, printed: float) -> None:
    assert ra_product(Quantity(ohm, 0.0), MTJ).value == pytest.approx(printed, rel=3e-3)


def test_chowrira_s_number_of_sites_comes_back_from_its_layers() -> None:
    assert paramagnetic_sites(NANO.area_m2) == pytest.approx(98400, rel=1e-3)


def test_a_tenth_of_a_nanowatt_every_90_nm_is_not_what_the_article_prints() -> None:
    assert areal_power_density(0.1e-9, 90e-9) / 1e4 == pytest.approx(1.23, abs=5e-3)


def test_the_table_of_spin_engines_is_that_of_the_article() -> None:
    rows = [(one.temperature_K, one.p_max_W.value) for one in published_engines()]
    assert rows == [
        (3.0, 1e-9), (1.0, 1e-14), (295.0, 1e-10), (360.0, 24e-9), (295.0, 27e-9), (40.0, 450e-9),
    ]  # fmt: skip
    assert all(one.reference and one.source and one.run is None for one in published_engines())
    without = published_engines()[0].power_per_area_W_per_cm2
    assert without.value is None and without.note
    molecular = published_engines()[-1].power_per_area_W_per_cm2
    assert molecular.value == pytest.approx(450e-9 / (math.pi * 150e-7**2))


# Errors


def test_the_error_of_an_ra_product_covers_resistance_and_size() -> None:
    rng = np.random.default_rng(4)
    ohm = rng.normal(1000.0, 30.0, 20_000)
    diameters = rng.normal(300e-9, 10e-9, 20_000)
    scatter = np.std(ohm * np.pi * (diameters * 1e6) ** 2 / 4)
    area = parse_area("300 nm ± 10 nm", "diameter", "SEM")
    found = ra_product(Quantity(1000.0, 30.0), area)
    assert found.stderr == pytest.approx(scatter, rel=0.03)
    parts = found.extra["stderr_of_r_s"], found.extra["stderr_of_area"]
    assert found.stderr == pytest.approx(math.hypot(*parts))


def test_a_missing_resistance_has_no_ra_product_for_the_same_reason() -> None:
    found = ra_product(Quantity(None, note="no row near 0 V"), MTJ)
    assert (found.value, found.note) == (None, "no row near 0 V")


# Sizes in words


@pytest.mark.parametrize(
    ("text", "area_um2", "stderr_um2"),
    [
        ("20 um", 314.159, 0.0),
        ("20µm", 314.159, 0.0),
        ("0.3 micron", 0.0706858, 0.0),
        ("300 nm ± 15 nm", 0.0706858, 0.00706858),
        ("300 ± 15 nm", 0.0706858, 0.00706858),
        ("0.3 um +/- 15 nm", 0.0706858, 0.00706858),
        ("3e2nm+-15nm", 0.0706858, 0.00706858),
    ],
)
def test_diameters_are_read(text: str, area_um2: float, stderr_um2: float) -> None:
    found = parse_area(text, "diameter", "test")
    assert found.area_m2 * 1e12 == pytest.approx(area_um2, rel=1e-4)
    assert found.stderr_m2 * 1e12 == pytest.approx(stderr_um2, rel=1e-4)


@pytest.mark.parametrize("text", ["314 um^2", "314 µm²", "3.14e-6 cm2", "314 ± 5 um^2"])
def test_areas_are_read(text: str) -> None:
    assert parse_area(text, "area", "test").area_m2 == pytest.approx(314e-12)


@pytest.mark.parametrize(
    "text",
    ["", "20", "um", "20 apples", "-20 um", "0 um", "20 um^2", "1e999 um", "5 um ± 6 um", "9" * 99],
)
def test_what_is_no_diameter_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_area(text, "diameter", "test")


@given(st.text(max_size=30))
def test_any_text_is_a_length_or_refused(text: str) -> None:
    try:
        assert 0.0 < parse_length(text) < math.inf
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("header", "stated"),
    [
        ({"Diameter": "20 um"}, "diameter 20 um"),
        ({"Junction diameter (um)": "20"}, "diameter 20 um"),
        ({"Junction diameter": "0.0 um"}, None),
        ({"Junction area": "314 um^2"}, "area 314 um^2"),
        ({"Area": "314 um^2", "diameter": "20 um"}, "diameter 20 um"),
        ({"Area of the laboratory": "3 um^2"}, None),
    ],
)
def test_headers_state_sizes(header: dict[str, str], stated: str | None) -> None:
    area, warning = area_of_header(header)
    assert (None if area is None else area.stated) == stated
    assert warning is None


def test_a_header_that_states_no_size_is_named() -> None:
    area, warning = area_of_header({"Area": "Strasbourg"})
    assert area is None
    assert warning is not None and "'Area'" in warning and "Strasbourg" in warning


# From runs


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A generating device at three temperatures with a good measuring line, and a passive one."""
    rng = np.random.default_rng(2)
    line = sweep(lambda V: (V - 5e-6) / 1000 + 2e-9, 295.0, 0.0, rng, 1e-10)
    write_run(tmp_path / "resistor.csv", "resistor-1k", "calibration", line)
    for T, r in ((40.0, 1000.0), (292.0, 800.0), (360.0, 700.0)):
        rows = sweep(lambda V, r=r: (V - 4e-3) / r, T, 0.0, rng, 1e-9)
        write_run(tmp_path / f"J_{T:g}K.csv", "J", "iv", rows)
    passive = sweep(lambda V: V / 1000, 295.0, 0.0, rng, 1e-9)
    write_run(tmp_path / "passive.csv", "passive", "iv", passive)
    return tmp_path


def test_a_device_becomes_rows_beside_the_published_ones(engine: Path) -> None:
    found = analyse([engine], devices=Devices(Stated(area=NANO, pitch_m=90e-9, layers=3.0)))
    junction, passive = found.estimates
    rows = [(one.temperature_K, one.p_max_W.value) for one in junction.engines]
    assert [T for T, _ in rows] == pytest.approx([360.0, 292.0, 40.0])
    assert rows[-1][1] == pytest.approx((4e-3) ** 2 / 4 / 1000, rel=1e-3)
    assert all(one.run for one in junction.engines)
    values = {key: one.value for key, one in junction.quantities.items()}
    power = values["p_max_W"]
    assert power == pytest.approx((4e-3) ** 2 / 4 / 700, rel=1e-3)
    assert values["array_power_W_per_cm2"] == pytest.approx(power / (90e-7) ** 2)
    assert values["power_per_site_W"] == pytest.approx(power / 98400, rel=1e-3)
    assert values["ra_ohm_um2"] == pytest.approx(700 * NANO.area_m2 * 1e12, rel=1e-3)
    assert passive.engines == ()
    assert passive.quantities["p_max_W"].value is None
    assert passive.quantities["ra_ohm_um2"].value == pytest.approx(70.7, rel=1e-2)


def test_power_within_the_measuring_line_is_not_the_device_s(tmp_path: Path) -> None:
    """An offset of 30 µV on a line with 20 µV: it delivers power on paper."""
    rng = np.random.default_rng(3)
    for name, kind, offset in (("resistor-1k", "calibration", 20e-6), ("J", "iv", 30e-6)):
        rows = sweep(lambda V, v=offset: (V - v) / 1000, 295.0, 0.0, rng, 1e-10)
        write_run(tmp_path / f"{name}.csv", name, kind, rows)
    found = analyse([tmp_path], devices=Devices(Stated(area=NANO)))
    (estimates,) = found.estimates
    assert found.run_results[0].quantities["p_max_W"].value > 0.0
    assert estimates.quantities["p_max_W"].value is None
    assert "beyond the measuring line" in estimates.power_from
    assert estimates.engines == ()


def test_what_was_not_stated_is_missing_with_its_reason(engine: Path) -> None:
    candidate = analyse([engine]).estimates
    assert [one.device for one in candidate] == ["J"]
    found = analyse([engine], devices=Devices(Stated(pitch_m=90e-9))).estimates[0]
    for key in ("area_um2", "ra_ohm_um2", "sites", "power_per_site_W"):
        assert found.quantities[key].value is None
        assert found.quantities[key].note


def test_a_size_in_notes_wins_over_the_header_s_and_a_stated_one_over_both(engine: Path) -> None:
    file = engine / "J_40K.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("#\tSample: J", "#\tSample: J\n#\tDiameter: 20 um"), "utf-8")
    assert read_runs(file)[0].area == replace(MTJ, source="header")
    notes = file.with_name("J_40K.notes.toml")
    notes.write_text('[correct]\ndiameter = "300 nm ± 10 nm"\n', encoding="utf-8")
    (run,) = read_runs(file)
    assert run.area is not None
    assert run.area.stated == "diameter 300 nm ± 10 nm"
    assert any("size corrected" in one and "20 um" in one for one in run.warnings)
    (result,) = analyse([file], devices=Devices(Stated(area=MTJ))).run_results
    assert result.quantities["ra_ohm_um2"].extra["area"] == "diameter 20 um"


def test_notes_with_a_size_are_written_as_they_are_read() -> None:
    notes = parse_notes('[correct]\narea = "0.07 um^2"\n', "x.notes.toml")
    assert parse_notes(notes_text(notes), "x.notes.toml") == notes


@pytest.mark.parametrize(
    "slip", ['diameter = "3 apples"', "diameter = 3", 'diameter = "3 um"\narea = "1 um^2"']
)
def test_slips_in_notes_are_named(slip: str) -> None:
    with pytest.raises(ValueError, match=r"x\.notes\.toml: correct.*(diameter|area)"):
        parse_notes(f"[correct]\n{slip}\n", "x.notes.toml")


# The file of devices, and the command


def test_a_file_of_devices_states_each_and_what_is_the_same_for_all(tmp_path: Path) -> None:
    file = tmp_path / "devices.toml"
    file.write_text(
        '[default]\ndiameter = "300 nm"\nlayers = 3\n'
        '[devices.MTJ]\ndiameter = "20 um"\nsites = 2\n',
        encoding="utf-8",
    )
    known = load_devices(file).with_default(Stated(pitch_m=90e-9))
    assert known.stated("B").area == parse_area("300 nm", "diameter", "devices.toml")
    assert known.stated("MTJ").area == parse_area("20 um", "diameter", "devices.toml")
    assert (known.stated("MTJ").sites, known.stated("B").sites) == (2.0, None)
    assert known.stated("MTJ").pitch_m == known.stated("B").pitch_m == 90e-9


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[devises.B]", "did you mean devices"),
        ('[devices.B]\ndiametre = "3 um"', "devices.B.diametre"),
        ('[default]\ndiameter = "3"', "default: '3' is no size"),
        ("[default]\nlayers = -3", "default.layers: must be a number above 0"),
        ('[default]\ndiameter = "3 um"\narea = "3 um^2"', "both diameter and area"),
        ("[default]\npitch = 90", "default.pitch: must be text"),
        ("devices = 3", "must be a table"),
        ("[", "not valid TOML"),
    ],
)
def test_slips_in_a_file_of_devices_are_named(content: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "devices.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DeviceFileError) as caught:
        load_devices(file)
    assert str(file) in str(caught.value)
    assert words in str(caught.value)


def test_the_command_writes_estimates(engine: Path) -> None:
    options = ["--diameter", "20 um ± 1 um", "--pitch", "90nm", "--layers", "3", "--json", "-"]
    found = CliRunner().invoke(app, ["analyse", str(engine), *options])
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    (junction, _) = document["estimates"]
    assert junction["quantities"]["area_um2"]["value"] == pytest.approx(circle_m2(20e-6) * 1e12)
    assert {one["what"] for one in junction["assumptions"]} == {
        "size of the junction",
        "pitch of the array",
        "layers of paramagnetic centres",
        "centres in a layer",
    }
    products = [run["quantities"]["ra_ohm_um2"] for run in document["runs"] if run["kind"] == "iv"]
    assert all(one["stderr"] > 0.1 * one["value"] * 0.99 for one in products)


@pytest.mark.parametrize(
    "options",
    [
        ("--diameter", "lots"),
        ("--area", "20 um"),
        ("--pitch", "90 nm ± 1 nm"),
        ("--layers", "0"),
        ("--diameter", "1 um", "--area", "1 um^2"),
    ],
)
def test_what_is_no_size_is_refused_before_the_work(engine: Path, options: tuple[str, ...]) -> None:
    found = CliRunner().invoke(app, ["analyse", str(engine), *options])
    assert found.exit_code == 2
    assert options[0] in found.output
