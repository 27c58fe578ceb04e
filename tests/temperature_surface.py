"""What the surface tests of the temperature controllers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nanojunction.instruments.virtual import VirtualCryostat
from tests.virtual_bench import Resistor


def own(cls: type, base: type) -> set[str]:
    """Return the public names that a driver has beyond PyMeasure's bare class."""
    return {
        name
        for name in dir(cls)
        if not name.startswith("_") and getattr(cls, name) is not getattr(base, name, None)
    }


def properties(cls: type, base: type) -> set[str]:
    """Return those that are properties."""
    return {name for name in own(cls, base) if isinstance(getattr(cls, name), property)}


@contextmanager
def served(model: str) -> Iterator[VirtualCryostat]:
    """Serve one temperature controller on a socket, 10 000 times faster than the wall clock."""
    with VirtualCryostat(
        Resistor(1e3), source_meter=None, magnet=None, temperature=model, speed=10_000
    ) as cryostat:
        yield cryostat


def opened(cryostat: VirtualCryostat, driver: type, **settings: Any) -> Any:
    """Open PyMeasure's driver on the served controller."""
    endpoint = cryostat.endpoints["temperature"]
    given = {
        "read_termination": endpoint.read_termination,
        "write_termination": endpoint.write_termination,
        **settings,
    }
    return driver(endpoint.address, visa_library="@py", **given)
