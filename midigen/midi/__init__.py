"""MIDI on the wire and in files: messages, their bytes, and Standard MIDI Files.

A message is a frozen value; `wire` turns it into bytes and back, `reader` and `writer` do so for
files. Nothing here knows of keys, clocks or ports. It imports only the base: `errors` and `files`.
"""
