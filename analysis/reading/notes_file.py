"""Notes files (`NAME.notes.toml`) read and written."""

from __future__ import annotations

import os
from pathlib import Path

from nanojunction.analysis.reading.files import regular_size, why_not
from nanojunction.analysis.reading.notes import Notes, NotesError, notes_path
from nanojunction.analysis.reading.notes_keys import content_of, notes_of
from nanojunction.common.toml_file import parse_toml

_MOST_BYTES = 1 << 20


def load_notes(run_file: Path) -> Notes | None:
    """Return the notes of a run file, None where there are none.

    Raises NotesError where they cannot be read or followed.
    """
    path = notes_path(run_file)
    try:
        size = regular_size(path)
        if size > _MOST_BYTES:
            raise NotesError(f"{path}: is larger than {_MOST_BYTES >> 10} KiB, which no notes are")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotesError(f"{path}: {why_not(error)}") from error
    except UnicodeDecodeError as error:
        raise NotesError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return parse_notes(text, str(path))


def parse_notes(text: str, source: str) -> Notes:
    """Return the notes that the TOML `text` holds; `source` names it in errors.

    Raises NotesError with the first key that is wrong and what is allowed there.
    """
    return notes_of(parse_toml(text, source, NotesError), source)


def save_notes(notes: Notes, run_file: Path) -> Path:
    """Write the notes of a run file, whole or not at all, and return their path.

    What stands there before is replaced, TOML comments included. Raises NotesError for notes that
    could not be read back, OSError where the file cannot be written.
    """
    path = notes_path(run_file)
    text = notes_text(notes)
    if parse_notes(text, str(path)) != notes:
        raise NotesError(f"{path}: these notes hold what a notes file does not keep")
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def notes_text(notes: Notes) -> str:
    """Return notes as TOML, as `parse_notes` reads them back to the last bit."""
    import tomli_w

    return tomli_w.dumps(content_of(notes))
