"""The report: one page that needs nothing else, with figures and tables."""
