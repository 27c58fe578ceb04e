"""What the tests of source-meters share: our driver on a twin without a socket."""

from __future__ import annotations

import inspect
import math

from pymeasure.instruments import Instrument
from pymeasure.instruments.keithley import Keithley2400, Keithley2450

from nanojunction.instruments.drivers.keithley2400 import Keithley2400SourceMeter
from nanojunction.instruments.drivers.keithley2450 import Keithley2450SourceMeter
from nanojunction.instruments.roles import SourceMeter
from nanojunction.instruments.virtual import WorldSettings
from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.keithley2400 import Keithley2400 as Twin2400
from nanojunction.instruments.virtual.keithley2450 import Keithley2450 as Twin2450
from nanojunction.instruments.virtual.serving.in_process import InProcessAdapter
from nanojunction.models.junction import Memory
from tests.virtual_bench import Resistor, world_with

IDEAL = WorldSettings(
    lead_resistance_ohm=0.0,
    source_gain_error=0.0,
    source_offset_V=0.0,
    source_offset_of_range=0.0,
    voltmeter_gain_error=0.0,
    voltmeter_offset_V=0.0,
    voltmeter_offset_of_range=0.0,
    voltmeter_noise_of_range=0.0,
    voltmeter_pickup_V=0.0,
    ammeter_gain_error=0.0,
    ammeter_offset_A=0.0,
    ammeter_offset_of_range=0.0,
    ammeter_noise_A=0.0,
    ammeter_noise_of_range=0.0,
    ammeter_pickup_of_range=0.0,
)
MODELS = ("keithley2400", "keithley2450")


class Recorder(Resistor):
    """A resistor that notes every change of the voltage across it."""

    def __init__(self, ohm: float, offset_V: float = 0.0) -> None:
        super().__init__(ohm, offset_V)
        self.felt_V: list[float] = []

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        if not self.felt_V or not math.isclose(voltage_V, self.felt_V[-1], abs_tol=1e-9):
            self.felt_V.append(voltage_V)
        return super().apply_voltage(memory, voltage_V)


class InProcess(InProcessAdapter):
    """What our drivers ask of a connection, without one."""

    where = "in-process"

    def allow_s(self, longest_s: float) -> None:
        """Nothing can be late in-process."""


def twin(
    model: str, junction: Resistor | None = None, constants: WorldSettings = IDEAL
) -> VirtualInstrument:
    """Return a twin at a resistor of 1 kΩ, on a clock that stands until somebody waits."""
    world = world_with(junction or Resistor(1e3), constants)
    return {"keithley2400": Twin2400, "keithley2450": Twin2450}[model](world, latency_s=0.005)


def driver_of(instrument: VirtualInstrument) -> SourceMeter:
    """Return our driver on a twin."""
    adapter = InProcess(instrument)
    if isinstance(instrument, Twin2400):
        return Keithley2400SourceMeter(Keithley2400(adapter), adapter, "twin")
    return Keithley2450SourceMeter(Keithley2450(adapter), adapter, "twin")


def pymeasure_driver_of(instrument: VirtualInstrument) -> Instrument:
    """Return PyMeasure's own driver on a twin."""
    kind = Keithley2400 if isinstance(instrument, Twin2400) else Keithley2450
    return kind(InProcessAdapter(instrument))


def properties_of(driver: Instrument) -> set[str]:
    """Return the names of a driver's public properties, inherited ones too."""
    kind = type(driver)
    return {
        name
        for name in dir(kind)
        if not name.startswith("_") and isinstance(inspect.getattr_static(kind, name), property)
    }


def methods_of(driver: Instrument) -> set[str]:
    """Return the names of a driver's public methods, without what every driver has."""
    kind = type(driver)
    return {
        name
        for name in dir(kind)
        if not name.startswith("_")
        and inspect.isroutine(own := inspect.getattr_static(kind, name))
        and own is not inspect.getattr_static(Instrument, name, None)
    }
