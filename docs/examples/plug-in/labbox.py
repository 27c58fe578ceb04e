"""A source box built in our workshop, which measures the current across a shunt: a source-meter."""

from pymeasure.instruments import Instrument

from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.plug_ins import Options, PointByPoint, takes_options
from nanojunction.instruments.roles import Reading
from nanojunction.instruments.station_file import Positive
from nanojunction.instruments.visa import open_connection


class BoxOptions(Options):
    """The table `[source_meter.options]` of the station file."""

    shunt_ohm: Positive


@takes_options(BoxOptions)
def open_box(config, clock, options):
    """Open the box at the station file's address, and make sure that it is one."""
    line = open_connection(config, role="source_meter", identity_query="*IDN?")
    if "SOURCE BOX" not in line.identify():
        line.close()
        raise WrongInstrument(f"{line.where}: answers {line.identity!r}, which is no source box")
    return SourceBox(line, clock, options.shunt_ohm)


class SourceBox(PointByPoint):
    """The box in the role `SourceMeter`."""

    def __init__(self, line, clock, shunt_ohm):
        super().__init__(clock)
        self.line, self.shunt_ohm = line, shunt_ohm
        self.instrument = Instrument(line, "Source box", includeSCPI=False)

    def identify(self):
        """Return the answer to `*IDN?`."""
        return self.line.identity

    def configure(self, settings):
        """Refuse what the box cannot do; then open the output, go to zero, set the limit."""
        asked = (settings.wires, settings.nplc, settings.filter_count, settings.measure_range)
        if asked != (2, 1.0, 1, None):
            raise InstrumentFault(
                f"{self.line.where}: has two wires, one range, integrates one cycle of the mains, "
                "and has no filter"
            )
        super().configure(settings)
        self.instrument.write(f"LIM {settings.compliance:.9g}")

    def output_on(self):
        """Close the output relay."""
        self.instrument.write("OUTP 1")

    def output_off(self):
        """Open the output relay, and verify it."""
        self.instrument.write("OUTP 0")
        if self.is_output_on():
            raise InstrumentFault(f"{self.line.where}: the output did not open")

    def is_output_on(self):
        """Ask whether the output relay is closed."""
        return self.instrument.ask("OUTP?").strip() == "1"

    def level(self):
        """Ask for the level (V)."""
        with in_words(self.line):
            return float(self.instrument.ask("VOLT?"))

    def set_level(self, level):
        """Set the level (V)."""
        self.instrument.write(f"VOLT {level:.9g}")

    def read(self):
        """Measure the voltage at the junction and the current through the shunt."""
        with in_words(self.line):
            volts, shunt, limited = map(float, self.instrument.ask("READ?").split(","))
            return Reading(volts, shunt / self.shunt_ohm, bool(limited))

    def snapshot(self):
        """Return what belongs into the header of every run."""
        return {"identity": self.identify(), "level_V": self.level(), "shunt_ohm": self.shunt_ohm}

    def reconnect(self):
        """Open a lost connection again, so that the box can still be made safe."""
        self.line.reconnect()

    def close(self):
        """Close the connection."""
        self.line.close()
