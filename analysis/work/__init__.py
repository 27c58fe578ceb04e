"""How the work on many files is divided, done, kept and put together."""
