"""In which group of a form each parameter stands, for whoever shows them to a person."""

from __future__ import annotations

from nanojunction.procedures.run_parameters import RunParameters

#: The groups in the order in which they are filled in; within one the order of this list.
GROUPS: dict[str, tuple[str, ...]] = {
    "Junction": ("position", "diameter", "reverse", "contact_anew", "open_line", "state",
                 "nominal"),
    "Sweep": (),  # what a procedure has of its own
    "Limits": ("compliance", "compliance_dwell", "breakdown_stop"),
    "Environment": ("temperature", "field", "tolerance", "window", "timeout", "temperature_rate",
                    "field_rate", "saturate", "degauss", "field_first", "persistent", "heater_off",
                    "fixed_wait", "field_wait", "excursion", "patience", "environment_interval"),
    "Timing": ("nplc", "settle", "measure_range", "filter_count", "autozero", "rest",
               "rest_output", "wires", "guard"),
}  # fmt: skip
#: What people change from run to run; the rest of its group is shown when it is asked for.
USUAL = ("nominal", "compliance", "temperature", "field", "nplc", "settle", "measure_range",
         "position")  # fmt: skip


def grouped(procedure: RunParameters) -> dict[str, tuple[str, ...]]:
    """Return the keys of a procedure by group; its own, as it defines them, are its sweep."""
    settable = procedure.settable()
    defined = [key for kind in reversed(type(procedure).__mro__) for key in vars(kind)]
    there = [key for key in dict.fromkeys(defined) if key in settable]
    shared = {key for group in GROUPS.values() for key in group}
    own = tuple(key for key in there if key not in shared)
    found = {
        name: own if name == "Sweep" else tuple(key for key in group if key in there)
        for name, group in GROUPS.items()
    }
    return {name: group for name, group in found.items() if group}
