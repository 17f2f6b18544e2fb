"""The instrument on stage: ports, threads, recording, and what talks to it from outside.

The daemon carries what ports receive to the performer, and what it plays back to them. It decides
nothing musical, and imports `instrument` and what is left of it.
"""
