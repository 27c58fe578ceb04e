"""Screening a chip on a station: gentle stages, one junction after the other, unattended."""
