"""Music theory: keys and their seven letters, melody, key finding, the timeline of beats.

It has pure functions, and small objects that take the time as an argument. It does no I/O and
imports `midi`. Rhythm, swing and who sets the beat are in `instrument`.
"""
