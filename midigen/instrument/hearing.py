"""What the player plays, as letters: which notes count, and what key they are in."""

from collections import deque

from midigen.instrument.panel import Panel
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

SHOWN = 12
"""The newest notes that are remembered for people."""


class Hearing:
    """Hears struck keys. Times may not go back."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.begin()

    def begin(self) -> None:
        """Hear as if nothing had been heard before, in the key that is set."""
        settings = self._panel.settings
        self.melody: deque[Pitch] = deque(maxlen=SHOWN)
        """The newest steps of the melody, as they were played, oldest first."""
        self._line = Melody(settings.key, settings.chromatic)
        self._follower = KeyFollower() if settings.key == AUTO else None

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
        wanted = self._panel.settings.input.channel
        return channel != DRUMS if wanted == "all" else channel == wanted

    def listens_to(self, note: NoteOn) -> bool:
        """Whether a note counts."""
        return self.listens_on(note.channel) and self._is_in_range(note.pitch)

    def listens_to_message(self, message: ChannelMessage) -> bool:
        """Whether a message is on a channel that counts, and isn't about a key that doesn't."""
        if not self.listens_on(message.channel):
            return False
        return message.status != KEY_PRESSURE or self._is_in_range(message.data[0])

    def why_unheard(self, note: NoteOn) -> str:
        """What to tell a player whose note doesn't count."""
        limits = self._panel.settings.input
        if self.listens_on(note.channel):
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
        """A key comes up. Returns the key that the melody turns out to be in, if it is another.

        It is looked for when a note has ended, not when it begins: its length is known then,
        and no answer waits for it.
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

    def _is_in_range(self, pitch: Pitch) -> bool:
        limits = self._panel.settings.input
        return limits.low <= pitch <= limits.high
