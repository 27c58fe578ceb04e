"""A TOML file that a person wrote: read, or refused in one sentence that begins with its path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.common.toml_file import parse_toml, read_toml


class Refused(Exception):
    """What a reader of such files raises."""


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "chip.toml").write_bytes(b"\xef\xbb\xbfname = 'chip \xc2\xb5'")
    assert read_toml(tmp_path / "chip.toml", Refused) == {"name": "chip \u00b5"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such chip file"),
        (b"name = \n", "is not valid TOML: .*line 1"),
        (b"a = " + b"[" * 5000, "is not valid TOML: it is nested too deeply"),
        (b"name = '\xb5'", "is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "chip.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Refused, match=rf"chip\.toml: {sentence}"):
        read_toml(file, Refused, "chip file")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read_toml(tmp_path, Refused)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_toml(text, "typed", Refused), dict)
    except Refused as refusal:
        assert str(refusal).startswith("typed: is not valid TOML")
