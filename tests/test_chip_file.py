"""The chip file: what it describes, and one sentence for everything that can be wrong."""

from __future__ import annotations

import string
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.chip_file import ChipFileError, chip_from, load_chip
from nanojunction.analysis.screening.thresholds import Thresholds

LIMITS = """
max_voltage_V = 0.2
max_current_A = 1e-3
"""

CHIP = """
name = "chip 17"
max_voltage_V = 0.2
max_current_A = 1e-3
max_dwell_in_compliance_s = 5
diameter_um = 20

[stacks.CoPc3]
layers = ["Co 10 nm", "C60 3 ML", "CoPc 1 ML", "Fe 5 nm"]

[[calibrations]]
name = "R100"
position = "R100"
nominal_ohm = 100

[[junctions]]
name = "J001"
position = "1"
x_mm = 0.5
y_mm = 1
column = 3
row = 7
split = "annealed"
stack = "CoPc3"
diameter_um = 10
max_voltage_V = 0.1

[[junctions]]
name = "J002"
column = "east"
row = 7

[thresholds]
candidate_ratio = 20

[protocol]
temperature = "40 K"
contact = { vmax = "1 mV" }
"""


def test_a_junction_has_its_own_limits_and_else_those_of_the_chip(tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    # Notepad on Windows writes a byte-order mark.
    file.write_text(CHIP, encoding="utf-8-sig")
    chip = load_chip(file)
    first, second = chip.junctions
    assert first == Junction(
        "J001",
        max_voltage_V=0.1,
        max_current_A=1e-3,
        position="1",
        x_m=0.5e-3,
        y_m=1e-3,
        column=3,
        row=7,
        split="annealed",
        stack="CoPc3",
        diameter_m=10e-6,
        max_dwell_in_compliance_s=5,
    )
    assert (second.max_voltage_V, second.diameter_m, second.column) == (0.2, 20e-6, "east")
    assert first.area is not None
    assert first.area.area_m2 == pytest.approx(78.54e-12, rel=1e-4)
    assert chip.junction("J002") is second
    assert chip.stacks["CoPc3"][1] == "C60 3 ML"
    assert [(one.name, one.nominal_ohm) for one in chip.calibrations] == [("R100", 100.0)]
    assert chip.thresholds == Thresholds(candidate_ratio=20)
    assert chip.protocol == {"temperature": "40 K", "contact": {"vmax": "1 mV"}}


def test_an_array_is_a_junction_for_each_row_and_column() -> None:
    chip = chip_from(
        LIMITS
        + """
        [[arrays]]
        names = "J{row:02d}{column:02d}"
        positions = "{n}"
        rows = 2
        columns = 3
        pitch_x_mm = 0.5
        pitch_y_mm = 2
        x0_mm = -1
        split = "as grown"
        """,
        "chip.toml",
    )
    assert [(one.name, one.position) for one in chip.junctions] == [
        ("J0101", "1"),
        ("J0102", "2"),
        ("J0103", "3"),
        ("J0201", "4"),
        ("J0202", "5"),
        ("J0203", "6"),
    ]
    last = chip.junctions[-1]
    assert (last.column, last.row, last.x_m, last.y_m) == (3, 2, 0.0, 2e-3)
    assert {one.split for one in chip.junctions} == {"as grown"}


def test_a_wafer_of_2000_is_listed_in_order() -> None:
    wafer = '[[arrays]]\nnames = "W{n:04d}"\nrows = 50\ncolumns = 40\n'
    chip = chip_from(LIMITS + wafer, "wafer.toml")
    assert len(chip.junctions) == 2000
    assert [one.name for one in chip.junctions] == sorted(one.name for one in chip.junctions)


ONE = '[[junctions]]\nname = "J1"\n'
ARRAY = '[[arrays]]\nnames = "J{n}"\nrows = 2\ncolumns = 2\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LIMITS, "junctions: the file lists 0"),
        (LIMITS + ONE + "diameter_um = -3", r"junctions\[0\]\.diameter_um: .* greater than 0"),
        (LIMITS + ONE + "colum = 3", r"junctions\[0\]\.colum: is not .*did you mean column\?"),
        (LIMITS + ONE + "column = 2.5", r"junctions\[0\]\.column"),
        (LIMITS + ONE + ONE, r"junctions\[1\]: its name 'J1' is that of junctions\[0\], too"),
        (LIMITS + ONE + ARRAY, r"arrays\[0\] \(row 1, column 1\): its name 'J1'"),
        (
            LIMITS + ONE + 'position = "5"\n[[junctions]]\nname = "J2"\nposition = "5"',
            r"junctions\[1\]: its position '5' is that of junctions\[0\]",
        ),
        (
            LIMITS + '[[calibrations]]\nname = "J1"\nnominal_ohm = 100\n' + ONE,
            r"junctions\[0\]: its name 'J1' is that of calibrations\[0\]",
        ),
        (
            LIMITS + ONE + 'x_mm = 1\ny_mm = 2\n[[junctions]]\nname = "J2"\nx_mm = 1.0\ny_mm = 2',
            r"junctions\[1\]: its place 'x_mm = 1, y_mm = 2' is that of junctions\[0\]",
        ),
        (
            LIMITS + ONE + 'column = 1\nrow = 2\n[[junctions]]\nname = "J2"\ncolumn = 1\nrow = 2',
            "its place 'column = 1, row = 2'",
        ),
        (LIMITS + ONE + "x_mm = 1", r"junctions\[0\]: has only one of x_mm and y_mm"),
        (LIMITS + ARRAY + "pitch_x_mm = 1", r"arrays\[0\]: has only one of pitch_x_mm"),
        (LIMITS + ARRAY.replace("{n}", "{rwo}"), r"arrays\[0\]\.names: .*did you mean row\?"),
        (LIMITS + ARRAY.replace("{n}", "{n.real}"), "there is no field {n.real}"),
        (LIMITS + ARRAY.replace("{n}", "{n!r}"), "the digits of {n} are written"),
        (LIMITS + ARRAY.replace("{n}", "{n:>9999}"), "the digits of {n} are written"),
        (LIMITS + ARRAY.replace("{n}", "{n"), r"arrays\[0\]\.names: .*cannot be read"),
        (LIMITS + ARRAY.replace("{n}", "1"), "each needs its own"),
        (LIMITS + ARRAY.replace("rows = 2", "rows = 2000000"), "give 1 to 100000"),
        ("max_voltage_V = 1\n" + ONE, r"max_current_A: is missing, and junctions\[0\] has none"),
        (
            LIMITS + ONE + 'stack = "CoPc"\n[stacks.CoPc3]\nlayers = []',
            r"junctions\[0\]\.stack: there is no \[stacks\.CoPc\]; did you mean CoPc3\?",
        ),
        (LIMITS + ONE + "[thresholds]\nshort_belw_ohm = 1", "did you mean short_below_ohm"),
        (LIMITS + ONE + '[thresholds]\ncandidate_ratio = "10"', "thresholds.candidate_ratio: must"),
        (LIMITS + ONE + "[thresholds]\nattempts = 1.5", "thresholds.attempts: must be a whole"),
        (LIMITS + ONE + "[thresholds]\nshort_below_ohm = 1e12", "short_below_ohm is 1e.12"),
        (LIMITS + '[[junctions]]\nname = "a\\nb"', r"junctions\[0\]\.name"),
        (LIMITS + '[[junctions]]\nname = ""', r"junctions\[0\]\.name"),
        ("name = ", "not valid TOML"),
        (LIMITS + "wafer = 1\n" + ONE, "wafer: is not a key that is known here"),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(ChipFileError, match=said) as caught:
        chip_from(text, "my chip.toml")
    assert str(caught.value).startswith("my chip.toml: ")
    assert "\n" not in str(caught.value).replace("a\nb", "").replace("'a\\nb'", "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChipFileError, match="there is no such chip file"):
        load_chip(tmp_path / "none.toml")


names = st.text(alphabet=string.ascii_letters + string.digits + "-_ .", min_size=1, max_size=12)


@given(
    st.lists(names.filter(lambda text: not text.endswith(" ")), min_size=1, max_size=8),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_every_junction_is_there_once_or_the_file_is_refused(
    listed: list[str], rows: int, columns: int
) -> None:
    text = LIMITS + "".join(f'[[junctions]]\nname = "{name}"\n' for name in listed)
    text += f'[[arrays]]\nnames = "{listed[0]}/{{row}}/{{column}}"\nrows = {rows}\n'
    text += f"columns = {columns}\n"
    if has_twins(listed):
        with pytest.raises(ChipFileError, match="its name"):
            chip_from(text, "chip.toml")
        return
    chip = chip_from(text, "chip.toml")
    assert len({one.name for one in chip.junctions}) == len(listed) + rows * columns


def has_twins(listed: Iterable[str]) -> bool:
    values = list(listed)
    return len(set(values)) < len(values)


@given(st.text(max_size=60))
def test_no_text_makes_anything_but_a_chip_or_a_sentence(text: str) -> None:
    try:
        chip_from(
            LIMITS + f"[[arrays]]\nnames = '''{text}'''\nrows = 1\ncolumns = 2\n", "chip.toml"
        )
    except ChipFileError as error:
        assert str(error).startswith("chip.toml: ")
