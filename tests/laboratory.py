"""A laboratory with instruments of its own on real sockets, and packages that it might install."""

from __future__ import annotations

import socketserver
from pathlib import Path

SHUNT_OHM, JUNCTION_OHM = 100.0, 1000.0


class Served(socketserver.ThreadingTCPServer):
    """An instrument on a real socket that answers line by line; `heard` is what it was told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Lines)
        self.heard: list[str] = []

    @property
    def address(self) -> str:
        return f"TCPIP::127.0.0.1::{self.server_address[1]}::SOCKET"

    def answer(self, line: str) -> str | None:
        raise NotImplementedError


class _Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Served)
        for line in self.rfile:
            self.server.heard.append(line.decode().strip())
            answer = self.server.answer(self.server.heard[-1])
            if answer is not None:
                self.wfile.write(f"{answer}\n".encode())


class Box(Served):
    """The source box with a resistor, whose current is one of two values in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.level, self.output, self.readings, self.largest_V = 0.0, "0", 0, 0.0

    def answer(self, line: str) -> str | None:
        command, _, value = line.partition(" ")
        match command:
            case "*IDN?":
                return "WORKSHOP,SOURCE BOX,1"
            case "VOLT":
                self.level = float(value)
            case "OUTP":
                self.output = value
            case "VOLT?":
                return f"{self.level:.9g}"
            case "OUTP?":
                return self.output
            case "READ?":
                self.readings += 1
                volts = self.level if self.output == "1" else 0.0
                amps = volts / JUNCTION_OHM + 1e-9 * (self.readings % 2)
                return f"{volts:.9g},{amps * SHUNT_OHM:.9g},0"
        if self.output == "1":
            self.largest_V = max(self.largest_V, abs(self.level))
        return None

    @property
    def is_safe(self) -> bool:
        return self.output == "0" and self.level == 0.0


class Probe(Served):
    """The Hall probe in a field of 12.5 mT."""

    def answer(self, line: str) -> str | None:
        return {"*IDN?": "WORKSHOP,HALL PROBE,2", "FIELD?": "12.5"}.get(line)


class Coil(Served):
    """The coil supply; a ramp has arrived when it is looked at for the third time."""

    def __init__(self) -> None:
        super().__init__()
        self.field, self.looks = "0", 3

    def answer(self, line: str) -> str | None:
        command, *values = line.split()
        match command:
            case "*IDN?":
                return "WORKSHOP,COIL SUPPLY,3"
            case "RAMP":
                self.field, self.looks = values[0], 0
            case "STATE?":
                self.looks += 1
                return f"{self.field},{'H' if self.looks > 2 else 'R'}"
        return None


def package(
    site: Path, name: str, code: str, *, drivers: str = "", procedures: str = "", version: str = "1"
) -> None:
    """Put a package into `site`: one module, and what it offers, as `name = object` lines."""
    (site / f"{name}.py").write_text(code, encoding="utf-8")
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(
        f"[nanojunction.drivers]\n{drivers}\n[nanojunction.procedures]\n{procedures}\n"
    )
