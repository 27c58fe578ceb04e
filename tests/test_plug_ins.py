"""A laboratory's own package: installed, driven as its users do, and wrong in every way."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.cli.measure import help_text
from nanojunction.cli.run import show_plan
from nanojunction.instruments.clock import Clock
from nanojunction.instruments.entry_points import ROLES, check_role
from nanojunction.instruments.errors import InstrumentFault, LimitError, StationError
from nanojunction.instruments.plug_ins import Options, takes_options
from nanojunction.instruments.roles import FieldProbe, SourceMeter, SourceSettings
from nanojunction.instruments.station import NotClosed, Station, Unsafe
from nanojunction.instruments.station_file import InstrumentConfig, Positive
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.partial import Partial
from nanojunction.procedures.recipes.recipe_file import RecipeError
from nanojunction.procedures.registry import UnknownProcedure, load_procedure
from nanojunction.procedures.runner import run_procedure
from nanojunction.procedures.stopping import StopRequest
from tests.commands import give
from tests.laboratory import JUNCTION_OHM, SHUNT_OHM, Box, Coil, Probe, Served, package
from tests.run_rows import header_of, rows_of

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = DOCS / "examples" / "plug-in"


@pytest.fixture
def served() -> Iterator[Callable[[type[Served]], Any]]:
    with ExitStack() as stack:

        def serve(kind: type[Served]) -> Served:
            one = stack.enter_context(kind())
            thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(one.shutdown)
            return one

        yield serve


@pytest.fixture
def box(served: Callable[[type[Served]], Any]) -> Box:
    found: Box = served(Box)
    return found


@pytest.fixture
def probe(served: Callable[[type[Served]], Any]) -> Probe:
    found: Probe = served(Probe)
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the example as its pyproject.toml says, into a folder of packages; no network."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source, dirs_exist_ok=True)
    build = ["build_py", "--build-lib", str(site), "egg_info", "--egg-base", str(site)]
    subprocess.run(
        [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", *build],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return site


@pytest.fixture
def site(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder of further packages; this process and those that it starts see both."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(installed)]))
    yield folder
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and {folder, installed}.intersection(Path(file).parents):
            del sys.modules[name]


@pytest.fixture
def station_file(box: Box, probe: Probe, tmp_path: Path) -> Callable[..., Path]:
    def write(driver: str = "source_box", options: str = f"shunt_ohm = {SHUNT_OHM:g}") -> Path:
        file = tmp_path / "station.toml"
        file.write_text(
            f"""
            [station]
            name = "Our bench"
            [source_meter]
            driver = "{driver}"
            address = "{box.address}"
            visa_library = "@py"
            max_voltage_V = 0.5
            max_current_A = 1e-3
            ramp_V_per_s = 10
            [source_meter.options]
            {options}
            [field_probe]
            driver = "hall_probe"
            address = "{probe.address}"
            visa_library = "@py"
            """,
            encoding="utf-8",
        )
        return file

    return write


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Result]:
    return partial(give, cwd=tmp_path)


def end_of(folder: Path) -> dict[str, Any]:
    """Return the last line of the only run file."""
    (file,) = folder.glob("*.csv")
    last = file.read_text(encoding="utf-8").splitlines()[-1]
    end: dict[str, Any] = json.loads(last.removeprefix("# End: "))
    return end


MEASURE = ["measure", "noise", "--sample", "R1k", "--out", "runs", "--no-watchdog", "--station"]


# The example, as its users have it


def test_the_page_shows_the_files_of_the_example() -> None:
    page = (DOCS / "plug-ins.md").read_text(encoding="utf-8")
    shown = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    for file in EXAMPLE.iterdir():
        if file.suffix in (".py", ".toml"):
            assert file.read_text(encoding="utf-8") in shown, file.name


def test_the_page_says_what_every_method_must_promise() -> None:
    page = (DOCS / "plug-ins.md").read_text(encoding="utf-8")
    for protocol in ROLES.values():
        for name, member in vars(protocol).items():
            if not name.startswith("_"):
                promise = " ".join(member.__doc__.split())
                assert re.search(rf"\| `{name}(\(.*\))?` \| {re.escape(promise)} \|", page), name


def test_the_examples_own_test(installed: Path, site: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "test_labprobe.py", tmp_path)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    done = subprocess.run([*run, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout


@pytest.mark.usefixtures("site")
def test_check_reads_the_laboratorys_own_instruments(
    station_file: Callable[..., Path], command: Any, box: Box
) -> None:
    done = command("check", "--station", station_file())
    assert done.exit_code == 0, done.stderr
    table = " ".join(done.stdout.split())
    for words in ("WORKSHOP,SOURCE BOX,1", "output off, level 0 V", "0.01250 T"):
        assert words in table
    assert [line for line in box.heard if not line.endswith("?")] == []


@pytest.mark.usefixtures("site")
def test_help_lists_the_procedure_and_its_keys(command: Any) -> None:
    assert "noise                Current noise at a fixed voltage" in help_text("")
    keys = command("measure", "noise", "--help").stdout
    assert "rows                   Rows (default 100, 1 to 1e+06)" in keys
    assert "compliance " in keys


@pytest.mark.usefixtures("site")
def test_a_run_of_their_procedure_on_their_driver(
    station_file: Callable[..., Path], command: Any, box: Box, tmp_path: Path
) -> None:
    done = command(
        *MEASURE, station_file(), "--set", "voltage=100mV", "--set", "rows=5", "--set", "readings=4"
    )
    assert done.exit_code == 0, done.stderr
    (file,) = (tmp_path / "runs").glob("*_R1k_noise.csv")
    rows = rows_of(file)
    assert len(rows) == 5
    for row in rows:
        assert row["Voltage (V)"] == 0.1
        assert row["Current (A)"] == pytest.approx(0.1 / JUNCTION_OHM, abs=2e-9)
        assert row["Field probe (T)"] == pytest.approx(12.5e-3)
        assert row["Current noise (A)"] == pytest.approx(1e-9 / 3**0.5, rel=1e-3)
    assert end_of(tmp_path / "runs") == {"status": "finished", "rows": 5}
    assert header_of(file, "Kind") == "noise"
    snapshot = json.loads(header_of(file, "Station").encode().decode("unicode_escape"))
    assert snapshot["instruments"]["source_meter"]["shunt_ohm"] == SHUNT_OHM
    assert snapshot["packages"] == {"source_meter": "ourlab 1.0", "field_probe": "ourlab 1.0"}
    assert snapshot["config"]["source_meter"]["options"] == {"shunt_ohm": SHUNT_OHM}
    assert box.largest_V == 0.1
    assert box.is_safe


@pytest.mark.usefixtures("site")
def test_our_procedures_run_on_their_driver(
    station_file: Callable[..., Path], tmp_path: Path, box: Box
) -> None:
    sweep = load_procedure("iv")(sample="R1k", vmax=0.01, step=0.005)
    with Station.from_file(station_file()) as station:
        assert run_procedure(sweep, station, tmp_path).ok
        with pytest.raises(InstrumentFault, match=r"SOURCE BOX,1: sources a voltage, and no"):
            station.source_meter.configure(SourceSettings(source="current", compliance=0.1))
    assert box.is_safe


@pytest.mark.usefixtures("site")
def test_a_setpoint_beyond_the_limits_is_refused_before_anything_is_sent(
    station_file: Callable[..., Path], command: Any, box: Box, tmp_path: Path
) -> None:
    done = command(*MEASURE, station_file(), "--set", "voltage=0.6")
    assert done.exit_code == 2
    assert "the voltage 0.6 V lies outside the limits of the station: ±0.5 V" in done.stderr
    assert set(box.heard) <= {"*IDN?", "OUTP?", "OUTP 0", "VOLT 0"}
    assert not (tmp_path / "runs").exists()
    with Station.from_file(station_file()) as station:
        for attempt in (station.source_meter.set_level, station.source_meter.set_and_read):
            box.heard.clear()
            with pytest.raises(LimitError, match=r"the voltage -0\.51 V"):
                attempt(-0.51)
            assert box.heard == []


@pytest.mark.usefixtures("site")
def test_a_run_goes_to_the_field_of_their_magnet(
    station_file: Callable[..., Path], served: Callable[[type[Served]], Any], tmp_path: Path
) -> None:
    coil, file = served(Coil), station_file()
    with file.open("a", encoding="utf-8") as text:
        text.write(f"""
            [magnet]
            driver = "coil_supply"
            address = "{coil.address}"
            visa_library = "@py"
            max_field_T = 0.1
            ramp_T_per_min = 2
            """)
    with Station.from_file(file) as station:
        with pytest.raises(LimitError, match=r"the field 0\.2 T lies outside"):
            run_procedure(load_procedure("noise")(field="0.2"), station, tmp_path)
        outcome = run_procedure(load_procedure("noise")(field="50 mT", rows=3), station, tmp_path)
        assert outcome.ok
        assert [row["Field (T)"] for row in rows_of(outcome.file)] == [0.05] * 3
    assert [line for line in coil.heard if "?" not in line] == ["RAMP 0.05 2", "HOLD"]


@pytest.mark.usefixtures("site")
def test_a_run_that_was_stopped_goes_on_at_the_first_missing_row(
    station_file: Callable[..., Path], tmp_path: Path
) -> None:
    stop = StopRequest()

    def at_row_4(progress: Any) -> None:
        if progress.rows == 4:
            stop.ask("test")

    def noise() -> JunctionProcedure:
        return load_procedure("noise")(voltage=0.1, rows=10, readings=2)

    with Station.from_file(station_file()) as station:
        one = run_procedure(noise(), station, tmp_path, stop=stop, on_progress=at_row_4)
        rows = rows_of(one.file)
        two = run_procedure(
            noise(), station, tmp_path, continues=Partial((one.file,), len(rows), rows[-1])
        )
    assert (one.status, one.rows) == ("aborted", 4)
    assert (two.status, two.rows) == ("finished", 6)


RECIPE = """
[recipe]
name = "Night"
sample = "R1k"
[[steps]]
over = {{ voltage = "0, 10 mV, 20 mV" }}
steps = [ {{ measure = "noise", set = {{ {key} = 5, readings = 100 }} }} ]
"""


@pytest.mark.usefixtures("site")
def test_a_killed_run_of_theirs_is_made_safe_by_the_watchdog(
    station_file: Callable[..., Path], nanojunction: Any, eventually: Any, box: Box, tmp_path: Path
) -> None:
    endless = ["--set", "voltage=0.1", "--set", "rows=1000000", "--out", tmp_path / "runs"]
    run = nanojunction("measure", "noise", "--station", station_file(), "--sample", "R1k", *endless)
    eventually(lambda: box.readings > 50, "readings")
    assert (box.output, box.level) == ("1", 0.1)
    run.kill()
    _, words = run.communicate(timeout=90)  # the watchdog prints to the same pipe
    assert "safe: source at zero, output open" in words
    assert box.is_safe


@pytest.mark.usefixtures("site")
def test_a_recipe_measures_with_their_procedure(
    station_file: Callable[..., Path], command: Any, box: Box, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(key="rows"), encoding="utf-8")
    run = ["run", recipe, "--station", station_file(), "--out", "night"]
    done = command(*run, "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("noise") >= 3
    assert box.heard == []
    recipe.write_text(RECIPE.format(key="rowz"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"steps\[0\]\.steps\[0\]\.set\.rowz"):
        show_plan(recipe, station_file(), tmp_path, resume=False)
    recipe.write_text(RECIPE.format(key="rows"), encoding="utf-8")
    done = command(*run, "--no-watchdog")
    assert done.exit_code == 0, done.stderr
    levels = [rows_of(file)[0]["Setpoint (V)"] for file in (tmp_path / "night").glob("*.csv")]
    assert sorted(levels) == [0.0, 0.01, 0.02]
    assert box.is_safe


# What is wrong is said before anything is opened


@pytest.mark.parametrize(
    ("driver", "options", "words"),
    [
        ("source_box", "", "source_meter.options.shunt_ohm: is missing"),
        ("source_box", "shunt_ohm = -1", "source_meter.options.shunt_ohm: input should be greater"),
        ("source_box", "shunt_ohm = 1\nx = 2", "source_meter.options.x: is not a key that is"),
        ("keithley2400", "x = 2", "source_meter.options: the driver 'keithley2400' takes none"),
        ("hall", "", "source_meter.driver: no driver 'hall'; known are ami430, coil_supply, "),
        ("twice", "", "source_meter.driver: 'twice' is offered by several packages, one 1 and two "
         "2; uninstall all but one"),
        ("ours", "", "'ours' is offered by several packages, one 1 and ourlab"),
        ("lost", "", "source_meter.driver: 'lost' of the package one 1 cannot be loaded "
         "(ModuleNotFoundError: No module named 'no_such_module')"),
        ("gone", "", "'gone' of the package one 1 cannot be loaded (AttributeError: "),
        ("number", "", "'number' of the package one 1 is no function that opens an instrument"),
    ],
)  # fmt: skip
def test_a_station_file_that_does_not_fit_the_packages(
    driver: str, options: str, words: str, *, site: Path, station_file: Any, box: Box
) -> None:
    ours = "\nsource_box = one:OPEN" if driver == "ours" else ""
    package(site, "one", "OPEN = 1", drivers="twice = one:OPEN\nlost = no_such_module:x\n"
            f"gone = one:CLOSE\nnumber = one:OPEN{ours}")  # fmt: skip
    package(site, "two", "OPEN = 1", drivers="twice = two:OPEN", version="2")
    file = station_file("source_box" if driver == "ours" else driver, options)
    with pytest.raises(StationError) as raised, Station.from_file(file):
        pass
    assert words.replace("'ours'", "'source_box'") in str(raised.value)
    assert box.heard == []


class Some(Options):
    """A table of options."""

    shunt_ohm: Positive
    channel: int = 1


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.floats())


@given(st.dictionaries(st.sampled_from(["shunt_ohm", "channel", "x", ""]), values))
def test_any_options_are_taken_or_get_one_sentence(given_options: dict[str, Any]) -> None:
    @takes_options(Some)
    def open_it(config: InstrumentConfig, clock: Clock, options: Some) -> Some:
        return options

    config = InstrumentConfig(driver="some", options=given_options)
    try:
        taken = open_it(config, Clock())
    except StationError as problem:
        assert str(problem).startswith("options")
        assert "\n" not in str(problem)
    else:
        assert 0.0 < taken.shunt_ohm < float("inf")
        assert set(given_options) <= {"shunt_ohm", "channel"}


PROCEDURE = """
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.quantities import QuantityParameter
class {base}(JunctionProcedure):
    def largest_level(self): return 0.0
    def get_estimates(self): return 1.0
    def execute(self): pass
"""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("One = 3", "is no JunctionProcedure"),
        ("from pymeasure.experiment import Procedure as One", "is no JunctionProcedure"),
        ("from nanojunction.procedures.base import JunctionProcedure as One", "has no execute"),
        (PROCEDURE.replace("def largest_level", "def largest"), "has no largest_level of its own"),
        (PROCEDURE.replace("def get_estimates", "def estimates"), "has no get_estimates"),
        (PROCEDURE + "    DATA_COLUMNS = ('Time (s)', 'Leg')", "no column 'Setpoint (V)'"),
        (PROCEDURE + "    DATA_COLUMNS = (*JunctionProcedure.DATA_COLUMNS, 'R (kOhm)')",
         'Column "R (kOhm)" with unit "kOhm" is not defined'),
        (PROCEDURE + "    x = QuantityParameter('X', 'V')", "parameter 'x' without a default"),
        ("import no_such_module", "cannot be loaded (ModuleNotFoundError: No module named"),
        ("def f(:", "cannot be loaded (SyntaxError: "),
    ],
)  # fmt: skip
def test_a_procedure_that_cannot_be_used(
    code: str, words: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    package(site, "mine", code.format(base="One") if "{base}" in code else code,
            procedures="mine = mine:One")  # fmt: skip
    with pytest.raises(UnknownProcedure) as raised:
        load_procedure("mine")
    assert "the procedure 'mine' of the package mine 1 " in str(raised.value)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_procedure_that_cannot_be_used_hides_no_other(site: Path, command: Any) -> None:
    package(site, "mine", "import no_such_module", procedures="mine = mine:One\nnoise = mine:Two")
    listed = help_text("")
    assert "mine                 cannot be used: the procedure 'mine' of the package" in listed
    assert "noise                cannot be used: the procedure 'noise' is offered by" in listed
    assert "iv                   I(V) along" in listed
    done = command("measure", "noise", "--help")
    assert done.exit_code == 2
    assert "is offered by several packages, mine 1 and ourlab 1.0" in done.stderr


class Complete:
    """A field probe that lacks nothing."""

    def identify(self) -> str:
        return "a probe"

    def field_T(self) -> float:
        return 0.0

    def snapshot(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"field_T": None}, "which has no field_T"),
        ({"field_T": 0.0}, "whose field_T is no method"),
        ({"field_T": lambda self, sensor: 0.0}, "whose field_T does not take ()"),
        (
            {"field_T": FieldProbe.field_T},
            "which only inherits field_T from the role, where it does nothing",
        ),
    ],
)
def test_what_a_role_lacks_is_named(members: Mapping[str, Any], words: str) -> None:
    check_role(Complete(), "field_probe", "mine")
    lacking = type("Lacking", (Complete,), dict(members))()
    with pytest.raises(StationError, match=re.escape(f"opened a Lacking, {words}; see FieldProbe")):
        check_role(lacking, "field_probe", "mine")


def test_a_role_that_was_only_inherited_does_nothing() -> None:
    class Idle(SourceMeter):
        """Would keep every output on."""

    with pytest.raises(StationError, match="only inherits identify from the role"):
        check_role(Idle(), "source_meter", "mine")


def test_optional_and_named_arguments_belong_to_a_role() -> None:
    class Switch:
        """A switch that cannot be told the polarity."""

        positions = ("A",)
        identify = can_reverse = connected = short_all = remove_short = lambda self, *_: None

        def connect(self, position: str) -> None:
            """Forget the polarity."""

    with pytest.raises(StationError, match=r"connect does not take \(position: 'str', \*, reverse"):
        check_role(Switch(), "switch", "mine")


# What goes wrong while it measures

FAULTY = """
from labbox import BoxOptions, open_box
from nanojunction.instruments.plug_ins import takes_options

@takes_options(BoxOptions)
def open_it(config, clock, options):
    box = open_box.open_it(config, clock, options)
    works = box.{method}

    def fail(*arguments):
        if "{method}" == "output_off" and not box.is_output_on():
            return works()  # it is only a closed relay that sticks
        raise RuntimeError("the ADC is on fire")

    box.{method} = fail
    return box
"""


def faulty(site: Path, method: str) -> None:
    package(site, f"faulty_{method}", FAULTY.format(method=method),
            drivers=f"faulty = faulty_{method}:open_it")  # fmt: skip


@pytest.mark.parametrize("method", ["read", "snapshot", "is_output_on"])
def test_a_driver_that_fails_while_it_measures(
    method: str, site: Path, station_file: Callable[..., Path], box: Box, tmp_path: Path
) -> None:
    faulty(site, method)
    noise = load_procedure("noise")(rows=2, voltage=1e-3)
    station = Station.from_file(station_file("faulty"))
    unsafe = method == "is_output_on"
    with pytest.raises(Unsafe) if unsafe else nullcontext(), station:
        outcome = run_procedure(noise, station, tmp_path)
    assert outcome.status == end_of(tmp_path)["status"] == "failed"
    assert "the ADC is on fire" in (outcome.error or "")
    assert bool(outcome.unsafe) == unsafe
    assert box.is_safe


@pytest.mark.parametrize(
    ("method", "status", "words"),
    [
        ("output_off", "failed", "error: NOT SAFE: source-meter (output may be ON) could not "
         "be made safe: use the front panels\n  the output could not be opened: the ADC"),
        ("close", "finished", "error: source_meter could not be closed: RuntimeError: the ADC"),
    ],
)  # fmt: skip
def test_a_driver_that_fails_at_the_end(
    method: str, status: str, words: str, *, site: Path, station_file: Callable[..., Path],
    command: Any, box: Box, tmp_path: Path,
) -> None:  # fmt: skip
    faulty(site, method)
    done = command(*MEASURE, station_file("faulty"), "--set", "rows=2", "--set", "voltage=1mV")
    assert done.exit_code == 1
    assert words in done.stderr
    assert f"{status}: 2 rows in " in done.stderr
    assert end_of(tmp_path / "runs")["status"] == status
    assert (box.level, box.output) == (0.0, "1" if method == "output_off" else "0")


def test_a_driver_that_fails_to_identify_is_named_with_its_line(
    site: Path, station_file: Callable[..., Path], command: Any
) -> None:
    faulty(site, "identify")
    done = command("check", "--station", station_file("faulty"))
    assert done.exit_code == 1
    assert re.search(
        r"error: a fault in the package faulty_identify 1 \(.*faulty_identify.py, line 13\): "
        "RuntimeError: the ADC is on fire", done.stderr,
    )  # fmt: skip


def test_a_driver_that_fails_to_open_is_a_sentence(
    site: Path, station_file: Callable[..., Path], box: Box
) -> None:
    code = "import labbox\n@labbox.takes_options(labbox.BoxOptions)\n"
    code += "def open_it(config, clock, options): return 1 / 0"
    package(site, "short", code, drivers="short = short:open_it")
    with (
        pytest.raises(InstrumentFault, match=r"source_meter: the driver 'short' failed to open it "
                      r"\(ZeroDivisionError: division by zero\)"),
        Station.from_file(station_file("short")),
    ):  # fmt: skip
        pass
    assert box.heard == []


def test_a_procedure_that_fails_before_the_run_is_named_with_its_line(
    site: Path, station_file: Callable[..., Path], command: Any, box: Box, tmp_path: Path
) -> None:
    code = PROCEDURE.format(base="Odd") + "    def check(self): return {}['key']"
    package(site, "odd", code, procedures="odd = odd:Odd")
    done = command("measure", "odd", "--sample", "R1k", "--station", station_file())
    assert done.exit_code == 1
    assert re.search(
        r"error: a fault in the package odd 1 \(.*odd.py, line 8\): KeyError: 'key'", done.stderr
    )
    assert box.is_safe
    assert not (tmp_path / "runs").exists()


def test_one_broken_package_keeps_nothing_else_from_being_made_safe(
    site: Path, station_file: Callable[..., Path], command: Any, box: Box
) -> None:
    file = station_file()
    package(site, "broken", "import no_such_module", drivers="broken = broken:open_it")
    file.write_text(file.read_text(encoding="utf-8").replace("hall_probe", "broken"))
    box.level, box.output = 0.1, "1"
    done = command("safe", "--station", file)
    assert done.exit_code == 1
    assert "field_probe.driver: 'broken' of the package broken 1 cannot be loaded" in done.stderr
    assert box.is_safe


def test_what_could_not_be_closed_is_said_when_nothing_else_went_wrong(
    site: Path, station_file: Callable[..., Path]
) -> None:
    faulty(site, "close")
    with (
        pytest.raises(NotClosed, match=r"^source_meter could not be closed"),
        Station.from_file(station_file("faulty")),
    ):
        pass
    with pytest.raises(LimitError), Station.from_file(station_file("faulty")) as station:
        station.source_meter.set_level(1.0)
