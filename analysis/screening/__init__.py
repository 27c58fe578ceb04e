"""Screening a chip: what is on it, a verdict on each junction, and what it all comes to."""
