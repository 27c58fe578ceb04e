"""The sample file: what a chip's junctions may see, and where they are.

name = "chip 17"
max_voltage_V = 0.2            # of every junction that has no limit of its own
max_current_A = 1e-3
max_dwell_in_compliance_s = 5

[[junctions]]
name = "J03"
position = "3"                 # of the station's [switch]
diameter_um = 20               # for products with the area; also for the whole sample
max_voltage_V = 0.1
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nanojunction.common.slips import sentence_of
from nanojunction.common.toml_file import read_toml
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.limits import SourceLimits

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import StationConfig
    from nanojunction.procedures.base import JunctionProcedure

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SampleFileError(StationError):
    """A sample file that cannot be used: one sentence with file, key and what is allowed."""


class Junction(BaseModel):
    """`[[junctions]]`: one junction; what it leaves out is the sample's."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1)]
    position: str = ""
    diameter_um: Positive | None = None
    max_voltage_V: Positive | None = None
    max_current_A: Positive | None = None
    max_dwell_in_compliance_s: Positive | None = None


class Sample(BaseModel):
    """A whole sample file: limits in V and A, the longest time in compliance in s.

    A limit may be left out where every junction has its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = ""
    diameter_um: Positive | None = None
    max_voltage_V: Positive | None = None
    max_current_A: Positive | None = None
    max_dwell_in_compliance_s: Positive | None = None
    junctions: Annotated[tuple[Junction, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _limits_every_junction(self) -> Self:
        for key in ("max_voltage_V", "max_current_A"):
            if getattr(self, key) is not None:
                continue
            without = [one.name for one in self.junctions if getattr(one, key) is None]
            if without or not self.junctions:
                whose = f", and {without[0]} has none of its own" if without else ""
                raise ValueError(
                    f"{key}: is missing{whose}; give it for the whole sample, or in each of "
                    "[[junctions]]"
                )
        return self

    def junction(self, name: str) -> Junction:
        """Return a junction with the sample's limits filled in; any, if the file lists none."""
        found = next((one for one in self.junctions if one.name == name), None)
        if found is None:
            if self.junctions:
                known = ", ".join(one.name for one in self.junctions)
                raise SampleFileError(f"the sample file has no junction {name!r}; it lists {known}")
            found = Junction(name=name)
        own = found.model_dump(exclude_none=True)
        whole = self.model_dump(exclude={"name", "junctions"}, exclude_none=True)
        return Junction.model_validate({**whole, **own})

    def lists(self, name: str) -> bool:
        """Tell whether the file lists a junction by its name."""
        return any(one.name == name for one in self.junctions)

    def limits(self, name: str) -> SourceLimits:
        """Return the limits of one junction."""
        one = self.junction(name)
        assert one.max_voltage_V is not None  # the sample's are filled in
        assert one.max_current_A is not None
        return SourceLimits(one.max_voltage_V, one.max_current_A, f"the sample file ({name})")

    def unused_positions(self, config: StationConfig) -> str | None:
        """Return a note if the file has positions and the station no switch; None if it is fine."""
        if config.switch is not None or not any(one.position for one in self.junctions):
            return None
        return (
            "note: the sample file has positions, and the station no [switch]: they are not used; "
            "the limits are those of the junction that is named, see that it is the one connected"
        )


def own_limits(
    run: JunctionProcedure, config: StationConfig, sample: Sample | None
) -> SourceLimits | None:
    """Return the limits of a run's junction, and set its dwell, position and size in the run.

    None where the station's limits hold alone: without a sample file, and for a known resistor that
    is measured as a calibration and need not be listed. Raises SampleFileError for a junction that
    is not listed, and for a position that is another's or, with a switch, not said: the limits must
    be those of the junction that is connected.
    """
    if sample is None:
        return None
    known = sample.lists(run.sample) or run.KIND != "calibration"
    junction = sample.junction(run.sample) if known else Junction(name=run.sample or "resistor")
    if config.switch is not None:
        _set_position(run, junction, sample)
    if not known:
        return None
    dwell_s = junction.max_dwell_in_compliance_s
    if dwell_s is not None and not 0.0 < run.compliance_dwell <= dwell_s:
        run.set("compliance_dwell", dwell_s)
    if junction.diameter_um is not None and run.diameter == 0.0:
        run.set("diameter", junction.diameter_um)
    return sample.limits(run.sample)


def _set_position(run: JunctionProcedure, junction: Junction, sample: Sample) -> None:
    position = run.position or junction.position
    if junction.position and position != junction.position:
        raise SampleFileError(
            f"position: {junction.name} is at position {junction.position}, not at {position}"
        )
    others = [one.name for one in sample.junctions if one.position and one.position == position]
    if others and junction.name not in others:
        raise SampleFileError(
            f"position: at position {position} is {others[0]}, not {junction.name}"
        )
    if not position and any(one.position for one in sample.junctions):
        raise SampleFileError(
            f"position: the sample file does not say where {junction.name} is; set it, since "
            "the limits must be those of what is connected"
        )
    run.set("position", position)


def load_sample_file(path: Path) -> Sample:
    """Read and validate a sample file; raises SampleFileError naming file and key."""
    content = read_toml(path, SampleFileError, "sample file")
    try:
        sample = Sample.model_validate(content)
    except ValidationError as problem:
        raise SampleFileError(f"{path}: {sentence_of(problem, Sample)}") from problem
    names = [one.name for one in sample.junctions]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SampleFileError(f"{path}: junctions: {twice[0]!r} is listed twice")
    return sample
