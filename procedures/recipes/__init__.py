"""Recipes: many runs in nested loops, journalled, resumable, timed before they start."""
