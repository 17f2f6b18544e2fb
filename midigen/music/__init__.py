"""What music theory midigen has: keys and their seven letters, melody, the beat.

Pure functions and small objects that are given their times. It does no I/O and imports `midi`.
"""
