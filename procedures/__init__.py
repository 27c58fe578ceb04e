"""A role and a sweep make a PyMeasure procedure; the runner makes a run file of it."""
