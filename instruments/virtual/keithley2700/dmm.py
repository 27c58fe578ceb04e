"""The virtual Keithley 2700 as a multimeter: its readings, its trigger model and its buffer.

Source: Model 2700 User's Manual (2700-900-01), sections 3, 6, 7, 8 and 14. Nothing is wired to the
DMM's own inputs: volts and amps read noise around zero, ohms overflow.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nanojunction.instruments.virtual.keithley2700.channels import Channels
from nanojunction.instruments.virtual.keithley2700.settings import FUNCTIONS, Settings2700
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.status import Register

OVERFLOW = 9.9e37
#: Bits of the measurement event register (manual, section 11).
READING_AVAILABLE, BUFFER_AVAILABLE, BUFFER_HALF, BUFFER_FULL = 1 << 5, 1 << 7, 1 << 8, 1 << 9
#: What open inputs show: white noise (V, A; a choice) at NPLC 1, in °C the room.
_NOISE = {"VOLT": 1e-6, "VOLT:AC": 1e-5, "CURR": 1e-8, "CURR:AC": 1e-7}
_ROOM_C = 23.0
_NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading with its unit, time (s since power-on or reset), number and channel."""

    value: float
    unit: str
    time_s: float
    number: int
    channel: int


class Multimeter:
    """The DMM behind the channels; whoever calls it holds the world's lock."""

    def __init__(
        self, channels: Channels, events: Register, line_Hz: float, most_readings: int, seed: int
    ) -> None:
        self.settings = Settings2700()
        self.channels = channels
        self.events = events
        self.line_Hz = line_Hz
        self._most_readings = most_readings
        self._random = random.Random(seed)
        self.time_zero_s = 0.0
        self.number = 0
        self.readings: list[Reading] = []
        self.buffer: deque[Reading] = deque()
        self.buffer_points = 100
        self.feed = "NEV"  # NEXT, ALW or NEV
        self.running = False
        self.next_event_s, self.ended_s = _NEVER, 0.0
        self._events: Iterator[float] = iter(())
        self._waits = False
        self._seen_s = 0.0  # how far a continuous measurement has been followed

    # Readings

    @property
    def continuous(self) -> bool:
        """Whether readings are taken without end, and commands are carried out meanwhile."""
        return bool(self.settings.value("continuous"))

    def duration_s(self, channel: int = 0) -> float:
        """Return what one reading takes (s): integration, thrice with autozero, and filter."""
        s = self.settings
        key = s.function_of(channel)
        conversions = 3 if s.value("autozero") else 1
        repeats = 1.0
        if s.value(f"{key} filter", channel) and s.value(f"{key} filter kind", channel) == "REP":
            repeats = s.number(f"{key} filter count", channel)
        return conversions * repeats * s.number(f"{key} nplc", channel) / self.line_Hz

    def measure(self, t: float) -> Reading:
        """Return one reading of the system channel's function that ends at `t` (s)."""
        channel = self.channels.system or 0
        key = self.settings.function_of(channel)
        value, unit = self._open_inputs(key, channel)
        if unit and self.settings.value(f"{key} relative", channel):
            value -= self.settings.number(f"{key} reference", channel)
        elapsed = (t - self.time_zero_s) % 99_999.99  # the manual's wrap of the timestamp
        reading = Reading(value, unit, elapsed, self.number, channel)
        self.number += 1
        self._store(reading)
        return reading

    def _open_inputs(self, key: str, channel: int) -> tuple[float, str]:
        """Return what a function shows with nothing wired to it, and its unit; none overflowing."""
        if key in _NOISE:
            nplc = self.settings.number(f"{key} nplc", channel)
            noise = self._random.gauss(0.0, _NOISE[key] / math.sqrt(nplc))
            return noise, FUNCTIONS[key].unit
        if key == "TEMP":
            celsius = _ROOM_C + self._random.gauss(0.0, 0.01)
            unit = str(self.settings.value("temperature unit"))
            return {"C": celsius, "F": 1.8 * celsius + 32.0, "K": celsius + 273.15}[unit], unit
        if key in ("FREQ", "PER"):
            return 0.0, FUNCTIONS[key].unit
        return OVERFLOW, ""

    def _store(self, reading: Reading) -> None:
        self.events.latch(READING_AVAILABLE)
        if self.feed == "NEV":
            return
        self.buffer.append(reading)
        self.events.latch(BUFFER_AVAILABLE)
        if len(self.buffer) >= self.buffer_points // 2:
            self.events.latch(BUFFER_HALF)
        if len(self.buffer) < self.buffer_points:
            return
        self.events.latch(BUFFER_FULL)
        if self.feed == "NEXT":
            self.feed = "NEV"
        while len(self.buffer) > self.buffer_points:
            self.buffer.popleft()

    def follow_feed(self, feed: str, t: float) -> None:
        """Start or stop filling the buffer (:TRACe:FEED:CONTrol)."""
        if feed != "NEV" and self.settings.value("clear buffer"):
            self.buffer.clear()
        self.feed, self._seen_s = feed, t

    def buffered(self) -> list[Reading]:
        """Return the buffer, with timestamps from its first reading or from each to the next."""
        kept = list(self.buffer)
        if not kept:
            return []
        if self.settings.value("timestamp") == "ABS":
            return [replace(r, time_s=r.time_s - kept[0].time_s) for r in kept]
        before = [kept[0], *kept[:-1]]
        return [replace(r, time_s=r.time_s - b.time_s) for r, b in zip(kept, before, strict=True)]

    # Trigger model

    def start(self, t: float) -> None:
        """Leave idle.

        Raises ScpiError -213 when readings are taken already, -221 for a trigger count without
        end (a choice: INITiate:CONTinuous is for that) and for a scan list that no longer fits
        the functions.
        """
        s = self.settings
        if self.continuous or self.running:
            raise ScpiError(-213)
        misfit = s.value("scan") == "INT" and not all(map(self._can_scan, s.scan_list))
        if math.isinf(s.number("trigger count")) or misfit:
            raise ScpiError(-221)
        self.readings = []
        self.running = True
        self._events = self._sequence(t)
        self._plan(next(self._events))

    def abort(self, t: float) -> None:
        """Go back to idle."""
        if self.running:
            self._end(t)

    def bus_trigger(self, t: float) -> bool:
        """Pass a waiting trigger source BUS; False if nothing waits for it."""
        if not self._waits or self.settings.value("trigger source") != "BUS":
            return False
        self._waits = False
        self.next_event_s = t
        return True

    def advance(self, t: float) -> None:
        """Let happen what happens by itself up to `t` (s)."""
        while self.running and self.next_event_s <= t:
            now = self.next_event_s
            try:
                self._plan(next(self._events))
            except StopIteration:
                self._end(now)
        if not self.continuous or self.feed == "NEV":
            return
        interval = self.duration_s(self.channels.system or 0)
        if (
            t - self._seen_s > self._most_readings * interval
        ):  # FEED:CONTrol ALWays keeps the last ones
            self._seen_s = t - self._most_readings * interval
        while self.feed != "NEV" and self._seen_s + interval <= t:
            self._seen_s += interval
            self.measure(self._seen_s)

    def latest(self, t: float) -> Reading:
        """Return the last reading; a fresh one when readings are taken without end."""
        if self.continuous:
            return self.measure(t)
        if not self.readings:
            raise ScpiError(-230)
        return self.readings[-1]

    def _plan(self, moment_s: float) -> None:
        self._waits = math.isinf(moment_s)
        self.next_event_s = moment_s

    def _end(self, t: float) -> None:
        self.running, self._waits = False, False
        self.next_event_s, self.ended_s = _NEVER, t

    def _sequence(self, t: float) -> Iterator[float]:
        """Yield when the next event happens; carry it out when asked for the one after."""
        s = self.settings
        scanned = s.scan_list if s.value("scan") == "INT" else []
        samples, taken, begun = int(s.number("sample count")), 0, t
        for _ in range(int(s.number("trigger count"))):
            source = s.value("trigger source")
            if source in ("BUS", "EXT", "MAN"):
                yield _NEVER
                t = self.next_event_s
            elif source == "TIM" and taken:
                t = max(t, begun + s.number("trigger timer"))
                yield t
            begun = t
            t += 0.0 if s.value("trigger delay auto") else s.number("trigger delay")
            for _ in range(samples):
                if scanned:
                    yield t
                    t = self._close(t, scanned[taken % len(scanned)])
                t += self.duration_s(self.channels.system or 0)
                yield t
                self.readings.append(self.measure(t))
                taken += 1

    def _close(self, t: float, channel: int) -> float:
        return self.channels.close_system(t, channel, *self.kind_of(channel))

    def kind_of(self, channel: int) -> tuple[bool, bool]:
        """Return whether a channel is measured with four wires, and whether in amps."""
        key = self.settings.function_of(channel)
        return key == "FRES", key.startswith("CURR")

    def _can_scan(self, channel: int) -> bool:
        return channel % 100 in self.channels.card_of(channel).measuring(*self.kind_of(channel))
