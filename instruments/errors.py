"""Everything that the instruments layer raises, at a glance.

LaboratoryError             one clear sentence for the person at the cryostat
├── StationError            the station file, or what it names, is wrong
├── StationInUse            another process has the station's instruments
├── LimitError              a value beyond the station's limits was asked for; nothing was sent
└── InstrumentError         an instrument could not be used
    ├── ConnectionFailed    nothing answers at the address
    ├── WrongInstrument     something else answers at the address
    ├── NoAnswer            an instrument stopped answering, or its connection was lost
    └── InstrumentFault     the instrument reports an error, or answers nonsense
        └── MagnetLost      the magnet has quenched, or its supply is at fault
"""


class LaboratoryError(Exception):
    """One clear sentence for the person at the cryostat."""


class StationError(LaboratoryError):
    """The station file, or something that it names, is wrong."""


class StationInUse(LaboratoryError):
    """Another process has the station's instruments."""


class LimitError(LaboratoryError):
    """A value beyond the station's limits was asked for; nothing was sent to the instrument."""


class InstrumentError(LaboratoryError):
    """An instrument could not be used."""


class ConnectionFailed(InstrumentError):
    """Nothing answers at the address."""


class WrongInstrument(InstrumentError):
    """Something else than the named instrument answers at the address."""


class NoAnswer(InstrumentError):
    """An instrument stopped answering, or its connection was lost."""


class InstrumentFault(InstrumentError):
    """The instrument reports an error, or answers what cannot be understood."""


class MagnetLost(InstrumentFault):
    """The magnet has quenched, or its supply is clamped or at fault: it does not ramp."""
