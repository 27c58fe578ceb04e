"""Files that are no runs, made from good ones: each case writes its file or says why it cannot."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.run_files import HEADER

Case = Callable[[Path], None]
"""Writes one file (or what looks like one) at a path."""

NAMES = "Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Temperature (K),In compliance"


def our_run(rows: int = 60) -> str:
    """Return a whole run file of ours: an I(V) there and back."""
    half = np.linspace(-0.01, 0.01, rows // 2)
    V = np.concatenate([half, half[::-1]])
    table = "".join(
        f"{0.1 * k!r},{2 * k // rows},{v!r},{v!r},{v / 1000 + 3e-9!r},40.0,0\n"
        for k, v in enumerate(V.tolist())
    )
    end = f'# End: {{"status": "finished", "rows": {len(V)}}}\n'
    return f"{HEADER}{NAMES}\n{table}{end}"


def foreign_run(rows: int = 60) -> str:
    """Return a table of another laboratory: semicolons and decimal commas."""
    V = np.linspace(-10.0, 10.0, rows)
    table = "".join(f"{v:.6f};{v * 1.01:.6f};40,0\n".replace(".", ",") for v in V)
    return f"Probe: X7\nU [mV];I [µA];T [K]\n{table}"


OURS = our_run()
FOREIGN = foreign_run()


def text(content: str | bytes) -> Case:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda path: path.write_bytes(data) and None


def truncated(good: str, seed: int) -> Case:
    """Cut somewhere before the first row is complete."""
    data = good.encode()
    names = data.index(b"Voltage (V)" if good is OURS else b"U [mV]")
    first_row = data.index(b"\n", data.index(b"\n", names) + 1)
    return text(data[: random.Random(seed).randrange(1, first_row)])


def flipped_names(good: str, seed: int) -> Case:
    """Set the highest bit of a letter that names the voltage or the current.

    "Volt" would still say what is meant, so it is one of the first letters.
    """
    data = bytearray(good.encode())
    words = (b"Voltage (V)", b"Current (A)") if good is OURS else (b"U [mV]", b"I [")
    rng = random.Random(seed)
    word = rng.choice(words)
    at = data.index(word) + (rng.choice([0, 1, 2]) if good is OURS else 0)
    data[at] ^= 0x80
    return text(bytes(data))


def flipped_digits(good: str, seed: int) -> Case:
    """Set the highest bit of one digit in every number, as a line with a loose contact does."""
    head, names, rows = good.partition(NAMES + "\n" if good is OURS else "T [K]\n")
    rng = random.Random(seed)
    fields = []
    for field in rows.partition("# End")[0].replace(";", ",;").split(","):
        digits = [k for k, letter in enumerate(field) if letter.isdigit()]
        at = rng.choice(digits) if digits else None
        fields.append(
            field if at is None else f"{field[:at]}{chr(ord(field[at]) | 0x80)}{field[at + 1 :]}"
        )
    joined = ",".join(fields).replace(",;", ";")
    return text((head + names + joined).encode("latin-1", "replace"))


def wrong_delimiter(good: str, mark: str) -> Case:
    old = "," if good is OURS else ";"
    head, names, rows = good.partition(NAMES if good is OURS else "U [mV];I [µA];T [K]")
    return text(head + names.replace(old, mark) + rows.replace(old, mark))


def huge_field(where: str) -> Case:
    """Put ten million characters into one field."""
    huge = {"digits": "1" * 10**7, "letters": "x" * 10**7, "commas": "1," * (5 * 10**6)}[where]
    return text(OURS.replace("\n0.1,", f"\n{huge},", 1))


def noise(seed: int, size: int = 20_000) -> Case:
    return text(random.Random(seed).randbytes(size))


def high_noise(seed: int) -> Case:
    """Letters beyond ASCII only, in no encoding."""
    rng = random.Random(seed)
    return text(bytes(rng.choice([10, *range(128, 256)]) for _ in range(20_000)))


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.csv", bytes(5 * 10**7))
    return target.getvalue()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)  # not known on Windows, where no case is run


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(300 << 20)


def notes(broken: str | bytes) -> Case:
    """Write a good run with broken notes."""

    def case(path: Path) -> None:
        path.write_text(FOREIGN, encoding="utf-8")
        data = broken if isinstance(broken, bytes) else broken.encode()
        path.with_name(f"{path.stem}.notes.toml").write_bytes(data)

    return case


DEEP = HEADER.replace('{"name": "Cryostat 1", "note": "a: b"}', '{"a": ' + "[" * 100_000)
ROWS = FOREIGN.partition("T [K]\n")[2]
MINUS_NINE = "\n".join("1,2,3" for _ in range(9))

CASES: dict[str, Case] = {
    **{f"ours, cut at a byte ({seed})": truncated(OURS, seed) for seed in range(6)},
    **{f"foreign, cut at a byte ({seed})": truncated(FOREIGN, seed) for seed in range(6)},
    **{f"ours, a name with a flipped bit ({seed})": flipped_names(OURS, seed) for seed in range(6)},
    **{f"foreign, a name with a flipped bit ({s})": flipped_names(FOREIGN, s) for s in range(4)},
    **{f"ours, digits with flipped bits ({s})": flipped_digits(OURS, s) for s in range(4)},
    **{f"foreign, digits with flipped bits ({s})": flipped_digits(FOREIGN, s) for s in range(4)},
    **{f"ours, {mark!r} between fields": wrong_delimiter(OURS, mark) for mark in "|/&\\~"},
    **{f"foreign, {mark!r} between fields": wrong_delimiter(FOREIGN, mark) for mark in "|/&\\:"},
    **{f"a huge field of {what}": huge_field(what) for what in ("digits", "letters", "commas")},
    **{f"noise ({seed})": noise(seed) for seed in range(5)},
    **{f"noise beyond ASCII ({seed})": high_noise(seed) for seed in range(3)},
    "100,000 lines of comment and no table": text("# a: b\n" * 100_000),
    "100,000 lines of text and no table": text("some words, and more\n" * 100_000),
    "a header nested deeply": text(OURS.replace(HEADER, DEEP)),
    "an end nested deeply, and no row": text(HEADER + NAMES + "\n# End: " + "[" * 100_000 + "\n"),
    "blanks in a header": text("# a" + " " * 300_000 + "b\n# T: 1" + " " * 300_000 + "K x\n"),
    "a temperature of many digits": text("# Temperature: " + "1" * 50_000 + " a b\nV,x\n1,2\n"),
    "UTF-16 without its mark": text(FOREIGN.encode("utf-16-le")),
    "UTF-16 cut in a letter": text(FOREIGN.encode("utf-16")[:-1]),
    "UTF-32": text(FOREIGN.encode("utf-32")),
    "EBCDIC": text(OURS.encode("cp500")),
    "a byte-order mark alone": text(b"\xef\xbb\xbf"),
    "gzip bomb": text(gzip.compress(bytes(5 * 10**7))),
    "zip bomb": text(zipped()),
    "bzip2 bomb": text(bz2.compress(bytes(5 * 10**7))),
    "xz": text(lzma.compress(OURS.encode())),
    "Excel's old format": text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + OURS.encode()),
    "PDF": text(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"),
    "HTML": text("<!doctype html>\n<html><body><h1>404, not found</h1></body></html>\n"),
    "JSON": text(json.dumps({"V": [1, 2, 3], "I": [1, 2, 3]}, indent=1)),
    "blank lines": text("\n \n\t\n" * 100),
    "no line ends": text("0.1,1e-9," * 3_000_000),
    "no line ends, ours": text(OURS.replace("\n", " ") * 2000),
    "sparse, 300 MiB": sparse,
    "names alone": text(FOREIGN.partition(ROWS)[0]),
    "numbers alone": text(ROWS),
    "rows and columns exchanged": text("U [mV],0,1,2,3\nI [nA],0,2,4,6\n"),
    "two voltages": text("V (V),U (mV),I (A)\n1,2,3\n2,3,4\n"),
    "a voltage in kelvin": text("V (K),I (A)\n1,2\n2,3\n"),
    "a column missing in all rows": text(f"V (V),I (A)\n{MINUS_NINE}\n"),
    "numbers that overflowed": text("V (V),I (A)\n" + "0.1,9.9e37\n" * 9),
    "no number": text("V (V),I (A)\n" + "0.1,nan\n" * 9),
    "a resistance alone": text("V (V),R (ohm)\n1,2\n2,3\n"),
    "notes with a slip": notes("stars = 9\n"),
    "notes cut off": notes('[[exclude]]\nrows = [1, 2]\nreason = "a'),
    "notes of noise": notes(random.Random(1).randbytes(2000)),
    "notes nested deeply": notes("a = " + "[" * 100_000),
    "notes too large": notes("# x\n" * 400_000),
    "notes that leave no row": notes('[[exclude]]\nrows = [1, 999]\nreason = "all"\n'),
}

NO_FILES: dict[str, Case] = {
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to("gone.csv"),
    "a folder": lambda path: path.mkdir(),
    "a link to a folder": lambda path: path.symlink_to("/"),
    "a pipe": a_pipe,
    "a socket": a_socket,
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a log of the system that waits": lambda path: path.symlink_to("/proc/kmsg"),
    "a file that fails to be read": lambda path: path.symlink_to("/proc/self/mem"),
}
"""What POSIX systems know beside files."""
