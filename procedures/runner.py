"""Runs a procedure headless: rows to the run file first, then progress; the end is always safe."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymeasure.experiment import Procedure

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.safe_state import magnet_to_hold, source_to_safe
from nanojunction.instruments.station import Station
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.live import QUIET_S, Live, kept_alive
from nanojunction.procedures.partial import Partial
from nanojunction.procedures.progress import Progress, how_far
from nanojunction.procedures.protection import JunctionAtRisk
from nanojunction.procedures.reference_leg import EarlierLeg
from nanojunction.procedures.rows import COMPLIANCE
from nanojunction.procedures.runfile import NotWritten, RunFile, header
from nanojunction.procedures.stopping import StopRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and why in a sentence (`error`).

    `status` is finished, aborted (by a person), protected (ended for the junction's sake), broken
    (the junction changed) or failed.
    """

    file: Path
    status: str
    rows: int
    error: str | None = None
    unsafe: tuple[str, ...] = ()
    in_compliance: int = 0

    @property
    def ok(self) -> bool:
        """Tell whether the run finished and everything is safe."""
        return self.status == "finished" and not self.unsafe


def run_procedure(
    procedure: JunctionProcedure,
    station: Station,
    folder: Path,
    *,
    name: str | None = None,
    stop: StopRequest | None = None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    part_of: Callable[[Progress], Progress] = lambda progress: progress,
    continues: Partial | None = None,
    live: Live | None = None,
    earlier: Sequence[EarlierLeg] = (),
) -> Outcome:
    """Run `procedure` on `station` into a new run file in `folder`, and return how it ended.

    With `continues` it goes on after the rows of earlier parts, in a file named after the first
    of them; its first legs are compared with the `earlier` ones. `live` is kept told of what
    happens. `part_of` returns the progress of the whole that the run is a part of, and that is
    what is shown. Everything is checked before the first output. Raises LaboratoryError if the run
    cannot start at all (a check fails, the file cannot be created); from then on the outcome tells.
    """
    procedure.attach(station)
    procedure.check_parameters()
    if continues is not None:
        procedure.continue_after(continues)
        name = continues.next_name
    procedure.earlier_legs = tuple(earlier)
    procedure.check()
    stop = stop or StopRequest()
    station.owner.on_stop(stop.ask)
    # Autorange may take a reading three times.
    longest_s = 3.0 * procedure.seconds_per_point() / station.clock.speed
    station.owner.expect_silence(longest_s)
    file = RunFile.new(folder, name or default_name(procedure), procedure.DATA_COLUMNS)
    live = live or Live(None)
    beginning = Progress(0.0, None, "", 0)
    live.begin(
        procedure=procedure.KIND,
        sample=procedure.sample,
        file=str(file.path),
        planned_rows=procedure.planned_rows(),
        station=station.config.name,
        station_file=str(Path(station.source).absolute()),
        quiet_s=QUIET_S + longest_s,
        simulated=station.config.virtual is not None,
        target_K=procedure.target_K(),
        target_T=procedure.target_T(),
        **how_far(beginning, part_of(beginning), is_known=False),
    )
    station.owner.publish(live.state)
    with (
        kept_alive(live, station.clock),
        _RunningRun(procedure, station, file, stop, on_progress, part_of, live) as run,
    ):
        run.go()
    return run.outcome()


def default_name(procedure: JunctionProcedure) -> str:
    """Return what a run file is called: date and time, sample, kind, conditions."""
    parts = [time.strftime("%Y-%m-%d_%H%M%S"), procedure.sample or "junction", procedure.KIND]
    if (target_K := procedure.target_K()) is not None:
        parts.append(f"{target_K:g}K")
    if (target_T := procedure.target_T()) is not None:
        parts.append(f"{target_T:g}T")
    return "_".join(parts)


@dataclass(slots=True)
class _RunningRun:
    """One run between startup and shutdown; it stands in for PyMeasure's worker and recorder."""

    procedure: JunctionProcedure
    station: Station
    file: RunFile
    stop: StopRequest
    on_progress: Callable[[Progress], None]
    part_of: Callable[[Progress], Progress]
    live: Live
    error: str | None = None
    status: str = "finished"
    unsafe: tuple[str, ...] = ()
    in_compliance: int = 0
    #: When points began to be measured (s, monotonic), and at which percent; before that nobody
    #: knows how long they take. None: not yet.
    _began: tuple[float, float] | None = None
    _suspended_at: float | None = None
    _has_header: bool = False
    _early: list[str] = field(default_factory=list)
    _percent: float = 0.0
    _words: str = ""

    def __enter__(self) -> _RunningRun:
        self.procedure.emit = self.emit
        self.procedure.should_stop = self.stop.asked
        return self

    def go(self) -> None:
        """Do PyMeasure's three steps; whatever one of them raises ends the run as failed."""
        procedure = self.procedure
        procedure.status = Procedure.RUNNING
        try:
            try:
                procedure.startup()
                procedure.evaluate_metadata()
                self._write_header()
                if not self.stop.asked():
                    procedure.execute()
            finally:
                self._conclude(sys.exc_info()[1])
                self._shut_down()
        except (KeyboardInterrupt, LaboratoryError):
            pass  # _conclude has kept what it means
        except Exception as problem:  # a procedure may be anyone's: its faults end the run, no more
            log.debug("%s failed", type(procedure).__name__, exc_info=True)
            self._fail(f"{type(problem).__name__}: {problem}")
        if self.unsafe:
            self._fail("NOT SAFE, use the front panels: " + "; ".join(self.unsafe))

    def _shut_down(self) -> None:
        """Shut the procedure down, and see to the source if it did not."""
        try:
            self.procedure.shutdown()
            self.unsafe = self.procedure.unsafe
            if self.unsafe or not self._is_source_on():
                return
            self._fail(f"{type(self.procedure).__name__} left the output on; it was opened for it")
        except (
            Exception
        ) as problem:  # anyone's procedure: the source must be made safe all the same
            log.debug("shutdown failed", exc_info=True)
            self._fail(f"shutdown failed: {type(problem).__name__}: {problem}")
        self.unsafe = tuple(source_to_safe(self.station) + magnet_to_hold(self.station))

    def _is_source_on(self) -> bool:
        meter = self.station.source_meter_or_none
        return meter is not None and meter.is_output_on()

    def _conclude(self, problem: BaseException | None) -> None:
        """Fix the status by what ended the steps, before shutdown looks at PyMeasure's."""
        if isinstance(problem, KeyboardInterrupt):
            self.stop.ask("Ctrl-C")
        elif isinstance(problem, JunctionAtRisk):
            self.status, self.error = problem.status, str(problem)
        elif isinstance(problem, LaboratoryError):
            self._fail(str(problem))
        elif problem is not None:
            self._fail(f"{type(problem).__name__}: {problem}")
        if self.status != "finished":
            self.procedure.status = Procedure.FAILED
        elif self.stop.asked() and not self.procedure.is_open_ended():
            self.status, self.procedure.status = "aborted", Procedure.ABORTED
        else:
            self.procedure.status = Procedure.FINISHED

    def _fail(self, error: str) -> None:
        """Keep the first error: what follows is its consequence."""
        self.status, self.error = "failed", self.error or error

    def _write_header(self) -> None:
        self.file.write_header(header(self.procedure))
        self._has_header = True
        for what in self._early:
            self.file.write_event(what)

    def _write_event(self, what: str) -> None:
        """Write an event; one from before the header waits for it."""
        if self._has_header:
            self.file.write_event(what)
        else:
            self._early.append(what)

    def emit(self, topic: str, record: Any) -> None:
        """Take what the procedure emits; a row is written before anything else happens."""
        self.station.owner.beat()
        if topic == "results":
            self.file.write_row(record)
            self.live.row(record)
            self.in_compliance += record.get(COMPLIANCE, 0)
        elif topic == "batch results":
            self._write_batch(record)
        elif topic == "progress":
            self._percent, self._words = float(record), ""
            self._began = self._began or (time.monotonic(), self._percent)
            self._report()
        elif topic == "event":
            self._write_event(str(record))
            self.live.event(str(record))
            self._words = str(record)
            self._report()
        elif topic == "words":
            self._words = str(record)
            self._report()
        elif topic == "place":
            self.live.place(**record)
        elif topic == "suspended":
            self._suspended_at = self._suspended_at or time.monotonic()
            self.live.suspend(**record)
        elif topic == "resumed":
            self._go_on()

    def _write_batch(self, batch: dict[str, Any]) -> None:
        lengths = {len(values) for values in batch.values()}
        if len(lengths) != 1:
            raise NotWritten(f"{self.file.path}: the columns of a batch differ in length")
        for index in range(lengths.pop()):
            self.emit("results", {name: values[index] for name, values in batch.items()})

    def _go_on(self) -> None:
        """Note the end of a suspension: it says nothing about how long the points take."""
        if self._began is not None and self._suspended_at is not None:
            at, percent = self._began
            self._began = (at + time.monotonic() - self._suspended_at, percent)
        self._suspended_at = None
        self.live.resume()

    def _left_s(self) -> float | None:
        """Return the time left by the pace since the first point, None while it is not known."""
        if self._began is None or self._percent - self._began[1] < 1.0:
            return None
        at, percent = self._began
        return (time.monotonic() - at) * (100.0 - self._percent) / (self._percent - percent)

    def _report(self) -> None:
        progress = Progress(self._percent, self._left_s(), self._words, self.file.rows)
        whole = self.part_of(progress)
        far = how_far(progress, whole, is_known=self._began is not None)
        self.live.update(words=self._words, rows=self.file.rows, **far)
        self.on_progress(whole)

    def __exit__(self, *_problem: object) -> None:
        try:
            if not self._has_header:  # a run that failed in startup is a run, too
                self._write_header()
            self.file.write_end(self.status, self.error)
        except NotWritten as problem:
            self._fail(str(problem))
        try:
            self.file.close()
        except NotWritten as problem:
            self._fail(str(problem))
        self.live.end(self.status, self.error)

    def outcome(self) -> Outcome:
        """Return how the run ended."""
        return Outcome(
            self.file.path,
            self.status,
            self.file.rows,
            self.error,
            self.unsafe,
            self.in_compliance,
        )
