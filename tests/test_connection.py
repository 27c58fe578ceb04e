"""A connection that went wrong: what is said, and that a late answer never becomes a reading."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.instruments.errors import ConnectionFailed, NoAnswer
from nanojunction.instruments.visa import Connection


class LateInstrument:
    """Answers `*IDN?` and `ECHO n` at once; `LATE n` only when it is told to, or not at all."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"
        self.held_back: list[bytes] = []
        self.client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self.client, _ = self._listener.accept()
        except OSError:
            return  # closed before anybody came
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        while data := self._receive():
            received += data
            while b"\n" in received:
                line, received = received.split(b"\n", 1)
                self._answer(line)

    def _receive(self) -> bytes:
        assert self.client is not None
        try:
            return self.client.recv(4096)
        except OSError:
            return b""

    def _answer(self, line: bytes) -> None:
        assert self.client is not None
        if line.startswith(b"LATE"):
            self.held_back.append(line[5:] + b"\n")
        else:
            # What was held back comes out before the next answer: instruments answer in order.
            self.release()
            self.client.sendall(b"SLOW,1\n" if line == b"*IDN?" else line[5:] + b"\n")

    def release(self) -> None:
        """Send what was held back."""
        assert self.client is not None
        late, self.held_back = b"".join(self.held_back), []
        self.client.sendall(late)

    def close(self) -> None:
        """Go away."""
        if self.client is not None:
            self.client.close()
        self._listener.close()

    def join(self) -> None:
        """Wait until the client has gone."""
        self._thread.join(timeout=10)


@pytest.fixture
def late() -> Iterator[LateInstrument]:
    instrument = LateInstrument()
    yield instrument
    instrument.close()
    instrument.join()


def connect(address: str, timeout_s: float = 0.1) -> Connection:
    return Connection(
        address,
        role="source_meter",
        identity_query="*IDN?",
        visa_library="@py",
        read_termination="\n",
        write_termination="\n",
        timeout_s=timeout_s,
    )


@pytest.mark.parametrize("when", ["before the next question", "after it"])
def test_a_late_answer_never_becomes_the_next_reading(late: LateInstrument, when: str) -> None:
    connection = connect(late.address)
    assert connection.identify() == "SLOW,1"
    connection.write("LATE 1")
    with pytest.raises(NoAnswer, match=r"source_meter at TCPIP.*: no answer in time"):
        connection.read()
    if when == "before the next question":
        late.release()
    connection.write("ECHO 2")
    assert connection.read() == "2"
    connection.close()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["ECHO", "LATE"]), max_size=4))
def test_every_answer_belongs_to_its_question(questions: list[str]) -> None:
    instrument = LateInstrument()
    connection = connect(instrument.address, timeout_s=0.03)
    connection.identify()
    for number, question in enumerate(questions):
        connection.write(f"{question} {number}")
        if question == "LATE":
            with pytest.raises(NoAnswer):
                connection.read()
        else:
            assert connection.read() == str(number)
    connection.close()
    instrument.close()
    instrument.join()


def test_an_instrument_that_goes_away_is_noticed_at_once(late: LateInstrument) -> None:
    connection = connect(late.address, timeout_s=600.0)
    connection.identify()
    assert late.client is not None
    late.client.shutdown(socket.SHUT_RDWR)
    with pytest.raises(NoAnswer, match="the connection was lost"):
        connection.read()
    with pytest.raises(NoAnswer, match="the connection was lost"):
        connection.write("ECHO 1")
        connection.read()
    connection.close()


def test_nothing_listens(unused_port: int) -> None:
    connection = connect(f"TCPIP::127.0.0.1::{unused_port}::SOCKET")
    with pytest.raises(ConnectionFailed, match="nothing listens there"):
        connection.identify()


@pytest.mark.parametrize("address", ["", "GPIB", "TCPIP::127.0.0.1::SOCKET", "ASRL/dev/no::INSTR"])
def test_an_address_that_cannot_be_opened(address: str) -> None:
    with pytest.raises(ConnectionFailed, match="be opened"):
        connect(address)


def test_small_writes_are_sent_at_once(late: LateInstrument) -> None:
    connection = connect(late.address)
    session = connection.connection.visalib.sessions[connection.connection.session]
    assert session.interface.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close()


def test_bytes_that_are_no_text(scripted: Callable[..., object]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(100)
            client.sendall(b"\xff\xfe\n")
            client.recv(100)

    thread = threading.Thread(target=serve)
    thread.start()
    connection = connect(f"TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET")
    with pytest.raises(NoAnswer, match="bytes that are not text"):
        connection.identify()
    connection.close()
    thread.join(timeout=10)
    listener.close()
