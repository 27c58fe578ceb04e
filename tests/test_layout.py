"""Rules of the house: one direction of imports, the package list, who may import what."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("common", "models", "analysis", "instruments", "procedures", "gui", "cli")
MAY_IMPORT = {
    "common": set(),
    "models": {"common"},
    "analysis": {"common", "models"},
    "instruments": {"common", "models"},
    "procedures": {"common", "instruments", "analysis"},
    "gui": {"common", "models", "analysis", "instruments", "procedures"},
    "cli": {"common", "models", "analysis", "instruments", "procedures", "gui"},
}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_flow_one_way(layer: str) -> None:
    allowed = MAY_IMPORT[layer] | {layer, "sample_data"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(layer)
        for name in imported(path)
        if name.startswith("nanojunction.") and name.split(".")[1] not in allowed
    ]
    assert not wrong


def test_the_packages_of_the_analysis_import_in_one_direction() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sources("analysis")
    }

    def room(module: str) -> str:
        """Return the package of a module, or the module itself at the top of the analysis."""
        top = ".".join(module.split(".")[:2])
        # A quantity prints itself in the notation, which is one of quantities.
        return "analysis.values" if top == "analysis.notation" else top

    uses: dict[str, set[str]] = {}
    for module, path in modules.items():
        if module != "analysis.__init__":  # the door, which opens every room late
            names = {name.removeprefix("nanojunction.") for name in imported(path)}
            uses.setdefault(room(module), set()).update(map(room, names & modules.keys()))
    rooms = {name: used - {name} for name, used in uses.items()}
    TopologicalSorter(rooms).prepare()  # raises CycleError with the rooms of the cycle


@pytest.mark.parametrize("layer", LAYERS)
def test_only_instruments_open_visa_and_only_the_gui_imports_qt(layer: str) -> None:
    forbidden = set()
    if layer != "instruments":
        forbidden |= {
            "pyvisa",
            "pyvisa_py",
            "serial",
            "pymeasure.adapters",
            "pymeasure.instruments",
        }
    if layer != "gui":
        forbidden |= {"PyQt5", "pyqtgraph", "qtpy", "pymeasure.display"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(layer)
        for name in imported(path)
        if any(name == bad or name.startswith(f"{bad}.") for bad in forbidden)
    ]
    assert not wrong


def test_what_the_analysis_finds_is_found_in_the_data() -> None:
    """The analysis and the virtual world share no code."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("analysis")
        for name in imported(path)
        if name.startswith("nanojunction.models.junction")
    ]
    assert not wrong


def test_only_the_clock_sleeps_or_tells_the_time() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {node.func.attr}"
        for layer in ("instruments", "procedures")
        for path in sources(layer)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "time"
        and node.func.attr == "sleep"
        and path.name != "clock.py"
    ]
    assert not wrong


def test_the_package_list_is_the_folders() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    setuptools = settings["tool"]["setuptools"]
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for layer in (*LAYERS, "sample_data")
        for path in (ROOT / layer).rglob("__init__.py")
    }
    names = {f"nanojunction.{folder.replace('/', '.')}" for folder in folders}
    assert set(setuptools["packages"]) == names
    assert setuptools["package-dir"] == {
        f"nanojunction.{folder.replace('/', '.')}": folder for folder in folders
    }
    assert settings["tool"]["coverage"]["run"]["source_pkgs"] == [
        f"nanojunction.{layer}" for layer in LAYERS
    ]


def test_no_file_is_longer_than_a_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for layer in LAYERS
        for path in sources(layer)
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert not long
