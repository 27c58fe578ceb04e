"""Devices: which runs belong together, checks and claims, verdicts and yields."""
