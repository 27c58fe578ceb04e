"""The virtual cryostat: one simulated world behind protocol-true instruments."""
