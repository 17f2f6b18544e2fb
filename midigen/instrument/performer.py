"""The instrument: events and times in, messages and the next deadline out.

It is pure: no thread, clock, port, file or global random state. Its driver (the daemon live,
`render` for a file, a test in simulated time) calls

    start(now)                  once, before anything else
    handle(event, time)         for every event, in the order of their times
    advance(now)                at `deadline`, or as soon after it as possible; to make up for
                                latency, a little early, with the time of arrival as `now`
    prepare()                   whenever there is time before the deadline; after every call
                                if predictions are made elsewhere (`delegate`)
    stop()                      at the end, even after an error

and sends what each call returns, in order. Times are seconds on any monotonic clock. Notes have
absolute places in beats (see `pulse`), from which their times are computed, so a late call never
delays later notes.

Calls go down through the modules and never back up: `keyboard` hears a key, the mode in force
(in `modes`) answers it, `voice` plays the note. All of them append their
outputs to one outbox.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from midigen.instrument.changes import Changes
from midigen.instrument.complaints import Complaints
from midigen.instrument.events import Cue, EndOfPhrase, Output, Reload
from midigen.instrument.keyboard import Keyboard
from midigen.instrument.mode import Parts
from midigen.instrument.modes import Modes
from midigen.instrument.status import Status
from midigen.midi.messages import (
    ChannelMessage,
    Clock,
    Message,
    NoteOff,
    NoteOn,
    Pitch,
    Seconds,
    SongPosition,
)
from midigen.music.keys import AUTO, Key
from midigen.music.timeline import Timeline
from midigen.prediction.foresight import Forecast, Foresight, Question
from midigen.prediction.predictor import Models, Predictor
from midigen.settings.controls import Control
from midigen.settings.table import Settings

AT_ONCE: Seconds = 1e-9  # times closer than this count as equal, since sums of floats aren't exact

_Due: TypeAlias = tuple[Callable[[], Seconds | None], Callable[[Seconds, Seconds], None]]
"""When something is due next, and the function that does it, called with that time and now."""


class Performer:
    """Plays with the player, in one of three modes. Not thread-safe: one thread owns it.

    `models` has the models of scenes; without it no scene can change the model.
    """

    def __init__(
        self,
        settings: Settings,
        predictor: Predictor,
        rng: np.random.Generator,
        models: Models | None = None,
    ) -> None:
        self._parts = parts = Parts(settings, predictor, rng, models)
        self._modes = modes = Modes(parts)
        self._keyboard = Keyboard(parts, modes)
        self._changes = changes = Changes(parts, modes, self._keyboard)
        self._playing = False
        self._now: Seconds = 0.0  # the latest event
        self._complaints = Complaints(parts)
        self.own: list[Message] = []
        """midigen's own messages in the last call's outputs, as they would be without thru."""
        # If several are due at the same time, they run in this order.
        self._dues: tuple[_Due, ...] = (
            (lambda: parts.voice.next_time, lambda *_: parts.voice.act()),
            (lambda: parts.turns.answer_ends, lambda *_: parts.turns.finish()),
            (lambda: parts.pulse.next_time, lambda _, now: parts.pulse.act(now)),
            (lambda: parts.scenes.next_time, changes.enter_scene),
            (lambda: parts.turns.next_time, lambda due, _: changes.take_turn(due)),
            (lambda: parts.panel.next_time, lambda *_: parts.panel.tell()),
            (self._hold_time, self._explain_hold),
            (lambda: modes.current.next_time, self._play),
        )

    # --- state

    @property
    def sounding(self) -> frozenset[Pitch]:
        """The sounding pitches: midigen's, and the player's if thru is on."""
        return self._parts.ledger.sounding

    @property
    def key(self) -> Key:
        """What the letters stand for now."""
        return self._parts.hearing.key

    @property
    def settings(self) -> Settings:
        """The settings in force, as the controls have set them."""
        return self._parts.panel.settings

    @property
    def timeline(self) -> Timeline:
        """The beat as it is known now, counted from `start`."""
        return self._parts.pulse.timeline

    @property
    def dropped(self) -> int:
        """Notes left out: duet answers beyond 200 a second, and notes that came too late."""
        return self._parts.voice.dropped

    @property
    def waits_since(self) -> Seconds | None:
        """When the key that waits for its answer was struck, if there is one."""
        return self._modes.current.waits_since

    def status(self) -> Status:
        """A snapshot of the state, for display."""
        settings, likely = self.settings, self._parts.improviser.probabilities
        key, sounding = self.key, sorted(self.sounding)
        is_found = settings.key == AUTO != key
        return Status(
            mode=settings.mode,
            turn=self._whose_turn(),
            key=f"{key} (auto)" if is_found else str(key),
            notes=key.note_names,
            bpm=self.timeline.bpm,
            beat=self._parts.pulse.state,
            heard=tuple(map(key.note_name, self._parts.hearing.melody)),
            played=tuple(map(key.note_name, self._parts.voice.played)),
            probabilities=None if likely is None else tuple(likely.tolist()),
            rhythm=self._parts.improviser.rhythm,
            sounding=tuple(sounding),
            sounds=tuple(map(key.pitch_name, sounding)),
            model=self._parts.scenes.model,
            trouble=self._parts.improviser.trouble,
            silence=self._parts.silence.line,
            scene=self._parts.scenes.current,
            muted=settings.output.mute,
            holding=settings.response.hold,
            dropped=self.dropped,
        )

    def note_offs(self) -> list[Message]:
        """The note-offs for all that sounds. Changes nothing: a last resort for another thread."""
        return self._parts.ledger.note_offs()

    # --- the calls of its driver

    def start(self, now: Seconds) -> list[Output]:
        """Start to play: `now` is the first beat."""
        self._playing = True
        self._now = self._parts.voice.now = now
        self._parts.pulse.start(now)
        self._modes.current.enter(now)
        return self._sent()

    def handle(self, event: Cue, time: Seconds) -> list[Output]:
        """Handle an event; return what it makes midigen send at once.

        The event keeps its own `time`, even if `advance` has been called with a later one.
        """
        if not self._playing:
            if isinstance(event, Forecast):
                self._parts.improviser.take(event)
            return []
        self._now = time = max(time, self._now)
        self._parts.voice.now = max(time, self._parts.voice.now)
        match event:
            case NoteOn() | NoteOff() | ChannelMessage() if self._parts.panel.knobs.takes(event):
                self._changes.turn(event, time)
            case NoteOn():
                self._keyboard.strike(event, time)
            case NoteOff():
                self._keyboard.release((event.channel, event.pitch), time)
            case ChannelMessage():
                self._keyboard.hear(event, time)
            case Clock.TICK:
                self._parts.pulse.hear_tick(time)
            case Clock() | SongPosition():
                self._hear_transport(event, time)
            case _:
                self._take_cue(event, time)
        return self._sent()

    def _take_cue(self, cue: Control | EndOfPhrase | Forecast | Reload, now: Seconds) -> None:
        """Handle an event that comes neither from a keyboard nor from a clock."""
        match cue:
            case Control():
                self._changes.set(cue, now)
            case EndOfPhrase():
                self._changes.end_phrase(now)
            case Forecast():
                self._parts.improviser.take(cue)
                self._modes.current.find(now)
            case Reload():
                self._changes.reload(cue, now)
                if cue.predictor is not None:
                    self._complaints.forget()

    @property
    def deadline(self) -> Seconds | None:
        """When to call `advance` next; None if nothing is due before the next event."""
        next_due = self._next_due() if self._playing else None
        return None if next_due is None else next_due[0]

    def advance(self, now: Seconds) -> list[Output]:
        """Do all that is due by `now`, in the order of its times; return the outputs."""
        self._parts.voice.now = now = max(now, self._parts.voice.now)
        while self._playing and (found := self._next_due()) is not None and found[0] <= now:
            due, act = found
            act(due, now)
        return self._sent()

    def delegate(self, elsewhere: Callable[[Question], None]) -> Foresight:
        """Have another thread predict, so that nothing here waits for a model.

        From now on questions go to `elsewhere`. The returned Foresight answers them, and each of
        its Forecasts must be passed to `handle`.
        """
        self._parts.improviser.asks = elsewhere
        return self._parts.improviser.foresight

    def prepare(self) -> None:
        """Predict ahead (see `improviser`): this affects only how soon the next note is known."""
        loop, mode = self._parts.loop, self._modes.current
        loop.decide()
        self._parts.improviser.prepare(
            mode.coming, answers=mode.foresees_answers, is_urgent=loop.is_waiting
        )

    def stop(self) -> list[Output]:
        """End all that sounds, and be silent until `start`."""
        if self._playing:
            self._parts.pulse.stop()
        self._playing = False
        self._parts.scenes.give_up()
        self._parts.panel.rest()
        self._keyboard.release_all(self._parts.voice.now)
        self._changes.silence()
        return self._sent()

    # --- what is due

    def _next_due(self) -> tuple[Seconds, Callable[[Seconds, Seconds], None]] | None:
        """The next thing that is due: its time, and the function that does it."""
        first: tuple[Seconds, Callable[[Seconds, Seconds], None]] | None = None
        for next_time, act in self._dues:
            time = next_time()
            if time is not None and (first is None or time < first[0] - AT_ONCE):
                first = time, act
        return first

    def _play(self, due: Seconds, now: Seconds) -> None:
        self._modes.current.act(due, now)

    def _hold_time(self) -> Seconds | None:
        """When to report that a key or pedal has been held so long that it may be a mistake."""
        parts = self._parts
        if not self._modes.current.answers_phrases or parts.loop.run is not None:
            return None
        return parts.silence.hold_time(parts.turns.held_since)

    def _explain_hold(self, *_: Seconds) -> None:
        keys = [self.key.pitch_name(pitch) for _, pitch in self._parts.turns.keys]
        self._parts.silence.explain_hold(keys, self._parts.turns.held_since)

    def _hear_transport(self, message: Clock | SongPosition, now: Seconds) -> None:
        """The song stops, jumps or loops: move or drop what was placed on its count."""
        moved = self._parts.pulse.hear_transport(message, now)
        if moved is None:
            self._parts.scenes.wait_for_beat(now)
            self._modes.current.start_again(now)
        else:
            self._parts.scenes.move(moved)
            self._parts.loop.move(moved)

    # --- outputs

    def _sent(self) -> list[Output]:
        self._complaints.tell()
        self.own = self._parts.voice.written()
        outputs = self._parts.outbox.copy()
        self._parts.outbox.clear()
        return outputs

    def _whose_turn(self) -> str:
        if self._parts.loop.run is not None or self._parts.voice.sounds:
            return "midigen"
        return "you" if self._parts.turns.is_held or self._parts.turns.next_time is not None else ""
