"""Runs in other formats: Parquet for data frames, NeXus for archives."""
