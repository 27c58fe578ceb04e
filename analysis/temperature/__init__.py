"""Temperature series: thermal activation in one regime or two."""
