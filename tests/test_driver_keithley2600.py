"""What the driver of the Keithley 2600 series sends, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers import tsp
from nanojunction.instruments.drivers.keithley2600 import longest_reading_s, open_keithley2600
from nanojunction.instruments.errors import InstrumentFault, LimitError, WrongInstrument
from nanojunction.instruments.roles import Reading, SourceSettings, TimedReading
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import SourceMeterConfig
from nanojunction.instruments.virtual.keithley2600 import Keithley2600
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure
from tests.virtual_bench import Resistor, world_with

IDN = ("*IDN?", "Keithley Instruments Inc., Model 2636B, 1234567, 3.3.5")
FAST = Clock(speed=10_000)
NO_ERROR = ("print(errorqueue.next())", "0.00000e+00\tQueue Is Empty\t0.00000e+00\t1.00000e+00")
Make = Callable[..., Station]


def config(address: str, channel: str = "a") -> SourceMeterConfig:
    return SourceMeterConfig(
        driver="keithley2600",
        address=address,
        visa_library="@py",
        channel=channel,
        max_voltage_V=1,
        max_current_A=1e-3,
    )


def has(channel: str, answer: str = "true") -> tuple[str, str]:
    return (f"print(smu{channel} ~= nil)", answer)


OFF_A = [
    ("smua.source.output=0", None),
    ('print(string.format("%.9g", smua.source.output))', "0"),
]
READING_A = (
    'local i, v = smua.measure.iv() print(string.format("%.9e %.9e %s %.9g", v, i, '
    "tostring(smua.source.compliance), smua.measure.rangei))"
)


def test_it_is_configured_with_the_output_open(scripted: Any) -> None:
    server = scripted(
        [
            IDN,
            has("a"),
            *OFF_A,
            ("errorqueue.clear()", None),
            ("smua.reset() smua.source.offmode = smua.OUTPUT_HIGH_Z", None),
            ("smua.source.func = smua.OUTPUT_DCVOLTS smua.source.levelv = 0 "
             "smua.sense = smua.SENSE_REMOTE", None),
            ("smua.source.limiti = 1e-07", None),
            ("smua.source.rangev = 0.01", None),
            ("smua.measure.autorangei = smua.AUTORANGE_ON", None),
            ("smua.measure.nplc = 0.1 smua.measure.autozero = smua.AUTOZERO_ONCE", None),
            ("smua.measure.filter.type = smua.FILTER_REPEAT_AVG smua.measure.filter.count = 4 "
             "smua.measure.filter.enable = smua.FILTER_ON", None),
            ("smua.source.delay = 0.002 smua.measure.delay = smua.DELAY_AUTO", None),
            NO_ERROR,
        ]
    )  # fmt: skip
    meter = open_keithley2600(config(server.address), FAST)
    meter.configure(
        SourceSettings(
            compliance=1e-7,
            source_range=0.01,
            nplc=0.1,
            autozero=False,
            filter_count=4,
            wires=4,
            settle_s=0.002,
        )
    )
    meter.close()


def test_channel_b_leaves_channel_a_alone(scripted: Any) -> None:
    server = scripted(
        [
            IDN,
            has("b"),
            ("smub.source.output=0", None),
            ('print(string.format("%.9g", smub.source.output))', "0"),
            ("errorqueue.clear()", None),
            ("smub.reset() smub.source.offmode = smub.OUTPUT_ZERO", None),
            ("smub.source.func = smub.OUTPUT_DCAMPS smub.source.leveli = 0 "
             "smub.sense = smub.SENSE_LOCAL", None),
            ("smub.source.limitv = 0.5", None),
            ("smub.source.autorangei = smub.AUTORANGE_ON", None),
            ("smub.measure.rangev = 2", None),
            ("smub.measure.nplc = 1 smub.measure.autozero = smub.AUTOZERO_AUTO", None),
            ("smub.measure.filter.type = smub.FILTER_REPEAT_AVG smub.measure.filter.count = 1 "
             "smub.measure.filter.enable = smub.FILTER_OFF", None),
            ("smub.source.delay = 0 smub.measure.delay = smub.DELAY_OFF", None),
            NO_ERROR,
            ("smub.source.leveli = 1e-09", None),
            ('local i, v = smub.measure.iv() print(string.format("%.9e %.9e %s %.9g", v, i, '
             "tostring(smub.source.compliance), smub.measure.rangev))",
             "1.2e-03 1.0e-09 false 2"),
        ]
    )  # fmt: skip
    meter = open_keithley2600(config(server.address, "b"), FAST)
    meter.configure(
        SourceSettings(source="current", compliance=0.5, measure_range=2.0, output_off="zero")
    )
    meter.set_level(1e-9)
    assert meter.read() == Reading(1.2e-3, 1e-9, False, 2.0)
    meter.close()


def test_a_level_and_its_reading_are_one_message_with_every_digit(scripted: Any) -> None:
    server = scripted(
        [
            IDN,
            has("a"),
            (f"smua.source.levelv = 0.0123456789 {READING_A}",
             "1.234568000e-02 -2.600000000e-05 true 0.0001"),
        ]
    )  # fmt: skip
    meter = open_keithley2600(config(server.address), FAST)
    assert meter.set_and_read(0.0123456789) == Reading(0.01234568, -2.6e-5, True, 1e-4)
    meter.close()


def test_a_list_is_one_script_and_one_answer(scripted: Any) -> None:
    server = scripted(
        [
            IDN,
            has("a"),
            ("loadandrunscript", None),
            ("local levels = {} local function add(more) "
             "for k = 1, table.getn(more) do table.insert(levels, more[k]) end end", None),
            ("add({0.001,-0.002})", None),
            ("local i, v = smua.makebuffer(2), smua.makebuffer(2) i.collecttimestamps = 1 "
             "smua.source.rangev = math.max(0.002, math.abs(smua.source.levelv)) "
             "smua.trigger.source.listv(levels) smua.trigger.source.action = smua.ENABLE "
             "smua.trigger.source.limiti = smua.LIMIT_AUTO "
             "smua.trigger.measure.iv(i, v) smua.trigger.measure.action = smua.ENABLE "
             "smua.trigger.count = 2 smua.trigger.arm.count = 1 "
             "smua.trigger.endpulse.action = smua.SOURCE_HOLD "
             "smua.trigger.endsweep.action = smua.SOURCE_HOLD "
             "smua.trigger.initiate() waitcomplete() "
             "if i.n == 2 then smua.source.levelv = levels[2] end "
             "smua.source.autorangev = smua.AUTORANGE_ON", None),
            ("local data, digits = format.data, format.asciiprecision "
             "format.data = format.ASCII format.asciiprecision = 10 "
             "printbuffer(1, i.n, v, i, i.timestamps, i.statuses, i.measureranges) "
             "format.data = data format.asciiprecision = digits", None),
            ("endscript",
             "1.0e-03, 1.0e-06, 0.0e+00, 4.0e+00, 1.0e-06, "
             "-1.9e-03, -1.9e-06, 2.0e-02, 6.8e+01, 1.0e-05"),
        ]
    )  # fmt: skip
    meter = open_keithley2600(config(server.address), FAST)
    assert meter.run_list([0.001, -0.002]) == (
        TimedReading(1e-3, 1e-6, False, 1e-6, at_s=0.0),
        TimedReading(-1.9e-3, -1.9e-6, True, 1e-5, at_s=0.02),
    )
    meter.close()


def test_over_range_is_no_reading(scripted: Any) -> None:
    server = scripted([IDN, has("a"), (READING_A, "1.0e-02 9.91e+37 false 1e-06")])
    meter = open_keithley2600(config(server.address), FAST)
    with pytest.raises(InstrumentFault, match="over range"):
        meter.read()
    meter.close()


@pytest.mark.parametrize("nonsense", ["", "nan 1 false 1", "1 2 3", "1 2 maybe 3", "TSP>"])
def test_what_is_no_reading_is_said_with_the_instruments_reasons(
    scripted: Any, nonsense: str
) -> None:
    script = [IDN, has("a"), (READING_A, nonsense)]
    if nonsense != "nan 1 false 1":  # a number, but none that was measured
        error = "5.04200e+03\tSMU A: Invalid while overlapped measure\t2.00000e+01\t1.00000e+00"
        script += [("print(errorqueue.next())", error), NO_ERROR]
    server = scripted(script)
    meter = open_keithley2600(config(server.address), FAST)
    words = "over range" if nonsense.startswith("nan") else "no reading.*overlapped measure"
    with pytest.raises(InstrumentFault, match=words):
        meter.read()
    meter.close()


def test_an_output_that_does_not_open_is_a_fault(scripted: Any) -> None:
    server = scripted([IDN, has("a"), OFF_A[0], (OFF_A[1][0], "1")])
    meter = open_keithley2600(config(server.address), FAST)
    with pytest.raises(InstrumentFault, match="did not open"):
        meter.output_off()
    meter.close()


def test_something_else_and_a_missing_channel_are_named(scripted: Any) -> None:
    other = scripted([("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32")])
    with pytest.raises(WrongInstrument, match="no Keithley 2600"):
        open_keithley2600(config(other.address), FAST)
    single = scripted(
        [("*IDN?", "Keithley Instruments Inc., Model 2635B, 1, 3.0"), has("b", "false")]
    )
    with pytest.raises(WrongInstrument, match="has no channel b"):
        open_keithley2600(config(single.address, "b"), FAST)


def test_the_time_out_fits_the_longest_reading() -> None:
    slow = SourceSettings(nplc=10, filter_count=100, settle_s=120, measure_range=1e-3)
    assert longest_reading_s(slow) == pytest.approx(120 + (2 * 100 + 2) * 10 / 50)
    quick = SourceSettings(nplc=0.01, autozero=False, measure_range=1e-3)
    assert longest_reading_s(quick) < 0.001


# On the virtual 2636B, through a real socket


def station(make: Make, channel: str = "a", junction: str = "resistor-1k", **keys: Any) -> Station:
    return make(
        source_meter={"driver": "keithley2600", "channel": channel, **keys},
        virtual={"junction": junction},
        magnet=None,
        temperature=None,
    )


@pytest.mark.parametrize("automatic", [True, False])
def test_a_list_gives_what_single_readings_give(virtual_station: Make, automatic: bool) -> None:
    levels = [0.0, 0.004, -0.01, -0.01, 0.0075]
    with station(virtual_station) as opened:
        meter = opened.source_meter
        meter.configure(
            SourceSettings(
                compliance=1e-4,
                source_range=None if automatic else 0.2,
                measure_range=None if automatic else 1e-4,
                wires=4,
                autozero=False,
            )
        )
        meter.output_on()
        listed = meter.run_list(levels)
        assert meter.level() == 0.0075
        single = [meter.set_and_read(level) for level in levels]
        assert meter.errors() == ()
    for one, other in zip(listed, single, strict=True):
        assert one.voltage_V == pytest.approx(other.voltage_V, abs=5e-6)
        assert one.current_A == pytest.approx(other.current_A, abs=5e-9)
    times = [one.at_s for one in listed]
    assert times[0] == 0.0
    assert times == sorted(times)


def test_a_list_ends_at_its_last_level_and_never_passes_another(virtual_station: Make) -> None:
    levels = [0.001 * k for k in range(1, 6)]
    with station(virtual_station) as opened:
        meter = opened.source_meter
        meter.configure(SourceSettings(compliance=1e-3, wires=4, nplc=0.1))
        meter.output_on()
        meter.run_list(levels)
        world = opened.bench.world if opened.bench is not None else None
        assert world is not None
        assert world.source_level_V == pytest.approx(0.005, abs=1e-5)
        assert world.largest_voltage_V == pytest.approx(0.005, abs=1e-5)


def test_the_limit_holds_in_the_instrument_while_a_list_runs(virtual_station: Make) -> None:
    with station(virtual_station) as opened:
        meter = opened.source_meter
        meter.configure(SourceSettings(compliance=5.5e-6, wires=4))
        meter.output_on()
        listed = meter.run_list([0.005, 0.006, -0.01])
    assert [one.in_compliance for one in listed] == [False, True, True]
    assert max(abs(one.current_A) for one in listed) < 5.51e-6


def test_a_list_beyond_the_limit_is_refused_before_anything_is_set(virtual_station: Make) -> None:
    with station(virtual_station, max_voltage_V=0.01) as opened:
        meter = opened.source_meter
        meter.configure(SourceSettings(compliance=1e-3))
        meter.output_on()
        with pytest.raises(LimitError, match=r"0\.02 V"):
            meter.run_list([0.001, 0.02])
        assert meter.level() == 0.0


def test_a_list_that_the_source_cannot_reach_leaves_the_level_alone(virtual_station: Make) -> None:
    with station(virtual_station) as opened:
        meter = opened.source_meter
        meter.configure(SourceSettings(compliance=1e-3, source_range=0.2))
        meter.output_on()
        meter.set_level(0.05)
        with pytest.raises(InstrumentFault, match="Value too big for range"):
            meter.run_list([0.1, 0.3])
        assert meter.level() == 0.05


def test_lists_of_current(virtual_station: Make) -> None:
    with station(virtual_station, junction="resistor-10k") as opened:
        meter = opened.source_meter
        meter.configure(SourceSettings(source="current", compliance=0.5, wires=4))
        meter.output_on()
        listed = meter.run_list([1e-6, -2e-6])
        assert [one.measure_range for one in listed] == [0.2, 0.2]
        assert listed[1].voltage_V == pytest.approx(-0.02, abs=1e-5)
        assert meter.level() == -2e-6


def test_a_list_takes_a_fifth_of_the_time_of_single_readings() -> None:
    twin = Keithley2600(world_with(Resistor(1e3)), latency_s=0.005)
    settings = SourceSettings(compliance=1e-3, measure_range=1e-4, nplc=0.01, autozero=False)
    for line in [*tsp.settings_lines("smua", settings), "smua.source.output = 1"]:
        twin.handle(line)
    levels = [0.01 * (k / 200 - 1) for k in range(400)]
    start_s = twin.time_s
    for line in tsp.list_script("smua", "voltage", levels, automatic_range=True):
        twin.handle(line)
    list_s, start_s = twin.time_s - start_s, twin.time_s
    for level in levels:
        twin.handle(f"{tsp.level('smua', 'voltage', level)} {tsp.reading('smua', 'voltage')}")
    assert list_s < (twin.time_s - start_s) / 5


@pytest.mark.parametrize("levels", [[], [0.0] * 2501])
def test_lists_that_are_too_short_or_long(virtual_station: Make, levels: list[float]) -> None:
    with station(virtual_station) as opened, pytest.raises(ValueError, match="1 to 2500 levels"):
        opened.source_meter.run_list(levels)


def test_the_longest_list_is_taken(virtual_station: Make) -> None:
    with station(virtual_station) as opened:
        meter = opened.source_meter
        meter.configure(
            SourceSettings(compliance=1e-3, measure_range=1e-4, nplc=0.001, autozero=False)
        )
        meter.output_on()
        levels = [round(0.01 * (k / 1250 - 1), 9) for k in range(meter.longest_list())]
        assert len(meter.run_list(levels)) == 2500


def test_the_snapshot_is_what_was_configured(virtual_station: Make) -> None:
    settings = SourceSettings(
        compliance=2e-7, source_range=2.0, measure_range=1e-9, nplc=0.5, autozero=False,
        filter_count=3, wires=4, output_off="normal", settle_s=0.01,
    )  # fmt: skip
    with station(virtual_station, channel="b") as opened:
        meter = opened.source_meter
        meter.configure(settings)
        found = dict(meter.snapshot())
    assert found.pop("identity").startswith("Keithley Instruments Inc., Model 2636B")
    assert found == {
        "channel": "b", "source": "voltage", "compliance": 2e-7,
        "source_range": 2.0, "source_range_auto": False,
        "measure_range": 1e-9, "measure_range_auto": False,
        "nplc": 0.5, "autozero": False, "filter_count": 3, "wires": 4,
        "output_off": "normal", "settle_s": 0.01, "line_frequency_Hz": 50.0,
    }  # fmt: skip


def test_a_refused_setting_is_said_in_the_instruments_words(virtual_station: Make) -> None:
    with (
        station(virtual_station) as opened,
        pytest.raises(InstrumentFault, match=r"refused a setting \(1101, Parameter too big\)"),
    ):
        opened.source_meter.configure(SourceSettings(compliance=1e-3, nplc=26))


@pytest.mark.parametrize("junction", ["resistor-1k", "A"])
def test_an_iv_is_measured(virtual_station: Make, tmp_path: Path, junction: str) -> None:
    procedure = IVSweep(sample=junction, turning_points="0, 2 mV, -2 mV, 0", step="1mV", nplc=0.1)
    with virtual_station(
        source_meter={"driver": "keithley2600"}, virtual={"junction": junction}
    ) as opened:
        outcome = run_procedure(procedure, opened, tmp_path)
    assert outcome.ok, outcome.error
    lines = outcome.file.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line and not line.startswith(("#", "Time"))]
    assert len(rows) == 11
    assert any("Model 2636B" in line for line in lines)
