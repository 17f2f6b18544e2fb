"""midigen: play a few notes, hear them carried on.

A daemon that listens to a MIDI keyboard, maps what is played to seven letters
(the degrees of the key), asks a trained LSTM what comes next, and plays it.
Start with `midigen.instrument.performer`, the instrument itself: it is pure, and
everything else brings it events or carries its notes away.
"""

__version__ = "0.1.0"
