"""`python -m nanojunction.procedures.acquisition STATION FOLDER`: the process of a window."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.safe_state import not_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.procedures.acquisition.acquisition import Acquisition
from nanojunction.procedures.acquisition.address import address_of, announced
from nanojunction.procedures.acquisition.channel import Channel
from nanojunction.procedures.acquisition.queue import Queue
from nanojunction.procedures.recipes.folder import folder_of_runs
from nanojunction.procedures.stopping import StopRequest, stop_on_signals


def acquire(station_file: Path, folder: Path) -> int:
    """Own the station of a file until told to leave; 0 if it was left safe."""
    if address_of(station_file) is not None:
        raise LaboratoryError(f"{station_file}: somebody measures there already; attach to it")
    station = Station.from_file(station_file)
    with (
        folder_of_runs(folder),
        Queue(folder) as queue,
        stop_on_signals(StopRequest()) as ended,
    ):
        queue.open(str(station_file))
        station.stop_waiting = ended.asked_again
        with station:
            acquisition = Acquisition(station, folder, queue)
            with (
                Channel(acquisition.commands()) as channel,
                announced(station_file, channel.port, channel.token, folder),
            ):
                acquisition.clients = lambda: channel.clients
                unsafe = acquisition.go_on(ended)
                acquisition.see_to_requests()
    return 1 if unsafe else 0


def main() -> int:
    """Take the two arguments, and say in one sentence why it cannot begin."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    station_file, folder = map(Path, sys.argv[1:3])
    try:
        return acquire(station_file, folder)
    except Unsafe as problem:
        print(not_safe(problem.failed), file=sys.stderr)
    except LaboratoryError as problem:
        print(problem, file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
