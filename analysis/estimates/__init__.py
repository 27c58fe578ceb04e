"""Estimates that papers make of a junction, from its runs and from what is stated about it."""
