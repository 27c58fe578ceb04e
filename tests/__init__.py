"""The tests, as a package of their own: another `tests` may be installed."""
