"""What the player plays, as letters: which keys count, and what key it is in."""

from collections import deque

from midigen.midi.messages import (
    DRUMS,
    KEY_PRESSURE,
    Channel,
    ChannelMessage,
    NoteOn,
    Pitch,
    Seconds,
)
from midigen.music.key_finding import KeyFollower
from midigen.music.keys import AUTO, Key
from midigen.music.melody import Melody, Step
from midigen.settings.table import Settings

_MELODIC = tuple(channel for channel in range(1, 17) if channel != DRUMS)

SHOWN = 12
"""The newest notes that are remembered for people."""


class Ears:
    """Hears struck keys. Times may not go back."""

    def __init__(self, settings: Settings) -> None:
        channel = settings.input.channel
        self._channels = _MELODIC if channel == "all" else (channel,)
        self._limits = settings.input
        self._line = Melody(settings.key, settings.chromatic)
        self._follower = KeyFollower() if settings.key == AUTO else None
        self.melody: deque[Pitch] = deque(maxlen=SHOWN)
        """The newest steps of the melody, as they were played, oldest first."""

    @property
    def key(self) -> Key:
        """What the letters stand for."""
        return self._line.key

    @property
    def finds_key(self) -> bool:
        """Whether the key is found by ear."""
        return self._follower is not None

    def tune(self, key: Key) -> None:
        """Hear in another key, or find it."""
        self._follower = KeyFollower() if key == AUTO else None
        self._line.key = key

    def listens_on(self, channel: Channel) -> bool:
        """Whether anything on a channel counts."""
        return channel in self._channels

    def listens_to(self, note: NoteOn) -> bool:
        """Whether a note counts."""
        limits = self._limits
        return note.channel in self._channels and limits.low <= note.pitch <= limits.high

    def why_unheard(self, note: NoteOn) -> str:
        """What to tell a player whose note doesn't count."""
        limits = self._limits
        if note.channel in self._channels:
            pitch, low, high = map(self.key.pitch_name, (note.pitch, limits.low, limits.high))
            return (
                f"{pitch} isn't heard: it listens to the keys from {low} to {high} "
                "(input.low, input.high)"
            )
        if limits.channel == "all":
            return (
                f"channel {DRUMS} isn't heard as melody, since it has drums "
                f"(to hear it: input.channel={DRUMS})"
            )
        return (
            f"channel {note.channel} isn't heard: it listens to channel {limits.channel} "
            "(input.channel)"
        )

    def is_heard(self, message: ChannelMessage) -> bool:
        """Whether a message on a channel that counts is about nothing that doesn't."""
        limits = self._limits
        return message.status != KEY_PRESSURE or limits.low <= message.data[0] <= limits.high

    def hear(self, pitch: Pitch, now: Seconds) -> Step | None:
        """The step of the melody that a struck key makes, if any."""
        step = self._line.hear(pitch, now)
        if step is None:
            return None
        if step.replaces and self.melody:
            self.melody.pop()
        self.melody.append(step.pitch)
        if self._follower is not None:
            self._follower.hear(step.pitch, now, replaces=step.replaces)
        return step

    def release(self, pitch: Pitch, now: Seconds) -> Key | None:
        """A key comes up. If the melody turns out to be in another key, that is it from now on.

        A key is looked for when a note has ended, not when it begins: then its length
        is known, and no answer waits for it.
        """
        self._line.release(pitch)
        if self._follower is None:
            return None
        self._follower.release(pitch, now)
        key = self._follower.key
        if key is None or key == self.key:
            return None
        self._line.key = key
        return key
