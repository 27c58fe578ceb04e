"""Recipes: a night's plan as a file, checked, timed, carried out, recorded and taken up again."""
