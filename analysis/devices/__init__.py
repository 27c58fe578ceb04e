"""Devices: which runs belong together, checks and claims."""
