"""A Hall probe built in our workshop, and a noise measurement: a driver and a procedure."""

from statistics import stdev

from pymeasure.experiment import IntegerParameter

from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import WrongInstrument
from nanojunction.instruments.visa import open_connection
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.quantities import QuantityParameter


def open_probe(config, clock):
    """Open the probe at the station file's address, and make sure that it is one."""
    line = open_connection(config, role="field_probe", identity_query="*IDN?")
    if "HALL PROBE" not in line.identify():
        line.close()
        raise WrongInstrument(f"{line.where}: answers {line.identity!r}, which is no Hall probe")
    return HallProbe(line)


class HallProbe:
    """The probe in the role `FieldProbe`."""

    def __init__(self, line):
        self.line = line

    def identify(self):
        """Return the answer to `*IDN?`."""
        return self.line.identity

    def field_T(self):
        """Return the field; the probe answers in mT."""
        with in_words(self.line):
            self.line.write("FIELD?")
            return float(self.line.read()) * 1e-3

    def snapshot(self):
        """Return what belongs into the header of every run."""
        return {"identity": self.identify()}

    def close(self):
        """Close the connection."""
        self.line.close()


class Noise(JunctionProcedure):
    """Current noise at a fixed voltage: the scatter of some readings, row after row."""

    KIND = "noise"
    DATA_COLUMNS = (*JunctionProcedure.DATA_COLUMNS, "Current noise (A)")
    voltage = QuantityParameter("Voltage", "V", minimum=-200, maximum=200, default=0.0)
    readings = IntegerParameter("Readings a row", minimum=2, maximum=10_000, default=20)
    rows = IntegerParameter("Rows", minimum=1, maximum=1_000_000, default=100)

    def largest_level(self):
        """Return the largest |V|; the station's limits are checked against it."""
        return abs(self.voltage)

    def planned_rows(self):
        """Return the number of rows, for progress and for going on after an interruption."""
        return self.rows

    def get_estimates(self):
        """Return the time (s) that the readings take."""
        return self.rows * self.readings * self.seconds_per_point()

    def execute(self):
        """Ramp to the voltage, then measure every row that earlier parts do not have."""
        if not self.energise(self.voltage):
            return
        for done in range(self.rows_done, self.rows):
            if self.should_stop():
                return
            some = [self.station.source_meter.read() for _ in range(self.readings)]
            row = self.row(0, self.voltage, some[-1])
            self.emit_row(row | {"Current noise (A)": stdev(one.current_A for one in some)})
            self.emit("progress", 100.0 * (done + 1) / self.rows)
