"""Drivers: each adapts a PyMeasure driver to a role of `nanojunction.instruments.roles`."""
