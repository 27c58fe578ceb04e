"""The status model of a 2600: registers with their filters, and the status byte.

Source: Series 2600B Reference Manual (2600BS-901-01), appendix "Status model".
"""

from __future__ import annotations

from collections.abc import Iterable

from nanojunction.instruments.virtual.keithley2600.channel import Channel
from nanojunction.instruments.virtual.keithley2600.errors import ErrorQueue
from nanojunction.instruments.virtual.keithley2600.tree import (
    Attribute,
    Entry,
    Function,
    Group,
    held,
    whole,
)

_REGISTER = whole(0, 65_535)
_BYTE = whole(0, 255)

STANDARD = {
    "OPERATION_COMPLETE": 1, "OPC": 1, "QUERY_ERROR": 4, "QYE": 4,
    "DEVICE_DEPENDENT_ERROR": 8, "DDE": 8, "EXECUTION_ERROR": 16, "EXE": 16,
    "COMMAND_ERROR": 32, "CME": 32, "USER_REQUEST": 64, "URQ": 64, "POWER_ON": 128, "PON": 128,
}  # fmt: skip
MEASUREMENT = {
    "VOLTAGE_LIMIT": 1, "VLMT": 1, "CURRENT_LIMIT": 2, "ILMT": 2,
    "READING_OVERFLOW": 128, "ROF": 128, "BUFFER_AVAILABLE": 256, "BAV": 256,
}  # fmt: skip
OPERATION = {"SWEEPING": 8, "SWE": 8, "MEASURING": 16, "MEAS": 16}
BYTE = {
    "MEASUREMENT_SUMMARY_BIT": 1, "MSB": 1, "SYSTEM_SUMMARY_BIT": 2, "SSB": 2,
    "ERROR_AVAILABLE": 4, "EAV": 4, "QUESTIONABLE_SUMMARY_BIT": 8, "QSB": 8,
    "MESSAGE_AVAILABLE": 16, "MAV": 16, "EVENT_SUMMARY_BIT": 32, "ESB": 32,
    "MASTER_SUMMARY_STATUS": 64, "MSS": 64, "OPERATION_SUMMARY_BIT": 128, "OSB": 128,
}  # fmt: skip
CHANNELS = {"SMUA": 2, "SMUB": 4}


class Register:
    """Condition, event and enable of one register set; `ptr` and `ntr` choose the edges."""

    def __init__(self, enable: int = 0) -> None:
        self.condition = self.event = self.ntr = 0
        self.ptr = 65_535
        self.enable = self._first_enable = enable

    def update(self, condition: int) -> None:
        """Take what is true now and latch the edges that count."""
        rising, falling = condition & ~self.condition, self.condition & ~condition
        self.condition = condition
        self.event |= rising & self.ptr | falling & self.ntr

    def latch(self, bits: int) -> None:
        """Latch events that have no condition."""
        self.event |= bits

    def read(self) -> int:
        """Return the events and clear them."""
        event, self.event = self.event, 0
        return event

    def reset(self) -> None:
        """Go to the defaults of status.reset()."""
        self.event = self.ntr = 0
        self.ptr, self.enable = 65_535, self._first_enable

    @property
    def summary(self) -> bool:
        """Whether an enabled event is latched."""
        return bool(self.event & self.enable)

    def group(self, **constants: Entry) -> Group:
        """Return the commands of the register."""
        return Group(
            condition=Attribute(lambda: self.condition),
            event=Attribute(self.read),
            enable=held(self, "enable", _REGISTER),
            ntr=held(self, "ntr", _REGISTER),
            ptr=held(self, "ptr", _REGISTER),
            **constants,
        )


class Status:
    """All registers, and the status byte made of them."""

    def __init__(self, errors: ErrorQueue) -> None:
        self._errors = errors
        self.standard = Register()
        self.standard.latch(STANDARD["PON"])
        self.measurement, self.operation = Register(), Register()
        self.questionable, self.system = Register(), Register()
        self.sweeping, self.measuring = Register(6), Register(6)
        self.buffers, self.overflow = Register(6), Register(6)
        self.current_limit, self.voltage_limit = Register(6), Register(6)
        self.instrument_a, self.instrument_b = Register(), Register()
        self.request_enable = self.node_enable = 0

    def registers(self) -> list[Register]:
        """Return every register."""
        return [one for one in vars(self).values() if isinstance(one, Register)]

    def clear(self) -> None:
        """Clear events and errors (*CLS)."""
        self._errors.clear()
        for register in self.registers():
            register.event = 0

    def reset(self) -> None:
        """Go to the defaults (status.reset())."""
        for register in self.registers():
            register.reset()
        self.request_enable = self.node_enable = 0

    def update(self, channels: Iterable[Channel]) -> None:
        """Take what is true now of the channels, a and b in this order."""
        found = [(2 << n, channel) for n, channel in enumerate(channels)]
        overflow = sum(bit for bit, c in found if c.smu.overflowed)
        buffers = sum(bit for bit, c in found if any(b.readings for b in c.nvbuffers))
        limited = [(bit, c.smu.sources_voltage) for bit, c in found if c.smu.in_compliance]
        current_limit = sum(bit for bit, voltage in limited if voltage)
        voltage_limit = sum(bit for bit, voltage in limited if not voltage)
        self.sweeping.update(sum(bit for bit, c in found if c.smu.sweeping))
        self.measuring.update(sum(bit for bit, c in found if c.busy and not c.smu.sweeping))
        self.buffers.update(buffers)
        self.overflow.update(overflow)
        self.voltage_limit.update(voltage_limit)
        self.current_limit.update(current_limit)
        self.operation.update(8 * self.sweeping.summary | 16 * self.measuring.summary)
        for register, channel in ((self.instrument_a, 2), (self.instrument_b, 4)):
            register.update(
                bool(voltage_limit & channel)
                | 2 * bool(current_limit & channel)
                | 128 * bool(overflow & channel)
                | 256 * bool(buffers & channel)
            )
        self.measurement.update(
            self.voltage_limit.summary
            | 2 * self.current_limit.summary
            | 128 * self.overflow.summary
            | 256 * self.buffers.summary
        )

    def byte(self) -> int:
        """Return the status byte with the master summary in bit 6."""
        value = (
            self.measurement.summary
            | 2 * self.system.summary
            | 4 * bool(len(self._errors))
            | 8 * self.questionable.summary
            | 32 * self.standard.summary
            | 128 * self.operation.summary
        )
        return value | 64 * bool(value & self.request_enable)

    def group(self) -> Group:
        """Return `status`."""
        measurement = self.measurement.group(
            buffer_available=self.buffers.group(**CHANNELS),
            current_limit=self.current_limit.group(**CHANNELS),
            voltage_limit=self.voltage_limit.group(**CHANNELS),
            reading_overflow=self.overflow.group(**CHANNELS),
            instrument=Group(
                smua=self.instrument_a.group(**MEASUREMENT),
                smub=self.instrument_b.group(**MEASUREMENT),
            ),
            **MEASUREMENT,
        )
        operation = self.operation.group(
            sweeping=self.sweeping.group(**CHANNELS),
            measuring=self.measuring.group(**CHANNELS),
            **OPERATION,
        )
        return Group(
            condition=Attribute(self.byte),
            request_enable=held(self, "request_enable", _BYTE),
            node_enable=held(self, "node_enable", _BYTE),
            request_event=Attribute(lambda: self.byte() & self.request_enable),
            node_event=Attribute(lambda: self.byte() & self.node_enable),
            reset=Function(self.reset),
            standard=self.standard.group(**STANDARD),
            measurement=measurement,
            operation=operation,
            questionable=self.questionable.group(),
            system=self.system.group(),
            **BYTE,
        )
