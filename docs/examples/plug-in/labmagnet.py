"""A coil on a supply built in our workshop, which knows three commands: a magnet."""

from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.roles import MagnetState, MagnetStatus
from nanojunction.instruments.visa import open_connection

STATES = {"H": MagnetState.HOLDING, "R": MagnetState.RAMPING, "F": MagnetState.FAULT}


def open_coil(config, clock):
    """Open the supply at the station file's address, and make sure that it is one."""
    line = open_connection(config, role="magnet", identity_query="*IDN?")
    if "COIL SUPPLY" not in line.identify():
        line.close()
        raise WrongInstrument(f"{line.where}: answers {line.identity!r}, which is no coil supply")
    return CoilSupply(line)


class CoilSupply:
    """The supply in the role `MagnetSupply`; it has no switch, so that leads and coil agree."""

    def __init__(self, line):
        self.line = line

    def identify(self):
        """Return the answer to `*IDN?`."""
        return self.line.identity

    def prepare(self, should_stop):
        """Return True: the coil is always ready to ramp."""
        return True

    def go_persistent(self, should_stop):
        """Raise InstrumentFault."""
        raise InstrumentFault(f"{self.line.where}: has no switch, and holds the field itself")

    def _state(self):
        """Ask for field (T) and state, as in `0.0125,H`."""
        with in_words(self.line):
            self.line.write("STATE?")
            field_T, state = self.line.read().split(",")
            return float(field_T), STATES[state.strip()]

    def field_T(self):
        """Return the field."""
        return self._state()[0]

    def lead_field_T(self):
        """Return the field."""
        return self._state()[0]

    def ramp_to(self, field_T, rate_T_per_min):
        """Start a ramp."""
        self.line.write(f"RAMP {field_T:.6g} {rate_T_per_min:.6g}")

    def hold(self):
        """Stop ramping."""
        self.line.write("HOLD")

    def status(self):
        """Return what the supply is doing; None: it has no switch heater."""
        return MagnetStatus(self._state()[1], None)

    def snapshot(self):
        """Return what belongs into the header of every run."""
        return {"identity": self.identify(), "field_T": self.field_T()}

    def reconnect(self):
        """Open a lost connection again."""
        self.line.reconnect()

    def close(self):
        """Close the connection."""
        self.line.close()
