"""The words that settings choose among."""

from enum import StrEnum


class Mode(StrEnum):
    """What midigen does with what it hears."""

    CALL_RESPONSE = "call-response"
    DUET = "duet"
    SOLO = "solo"


class TempoSource(StrEnum):
    """Who sets the tempo."""

    INTERNAL = "internal"
    CLOCK = "clock"
    FOLLOW = "follow"


class RhythmSource(StrEnum):
    """Whose rhythm midigen's notes have."""

    MIRROR = "mirror"
    STEADY = "steady"
    LEARNED = "learned"


class Quantize(StrEnum):
    """Where an answer may begin."""

    OFF = "off"
    BEAT = "beat"
    BAR = "bar"


class Api(StrEnum):
    """The MIDI systems, and the terminal, which stands in where there is none."""

    AUTO = "auto"
    ALSA = "alsa"
    JACK = "jack"
    COREMIDI = "coremidi"
    WINMM = "winmm"
    TERMINAL = "terminal"
