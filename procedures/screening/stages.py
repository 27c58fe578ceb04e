"""What a screening measures: the stages of each junction as planned runs with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nanojunction.analysis.screening.chip import Calibration, Chip, Junction
from nanojunction.analysis.screening.chip_file import chip_from
from nanojunction.analysis.screening.verdicts import OPEN_LINE, Stage
from nanojunction.common.toml_file import read_text
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.quantities import parse_quantity
from nanojunction.procedures.recipes.plan import PlannedRun, Setting
from nanojunction.procedures.recipes.recipe_file import Value
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.sample_file import Junction as Limited
from nanojunction.procedures.sample_file import Sample
from nanojunction.procedures.screening.protocol import PROCEDURES, STEPS, Protocol, read_protocol

#: Stages with the settings of another.
_AS: Mapping[Stage, str] = {
    "contact_again": "contact", "field": "repeats", "temperature": "repeats",
}  # fmt: skip
#: What runs with nothing connected are called after.
OPEN_LINE_SAMPLE = "open line"


@dataclass(frozen=True, slots=True)
class Place:
    """Temperature and field at which a stage is measured, as `--set` takes them; "": as it is."""

    temperature: str = ""
    field: str = ""

    def settings(self) -> dict[str, Value]:
        """Return the settings that go there."""
        there = {"temperature": self.temperature, "field": self.field}
        return {key: value for key, value in there.items() if value}


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage of one junction: how far it sweeps (None: as the protocol says), and where.

    `name` tells runs of one stage apart ("field_plus"); it is the stage's own where it is "".
    """

    stage: Stage
    place: Place
    reach_V: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ScreeningPlan:
    """A chip with its protocol and the switch's positions by name, for one station.

    `text` is that of the chip file `source`.
    """

    chip: Chip
    text: str
    source: str
    protocol: Protocol
    positions: Mapping[str, str]

    @property
    def is_without_switch(self) -> bool:
        """Tell whether there is only one junction, which is always connected."""
        return not any(self.positions.values())

    def limits_of(self, junction: Junction) -> Sample:
        """Return a sample file's content for one junction, which its runs are checked against."""
        limited = Limited(
            name=junction.name,
            position=self.positions[junction.name],
            diameter_um=None if junction.diameter_m is None else junction.diameter_m * 1e6,
            max_voltage_V=junction.max_voltage_V,
            max_current_A=junction.max_current_A,
            max_dwell_in_compliance_s=junction.max_dwell_in_compliance_s,
        )
        return Sample(junctions=(limited,))

    def stage_run(self, junction: Junction, planned: StagePlan, key: str) -> PlannedRun:
        """Return the run of a stage; none sweeps beyond the junction's limit."""
        stage = _AS.get(planned.stage, planned.stage)
        settings = dict(self.protocol.stages[stage])
        if planned.stage != stage == "repeats":
            settings["repeats"] = 1
        if stage == "at_zero":
            settings["voltage"] = 0.0
        else:
            settings |= self._sweep(stage, settings, junction.max_voltage_V, planned.reach_V)
        if stage == "contact":
            settings["compliance"] = self._contact_A(settings, junction.max_current_A)
        if planned.stage == "contact_again" and self.positions[junction.name]:
            settings["contact_anew"] = True
        settings |= planned.place.settings()
        return _run(key, junction.name, planned.stage, PROCEDURES[stage], settings)

    def calibration_run(self, resistor: Calibration, place: Place, key: str) -> PlannedRun:
        """Return the run on a known resistor."""
        settings = {**self.protocol.stages["calibration"], "nominal": resistor.nominal_ohm}
        if position := self.positions[resistor.name]:
            settings["position"] = position
        settings |= place.settings()
        return _run(key, resistor.name, "calibration", PROCEDURES["calibration"], settings)

    def open_line_run(self, place: Place, key: str) -> PlannedRun:
        """Return the run with nothing connected: as gentle as a contact check."""
        settings = {**self.protocol.stages["contact"], "open_line": True}
        limit_V = min(one.max_voltage_V for one in self.chip.junctions)
        limit_A = min(one.max_current_A for one in self.chip.junctions)
        settings |= self._sweep("contact", settings, limit_V, None)
        settings["compliance"] = self._contact_A(settings, limit_A)
        settings |= place.settings()
        return _run(key, OPEN_LINE_SAMPLE, OPEN_LINE, "iv", settings)

    @staticmethod
    def _contact_A(settings: Mapping[str, Value], limit_A: float) -> float:
        return min(_number(settings.get("compliance", 0.0), "A") or limit_A, limit_A)

    def _sweep(
        self, stage: str, settings: dict[str, Value], limit_V: float, reach_V: float | None
    ) -> dict[str, Value]:
        """Return the turning points and the step of a stage; takes `vmax` and `step` out."""
        settings.pop("vmax", None)
        step = settings.pop("step", None)
        if reach_V is None:
            asked_V, step_V = self.protocol.vmax_V(stage), self.protocol.step_V(stage)
            reach_V = min(asked_V, limit_V)
            step_V *= reach_V / asked_V
        else:
            reach_V = min(abs(reach_V), limit_V)
            step_V = reach_V / STEPS if step is None else _number(step, "V")
        legs = (0.0, reach_V, -reach_V, 0.0)
        return {"turning_points": ", ".join(f"{one!r} V" for one in legs), "step": step_V}


def load_plan(path: Path, config: StationConfig) -> ScreeningPlan:
    """Return the plan of a chip file on a station.

    Raises ProcedureError, StationError or ChipFileError, which name the file and the key.
    """
    return plan_from(read_text(path, ProcedureError, "chip file"), str(path), config)


def plan_from(text: str, source: str, config: StationConfig) -> ScreeningPlan:
    """Return the plan of a chip file's text; raises as `load_plan`."""
    chip = chip_from(text, source)
    protocol = read_protocol(chip.protocol, source)
    return ScreeningPlan(chip, text, source, protocol, _positions(chip, config, source))


def _positions(chip: Chip, config: StationConfig, source: str) -> Mapping[str, str]:
    """Return the switch's position of every junction and resistor by its name.

    One without a position of its own is at the position of its name.
    """
    every: tuple[Calibration | Junction, ...] = (*chip.calibrations, *chip.junctions)
    names = [(one.name, one.position) for one in every]
    if config.switch is None:
        if len(names) > 1:
            raise StationError(
                f"{source}: lists {len(names)} junctions and resistors, and the station has no "
                "[switch] to connect one after the other"
            )
        return {name: "" for name, _ in names}
    found = {name: position or name for name, position in names}
    for name, position in found.items():
        if position not in config.switch.positions:
            known = ", ".join([*config.switch.positions][:8])
            more = ", …" if len(config.switch.positions) > 8 else ""
            raise StationError(
                f"{source}: {name} is at position {position!r}, which the station's switch does "
                f"not have; it has {known}{more}"
            )
    return found


def _number(value: Value, unit: str) -> float:
    return value if isinstance(value, float) else parse_quantity(str(value), unit)


def _run(
    key: str, sample: str, stage: str, procedure: str, settings: Mapping[str, Value]
) -> PlannedRun:
    place = f"protocol.{stage}"
    return PlannedRun(
        key=key,
        place=place,
        sample=sample,
        scopes=(),
        skip_when=(),
        stops=(),
        step=stage,
        procedure=procedure,
        settings=(
            Setting("stage", stage, place),
            *(Setting(name, value, f"{place}.{name}") for name, value in settings.items()),
        ),
    )
