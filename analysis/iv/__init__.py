"""I(V): traces of legs, descriptions of their curves, and the quantities of one run."""
