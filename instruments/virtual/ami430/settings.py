"""What the AMI 430 keeps and answers without any effect on the magnet.

Source: American Magnetics, Model 430 manual, chapter "Remote Interface Reference", supply and load
setup. The supply is a 4Q06125PS: ±6 V, ±125 A.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial

from nanojunction.instruments.virtual.ami430.language import (
    AmiError,
    Arguments,
    Headers,
    Setting,
    one,
    real,
)
from nanojunction.instruments.virtual.world.settings import WorldSettings

SUPPLY_A = 125.0
SUPPLY_V = 6.0

#: What the operator may be locked out of at the front panel, which there is none of here.
_LOCKS = (
    "ABsorber",
    "BRIGHTness",
    "COILconst",
    "CURRent:LIMit",
    "FIELD-CURRent",
    "FIELD:UNITS",
    "FINEadjust",
    "INCR-DECR",
    "INDuctance",
    "NETsetup",
    "OPLimit",
    "PSwitch:CONTRol",
    "PSwitch:SETtings",
    "QUench:DETect",
    "QUench:RATE",
    "QUench:RESet",
    "RAMP-PAUSE",
    "RAMPDown",
    "RAMPrate",
    "STABility",
    "SUPPly",
    "TARGet",
    "VOLTMeter",
    "VOLTage:LIMit",
    "VOLTage:VS-VM",
    "ZEROfield",
)


def add_plain_settings(headers: Headers, world: WorldSettings) -> None:
    """Register the constants of supply and load, and the locks."""
    constants = {
        "SUPPly:TYPE?": "3",  # 4Q06125PS
        "SUPPly:MODE?": "3",  # controlled by −10 to +10 V
        "SUPPly:VOLTage:MINimum?": real(-SUPPLY_V),
        "SUPPly:VOLTage:MAXimum?": real(SUPPLY_V),
        "SUPPly:CURRent:MINimum?": real(-SUPPLY_A),
        "SUPPly:CURRent:MAXimum?": real(SUPPLY_A),
        "INDuctance:SENSe?": real(world.inductance_H),
        "RAMPDown:COUNT?": "0",
    }
    for header, answer in constants.items():
        headers.answers(header, partial(str, answer))
    settings = {
        "PSwitch:CURRent": Setting(world.switch_heater_current_mA, "real", 0.0, 125.0),
        "PSwitch:CoolingGAIN": Setting(0.0, "real", 0.0, 100.0),
        "PSwitch:TRANsition": Setting(0, "whole", 0, 1),
        "STABility": Setting(0.0, "real", 0.0, 100.0),
        "STABility:MODE": Setting(0, "whole", 0, 2),
        "STABility:RESistor": Setting(0, "boolean"),
        "INDuctance": Setting(world.inductance_H, "real", 0.0, 1e4),
        "ABsorber": Setting(0, "boolean"),
        "QUench:DETect": Setting(1, "whole", 0, 3),
        "QUench:RATE": Setting(1.5, "real", 0.0, 100.0),
        "RAMPDown:ENABle": Setting(0, "boolean"),
    }
    for header, setting in settings.items():
        headers.setting(header, setting)
    for name in _LOCKS:
        headers.setting(f"LOCK:{name}", Setting(0, "boolean"))


class Calendar:
    """Date and time, which begin with 2020 and can be set; `now` gives seconds."""

    _FORMAT = "%m/%d/%Y %H:%M:%S"

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._zero = datetime.datetime(2020, 1, 1)

    def text(self) -> str:
        """Return date and time as they are sent."""
        return (self._zero + datetime.timedelta(seconds=self._now())).strftime(self._FORMAT)

    def set(self, arguments: Arguments) -> None:
        """Set date and time; raises AmiError -102 for another form."""
        try:
            date = datetime.datetime.strptime(one(arguments), self._FORMAT)
        except ValueError as problem:
            raise AmiError(-102) from problem
        self._zero = date - datetime.timedelta(seconds=self._now())
