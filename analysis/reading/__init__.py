"""What files hold: text to tables, tables to runs in SI, with every doubt in words."""
