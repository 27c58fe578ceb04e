"""A second analysis takes what did not change from the catalogue, and nothing else.

Whether a result was taken is told by a mark that is put into the catalogue's copy: an analysis
that fits again cannot know it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from nanojunction.analysis import provenance
from nanojunction.analysis.analyse import Analysis, analyse
from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.store import CatalogueStore
from nanojunction.analysis.results import to_text
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.work.kept import Kept
from nanojunction.analysis.work.packing import pack, unpack
from tests.catalogues import iv_file

CAMPAIGN = Path(__file__).parents[1] / "sample_data" / "campaign"
MARK = "this came from the catalogue"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five temperatures of a junction."""
    folder = tmp_path / "runs"
    folder.mkdir()
    for n, temperature in enumerate((40, 60, 80, 100, 120)):
        iv_file(folder / f"{temperature}K.csv", "B", temperature, v_off_V=1e-3 / (n + 1))
    return folder


def analysed(
    folder: Path,
    *,
    settings: IVSettings | None = None,
    pattern: str | None = None,
    workers: int = 1,
) -> Analysis:
    """Analyse a folder with the catalogue beside it."""
    with Catalogue(folder.parent / "c.sqlite") as catalogue:
        return analyse(
            [folder],
            kept=CatalogueStore(catalogue),
            settings=settings or IVSettings(),
            pattern=pattern,
            workers=workers,
        )


def mark(folder: Path) -> None:
    """Put a mark on all results in the catalogue."""
    files = sorted(folder.glob("*.csv"))
    with Catalogue(folder.parent / "c.sqlite") as catalogue:
        store = CatalogueStore(catalogue)
        found = store.find(files).values()
        assert found
        marked = []
        for kept in found:
            quantities, warnings = unpack(kept.packed)
            marked.append(Kept(kept.file, kept.provenance, pack([quantities, (*warnings, MARK)])))
        store.keep(marked)


def fitted(found: Analysis) -> list[str]:
    """Return the names of the runs that were fitted, not taken."""
    assert found.errors == ()
    names = [result.run.file.stem for result in found.run_results if MARK not in result.warnings]
    assert found.taken == len(found.run_results) - len(names)
    return names


ALL = ["100K", "120K", "40K", "60K", "80K"]


def test_nothing_is_fitted_twice(folder: Path) -> None:
    first = analysed(folder)
    assert fitted(first) == ALL
    mark(folder)
    second = analysed(folder)
    assert fitted(second) == []
    moments = [(one.provenance and one.provenance.analysed) for one in first.run_results]
    assert [(one.provenance and one.provenance.analysed) for one in second.run_results] == moments


def test_the_results_are_the_same_and_groups_are_made_of_all(tmp_path: Path) -> None:
    """I(V), I(H), plateaus, calibrations: the documents are equal to the last digit."""
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("A_240K_10mV", "C_40K_0T", "C_40K_-0.5T", "C_40K_IH_2.13mV", "C_40K_IH_2.67mV",
                 "resistor-100_295K", "B_120K-360K"):  # fmt: skip
        shutil.copy(CAMPAIGN / f"{name}.csv", folder)
    first = analysed(folder)
    second = analysed(folder)
    assert (first.taken, second.taken) == (0, len(first.run_results))
    assert {"arrhenius", "magneto"} <= {group.kind for group in second.groups}
    assert to_text(second.to_json()) == to_text(first.to_json())
    assert to_text(analyse([folder]).to_json()) == to_text(first.to_json())


def test_several_processes_share_what_is_kept(folder: Path) -> None:
    assert fitted(analysed(folder, workers=2)) == ALL
    mark(folder)
    iv_file(folder / "80K.csv", "B", 80, v_off_V=5e-3)
    assert fitted(analysed(folder, workers=2)) == ["80K"]


def test_a_changed_byte_fits_that_file_again(folder: Path) -> None:
    analysed(folder)
    mark(folder)
    path = folder / "60K.csv"
    path.write_bytes(path.read_bytes().replace(b"Started: 2026", b"Started: 2025"))
    assert fitted(analysed(folder)) == ["60K"]
    mark(folder)
    assert fitted(analysed(folder)) == []


def test_notes_beside_a_file_fit_it_again(folder: Path) -> None:
    analysed(folder)
    mark(folder)
    notes = folder / "40K.notes.toml"
    notes.write_text('comment = "the pump was on"\n', encoding="utf-8")
    assert fitted(analysed(folder)) == ["40K"]
    mark(folder)
    notes.unlink()
    assert fitted(analysed(folder)) == ["40K"]


def test_another_setting_fits_again_and_the_first_is_kept(folder: Path) -> None:
    analysed(folder)
    mark(folder)
    assert fitted(analysed(folder, settings=IVSettings(chord_V=2e-3))) == ALL
    assert fitted(analysed(folder)) == []


def test_another_pattern_fits_again(folder: Path) -> None:
    analysed(folder)
    mark(folder)
    found = analysed(folder, pattern="{temperature_K}K")
    assert fitted(found) == ALL


def test_another_name_fits_again(folder: Path) -> None:
    """Conditions may come from a name."""
    analysed(folder)
    mark(folder)
    (folder / "40K.csv").rename(folder / "45K.csv")
    assert fitted(analysed(folder)) == ["45K"]


def test_another_version_of_the_analysis_fits_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysed(folder)
    mark(folder)
    older = provenance.analysis_version()
    monkeypatch.setattr(provenance, "_NUMERICAL", ("numpy",))  # as if others were installed
    provenance.analysis_version.cache_clear()
    try:
        assert provenance.analysis_version() != older
        assert fitted(analysed(folder)) == ALL
    finally:
        provenance.analysis_version.cache_clear()


@pytest.mark.parametrize("source", ["legs.py", "iv/local_fit.py", "reading/columns.py"])
def test_the_version_of_the_analysis_follows_its_sources(tmp_path: Path, source: str) -> None:
    sources = tmp_path / "analysis"
    shutil.copytree(Path(str(resources.files("nanojunction.analysis"))), sources)
    before = provenance.digest_of(sources)
    for irrelevant in ("report/tables.py", "figures/style.py", "catalogue/store.py"):
        with (sources / irrelevant).open("a", encoding="utf-8") as file:
            file.write("# of no matter for results\n")
    assert provenance.digest_of(sources) == before
    with (sources / source).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert provenance.digest_of(sources) != before


def test_a_file_that_failed_is_tried_again(folder: Path) -> None:
    (folder / "x.csv").write_text("a,b\n", encoding="utf-8")
    for _ in range(2):
        found = analysed(folder)
        assert [Path(error.file).name for error in found.errors] == ["x.csv"]
    assert found.taken == 5


def test_damaged_results_are_an_error_of_their_file(folder: Path) -> None:
    analysed(folder)
    path = folder / "40K.csv"
    with Catalogue(folder.parent / "c.sqlite") as catalogue:
        store = CatalogueStore(catalogue)
        (kept,) = store.find([path]).values()
        store.keep([replace(kept, packed=kept.packed[:100])])
    found = analysed(folder)
    assert [Path(error.file).name for error in found.errors] == ["40K.csv"]
    assert "the catalogue keeps of it are damaged" in found.errors[0].error
    assert len(found.run_results) == 4
