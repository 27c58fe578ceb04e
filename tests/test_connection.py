"""A connection that went wrong: what is said, and that a late answer never becomes a reading."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.instruments.errors import ConnectionFailed, NoAnswer, WrongInstrument
from nanojunction.instruments.visa import Connection


class LateInstrument:
    """Answers `*IDN?` and `ECHO n` at once; `LATE n` only when it is told to, or not at all."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"
        self.held_back: list[bytes] = []
        self.stuck = False
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
        if line == b"SET":
            return
        if self.stuck:
            self.held_back.append(b"SLOW,1\n" if line == b"*IDN?" else line[5:] + b"\n")
        elif line.startswith(b"LATE"):
            self.held_back.append(line[5:] + b"\n")
        else:
            # What was held back comes out before the next answer, and at once: instruments answer
            # in order, and a line that is still under way nobody can throw away.
            self.held_back.append(b"SLOW,1\n" if line == b"*IDN?" else line[5:] + b"\n")
            self.release()

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


class TwoLives:
    """Answers one question, closes the connection at the next, and is perhaps another then."""

    def __init__(self, before: str, after: str) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(5.0)
        self.address = f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"
        self._thread = threading.Thread(target=self._serve, args=(before, after))
        self._thread.start()

    def _serve(self, before: str, after: str) -> None:
        client, _ = self._listener.accept()
        with client:
            client.recv(100)
            client.sendall(before.encode() + b"\n")
            client.recv(100)
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # nobody came again
        with client:
            while client.recv(100):
                client.sendall(after.encode() + b"\n")

    def finish(self) -> None:
        """Wait until the second client has gone."""
        self._thread.join(timeout=10)
        self._listener.close()


@pytest.fixture
def two_lives() -> Iterator[Callable[[str, str], TwoLives]]:
    made: list[TwoLives] = []

    def make(before: str, after: str) -> TwoLives:
        made.append(TwoLives(before, after))
        return made[-1]

    yield make
    for one in made:
        one.finish()


@pytest.fixture
def late() -> Iterator[LateInstrument]:
    instrument = LateInstrument()
    yield instrument
    instrument.close()
    instrument.join()


def ask(connection: Connection, question: str) -> str:
    connection.write(question)
    answer: str = connection.read()
    return answer


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


def test_questions_by_heart_that_were_answered_late_are_counted(late: LateInstrument) -> None:
    connection = connect(late.address)
    connection.identify()
    late.stuck = True
    for _ in range(3):  # the first is a reading, the others ask who is there
        with pytest.raises(NoAnswer, match="no answer in time"):
            ask(connection, "ECHO 1")
    late.stuck = False
    assert ask(connection, "ECHO 2") == "2"
    assert ask(connection, "ECHO 3") == "3"
    connection.close()


def test_what_nobody_asked_for_is_thrown_away(late: LateInstrument) -> None:
    connection = connect(late.address)
    connection.identify()
    late.held_back = [b"0\n"]
    assert ask(connection, "ECHO?1") == "0"  # no telling whose answer the first line was,
    assert ask(connection, "ECHO?2") == "2"  # but the second is not handed on
    connection.close()


def test_a_stray_line_after_several_settings_is_thrown_away(late: LateInstrument) -> None:
    connection = connect(late.address)
    connection.identify()
    for setting in ("SET", "SET", "SET"):  # no questions: nothing says that they are answered
        connection.write(setting)
    late.held_back = [b"0\n", b"0\n"]
    assert ask(connection, "ECHO?1") == "0"
    assert ask(connection, "ECHO?2") == "2"
    connection.close()


def test_a_connection_is_opened_again_to_the_same_instrument(
    two_lives: Callable[..., Any],
) -> None:
    instrument = two_lives("SLOW,1", "SLOW,1")
    connection = connect(instrument.address)
    connection.identify()
    with pytest.raises(NoAnswer, match="the connection was lost"):
        ask(connection, "*IDN?")
    connection.reconnect()
    assert ask(connection, "*IDN?") == "SLOW,1"
    connection.close()


def test_another_instrument_at_the_address_is_not_taken_for_it(
    two_lives: Callable[..., Any],
) -> None:
    instrument = two_lives("SLOW,1", "OTHER,2")
    connection = connect(instrument.address)
    connection.identify()
    with pytest.raises(NoAnswer):
        ask(connection, "*IDN?")
    with pytest.raises(WrongInstrument, match="answers 'OTHER,2' after it was connected again"):
        connection.reconnect()
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
