"""The junction left alone before its output is used: open, or loaded with zero volts.

What a junction does after it was left open and what after it was kept at 0 V tells whether its
offsets were charged by the source-meter's output.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nanojunction.instruments.ramps import LOOK_S
from nanojunction.procedures.live import PLACES
from nanojunction.procedures.run_parameters import ProcedureError

if TYPE_CHECKING:
    from nanojunction.procedures.base import JunctionProcedure

#: How the output is spoken of while the junction rests.
IN_WORDS = {"off": "output open", "on": "output on at zero"}


def check_rest(run: JunctionProcedure) -> None:
    """Raise ProcedureError for a rest that is not what it says."""
    if run.rest_output == "on" and not run.rest:
        raise ProcedureError("rest_output: on is for a rest, and there is none (--set rest=…)")
    if run.rest_output == "on" and run.SOURCE == "current":
        raise ProcedureError(
            "rest_output: a current of zero leaves the junction open with the output on, too; "
            "take rest_output=off, or a procedure that sources a voltage"
        )
    config = run.station.config.source_meter
    assert config is not None  # the source's limits were asked for
    if run.rest and run.rest_output == "off" and config.output_off != "high-impedance":
        raise ProcedureError(
            f"rest: the station's output_off is {config.output_off!r}, which loads the junction "
            'also with the output off; set source_meter.output_off = "high-impedance" in the '
            "station file, or take rest_output=on"
        )


def rest(run: JunctionProcedure) -> bool:
    """Leave the junction alone for the time that is asked for; False when told to stop.

    Field and temperatures are read at the usual interval; raises Disturbed or MagnetLost when they
    are no longer what the run expects.
    """
    clock, watch = run.station.clock, run.watch()
    began_s, told_at_s = clock.now(), -math.inf
    end_s = began_s + float(run.rest)
    while (now_s := clock.now()) < end_s:
        left_s = float(run.rest) - (now_s - began_s)
        read = run.environment.read()
        if run.environment.read_at != told_at_s:
            told_at_s = run.environment.read_at
            watch.place(**{key: read[name] for key, name in PLACES.items() if name in read})
        watch.report(f"rests, {IN_WORDS[run.rest_output]}, {math.ceil(left_s)} s left")
        if not clock.sleep_until(min(end_s, clock.now() + LOOK_S), run.should_stop):
            return False
    return True
