"""Readings at rest: drift, settling, two levels, and the noise that averaging leaves."""
