"""The report of a screening: the chip's map, the shortlist and the statistics on one page."""
