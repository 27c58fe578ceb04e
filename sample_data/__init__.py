"""Data only: junction files and a seeded demo campaign."""
