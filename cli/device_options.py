"""What options state about devices: their size, an array's pitch, layers of centres."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanojunction.analysis.estimates.device_file import Devices


def devices_of(
    file: Path | None, diameter: str, area: str, pitch: str, layers: float | None
) -> Devices:
    """Return what is stated about devices; options hold for those that the file does not name.

    Raises typer.BadParameter that names the option, DeviceFileError for the file.
    """
    import typer

    from nanojunction.analysis.estimates.device_file import Devices, Stated, load_devices
    from nanojunction.analysis.geometry import parse_area, parse_length

    if diameter and area:
        raise typer.BadParameter("--diameter, --area: give one of them")
    if layers is not None and not 0.0 < layers < 1e6:
        raise typer.BadParameter(f"--layers {layers:g}: give a number above 0")
    try:
        option = "--diameter" if diameter else "--area"
        size = (
            parse_area(diameter or area, "diameter" if diameter else "area", option)
            if (diameter or area)
            else None
        )
        option = "--pitch"
        pitch_m = parse_length(pitch) if pitch else None
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None
    stated = Stated(area=size, pitch_m=pitch_m, layers=layers)
    known = Devices() if file is None else load_devices(file)
    return known.with_default(stated)
