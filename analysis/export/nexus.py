"""I(V) runs as a NeXus file by the application definition NXiv_temp.

The definition is that of the package nexusformat (contributed_definitions/NXiv_temp.nxdl.xml,
which extends NXsensor_scan). What it requires and nobody knows is stated as "unknown"; a date that
is not known is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nanojunction.analysis.export.about import UNKNOWN, About
from nanojunction.analysis.export.errors import ExportError
from nanojunction.analysis.export.parquet import metadata_of
from nanojunction.analysis.export.plateaus import Plateaus, plateaus_of
from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.written import replacing

if TYPE_CHECKING:
    from nanojunction.analysis.run_result import RunResult

_UNITS = {
    "current": "A",
    "voltage_measured": "V",
    "time": "s",
    "temperature_measured": "K",
    "field": "T",
}
_SWEPT = "each level is set, waited for and read; the sweep's turning points are in the header"


def write_nexus(
    results: Sequence[RunResult],
    path: PathLike,
    about: About = About(),  # noqa: B008
) -> tuple[str, ...]:
    """Write I(V) runs of one device, plateaus of a series or one alone, into one file.

    Runs with the same sweep are one entry, `entry`; others get entries of their own. Returns what
    the definition recommends and is not known, in words. Raises ExportError for runs that are no
    I(V) or have no temperature, and without h5py.
    """
    try:
        import h5py
    except ImportError as problem:
        raise ExportError("NeXus files need h5py: pip install 'nanojunction[export]'") from problem
    by_run = {id(result.run): result for result in results}
    groups = plateaus_of([result.run for result in results])
    path = Path(path)
    missing: dict[str, None] = {}
    with replacing(path) as target, h5py.File(target, "w") as file:
        file.attrs.update(
            NX_class="NXroot", default="entry", file_name=path.name, creator="nanojunction"
        )
        for number, group in enumerate(groups, start=1):
            entry = _group(file, "entry" if number == 1 else f"entry_{number}", "NXentry")
            of_group = [by_run[id(run)] for run in group.runs]
            missing.update(dict.fromkeys(_Entry(entry, group, of_group, about).write()))
    return tuple(missing)


def _group(parent: Any, name: str, kind: str, **attributes: Any) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    group.attrs.update(attributes)
    return group


def _put(group: Any, name: str, value: Any, **attributes: Any) -> None:
    group.create_dataset(name, data=value).attrs.update(attributes)


class _Entry:
    """One NXentry: a sweep at one temperature or several."""

    def __init__(
        self, entry: Any, group: Plateaus, results: Sequence[RunResult], about: About
    ) -> None:
        self.entry = entry
        self.group = group
        self.results = results
        self.about = about
        self.header = group.runs[0].header
        self.missing: list[str] = []

    def write(self) -> list[str]:
        """Write all of it; return what is recommended and not known."""
        run = self.group.runs[0]
        entry = self.entry
        entry.attrs["default"] = "data"
        _put(entry, "definition", "NXiv_temp", version=_definition_version())
        _put(entry, "title", f"I(V) of {run.device}")
        _put(entry, "identifier_experiment", run.file.name)
        _put(entry, "experiment_description", "I(V) at one or several temperatures")
        self._times()
        process = _group(entry, "process", "NXprocess")
        software = self.header.get("Software", UNKNOWN)
        program, _, release = software.partition(" ")
        _put(process, "program", program, version=release or UNKNOWN, program_url=UNKNOWN)
        user = _group(entry, "user", "NXuser")
        for key in ("name", "affiliation", "address", "email", "orcid", "telephone_number"):
            _put(user, key, self.about.user.get(key, UNKNOWN))
        sample = _group(entry, "sample", "NXsample")
        _put(sample, "name", run.device)
        _put(sample, "atom_types", self.about.sample.get("atom_types", UNKNOWN))
        if "description" in self.about.sample:
            _put(sample, "description", self.about.sample["description"])
        self._instrument()
        self._data()
        notes = _group(entry, "notes", "NXnote")
        _put(notes, "type", "application/json")
        _put(notes, "description", "each run's header, conditions, quantities and provenance")
        _put(notes, "data", json.dumps([metadata_of(result) for result in self.results]))
        return self.missing

    def _moment(self, seconds: float) -> str | None:
        """Return the moment so long after the run's start; None where the start is not known."""
        try:
            started = datetime.fromisoformat(self.header.get("Started", ""))
        except ValueError:
            return None
        return (started + timedelta(seconds=seconds)).isoformat()

    def _times(self) -> None:
        times = self.group.columns.get("time")
        known = {"start_time": 0.0}
        if times is not None:
            known["end_time"] = float(np.nanmax(times))
        for name in ("start_time", "end_time"):
            self._put_moment(self.entry, name, self._moment(known[name]) if name in known else None)

    def _put_moment(self, group: Any, name: str, moment: str | None) -> None:
        if moment is None:
            self.missing.append(name)
        else:
            _put(group, name, moment)

    def _instrument(self) -> None:
        instrument = _group(self.entry, "instrument", "NXinstrument")
        environment = _group(instrument, "environment", "NXenvironment")
        station = _station(self.header)
        _put(environment, "independent_controllers", "voltage_controller, temperature_controller")
        _put(environment, "measurement_sensors", "current_sensor")
        columns, shape = self.group.columns, self.group.columns["current"].shape
        levels = np.broadcast_to(self.group.voltage_V, shape)
        held = np.broadcast_to(self.group.temperature_K[:, None], shape)
        self._sensor(environment, "voltage_controller", levels)
        self._sensor(environment, "temperature_controller", held)
        self._sensor(environment, "current_sensor", columns["current"])
        self._pid(_group(environment, "temperature_pid", "NXpid_controller"), station)

    def _sensor(self, environment: Any, name: str, values: Any) -> None:
        """Write a sensor's values at all points of the scan, plateau after plateau."""
        measures, _, _ = name.partition("_")
        role = "temperature" if measures == "temperature" else "source_meter"
        unit = {"voltage": "V", "temperature": "K", "current": "A"}[measures]
        sensor = _group(environment, name, "NXsensor")
        _put(sensor, "model", _identity(_station(self.header), role))
        _put(sensor, "measurement", measures)
        # Where a plateau ended early there was no point.
        taken = ~np.isnan(self.group.columns["current"])
        _put(sensor, "value", values[taken], units=unit)
        times = self.group.columns.get("time")
        how = _SWEPT if measures != "temperature" else "held while a sweep is made"
        _put(sensor, "run_control", "set, wait, read, repeat", description=how)
        moment = None if times is None else self._moment(float(times[taken][0]))
        self._put_moment(sensor, "value_timestamp", moment)
        self._put_moment(
            sensor,
            "calibration_time",
            self.about.calibration.get(measures) or _calibrated(self.header, role),
        )
        axis = "point" if times is None else "time"
        against = np.arange(taken.sum()) if times is None else times[taken]
        plot = _group(sensor, "value_of_time", "NXdata", signal="value", axes=[axis])
        _put(plot, "value", values[taken], units=unit)
        _put(plot, axis, against, units="" if times is None else "s")

    def _pid(self, group: Any, station: Mapping[str, Any]) -> None:
        """Write the loop's terms in the parallel form, of the band and times that were set."""
        found = station.get("temperature", {})
        band, integral = found.get("proportional_band_K"), found.get("integral_min")
        if not band:
            _put(group, "description", "settings of the temperature's loop: unknown")
            return
        gain = 100.0 / band
        _put(
            group,
            "description",
            f"proportional band {band:g} K, integral time {integral} min, derivative time "
            f"{found.get('derivative_min')} min; output in % of the heater's range",
        )
        _put(group, "K_p", gain, units="%/K")
        if integral is not None:
            _put(group, "K_i", gain / (60.0 * integral) if integral else 0.0, units="%/(K s)")
        if (derivative := found.get("derivative_min")) is not None:
            _put(group, "K_d", gain * 60.0 * derivative, units="% s/K")

    def _data(self) -> None:
        group = self.group
        data = _group(
            self.entry, "data", "NXdata", signal="current", axes=["temperature", "voltage"]
        )
        said = "mean of the sample's sensor over the plateau, or what the run states"
        _put(data, "temperature", group.temperature_K, units="K", long_name=f"temperature: {said}")
        levels = "set" if group.has_setpoints else "sensed in the longest run"
        _put(data, "voltage", group.voltage_V, units="V", long_name=f"voltage, {levels}")
        for name, values in group.columns.items():
            unit = {"units": _UNITS[name]} if name in _UNITS else {}
            _put(data, name, values, **unit)
        for name, row in zip(_names(group.temperature_K), group.columns["current"], strict=True):
            _put(data, name, row, units="A")


def _names(temperatures_K: Iterable[float]) -> list[str]:
    """Return `current_at_119_997K` for each temperature; the second of equal ones with a number."""
    names: list[str] = []
    for temperature in temperatures_K:
        text = f"{temperature:.3f}".rstrip("0").rstrip(".").replace(".", "_")
        name = f"current_at_{text}K"
        count = sum(other == name or other.startswith(f"{name}_") for other in names)
        names.append(f"{name}_{count + 1}" if count else name)
    return names


def _definition_version() -> str:
    try:
        return f"nexusformat {version('nexusformat')}"
    except ImportError:
        return UNKNOWN


def _in_station(header: Mapping[str, str], table: str) -> Mapping[str, Any]:
    """Return a table of the station's in a header of ours, nothing where there is none."""
    try:
        found = json.loads(header.get("Station", "null"))
    except (ValueError, RecursionError):
        return {}
    part = found.get(table) if isinstance(found, dict) else None
    return part if isinstance(part, dict) else {}


def _station(header: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the instruments' settings."""
    return _in_station(header, "instruments")


def _calibrated(header: Mapping[str, str], role: str) -> str | None:
    """Return when an instrument was last calibrated, as its station file says; None if not."""
    config = _in_station(header, "config").get(role)
    day = config.get("calibrated") if isinstance(config, dict) else None
    return day if isinstance(day, str) else None


def _identity(station: Mapping[str, Any], role: str) -> str:
    found = station.get(role)
    return str(found.get("identity") or UNKNOWN) if isinstance(found, dict) else UNKNOWN
