"""The driver of the Hall probe, against a socket that answers as the probe does."""

import socketserver
import threading

import pytest
from labprobe import open_probe

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.station_file import FieldProbeConfig


@pytest.fixture
def probe():
    """Open the driver on a socket whose answers a test may change."""
    answers = {"*IDN?": "WORKSHOP,HALL PROBE,2", "FIELD?": "12.5"}

    class Probe(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(f"{answers[line.decode().strip()]}\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Probe) as server:
        threading.Thread(target=server.serve_forever).start()
        address = f"TCPIP::127.0.0.1::{server.server_address[1]}::SOCKET"
        config = FieldProbeConfig(driver="hall_probe", address=address, visa_library="@py")
        opened = open_probe(config, Clock())
        yield opened, answers
        opened.close()
        server.shutdown()


def test_the_probe_answers_in_millitesla(probe):
    """What is read is in T."""
    assert probe[0].field_T() == pytest.approx(12.5e-3)


def test_an_answer_that_is_no_number(probe):
    """It is a fault of the instrument's, and says where."""
    opened, answers = probe
    answers["FIELD?"] = "OVERLOAD"
    with pytest.raises(InstrumentFault, match="field_probe at TCPIP"):
        opened.field_T()
