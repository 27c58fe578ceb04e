"""A catalogue of runs, their conditions and what was found in them, in a database."""
