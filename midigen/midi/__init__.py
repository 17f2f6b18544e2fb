"""MIDI as it is on the wire and in files: messages, their bytes, and Standard MIDI Files.

A message is a frozen value; `wire` and the file modules turn values into bytes and back. It
knows nothing of keys, clocks or ports, and imports only `errors`.
"""
