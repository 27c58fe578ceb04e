"""IEEE 488.2 status: event registers, the standard event register, the status byte."""

from __future__ import annotations

from dataclasses import dataclass, field

from nanojunction.instruments.virtual.scpi.language import ErrorQueue

#: Bits of the standard event register that an error sets, by its hundreds.
_CLASSES = {-1: 1 << 5, -2: 1 << 4, -3: 1 << 3, -4: 1 << 2}


@dataclass(slots=True)
class Register:
    """Events latch until they are read; `enable` says which reach the status byte."""

    event: int = 0
    enable: int = 0

    def latch(self, bits: int) -> None:
        """Latch events."""
        self.event |= bits

    def read(self) -> int:
        """Return the events and clear them."""
        event, self.event = self.event, 0
        return event

    @property
    def summary(self) -> bool:
        """Whether an enabled event is latched."""
        return bool(self.event & self.enable)


@dataclass(slots=True)
class StatusModel:
    """Error queue, standard events, service requests and the three SCPI registers."""

    errors: ErrorQueue = field(default_factory=ErrorQueue)
    standard: Register = field(default_factory=lambda: Register(event=1 << 7))  # power on
    measurement: Register = field(default_factory=Register)
    operation: Register = field(default_factory=Register)
    questionable: Register = field(default_factory=Register)
    service_enable: int = 0

    def error(self, code: int) -> None:
        """Queue an error and latch its class."""
        self.errors.push(code)
        self.standard.latch(_CLASSES.get(-(-code // 100) if code < 0 else 0, 1 << 3))

    def clear(self) -> None:
        """Clear events and errors (*CLS)."""
        self.errors.clear()
        for register in (self.standard, self.measurement, self.operation, self.questionable):
            register.event = 0

    def preset(self) -> None:
        """Disable all SCPI registers (:STATus:PRESet)."""
        for register in (self.measurement, self.operation, self.questionable):
            register.enable = 0

    def byte(self) -> int:
        """Return the status byte with the master summary in bit 6."""
        value = (
            (self.measurement.summary << 0)
            | (bool(len(self.errors)) << 2)
            | (self.questionable.summary << 3)
            | (self.standard.summary << 5)
            | (self.operation.summary << 7)
        )
        return value | ((value & self.service_enable != 0) << 6)
