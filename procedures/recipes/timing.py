"""What exchanges and waits cost at a station: the numbers that a plan is timed with.

Nothing here touches an instrument. What a station file does not say is a stated default, or
learnt from the journal of earlier runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nanojunction.instruments.ramps import LOOK_S
from nanojunction.instruments.serial_line import is_serial
from nanojunction.instruments.station_file import InstrumentConfig, StationConfig, VirtualConfig

#: What an exchange (a question and its answer) usually takes (s), by the interface in the address.
USUAL_LATENCY_S = {"GPIB": 0.005, "ASRL": 0.03, "TCPIP": 0.002, "USB": 0.002}
#: What an exchange carries over a serial line both ways (bytes), what most instruments carry, and
#: their rate; on a virtual line each byte takes its time.
SERIAL_BYTES, OTHER_SERIAL_BYTES, USUAL_BAUD = {"source_meter": 90}, 15, 9600
#: This computer's own work (s of the wall clock): an exchange, a run (header, snapshot, files),
#: and what follows a run (analysis, journal). They matter where the clock runs faster.
EXCHANGE_S, RUN_S, AFTER_RUN_S = 0.0003, 0.02, 0.05
#: Exchanges of a run beside its points: made safe, configured, its settings read back.
RUN_EXCHANGES = {"source_meter": 71, "magnet": 8, "temperature": 6}
#: A sample without a known settling time follows its insert with this lag (s), and trails behind
#: a ramp of the setpoint by this time (s): those of the virtual cryostat, and usual ones.
SAMPLE_LAG_S, TRAILS_S = 30.0, 62.0
#: Heating the switch of a magnet (s), the IPS120-10's 20 s and a second to look.
SWITCH_S = 21.0
#: A cryostat of which nothing is known is taken to be here.
START_K, START_T = 295.0, 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cryostat is: temperature, field, and whether the magnet's switch is open."""

    temperature_K: float = START_K
    field_T: float = START_T
    is_switch_open: bool = False


@dataclass(frozen=True, slots=True)
class Settling:
    """How long a sample takes to come within a tolerance after a ramp, and how that is known."""

    known_s: float | None
    source: str

    def seconds(self, way_K: float, rate_K_per_min: float, tolerance_K: float) -> float:
        """Return the time (s) from the end of a ramp until the sample stays within tolerance."""
        if abs(way_K) <= tolerance_K:
            return 0.0
        if self.known_s is not None:
            return self.known_s
        ramp_s = 60.0 * abs(way_K) / rate_K_per_min
        behind_K = rate_K_per_min / 60.0 * TRAILS_S * (1.0 - math.exp(-ramp_s / SAMPLE_LAG_S))
        return SAMPLE_LAG_S * math.log(behind_K / tolerance_K) if behind_K > tolerance_K else 0.0


def settling_of(config: StationConfig, learnt_s: tuple[float, ...] = ()) -> Settling:
    """Return the settling time: the station file's, else the median of earlier ones, else usual."""
    temperature = config.temperature
    if temperature is not None and temperature.settling_s is not None:
        return Settling(temperature.settling_s, "station file")
    if learnt_s:
        middle = sorted(learnt_s)[len(learnt_s) // 2]
        return Settling(middle, f"median of {len(learnt_s)} earlier ones in this folder")
    return Settling(
        None, f"assumed lag of {SAMPLE_LAG_S:g} s; give temperature.settling_s if you know it"
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """What one exchange costs (s of the station's clock), by role, and the clock's speed.

    `changes_ranges` is False for a line that carries so little that no meter leaves its lowest
    range.
    """

    exchange_s: Mapping[str, float]
    speed: float
    settling: Settling
    environment_exchanges: tuple[str, ...]
    source: str
    changes_ranges: bool = True

    def of(self, role: str, exchanges: float = 1.0) -> float:
        """Return what exchanges with an instrument cost."""
        return exchanges * self.exchange_s.get(role, 0.0)

    @property
    def environment_s(self) -> float:
        """Reading field and temperatures once."""
        return sum(map(self.of, self.environment_exchanges))

    @property
    def run_s(self) -> float:
        """What a run takes beside its points, ramps and waits."""
        computing_s = EXCHANGE_S * self.speed
        bare = {role: max(0.0, self.of(role) - computing_s) for role in RUN_EXCHANGES}
        return sum(n * bare[role] for role, n in RUN_EXCHANGES.items()) + RUN_S * self.speed

    @property
    def after_run_s(self) -> float:
        """Analysis and journal after a run."""
        return AFTER_RUN_S * self.speed

    @property
    def look_s(self) -> float:
        """What a wait lasts longer on average because instruments are looked at now and then."""
        return 0.5 * (LOOK_S + self.of("temperature", 2.0))


def pace_of(config: StationConfig, learnt_s: tuple[float, ...] = ()) -> Pace:
    """Return the pace of a station, from its file alone."""
    virtual, speed = config.virtual, 1.0 if config.virtual is None else config.virtual.speed
    exchange = {}
    for role, instrument in config.instruments().items():
        if virtual is None:
            interface = instrument.address.partition(":")[0].rstrip("0123456789").upper()
            latency = USUAL_LATENCY_S.get(interface, 0.005)
        else:
            latency = virtual.bus_latency_s + _on_serial_line_s(role, instrument, virtual)
        exchange[role] = latency + EXCHANGE_S * speed
    source = "usual for the interfaces" if virtual is None else "virtual.bus_latency_s"
    reads = [] if config.magnet is None else ["magnet", "magnet"]  # its field, and its status
    reads += [] if config.field_probe is None else ["field_probe"]
    if config.temperature is not None:
        reads += ["temperature"] * len(config.temperature.sensors)
    return Pace(exchange, speed, settling_of(config, learnt_s), tuple(reads), source)


def _on_serial_line_s(role: str, instrument: InstrumentConfig, virtual: VirtualConfig) -> float:
    """Return what the bytes of an exchange take on a virtual serial line, 0 on a socket."""
    serial = is_serial(instrument.address) if instrument.address else virtual.serve == "serial"
    if not serial:
        return 0.0
    bits = 9.0 + (instrument.stop_bits or 2.0)
    count = SERIAL_BYTES.get(role, OTHER_SERIAL_BYTES)
    return count * bits / (instrument.baud_rate or USUAL_BAUD)


def start_of(config: StationConfig) -> Place:
    """Return where a cryostat is taken to be before anybody has looked."""
    virtual = config.virtual
    if virtual is None:
        return Place()
    return Place(temperature_K=float(virtual.world.get("initial_temperature_K", START_K)))
