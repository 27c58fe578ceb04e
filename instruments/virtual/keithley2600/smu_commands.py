"""The commands of one channel: `smuX.source`, `smuX.measure`, `smuX` itself.

Source: Series 2600B Reference Manual (2600BS-901-01), section 7, `smuX.…`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanojunction.instruments.virtual.keithley2600 import settings as spec
from nanojunction.instruments.virtual.keithley2600.buffer_commands import (
    BufferGroup,
    buffers_of,
)
from nanojunction.instruments.virtual.keithley2600.channel import Channel
from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.settings import range_for
from nanojunction.instruments.virtual.keithley2600.smu import Values
from nanojunction.instruments.virtual.keithley2600.tree import (
    Attribute,
    Entry,
    Function,
    Group,
    Parse,
    number,
    whole,
)
from nanojunction.instruments.virtual.keithley2600.trigger_commands import trigger_group

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2600.instrument import Keithley2600

CONSTANTS: dict[str, Entry] = {
    "OUTPUT_DCAMPS": 0, "OUTPUT_DCVOLTS": 1,
    "OUTPUT_OFF": 0, "OUTPUT_ON": 1, "OUTPUT_HIGH_Z": 2, "OUTPUT_NORMAL": 0, "OUTPUT_ZERO": 1,
    "SENSE_LOCAL": 0, "SENSE_REMOTE": 1, "SENSE_CALA": 3,
    "AUTORANGE_OFF": 0, "AUTORANGE_ON": 1,
    "AUTOZERO_OFF": 0, "AUTOZERO_ONCE": 1, "AUTOZERO_AUTO": 2,
    "FILTER_OFF": 0, "FILTER_ON": 1,
    "FILTER_MOVING_AVG": 0, "FILTER_REPEAT_AVG": 1, "FILTER_MEDIAN": 2,
    "DELAY_OFF": 0, "DELAY_AUTO": -1, "REL_OFF": 0, "REL_ON": 1,
    "SETTLE_SMOOTH": 0, "SETTLE_FAST_RANGE": 1, "SETTLE_FAST_POLARITY": 2,
    "SETTLE_DIRECT_IRANGE": 3, "SETTLE_SMOOTH_100NA": 4, "SETTLE_FAST_ALL": 128,
    "OE_NONE": 0, "OE_OUTPUT_OFF": 1, "CONTACT_FAST": 0, "CONTACT_MEDIUM": 1, "CONTACT_SLOW": 2,
    "DISABLE": 0, "ENABLE": 1, "ASYNC": 2, "SOURCE_IDLE": 0, "SOURCE_HOLD": 1, "LIMIT_AUTO": 0,
    "ON": 1, "OFF": 0,
}  # fmt: skip

#: What a measurement of two or more functions returns, in this order.
MEASUREMENTS = {"v": "v", "i": "i", "r": "r", "p": "p", "iv": "iv"}

Change = Callable[[], None]
_SWITCH = whole(0, 1)


def smu_group(k: Keithley2600, channel: Channel, name: str) -> Group:
    """Return the commands of a channel, named `a` or `b`."""
    return SmuCommands(k, channel, name).group()


class SmuCommands:
    """Builds the commands of one channel."""

    def __init__(self, k: Keithley2600, channel: Channel, name: str) -> None:
        self.k, self.channel, self.smu, self.name = k, channel, channel.smu, name
        self.levels = {
            "v": self.felt("levelv", number(-spec.MAX_LEVEL_V, spec.MAX_LEVEL_V)),
            "i": self.felt("leveli", number(-spec.MAX_LEVEL_A, spec.MAX_LEVEL_A)),
        }

    def group(self) -> Group:
        """Return `smuX`."""
        group = self._group(
            source=self._source(),
            measure=self._measure(),
            trigger=trigger_group(self.k, self.channel, self.name, self.plain),
            sense=self.felt("sense", whole(0, 1)),
            nvbuffer1=BufferGroup(self.channel.nvbuffers[0]),
            nvbuffer2=BufferGroup(self.channel.nvbuffers[1]),
            makebuffer=Function(self.k.make_buffer),
            savebuffer=Function(lambda _buffer: None),
            reset=Function(lambda: self.channel.reset(self.k.time_s)),
            abort=Function(lambda: self.channel.abort(self.k.time_s)),
        )
        group.entries.update(CONSTANTS)
        for word, functions in MEASUREMENTS.items():
            group.entries[f"measure{word}andstep"] = Function(self._and_step(functions), waits=True)
        return group

    def _group(self, **entries: Entry) -> Group:
        return Group(self.name, **entries)

    # Attributes

    def plain(self, name: str, parse: Parse, after: Change | None = None) -> Attribute:
        """Return a setting that the terminals do not feel."""

        def write(value: Any) -> None:
            setattr(self.smu.settings, name, parse(value))
            if after is not None:
                after()

        return Attribute(lambda: getattr(self.smu.settings, name), write)

    def felt(self, name: str, parse: Parse, **also: float) -> Attribute:
        """Return a setting that the terminals feel; `also` is set with it. Refused as a whole."""

        def write(value: Any) -> None:
            s, smu = self.smu.settings, self.smu
            new = {name: parse(value), **also}
            old = {key: getattr(s, key) for key in new}
            swept = smu.swept_level
            level = name in ("levelv", "leveli")
            if level and not self.channel.busy:
                smu.swept_level = None
            _set(s, new)
            try:
                smu.check()
            except TspError:
                _set(s, old)
                smu.swept_level = swept
                raise
            if level or name in ("output", "func"):
                smu.step(self.k.time_s)
            else:
                smu.connect(self.k.time_s)

        return Attribute(lambda: getattr(self.smu.settings, name), write)

    def _source_range(self, quantity: str, ranges: tuple[float, ...]) -> Attribute:
        attribute = self.felt(f"range{quantity}", _range(ranges), **{f"autorange{quantity}": 0})
        return Attribute(lambda: self.smu.range_of_source(quantity), attribute.write)

    def _autorange(self, quantity: str) -> Attribute:
        """Return source autorange: switched off it stays on the present range."""
        name = f"autorange{quantity}"
        attribute = self.felt(name, _SWITCH)

        def write(value: Any) -> None:
            setattr(self.smu.settings, f"range{quantity}", self.smu.range_of_source(quantity))
            if attribute.write is not None:
                attribute.write(value)

        return Attribute(attribute.read, write)

    def _measure_range(self, quantity: str, ranges: tuple[float, ...]) -> Attribute:
        s = self.smu
        choose = _range(ranges)

        def write(value: Any) -> None:
            setattr(s.settings, f"measure_range{quantity}", choose(value))
            setattr(s.settings, f"measure_autorange{quantity}", 0)

        return Attribute(lambda: s.range_of_meter(quantity), write)

    def _source(self) -> Group:
        delay = _delay()
        return self._group(
            func=self.felt("func", _SWITCH),
            levelv=self.levels["v"],
            leveli=self.levels["i"],
            limitv=self.felt("limitv", number(*spec.LIMITS_V)),
            limiti=self.felt("limiti", number(*spec.LIMITS_A)),
            limitp=self.felt("limitp", number(0.0, 30.3)),
            rangev=self._source_range("v", spec.VOLTAGE_RANGES),
            rangei=self._source_range("i", spec.SOURCE_CURRENT_RANGES),
            autorangev=self._autorange("v"),
            autorangei=self._autorange("i"),
            lowrangev=self.felt("lowrangev", _range(spec.VOLTAGE_RANGES)),
            lowrangei=self.felt("lowrangei", _range(spec.SOURCE_CURRENT_RANGES)),
            output=self.felt("output", whole(0, 2)),
            offmode=self.felt("offmode", whole(0, 2)),
            offfunc=self.felt("offfunc", _SWITCH),
            offlimiti=self.felt("offlimiti", number(*spec.LIMITS_A)),
            offlimitv=self.felt("offlimitv", number(*spec.LIMITS_V)),
            delay=self.plain("source_delay", delay),
            highc=self.plain("highc", _SWITCH),
            settling=self.plain("settling", whole(0, 128)),
            sink=self.plain("sink", _SWITCH),
            outputenableaction=self.plain("outputenableaction", whole(0, 2)),
            compliance=Attribute(self._compliance),
        )

    def _compliance(self) -> bool:
        smu = self.smu
        if smu.output_on:
            smu.in_compliance = smu.terminals.working_point(self.k.time_s).limited
        else:
            smu.in_compliance = False
        return smu.in_compliance

    def _measure(self) -> Group:
        group = self._group(
            nplc=self.plain("nplc", number(0.001, 25.0)),
            rangev=self._measure_range("v", spec.VOLTAGE_RANGES),
            rangei=self._measure_range("i", spec.CURRENT_RANGES),
            autorangev=self.plain("measure_autorangev", _SWITCH),
            autorangei=self.plain("measure_autorangei", _SWITCH),
            lowrangev=self.plain("measure_lowrangev", _range(spec.VOLTAGE_RANGES)),
            lowrangei=self.plain("measure_lowrangei", _range(spec.CURRENT_RANGES)),
            autozero=self.plain("autozero", whole(0, 2), self._autozero_once),
            count=self.plain("count", self._count(whole(1, 60_000), "filter_count")),
            delay=self.plain("measure_delay", _delay()),
            delayfactor=self.plain("delayfactor", number(0.0)),
            interval=self.plain("interval", number(0.0, 1.0)),
            analogfilter=self.plain("analogfilter", _SWITCH),
            highcrangedelayfactor=self.plain("highcrangedelayfactor", number(1.0, 99.0)),
            filter=self._group(
                enable=self.plain("filter_enable", _SWITCH, self.smu.forget_filter),
                count=self.plain("filter_count", self._count(whole(1, 100), "count")),
                type=self.plain("filter_type", whole(0, 2), self.smu.forget_filter),
            ),
            rel=self._group(
                **{f"enable{q}": self.plain(f"rel{q}_on", _SWITCH) for q in "virp"},
                **{f"level{q}": self.plain(f"rel{q}", number()) for q in "virp"},
            ),
        )
        for word, functions in MEASUREMENTS.items():
            group.entries[word] = Function(self._measuring(functions), waits=True)
            group.entries[f"overlapped{word}"] = Function(self._overlapped(functions))
        return group

    def _count(self, parse: Parse, other: str) -> Parse:
        def count(value: Any) -> int:
            wanted: int = parse(value)
            if wanted > 1 and getattr(self.smu.settings, other) > 1:
                raise TspError(5025)
            return wanted

        return count

    def _autozero_once(self) -> None:
        if self.smu.settings.autozero == spec.AUTOZERO_ONCE:
            self.k.time_s = self.smu.refresh_references(self.k.time_s)

    # Measurements

    def _measuring(self, functions: str) -> Callable[..., tuple[float, ...]]:
        def measure(*buffers: Any) -> tuple[float, ...]:
            found = buffers_of(buffers)
            if self.channel.busy:
                raise TspError(5042)
            values: Values = {}
            self.k.carry_out(self.channel.measuring(functions, found, self.k.time_s, values))
            return tuple(values[function].value for function in functions)

        return measure

    def _overlapped(self, functions: str) -> Callable[..., None]:
        def start(*buffers: Any) -> None:
            found = tuple(buffers_of(buffers))
            if len(found) != len(functions):
                raise TspError(1400)
            self.k.refuse_shared(found)
            self.channel.measure_overlapped(functions, found, self.k.time_s)

        return start

    def _and_step(self, functions: str) -> Callable[..., tuple[float, ...]]:
        measure = self._measuring(functions)
        levels = self.levels

        def measure_and_step(value: Any = None) -> tuple[float, ...]:
            found = measure()
            level = levels["v" if self.smu.sources_voltage else "i"]
            if level.write is not None:
                with self.k.world.lock:
                    level.write(value)
            return found

        return measure_and_step


def _set(settings: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        setattr(settings, key, value)


def _range(ranges: tuple[float, ...]) -> Parse:
    """Return what takes a value to be held and gives the range for it."""
    most = ranges[-1] * spec.MEASURE_OVERRANGE
    within = number(-most, most)
    return lambda value: range_for(within(value), ranges)


def _delay() -> Parse:
    """Return what takes a delay (s), or -1 for the automatic one."""
    positive = number(0.0, 1e6)
    return lambda value: spec.AUTO_DELAY if number()(value) == -1.0 else positive(value)
