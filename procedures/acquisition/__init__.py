"""Measuring for a window: a process that owns the station, its queue, and the channel to both."""
