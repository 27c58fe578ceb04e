"""A virtual instrument without a socket, as an adapter for PyMeasure's drivers."""

from __future__ import annotations

from collections import deque
from typing import Any

from pymeasure.adapters import Adapter

from nanojunction.instruments.virtual.instrument import VirtualInstrument


class InProcessAdapter(Adapter):
    """Hands each message to the instrument at once and keeps its answers for `read`.

    What a socket adds to a measurement is measured against this. `read` raises TimeoutError
    when nothing was answered.
    """

    def __init__(self, instrument: VirtualInstrument) -> None:
        super().__init__()
        self.instrument = instrument
        self._answers: deque[str] = deque(instrument.greeting())

    def _write(self, command: str, **_kwargs: Any) -> None:
        answer = self.instrument.handle(command)
        if answer is not None:
            self._answers.append(answer)

    def _read(self, **_kwargs: Any) -> str:
        if not self._answers:
            raise TimeoutError(f"the virtual {self.instrument.driver} answered nothing")
        return self._answers.popleft()
