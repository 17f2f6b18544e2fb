"""What the player plays, as letters: which notes count, and in which key."""

from collections import deque

from midigen.instrument.panel import Panel
from midigen.midi.messages import DRUMS, Channel, NoteOn, Pitch, Seconds
from midigen.music.key_finding import KeyFollower
from midigen.music.keys import AUTO, Key
from midigen.music.melody import Melody, Step

SHOWN = 12  # how many of the newest notes the status shows


class Hearing:
    """Hears struck keys. Times may not go back."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.begin()

    def begin(self) -> None:
        """Start over, in the key that is set."""
        settings = self._panel.settings
        self.melody: deque[Pitch] = deque(maxlen=SHOWN)
        """The newest steps of the melody, as they were played, oldest first."""
        self._line = Melody(settings.key, settings.chromatic)
        self.tune(settings.key)

    @property
    def key(self) -> Key:
        """What the letters stand for."""
        return self._line.key

    def tune(self, key: Key) -> None:
        """Use another key, or find it by ear."""
        self._follower = KeyFollower() if key == AUTO else None
        self._line.key = key

    def listens_on(self, channel: Channel) -> bool:
        """Whether anything on a channel counts."""
        wanted = self._panel.settings.input.channel
        return channel != DRUMS if wanted == "all" else channel == wanted

    def listens_to(self, note: NoteOn) -> bool:
        """Whether a note counts."""
        return self.listens_on(note.channel) and self.is_in_range(note.pitch)

    def is_in_range(self, pitch: Pitch) -> bool:
        """Whether a pitch is in the range that counts."""
        limits = self._panel.settings.input
        return limits.low <= pitch <= limits.high

    def why_unheard(self, note: NoteOn) -> str:
        """Why a note is ignored, for the player."""
        limits = self._panel.settings.input
        if self.listens_on(note.channel):
            pitch, low, high = map(self.key.pitch_name, (note.pitch, limits.low, limits.high))
            return (
                f"{pitch} is ignored: midigen listens from {low} to {high} (input.low, input.high)"
            )
        if limits.channel == "all":
            return (
                f"channel {DRUMS} is ignored, since it carries drums: "
                f"to hear it, set input.channel={DRUMS}"
            )
        return (
            f"channel {note.channel} is ignored: midigen listens to channel {limits.channel} "
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
        """A key comes up. Returns the key of the melody, if that has changed.

        The search runs when a note ends, not when it begins: then its length is known, and no
        answer waits.
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
