"""The music theory that midigen has: keys and their seven letters, melody, the beat.

It is made of pure functions, and of small objects that are told the time. It does no I/O and
imports `midi`.
"""
