"""What every room needs and none owns: texts that people typed, the drives they lie on.

It imports nothing of ours.
"""
