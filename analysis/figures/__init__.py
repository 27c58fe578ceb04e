"""Figures in publication style, drawn from runs, results and groups."""
