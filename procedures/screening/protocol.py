"""The protocol of a screening: how gently each stage measures.

[protocol]
temperature = "40 K"               # at which the chip is screened; left out: as it is
field = "0.5 T"                    # candidates: I(V) at + and − this field; left out: none
temperatures = "80, 160, 295 K"    # candidates, after all junctions; left out: none
[protocol.contact]                 # any key of `measure iv --help` that the stage leaves open
vmax = "1 mV"
compliance = "100 uA"
[protocol.at_zero]
duration = "60 s"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nanojunction.common.names import did_you_mean
from nanojunction.procedures.quantities import parse_quantities, parse_quantity
from nanojunction.procedures.recipes.recipe_file import Value
from nanojunction.procedures.registry import load_procedure
from nanojunction.procedures.run_parameters import OWN_OPTIONS, ProcedureError

#: What each stage is, as a procedure.
PROCEDURES = {
    "calibration": "calibrate",
    "contact": "iv",
    "short_iv": "iv",
    "wide_iv": "iv",
    "repeats": "iv",
    "at_zero": "it",
}
#: Keys that a stage itself decides.
DECIDED = {
    *("turning_points", "position", "temperature", "field", "reverse", "diameter", "state"),
    *("voltage", "nominal", "saturate", "degauss", "persistent", "field_first", "heater_off"),
    *("contact_anew", "open_line"),
}
#: What is set where the chip file says nothing, with the reason.
DEFAULTS: Mapping[str, Mapping[str, Value]] = {
    # As Chowrira's bounds were measured: the offsets of the line on resistors of 100 Ω to 10 kΩ.
    "calibration": {"vmax": "10 mV", "step": "1 mV"},
    # 1 mV harms no tunnel barrier; 100 µA is four times what junction A delivers by itself.
    # With 19 points 30 MΩ are told from an open line.
    # A short is in compliance all the while, which at 1 mV is no risk.
    "contact": {
        "vmax": "1 mV", "step": "0.25 mV", "compliance": "100 uA", "compliance_dwell": 0.0,
    },
    # Katcko's and Chowrira's range for metallic junctions, coarse: 23 points.
    "short_iv": {"vmax": "10 mV", "step": "2 mV"},
    "wide_iv": {},
    "repeats": {"repeats": 3},
    # A's spontaneous current was followed for minutes; a drift or two levels show in one.
    "at_zero": {"duration": "60 s", "interval": "1 s"},
}  # fmt: skip
KEYS = ("temperature", "temperatures", "field", *PROCEDURES)
#: Steps from 0 to the end of a sweep whose range follows from what was found.
STEPS = 20


@dataclass(frozen=True, slots=True)
class Protocol:
    """What a chip file asks of the stages; SI units.

    `stages` has the settings of each stage by key, those of the file over the defaults. `vmax_V`
    are the ranges that are fixed beforehand, `temperatures_K` those for candidates.
    """

    stages: Mapping[str, Mapping[str, Value]] = field(default_factory=lambda: DEFAULTS)
    temperature: str = ""
    temperatures_K: tuple[float, ...] = ()
    field_T: float | None = None

    def used(self) -> dict[str, Value]:
        """Return what is measured by, defaults too, by its key in the chip file."""
        whole: dict[str, Value] = {"temperature": self.temperature} if self.temperature else {}
        if self.field_T is not None:
            whole["field"] = f"{self.field_T:g} T"
        if self.temperatures_K:
            whole["temperatures"] = ", ".join(f"{one:g} K" for one in self.temperatures_K)
        for stage, stated in self.stages.items():
            procedure = load_procedure(PROCEDURES[stage])()
            usual: dict[str, Value] = {"nplc": procedure.nplc, "settle": f"{procedure.settle:g} s"}
            settings = {**stated, **{k: v for k, v in usual.items() if k not in stated}}
            whole |= {f"{stage}.{key}": value for key, value in settings.items()}
        return whole

    def vmax_V(self, stage: str) -> float:
        """Return how far a stage sweeps, if no limit is lower."""
        return parse_quantity(str(self.stages[stage]["vmax"]), "V")

    def step_V(self, stage: str) -> float:
        """Return the step of a stage whose range is fixed."""
        return parse_quantity(str(self.stages[stage]["step"]), "V")


def read_protocol(table: Mapping[str, Any], source: str) -> Protocol:
    """Return the protocol that the table `[protocol]` of the file `source` states."""
    for key in table:
        if key not in KEYS:
            meant = did_you_mean(key, KEYS) or ";"
            raise _wrong(source, key, f"is not a key that is known here{meant} known are "
                         f"{', '.join(KEYS)}")  # fmt: skip
    stages = {stage: _stage(stage, table.get(stage, {}), source) for stage in PROCEDURES}
    temperatures_K = _numbers(table, "temperatures", "K", source)
    fields_T = _numbers(table, "field", "T", source)
    if len(fields_T) > 1 or any(one <= 0.0 for one in fields_T):
        raise _wrong(source, "field", "must be one field above 0 T; both signs are measured")
    at_K = _numbers(table, "temperature", "K", source)
    if len(at_K) > 1:
        raise _wrong(source, "temperature", "must be one; further ones are `temperatures`")
    found = Protocol(
        stages=stages,
        temperature=f"{at_K[0]!r} K" if at_K else "",
        temperatures_K=temperatures_K,
        field_T=fields_T[0] if fields_T else None,
    )
    if found.vmax_V("contact") > found.vmax_V("short_iv"):
        raise _wrong(source, "contact.vmax", "is above short_iv.vmax: the contact check is first")
    return found


def _stage(stage: str, table: Any, source: str) -> dict[str, Value]:
    """Return the settings of a stage, each of which its procedure takes."""
    if not isinstance(table, Mapping):
        raise _wrong(source, stage, f"must be a table, written [protocol.{stage}]")
    procedure = load_procedure(PROCEDURES[stage])()
    open_keys = [key for key in procedure.settable() if key not in DECIDED]
    for key, value in table.items():
        if key in DECIDED or key in OWN_OPTIONS:
            raise _wrong(source, f"{stage}.{key}", "is decided by the stage; leave it out")
        if key not in open_keys:
            meant = did_you_mean(key, open_keys) or ";"
            raise _wrong(source, f"{stage}.{key}", f"is no key of this stage{meant} known are "
                         f"{', '.join(sorted(open_keys))}")  # fmt: skip
        try:
            procedure.set(key, value)
        except ProcedureError as problem:
            words = str(problem).removeprefix(f"{key}: ")
            raise _wrong(source, f"{stage}.{key}", words) from problem
    settings = {**DEFAULTS[stage], **table}
    if "vmax" in table and "step" not in table and "step" in settings:
        # The default's number of steps, over another range.
        share = parse_quantity(str(DEFAULTS[stage]["step"]), "V") / parse_quantity(
            str(DEFAULTS[stage]["vmax"]), "V"
        )
        settings["step"] = share * float(procedure.vmax)
    return settings


def _numbers(table: Mapping[str, Any], key: str, unit: str, source: str) -> tuple[float, ...]:
    if key not in table:
        return ()
    given = table[key]
    text = ", ".join(map(str, given)) if isinstance(given, list) else str(given)
    try:
        return tuple(parse_quantities(text, unit))
    except ValueError as problem:
        raise _wrong(source, key, str(problem)) from problem


def _wrong(source: str, key: str, words: str) -> ProcedureError:
    return ProcedureError(f"{source}: protocol.{key}: {words}")
