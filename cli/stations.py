"""`nanojunction check`, `safe` and `simulate`: stations, real and virtual."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nanojunction.cli.console import FAILED, say, wide_console
from nanojunction.cli.simulated_switch import (
    JUNCTIONS,
    chip_of,
    simulated_chip,
    wiring_of,
    wiring_text,
)
from nanojunction.instruments.errors import (
    InstrumentError,
    LaboratoryError,
    StationError,
    StationInUse,
)
from nanojunction.instruments.limits import LimitedMagnet, LimitedSourceMeter, LimitedTemperature
from nanojunction.instruments.operator import ByHand
from nanojunction.instruments.ownership.ending import end_owners
from nanojunction.instruments.ownership.lock import status_of
from nanojunction.instruments.ownership.records import records_at
from nanojunction.instruments.roles import FieldProbe, SwitchMatrix
from nanojunction.instruments.safe_state import NotDone
from nanojunction.instruments.serial_line import SERIAL_KEYS
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import (
    StationConfig,
    SwitchConfig,
    load_station_file,
)
from nanojunction.instruments.switching import in_words
from nanojunction.models.population import Device
from nanojunction.procedures.stopping import StopRequest, stop_on_signals


def check(station_file: Path) -> int:
    """Open, identify and read every instrument; print a table; 1 if one does not answer.

    The instruments of a station that another process has cannot be opened: what its owner says of
    itself is printed instead, and the status says that the station was not checked.
    """
    from rich.table import Table

    station = Station.from_file(station_file)
    station.leave_as_found = station.open_what_answers = True
    station.owner.tell = say
    table = Table(title=f"{station.config.name} ({station_file})")
    for column in ("role", "instrument", "address", "reads"):
        table.add_column(column, overflow="fold")
    failed: dict[str, str] = {}
    try:
        with station:
            silent = {one.instrument: str(one) for one in station.not_opened}
            for role, config in station.config.instruments().items():
                address = config.address or virtual_address(station, role)
                instrument = station.instruments().get(role)
                try:
                    if instrument is None:
                        raise InstrumentError(silent[role])
                    read = switch_words if role == "switch" else reading_of
                    table.add_row(role, instrument.identify(), address, read(instrument))
                except LaboratoryError as problem:
                    failed[role] = str(problem)
                    words = str(problem).removeprefix(f"{role} at {address}: ")
                    table.add_row(role, "", address, f"error: {words}")
    except StationInUse as problem:
        say(f"error: {problem}")
        show_owners(station.config)
        return FAILED
    wide_console().print(table)
    if len(failed) == 1:
        say(f"error: {next(iter(failed.values()))}")
    elif failed:
        known = len(station.config.instruments())
        why = "; ".join(failed.values())
        say(f"error: {len(failed)} of {known} instruments cannot be used: {why}")
    return FAILED if failed else 0


def show_owners(config: StationConfig) -> None:
    """Print what the owners of a station's instruments say of themselves."""
    from rich.table import Table

    for record in records_at(config.addresses()):
        table = Table(title=f"{record.station}: process {record.owner.pid} ({record.command})")
        table.add_column("it says")
        table.add_column("", overflow="fold")
        status = status_of(record) or {"state": {}, "answer": "none"}
        for key, value in {**status.pop("state"), **status}.items():
            table.add_row(key, str(value))
        wide_console().print(table)


def reading_of(instrument: object) -> str:
    """Return what an instrument reads now, in words."""
    if isinstance(instrument, LimitedSourceMeter):
        unit = "V" if instrument.source() == "voltage" else "A"
        output = "on" if instrument.is_output_on() else "off"
        return f"output {output}, level {instrument.level():g} {unit}"
    if isinstance(instrument, LimitedMagnet):
        status = instrument.status()
        heater = {True: "heater on", False: "heater off", None: "no switch"}[status.heater_on]
        return f"{instrument.field_T():.4f} T, {status.state}, {heater}"
    if isinstance(instrument, LimitedTemperature):
        sensors = ", ".join(f"{name} {instrument.temperature_K(name):.3f} K"
                            for name in instrument.sensors)  # fmt: skip
        return f"{sensors}, setpoint {instrument.setpoint_K():g} K"
    if isinstance(instrument, FieldProbe):
        return f"{instrument.field_T():.5f} T"
    return ""


def virtual_address(station: Station, role: str) -> str:
    """Return where a virtual instrument listens; nothing for one that is turned by hand."""
    endpoint = None if station.bench is None else station.bench.endpoints.get(role)
    return "" if endpoint is None else f"virtual: {endpoint.address}"


def switch_words(switch: SwitchMatrix) -> str:
    """Return what a switch connects, in words; nobody is asked to turn anything."""
    if isinstance(switch, ByHand) and not switch.is_confirmed:
        return "turned by hand: what it connects is not known"
    one = switch.connected()
    words = "nothing connected" if one is None else in_words(one)
    return f"{words}; shorted" if switch.is_shorted() else words


def make_safe(station_file: Path) -> int:
    """Have whoever has the station leave it, then open it and leave it again, in its safe state.

    Also where the owner has made it safe itself: what the instruments answer is what counts.
    """
    config = load_station_file(station_file)
    with stop_on_signals(StopRequest()) as stop:
        end_owners(config.addresses(), say, stop.asked)
        try:
            not_opened = open_and_leave_safe(config, station_file, stop)
        except StationInUse:  # somebody was quicker: the watchdog of an owner that has just died
            end_owners(config.addresses(), say, stop.asked)
            not_opened = open_and_leave_safe(config, station_file, stop)
    for problem in not_opened:
        say(f"error: {problem}")
    if not_opened:
        say("NOT all safe: what answered was made safe, for the rest use the front panels")
        return FAILED
    short = config.switch is not None and config.switch.short and config.switch.needs_address
    say(
        f"safe: source at zero, output open,{' leads shorted,' if short else ''} magnet and heater "
        "as the station's policy says"
    )
    return 0


def open_and_leave_safe(config: StationConfig, file: Path, stop: StopRequest) -> list[NotDone]:
    """Open what answers and bring it to the safe state; return what could not be opened."""
    station = Station(config, source=str(file))
    station.stop_waiting = stop.asked
    station.open_what_answers = True
    station.owner.tell = say
    station.owner.on_stop(stop.ask)
    with station:
        station.magnet_in_use = station.magnet_or_none is not None
    return station.not_opened


def simulate(
    junction: str,
    drivers: dict[str, str | None],
    speed: float,
    seed: int,
    ready_file: Path | None,
    *,
    serial: bool = False,
    faults_file: Path | None = None,
    chip: str = "",
    chip_seed: int = 1,
) -> int:
    """Serve the virtual instruments until Ctrl-C or SIGTERM."""
    from nanojunction.instruments.virtual import VirtualCryostat
    from nanojunction.instruments.virtual.faults import read_faults_file

    faults = () if faults_file is None else read_faults_file(faults_file)
    switch = drivers.get("switch")
    if chip and not switch:
        raise StationError("--chip: a whole chip is behind a switch; add --switch keithley2750")
    junctions: Mapping[str, str | Device] = {}
    if chip:
        junctions = simulated_chip(chip, chip_seed, junction)
    elif switch:
        junctions = chip_of(junction or JUNCTIONS)
    wiring = wiring_of(junctions, switch) if switch else None
    try:
        bench = VirtualCryostat(
            "open" if switch else junction or "A",
            source_meter=drivers["source_meter"],
            magnet=drivers["magnet"],
            temperature=drivers["temperature"],
            switch=switch,
            field_probe=drivers.get("field_probe"),
            junctions=junctions,
            wiring=wiring,
            serve="serial" if serial else "socket",
            speed=speed,
            seed=seed,
            faults=faults,
        )
    except ValueError as problem:
        where = f"{faults_file}: " if str(problem).startswith("faults[") else ""
        raise StationError(f"{where}{problem}") from problem
    with stop_on_signals(StopRequest()) as stop, bench:
        endpoints = {
            role: {
                "address": endpoint.address,
                "driver": endpoint.driver,
                "read_termination": endpoint.read_termination,
                "write_termination": endpoint.write_termination,
                **endpoint.serial,
                **named_sensors(bench.instruments[role].sensors),
            }
            for role, endpoint in bench.endpoints.items()
        }
        print(station_text(endpoints, speed, wiring), flush=True)
        if ready_file is not None:
            write_whole(ready_file, json.dumps(endpoints, indent=2))
        say("serving until Ctrl-C")
        while bench.clock.sleep(3600.0 * speed, stop.asked):
            pass
    return 0


def station_text(
    endpoints: Mapping[str, Mapping[str, object]],
    speed: float,
    wiring: SwitchConfig | None = None,
) -> str:
    """Return a station file for the served instruments, ready to be pasted."""
    limits = {
        "source_meter": "wires = 4\nmax_voltage_V = 0.5\nmax_current_A = 1e-3",
        "magnet": "max_field_T = 2.0\nramp_T_per_min = 0.5",
        "temperature": "min_K = 4\nmax_K = 400\nramp_K_per_min = 20",
        "switch": "" if wiring is None else wiring_text(wiring),
        "field_probe": "",
    }
    lines = [
        "# A station file for these instruments; [virtual] marks its runs as simulated.",
        "[station]",
        'name = "Simulated station"',
        "[virtual]",
        f"speed = {speed:g}",
    ]
    for role, endpoint in endpoints.items():
        lines += [
            f"[{role}]",
            f'driver = "{endpoint["driver"]}"',
            f'address = "{endpoint["address"]}"',
            'visa_library = "@py"',
            *(f"{key} = {json.dumps(endpoint[key])}" for key in SERIAL_KEYS if key in endpoint),
            *([f"sensors = {endpoint['sensors']}"] if "sensors" in endpoint else []),
            limits[role],
        ]
    return "\n".join(lines)


def named_sensors(sensors: Mapping[str, str]) -> dict[str, str]:
    """Return the key `sensors` of a station file; none where its default serves."""
    table = ", ".join(f"{name} = {json.dumps(uid)}" for name, uid in sensors.items())
    return {"sensors": f"{{ {table} }}"} if sensors else {}


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader finds all of it or nothing."""
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
