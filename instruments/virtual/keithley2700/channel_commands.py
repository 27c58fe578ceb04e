"""The Keithley 2700's commands for channels: closing and opening, scan list, monitor.

Source: Model 2700 User's Manual (2700-900-01), sections 2 and 7, table 15-1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2700.system import Command, Plain
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Parameters

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2700.instrument import Keithley2700

_SCAN_STARTS = ("IMMediate", "HLIMit1", "HLIMit2", "LLIMit1", "LLIMit2")


def _close(k: Keithley2700, parameters: Parameters) -> None:
    channels = k.channels.parse(scpi.single(parameters))
    if len(channels) > 1:
        raise ScpiError(-223)
    four_wire, amps = k.dmm.kind_of(channels[0])
    k.time_s = k.channels.close_system(k.time_s, channels[0], four_wire, amps)


def _close_state(k: Keithley2700, parameters: Parameters) -> str:
    channels = k.channels.parse(scpi.single(parameters))
    if not k.channels.measuring().issuperset(channels):
        raise ScpiError(-222)
    return _states(k, channels)


def _states(k: Keithley2700, channels: list[int]) -> str:
    return ",".join("1" if channel in k.channels.closed else "0" for channel in channels)


def _multiple_close(k: Keithley2700, parameters: Parameters) -> None:
    k.time_s = k.channels.close(k.time_s, k.channels.parse(scpi.single(parameters)))


def _multiple_open(k: Keithley2700, parameters: Parameters) -> None:
    k.time_s = k.channels.open(k.time_s, k.channels.parse(scpi.single(parameters)))


def _multiple_state(k: Keithley2700, parameters: Parameters) -> str:
    return _states(k, k.channels.parse(scpi.single(parameters)))


def _closures(k: Keithley2700, parameters: Parameters) -> str:
    channels = k.channels.parse(scpi.single(parameters))
    return ",".join(str(k.channels.closures[channel]) for channel in channels)


def _open_all(k: Keithley2700) -> None:
    k.time_s = k.channels.open_all(k.time_s)


def _scan(k: Keithley2700, parameters: Parameters) -> None:
    channels = k.channels.parse(scpi.single(parameters))
    for channel in channels:
        if channel % 100 not in k.channels.card_of(channel).measuring(*k.dmm.kind_of(channel)):
            raise ScpiError(-222)
    k.dmm.settings.scan_list = channels


def _scan_start(k: Keithley2700, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    events = tuple(scpi.keyword(p, _SCAN_STARTS) for p in parameters)
    if "IMM" in events and len(events) > 1:
        raise ScpiError(-221)  # it stands alone (manual, section 7)
    k.dmm.settings.scan_start = events


def _monitor(k: Keithley2700, parameters: Parameters) -> None:
    if len(channels := k.channels.parse(scpi.single(parameters))) > 1:
        raise ScpiError(-223)
    k.monitor = channels[0]


def _show_monitor(k: Keithley2700) -> str:
    listed = k.dmm.settings.scan_list
    if k.monitor not in listed:  # the first of the scan list stands in (manual, section 7)
        return k.channels.show(listed[:1])
    return k.channels.show([k.monitor])


#: With parameters.
COMMANDS: dict[str, Command] = {
    ":ROUTe:CLOSe": _close,
    ":ROUTe:CLOSe:STATe?": _close_state,
    ":ROUTe:CLOSe:COUNt?": _closures,
    ":ROUTe:MULTiple:CLOSe": _multiple_close,
    ":ROUTe:MULTiple:CLOSe:STATe?": _multiple_state,
    ":ROUTe:MULTiple:STATe?": _multiple_state,
    ":ROUTe:MULTiple:OPEN": _multiple_open,
    ":ROUTe:SCAN[:INTernal]": _scan,
    ":ROUTe:SCAN:TSOurce": _scan_start,
    ":ROUTe:MONitor": _monitor,
}

#: Without parameters.
PLAIN: dict[str, Plain] = {
    ":ROUTe:CLOSe?": lambda k: k.channels.show(k.channels.closed & k.channels.measuring()),
    ":ROUTe:MULTiple:CLOSe?": lambda k: k.channels.show(k.channels.closed),
    ":ROUTe:OPEN:ALL": _open_all,
    ":ROUTe:SCAN[:INTernal]?": lambda k: k.channels.show(k.dmm.settings.scan_list),
    ":ROUTe:SCAN:TSOurce?": lambda k: ",".join(k.dmm.settings.scan_start),
    ":ROUTe:MONitor?": _show_monitor,
}
