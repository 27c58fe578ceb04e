"""Controls: is the effect the junction's own, and does it stay?"""
