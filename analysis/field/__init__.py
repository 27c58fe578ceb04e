"""Magnetic field: loops, switching fields, states, and what two of them differ in."""
