"""The public surface of a PyMeasure driver, by introspection: a new name is noticed."""

from __future__ import annotations

from pymeasure.instruments import Instrument


def properties(driver: type) -> set[str]:
    """Return the properties that the driver has beyond PyMeasure's bare `Instrument`."""
    return {name for name in _own(driver) if isinstance(getattr(driver, name), property)}


def methods(driver: type) -> set[str]:
    """Return the methods that the driver has beyond PyMeasure's bare `Instrument`."""
    return {name for name in _own(driver) if callable(getattr(driver, name))}


def _own(driver: type) -> set[str]:
    return {
        name
        for name in dir(driver)
        if not name.startswith("_") and getattr(driver, name) is not getattr(Instrument, name, None)
    }
