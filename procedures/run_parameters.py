"""The parameters and the metadata that every run on a junction has."""

from __future__ import annotations

from typing import Any

from pymeasure.experiment import (
    BooleanParameter,
    IntegerParameter,
    ListParameter,
    Metadata,
    Parameter,
    Procedure,
)

from nanojunction.common.names import did_you_mean
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.procedures.quantities import QuantityParameter, TargetParameter, parse_target


class ProcedureError(LaboratoryError):
    """The parameters of a procedure do not fit each other, or the station."""


#: Parameters that have options of their own beside `--set`.
OWN_OPTIONS = ("sample", "station_file", "stage")


def _in_words(parameter: Parameter, value: Any, problem: ValueError) -> str:
    """Return what is wrong with a value; PyMeasure's own words name Python's classes."""
    if isinstance(parameter, IntegerParameter):
        return f"{value!r} is not a whole number from {parameter.minimum} to {parameter.maximum}"
    if isinstance(parameter, BooleanParameter):
        return f"{value!r} is neither true nor false"
    if isinstance(parameter, ListParameter):
        choices = ", ".join(repr(choice) for choice in parameter.choices)
        return f"{value!r} is not one of {choices}"
    return str(problem)


def _refuse_rounding(parameter: Parameter, value: Any) -> None:
    """Raise ValueError for what Python, but nobody else, takes for a number of this kind."""
    if isinstance(value, bool) and isinstance(
        parameter, QuantityParameter | TargetParameter | IntegerParameter
    ):
        raise ValueError(f"{value!r} is no number")
    if isinstance(parameter, IntegerParameter) and isinstance(value, float) and value % 1:
        raise ValueError(f"{value!r} is no whole number")


class RunParameters(Procedure):
    """A PyMeasure procedure whose parameters refuse, in words, what does not fit them."""

    sample = Parameter("Sample", default="", description="name of the junction")
    station_file = Parameter("Station file", default="", description="path of the station file")
    stage = Parameter(
        "Screening stage", default="", description="which stage of a screening the run is"
    )
    temperature = TargetParameter(
        "Temperature setpoint", "K", description="go there and wait until stable; 'as is' stays"
    )
    field = TargetParameter(
        "Field setpoint", "T", description="go there and wait until it holds; 'as is' stays"
    )
    state = ListParameter(
        "Magnetic state",
        choices=["", "P", "AP"],
        default="",
        description="P or AP: tells the analysis in which magnetic state it is; moves nothing",
    )
    compliance = QuantityParameter(
        "Compliance", "A", minimum=0, maximum=1, default=0.0,
        description="largest current; 0 is the station's limit",
    )  # fmt: skip
    nplc = QuantityParameter(
        "Integration time", "", minimum=0.01, maximum=10, default=1.0,
        description="in cycles of the mains (NPLC)",
    )  # fmt: skip
    settle = QuantityParameter(
        "Settling time", "s", minimum=0, maximum=999, default=0.0,
        description="wait between setting a level and measuring",
    )  # fmt: skip
    measure_range = QuantityParameter(
        "Current range", "A", minimum=0, maximum=1, default=0.0,
        description="locked range of the ammeter; 0 lets the instrument choose",
    )  # fmt: skip
    filter_count = IntegerParameter(
        "Readings averaged", minimum=1, maximum=100, default=1,
        description="repeating filter of the instrument",
    )  # fmt: skip
    autozero = BooleanParameter("Autozero", default=True)
    environment_interval = QuantityParameter(
        "Environment interval", "s", minimum=0, maximum=3600, default=1.0,
        description="how often field and temperatures are read; 0 reads them for every row",
    )  # fmt: skip
    field_rate = QuantityParameter(
        "Field rate", "T/min", minimum=0, maximum=10, default=0.0,
        description="0 is the station's rate",
    )  # fmt: skip
    temperature_rate = QuantityParameter(
        "Temperature rate", "K/min", minimum=0, maximum=100, default=0.0,
        description="0 is the station's rate",
    )  # fmt: skip
    tolerance = QuantityParameter(
        "Stability tolerance", "K", minimum=1e-3, maximum=10, default=0.2,
        description="the sample is stable within ± this",
    )  # fmt: skip
    window = QuantityParameter(
        "Stability window", "s", minimum=0, maximum=86400, default=60.0,
        description="how long it must stay within the tolerance",
    )  # fmt: skip
    timeout = QuantityParameter(
        "Stability time-out", "s", minimum=1, maximum=604800, default=3600.0,
        description="not stable by then is a failure",
    )  # fmt: skip

    position = Parameter(
        "Position", default="", description="of the station's switch, connected first; none: as is"
    )
    diameter = QuantityParameter(
        "Junction diameter", "um", minimum=0, maximum=1e6, default=0.0,
        description="for products with the area; 0: not known",
    )  # fmt: skip
    reverse = BooleanParameter(
        "Reversed polarity", default=False,
        description="the junction the other way round: its offsets flip, the line's do not",
    )  # fmt: skip
    contact_anew = BooleanParameter(
        "Contacted anew", default=False,
        description="the position is disconnected first, also where it is connected already: a bad "
        "contact may become a good one",
    )  # fmt: skip
    open_line = BooleanParameter(
        "Open line", default=False,
        description="every contact of the switch is opened first, and nothing is connected: what "
        "then flows is the line's, or a contact's that sticks",
    )  # fmt: skip
    wires = ListParameter(
        "Wires", choices=["station", "2", "4"], default="station",
        description="senses at the junction (4) or at the source-meter (2)",
    )  # fmt: skip
    guard = ListParameter(
        "Guard", choices=["cable", "ohms"], default="cable",
        description="what a 2400's guard terminal follows: 'cable' the output, for the inner "
        "shield of the cables (needed above 10 Mohm); 'ohms' the node between two resistors",
    )  # fmt: skip
    saturate = TargetParameter(
        "Saturating field", "T",
        description="go to this field first and to 'field' from there, so that a magnetic junction "
        "is saturated and the side of approach is known; 'as is' goes straight",
    )  # fmt: skip
    degauss = QuantityParameter(
        "Demagnetising field", "T", minimum=0, maximum=20, default=0.0,
        description="before all else demagnetise: fields of either sign, each smaller than the one "
        "before, the first this large; 0 leaves it out",
    )  # fmt: skip
    field_first = BooleanParameter(
        "Field first", default=False,
        description="true goes to 'field' before 'temperature', so that the sample cools in the "
        "field; false goes to the temperature first (zero-field cooling if the field was zero)",
    )  # fmt: skip
    persistent = BooleanParameter(
        "Persistent magnet", default=False,
        description="of a superconducting magnet with a switch: at 'field', close the switch and "
        "ramp the leads to zero, then measure; no noise of the supply",
    )  # fmt: skip
    heater_off = BooleanParameter(
        "Heater off", default=False,
        description="switch the temperature controller's heater off while it is measured, to see "
        "whether its current is picked up; the temperature drifts meanwhile; needs 'temperature'",
    )  # fmt: skip
    excursion = QuantityParameter(
        "Largest excursion", "K", minimum=0, maximum=100, default=2.0,
        description="further from the temperature asked for, the run is suspended; 0: never",
    )  # fmt: skip
    patience = QuantityParameter(
        "Patience", "s", minimum=0, maximum=604800, default=3600.0,
        description="how long a suspended run waits for a quenched magnet",
    )  # fmt: skip
    rest = QuantityParameter(
        "Rest", "s", minimum=0, maximum=604800, default=0.0,
        description="how long the junction is left alone each time before the first level, as "
        "'rest_output' says; in a series at every temperature; 0 leaves it out",
    )  # fmt: skip
    rest_output = ListParameter(
        "Output during rest", choices=["off", "on"], default="off",
        description="off leaves the junction open while it rests, on keeps it at 0 V: what the "
        "output has charged differs",
    )  # fmt: skip
    compliance_dwell = QuantityParameter(
        "Longest time in compliance", "s", minimum=0, maximum=86400, default=60.0,
        description="without a break; then the run ends; 0: any",
    )  # fmt: skip
    breakdown_stop = BooleanParameter(
        "Stop at breakdown", default=True,
        description="ends the run when other currents flow than before",
    )  # fmt: skip

    fixed_wait = QuantityParameter(
        "Fixed settling", "s", minimum=0, maximum=604800, default=0.0,
        description="waited after the temperature's ramp, instead of until stable",
    )  # fmt: skip
    field_wait = QuantityParameter(
        "Wait at the field", "s", minimum=0, maximum=604800, default=0.0,
        description="once the magnet holds: eddy currents, the sample's own relaxation",
    )  # fmt: skip

    kind = Metadata("Kind", fget="KIND")
    part = Metadata("Part", fget="words.part")
    started = Metadata("Started", fget="words.started")
    software = Metadata("Software", fget="words.software")
    clock_speed = Metadata("Clock speed", fget="words.speed")
    field_history_note = Metadata("Field history", fget="words.field_history")
    field_at_start = Metadata("Field at start", fget="words.field_at_start")
    environment_note = Metadata("Environment", fget="words.environment")
    station_snapshot = Metadata("Station", fget="words.snapshot")

    def set(self, name: str, value: Any) -> None:
        """Set a parameter from a value or a text with a unit; raises ProcedureError."""
        known = self.settable()
        if name not in known and name not in OWN_OPTIONS:
            meant = did_you_mean(name, known) or ";"
            raise ProcedureError(
                f"unknown key {name!r}{meant} known are {', '.join(sorted(known))}"
            )
        parameter = self._parameters[name]
        try:
            _refuse_rounding(parameter, value)
            parameter.value = value
        except ValueError as problem:
            raise ProcedureError(f"{name}: {_in_words(parameter, value, problem)}") from problem
        setattr(self, name, self._parameters[name].value)

    def settable(self) -> dict[str, Parameter]:
        """Return the parameters that a user may set, by key."""
        return {
            key: parameter for key, parameter in self._parameters.items() if key not in OWN_OPTIONS
        }

    def target_K(self) -> float | None:
        """Return the temperature to go to before the run; None leaves it as it is."""
        return parse_target(self.temperature, "K")

    def target_T(self) -> float | None:
        """Return the field to go to before the run; None leaves it as it is."""
        return parse_target(self.field, "T")
