"""VISA instrument, driver, role; the virtual cryostat. Only this layer opens VISA."""
