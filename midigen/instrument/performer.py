"""The instrument: events and times in, messages and the next deadline out.

It is pure: no thread, clock, port, file or global random state. Whoever drives
it (the daemon live, `render` over a file, a test under simulated time) calls

    start(now)                  once, before anything else
    handle(event, time)         for every event, in the order of their times
    advance(now)                at `deadline`, or as soon after it as possible; or a little
                                before, with the time at which what is sent will be there
    prepare()                   whenever there is time before the deadline, and after each
                                of these if predictions are made elsewhere (`delegate`)
    stop()                      at the end, whatever has happened

and sends what each call returns, in order. Times are seconds on any clock that
doesn't go back. Notes fall at absolute places of the beat (see `pulse`), from which
their times are computed: a late call never moves later ones.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from midigen.errors import ModelError
from midigen.instrument import silence
from midigen.instrument.answer import Run, answer, count, solo
from midigen.instrument.duet import Answer, Duet, Waiting
from midigen.instrument.ears import SHOWN, Ears
from midigen.instrument.events import (
    Cue,
    EndOfAnswer,
    EndOfPhrase,
    Keep,
    Notice,
    Output,
    Reload,
    TempoChange,
)
from midigen.instrument.improviser import Improviser
from midigen.instrument.ledger import Ledger
from midigen.instrument.panel import Panel
from midigen.instrument.phrase import Phrase, Played
from midigen.instrument.pulse import Pulse
from midigen.instrument.scenes import Scenes
from midigen.instrument.status import Status
from midigen.instrument.thru import Thru
from midigen.instrument.turns import StruckKey, Turns
from midigen.instrument.voice import NoteId, Voice
from midigen.midi.messages import (
    CONTROL_CHANGE,
    ENDS_NOTES,
    HALF,
    RESET_CONTROLLERS,
    SUSTAIN,
    Beats,
    ChannelMessage,
    Clock,
    Message,
    NoteOff,
    NoteOn,
    Pitch,
    Seconds,
    SongPosition,
    Velocity,
)
from midigen.music.keys import AUTO, Key
from midigen.music.melody import Step
from midigen.music.timeline import Timeline
from midigen.prediction.foresight import Forecast, Foresight, Question
from midigen.prediction.predictor import Models, Predictor
from midigen.settings import controls
from midigen.settings.choices import Mode, TempoSource
from midigen.settings.controls import Control
from midigen.settings.table import Settings

RING: Beats = 1.0
"""The last note of an answer sounds this long at least."""

AT_ONCE: Seconds = 1e-9
"""Times this close are one: sums of floats aren't exact."""

SOON: Seconds = 0.010
"""A note that is due within this has no time to spare for its prediction."""

_PEDALS = (SUSTAIN, RESET_CONTROLLERS)
_HEARING = ("key", "chromatic", "input")  # the settings of the ears


class Performer:
    """Plays with the player, in one of three modes. Not thread-safe: one thread owns it.

    `models` is where scenes find theirs; without it none can have one.
    """

    def __init__(
        self,
        settings: Settings,
        predictor: Predictor,
        rng: np.random.Generator,
        models: Models | None = None,
    ) -> None:
        (touch,) = rng.spawn(1)  # so that touch doesn't change which notes are drawn
        self._chance: np.random.Generator = touch
        self._models = models
        self._take_up(settings)
        self._pulse = _pulse(settings)
        self._now: Seconds = 0.0
        self._heard_at: Seconds = 0.0  # the latest event; `_now` may be ahead of it
        self._playing = False

        # What is heard.
        self._ears = Ears(settings)
        self._follow_at: Seconds | None = None  # an onset that the beat hasn't heard of yet
        self._phrase = Phrase()
        self._turns = Turns(settings.turn)

        # What is played.
        self._improviser = Improviser(predictor, settings, rng)
        self._ledger = Ledger(settings.output.channel)
        self._thru = Thru(self._ledger)
        self._voice = Voice(settings, self._ledger, touch)
        self._run: Run | None = None
        self._stepped_at: Seconds = -math.inf  # when the latest step of any run was due
        self._answering = False  # an EndOfAnswer is due
        self._answered_at: Seconds | None = None  # when, once that is known
        self._owed = 0  # solo: notes until it is
        self._duet = Duet()
        self._played: deque[Pitch] = deque(maxlen=SHOWN)
        self._complained_of: str | None = None  # a model
        self._silence = ""  # why no answer comes, as the player was told
        self._told_of_hold: Seconds | None = None  # since when what was held was held
        self._unheard: set[str] = set()  # what was said of notes that aren't heard
        self.own: list[Message] = []
        """Of what was returned last, the machine's part, as it would be without thru."""
        self._outbox: list[Output] = []  # survives an exception, so that no note-off is lost
        self.dropped = 0
        """Notes left out: duet answers beyond 200 a second, and notes that came too late."""

    # --- what the outside calls

    @property
    def sounding(self) -> frozenset[Pitch]:
        """The pitches that sound: the machine's, and through thru the player's."""
        return self._ledger.sounding

    @property
    def key(self) -> Key:
        """What the letters stand for now."""
        return self._ears.key

    @property
    def settings(self) -> Settings:
        """The settings in force, as the controls have set them."""
        return self._panel.settings

    @property
    def timeline(self) -> Timeline:
        """The beat, as it is known now; it begins to be counted at `start`."""
        return self._pulse.timeline

    @property
    def waits_since(self) -> Seconds | None:
        """When the key was struck that waits for its answer, if there is one."""
        return None if self._duet.waiting is None else self._duet.waiting.since

    @property
    def deadline(self) -> Seconds | None:
        """When `advance` is to be called next; None if nothing is due without an event."""
        if not self._playing:
            return None
        times = (
            self._voice.next_end,
            self._duet.next_time,
            self._answered_at,
            self._follow_at,
            self._turn_time,
            self._pulse.deadline,
            self._scene_time,
            self._tell_time,
            self._run_time(self._run) if self._run and self._improviser.can_play else None,
        )
        return min((time for time in times if time is not None), default=None)

    def start(self, now: Seconds) -> list[Output]:
        """Begin to play: `now` is the first beat."""
        self._playing = True
        self._now = self._heard_at = now
        self._outbox += self._pulse.start(now)
        self._enter_mode(now)
        return self._sent()

    def handle(self, event: Cue, time: Seconds) -> list[Output]:
        """What an event makes it play or end at once.

        It keeps its own `time`, even if `advance` has been called with a later one.
        """
        if not self._playing:
            if isinstance(event, Forecast):
                self._improviser.take(event)
            return []
        self._heard_at = time = max(time, self._heard_at)
        self._now = max(time, self._now)
        match event:
            case NoteOn() | NoteOff() | ChannelMessage() if self._panel.takes(event):
                self._turn_knob(event, time)
            case NoteOn():
                self._key_down(event, time)
            case NoteOff():
                self._key_up((event.channel, event.pitch), time)
            case ChannelMessage():
                self._other_message(event, time)
            case Clock() | SongPosition():
                self._follow_clock(event, time)
            case _:
                self._take_cue(event, time)
        return self._sent()

    def _take_cue(self, cue: Control | EndOfPhrase | Forecast | Reload, now: Seconds) -> None:
        """What comes from elsewhere than a keyboard or a clock."""
        match cue:
            case Control():
                self._control(cue, now)
            case EndOfPhrase():
                self._end_phrase(now)
            case Forecast():
                self._improviser.take(cue)
                self._give_owed(now)
            case Reload():
                self._reload(cue, now)

    def advance(self, now: Seconds) -> list[Output]:
        """What has fallen due by `now`, in the order of its times."""
        self._now = now = max(now, self._now)
        while (due := self.deadline) is not None and due <= now:
            self._do_next(due, now)
        return self._sent()

    def delegate(self, elsewhere: Callable[[Question], None]) -> Foresight:
        """Have predictions made elsewhere, so that nothing here waits for a model.

        From now on questions go `elsewhere`, and each Forecast that the returned Foresight
        answers them with is an event to `handle`.
        """
        self._improviser.asks = elsewhere
        return self._improviser.foresight

    def prepare(self) -> None:
        """Predict ahead. It changes nothing but how soon the next note is known.

        In the loop that is one note; in duet it is the answers to all seven
        letters that the player may strike next, as one batch.
        """
        is_urgent = (
            self._run is not None
            and not self._improviser.can_play
            and self._run_time(self._run) <= self._now + SOON
        )
        self._improviser.prepare(answers=self._mode is Mode.DUET, is_urgent=is_urgent)

    def stop(self) -> list[Output]:
        """End everything that sounds; after this it is silent until `start`."""
        if self._playing:
            self._outbox += self._pulse.stop()
        self._playing = False
        self._scenes.due = self._follow_at = None
        self._panel.told()
        self._let_go(self._now)
        self._end_everything()
        return self._sent()

    def note_offs(self) -> list[Message]:
        """What would end all that sounds. It changes nothing: a last resort for another thread."""
        return self._ledger.note_offs()

    def status(self) -> Status:
        """How it stands, for people."""
        settings, likely = self._panel.settings, self._improviser.probabilities
        key, sounding = self.key, sorted(self.sounding)
        is_found = self._ears.finds_key and key != AUTO
        return Status(
            mode=self._mode,
            turn=self._whose_turn(),
            key=f"{key} (auto)" if is_found else str(key),
            notes=key.note_names,
            bpm=self.timeline.bpm,
            beat=self._pulse.state,
            heard=tuple(map(key.note_name, self._ears.melody)),
            played=tuple(map(key.note_name, self._played)),
            probabilities=None if likely is None else tuple(likely.tolist()),
            sounding=tuple(sounding),
            sounds=tuple(map(key.pitch_name, sounding)),
            model=self._scenes.model,
            trouble=self._improviser.trouble,
            silence=self._silence,
            scene=self._scenes.current,
            muted=settings.output.mute,
            holding=settings.response.hold,
            dropped=self.dropped,
        )

    def _whose_turn(self) -> str:
        if self._run is not None or self._voice.sounding:
            return "midigen"
        return "you" if self._turns.is_held or self._turn_time is not None else ""

    def _sent(self) -> list[Output]:
        if self._improviser.trouble and self._complained_of != self._scenes.model:
            self._complained_of = self._scenes.model
            fault = f"the model {self._scenes.model} fails ({self._improviser.trouble})"
            self._outbox.append(Notice(f"{fault}: playing on from memory alone"))
        self.own = self._voice.written()
        outputs, self._outbox = self._outbox, []
        return outputs

    # --- the player's keys

    def _key_down(self, note: NoteOn, now: Seconds) -> None:
        if not self._ears.listens_to(note):
            self._say_unheard(note)
            return
        key, settings = (note.channel, note.pitch), self._panel.settings
        if self._mode is Mode.CALL_RESPONSE and self._answering and not settings.response.hold:
            self._end_run()
        self._turns.press(key, now)
        self._silence = ""
        if settings.thru:
            self._outbox += self._thru.strike(note, now)
        step = self._ears.hear(note.pitch, now)
        if step is None:
            return
        is_foreseen = self._hear(step, note.velocity, now)
        if step.replaces:
            return
        if self._mode is Mode.DUET:
            wanted = Waiting(key, note.velocity, step.degree, now)
            self._answer_key(wanted, now, at_once=is_foreseen)
        elif self._mode is Mode.SOLO and self._run is None:
            self._start_solo(now)
        if self._pulse.source is TempoSource.FOLLOW:
            self._follow_at = now  # once the answer is out

    def _hear(self, step: Step, velocity: Velocity, now: Seconds) -> bool:
        """Take a step of the melody in. Whether duet's answer to it was foreseen."""
        if self._phrase.over:
            self._phrase = Phrase()
        if self._mode is Mode.CALL_RESPONSE:
            self._improviser.begin_line()
        replaces = step.replaces and bool(self._phrase.steps)
        self._phrase.add(Played(step.pitch, velocity, now), replaces=replaces)
        if not replaces:
            self._turns.step(now)
        self._voice.near = step.pitch
        self._voice.middle = self._phrase.middle
        return self._improviser.hear(step.degree, replaces=step.replaces)

    def _key_up(self, key: StruckKey, now: Seconds) -> None:
        if key not in self._turns:
            return
        self._phrase.release(key[1], now)
        self._turns.release(key, now)
        if (found := self._ears.release(key[1], now)) is not None:
            self._outbox.append(Notice(f"key {found}"))  # what sounds ends as it began
        self._outbox += self._thru.release(key)
        self._nothing_is_held()
        if (note := self._duet.let_go(key)) is not None:
            self._end_at(note, now + max(0.0, self._offset))

    def _let_go(self, now: Seconds) -> None:
        """All of the player's keys come up, and the pedals."""
        for channel in range(1, 17):
            for key in self._turns.keys(channel):
                self._key_up(key, now)
        self._turns.clear()

    def _other_message(self, message: ChannelMessage, now: Seconds) -> None:
        if not self._ears.listens_on(message.channel):
            return
        number = message.data[0]
        if message.status == CONTROL_CHANGE and number in ENDS_NOTES:
            for key in self._turns.keys(message.channel):
                self._key_up(key, now)
        if message.status == CONTROL_CHANGE and number in _PEDALS:
            down = number == SUSTAIN and message.data[1] >= HALF
            self._turns.pedal(message.channel, down=down, now=now)
            self._nothing_is_held()
        if self._panel.settings.thru and self._ears.is_heard(message):
            self._outbox += self._thru.pass_on(message)

    # --- the beat

    def _follow_clock(self, message: Clock | SongPosition, now: Seconds) -> None:
        if message is Clock.TICK:
            self._take_beat(self._pulse.hear_tick(now))
            return
        outputs, moved = self._pulse.hear_transport(message, now)
        self._take_beat(outputs)
        if moved is None:
            self._void(now)
        else:
            self._move(moved)

    def _move(self, moved: Beats) -> None:
        """The count goes on elsewhere, the beat as before: so does what was placed on it."""
        if self._scenes.due is not None:
            self._scenes.due += moved
        if self._run is not None:
            self._run.origin += moved

    def _void(self, now: Seconds) -> None:
        """The song stops or goes on elsewhere: what was placed on the old count is void."""
        if self._scenes.due is not None:
            self._scenes.due = self._pulse.next_place(now, 1.0)
        if self._mode is not Mode.DUET:
            self._end_run()
        if self._mode is Mode.SOLO:
            self._start_solo(now)

    def _follow_player(self, onset: Seconds) -> None:
        self._follow_at = None
        self._take_beat(self._pulse.hear_onset(onset))

    def _take_beat(self, outputs: list[Output]) -> None:
        """What the beat has to say; the control tempo stands where it is."""
        for output in outputs:
            if isinstance(output, TempoChange):
                self._panel["tempo"] = output.bpm
        self._outbox += outputs

    # --- controls and modes

    def _control(self, control: Control, now: Seconds) -> None:
        if controls.is_release(control):
            return
        try:
            value = self._panel.wanted(control)
        except ValueError as exc:
            self._refuse_control(control, str(exc), now)
            return
        match control.name:
            case "turn":
                self._pass_turn(now)
            case "again":
                self._answer_again(now)
            case "forget":
                self._forget(now)
            case "panic":
                self._let_go(now)  # a key or pedal whose end was lost holds no answer up
                self._end_everything()
                self._outbox += self._ledger.panic()
                self._explain(silence.panicked(self._mode))
            case "keep":
                self._outbox.append(Keep())
            case "scene":
                self._call_scene(value, now)
            case name if self._set(name, value, now):
                self._tell_of(control, now)
            case _:
                self._refuse_control(control, "the tempo is the clock's", now)

    def _tell_of(self, control: Control, now: Seconds) -> None:
        """Where a control stands now: at once, or if it moves when it rests."""
        if control.is_moving and isinstance(self._panel[control.name], int | float):
            self._panel.tell_later(control.name, now)
        else:
            self._outbox.append(Notice(self._panel.line(control.name)))

    def _refuse_control(self, control: Control, why: str, now: Seconds) -> None:
        if not control.is_moving or self._panel.tells_refusal(control.name, now):
            self._refuse(why)

    def _refuse(self, why: str) -> None:
        self._outbox.append(Notice(why, is_refusal=True))

    def _turn_knob(self, message: Message, now: Seconds) -> None:
        control = self._panel.turn(message)
        if control is not None:
            self._control(replace(control, is_moving=True), now)

    def _set(self, name: str, value: Any, now: Seconds) -> bool:
        """Set what a control sets, and let it be heard at once; False if the clock sets it."""
        if name == "tempo" and self._pulse.is_led:
            return False
        self._panel[name] = value
        self._voice.settings = self._panel.settings
        match name:
            case "mode":
                self._end_everything()
                self._mode = value
                self._enter_mode(now)
            case "key":
                self._ears.tune(value)
            case "temperature" | "top-p" | "memory":
                self._improviser.obey(self._panel.settings)
            case "tempo":
                self._take_beat(self._pulse.set_bpm(value, now))
            case "subdivision" | "gate" if self._run is not None:
                passed = self.timeline.beat_at(now - self._offset) - self._run.origin
                self._run.change_grid(self._panel.settings.rhythm, passed)
            case "mute" if value:
                self._outbox += self._voice.end_all()
        return True

    def _enter_mode(self, now: Seconds) -> None:
        self._phrase = Phrase()
        self._turns.give()
        if self._mode is Mode.SOLO:
            self._start_solo(now)

    def _forget(self, now: Seconds) -> None:
        self._end_run()
        self._improviser.forget()
        self._voice.forget_place()
        self._outbox.append(Notice("forgotten: window and memory are empty"))
        if self._mode is Mode.SOLO:
            self._start_solo(now)

    # --- settings

    def _take_up(self, settings: Settings) -> None:
        """Have in force what the settings say of panel, scenes, mode and output."""
        self._panel = Panel(settings)
        self._scenes = Scenes(settings.scene, settings.model, self._models)
        self._mode = settings.mode
        self._offset: Seconds = settings.output.offset_ms / 1000
        self._lead: Seconds = max(0.0, -self._offset)  # what it must know a turn before

    def _reload(self, reload: Reload, now: Seconds) -> None:
        """Go on by other settings; the window, the memory and, if it can, the beat stay."""
        before, settings = self._panel.settings, reload.settings
        self._models = reload.models or self._models
        self._let_go(now)
        self._end_everything()
        self._stepped_at = -math.inf  # the grid may be another
        self._take_up(settings)
        self._voice.take_up(settings)
        self._turns.settings = settings.turn
        self._ledger.channel = settings.output.channel
        if any(getattr(settings, name) != getattr(before, name) for name in _HEARING):
            self._ears = Ears(settings)
        tempo = settings.tempo
        if self._pulse.is_locked:  # then it isn't the configuration's
            tempo = replace(tempo, bpm=before.tempo.bpm)
            self._panel["tempo"] = tempo.bpm
        if settings.clock != before.clock or tempo != before.tempo:
            self._outbox += self._pulse.stop()
            self._pulse = _pulse(settings)
            self._take_beat([TempoChange(settings.tempo.bpm), *self._pulse.start(now)])
        self._improviser.obey(settings)
        if reload.predictor is not None:
            self._improviser.use(reload.predictor)
            self._complained_of = None
        self._enter_mode(now)
        self._outbox.append(Notice("the configuration was read again"))

    # --- scenes

    @property
    def _scene_time(self) -> Seconds | None:
        return None if self._scenes.due is None else self.timeline.time_of(self._scenes.due)

    def _call_scene(self, name: str, now: Seconds) -> None:
        try:
            self._scenes.call(name, self._pulse.next_place(now, 1.0))
        except (ValueError, ModelError) as exc:
            self._refuse(str(exc))

    def _enter_scene(self, due: Seconds, now: Seconds) -> None:
        """From its beat on, however late that is noticed."""
        try:
            entered = self._scenes.enter(self._pulse.next_place(now, 1.0))
        except ModelError as exc:
            self._outbox.append(Notice(str(exc)))
            return
        if entered is None:
            return
        scene, model = entered
        if model is not None:
            self._improviser.use(model)
        for name, text in scene.set:
            value = controls.read(Control(name, text))
            if value != self._panel[name]:
                self._set(name, value, due)
        self._outbox.append(Notice(f"scene {scene.name}"))
        if self._improviser.missing:
            self._end_run()

    # --- turns

    @property
    def _turn_time(self) -> Seconds | None:
        """When to act on a turn: early enough for an answer that an offset makes early."""
        turn = self._turns.end(self._lead)
        return None if turn is None else turn - self._lead

    def _pass_turn(self, now: Seconds) -> None:
        """A pedal, say: the machine's turn now, or the player's again."""
        if self._mode is Mode.CALL_RESPONSE and self._answering:
            self._end_run()
        elif self._phrase.steps and not self._phrase.over:
            self._take_turn(now + self._lead)

    def _end_phrase(self, now: Seconds) -> None:
        """The player says that the phrase is over, before silence does."""
        if self._phrase.steps and not self._phrase.over:
            self._take_turn(now + self._lead)
        elif not self._answering:
            self._outbox.append(EndOfAnswer())

    def _answer_again(self, now: Seconds) -> None:
        if self._mode is not Mode.CALL_RESPONSE or not self._phrase.over:
            self._refuse("again: there is no phrase that was answered")
            return
        self._end_run()
        self._improviser.rewind()
        self._take_turn(now + self._lead)

    def _take_turn(self, turn: Seconds) -> None:
        if self._answered_at is not None:  # the last note of the answer before still rings
            self._answered()
        self._turns.give()
        self._phrase.over = True
        self._answering = True
        if self._improviser.missing:
            if self._mode is Mode.CALL_RESPONSE:  # the others have said it with each note
                self._say_missing()
            self._answered()
        elif self._mode is Mode.CALL_RESPONSE:
            if self._run is None:  # with hold, an answer may be going on
                self._run = answer(self._panel.settings, self._phrase, self._pulse, turn)
        elif self._mode is Mode.SOLO:
            response = self._panel.settings.response
            self._owed = count(response, self._phrase) or response.max
            self._start_solo(turn)  # with the rhythm and touch of this phrase
            if self._run is None:  # the clock stands still
                self._answered()
        elif (last := self._duet.last_time) is not None:  # duet: answers are on their way
            self._answered_at = last + self._grid_step
        elif self._duet.waiting is None:
            self._answered()

    def _answered(self) -> None:
        self._answering = False
        self._answered_at = None
        self._owed = 0
        self._outbox.append(EndOfAnswer())

    # --- the generation loop: an answer, or solo

    def _start_solo(self, now: Seconds) -> None:
        self._run = None
        if self._improviser.missing and not self._improviser.can_begin:
            self._say_missing()
        elif self._pulse.stands_still:
            self._explain(silence.NO_START)
        else:
            self._silence = ""
            # Where one run ends and another begins, no step of the grid is played twice.
            start = max(now, self._stepped_at + self._grid_step / 2) - self._offset
            self._run = solo(self._panel.settings, self._phrase, self._pulse, start)

    def _run_time(self, run: Run) -> Seconds:
        return self.timeline.time_of(run.origin + run.place.onset) + self._offset

    def _run_step(self, run: Run, due: Seconds, now: Seconds) -> None:
        is_first, place = run.is_first, run.step()
        self._stepped_at = due
        ends = run.is_over and not self._panel.settings.response.hold
        length = self._seconds(max(place.length, RING) if ends else place.length)
        gap = self._seconds(run.place.onset - place.onset)
        if now - due > gap / 2:  # nearer to the next step: playing it now would make a burst
            self.dropped += 1
        elif is_first or not self._rests():
            self._play_next(place.velocity, due, length)
        if ends:
            self._run = None
            self._answered_at = due + length
        elif self._owed:
            self._owed -= 1
            if not self._owed:
                self._answered_at = due + length

    def _rests(self) -> bool:
        density = self._panel.settings.rhythm.density
        return density < 1 and self._chance.random() >= density

    def _play_next(self, velocity: Velocity, due: Seconds, length: Seconds) -> None:
        """Play what follows the window, and let the window hear it."""
        degree = self._improviser.play(self._ears.key.tonic)
        if degree is None:
            return
        self._voice.near = pitch = self._voice.place(degree, self._ears.key, self._voice.near)
        if not self._panel.settings.output.mute:
            self._end_at(self._begin(pitch, velocity), due + length)

    def _end_run(self) -> None:
        """Silence the machine; what the player holds through thru sounds on."""
        self._outbox += self._voice.end_all()
        self._duet.clear()
        self._improviser.owe_nothing()
        self._run = None
        if self._answering:
            self._answered()

    # --- duet

    def _answer_key(self, wanted: Waiting, now: Seconds, *, at_once: bool) -> None:
        """Answer a key with the letter that was foreseen, or as soon as one is."""
        if not at_once and self._improviser.missing:
            self._say_missing()
        elif self._duet.waiting is not None or not self._duet.admits(now):
            self.dropped += 1
        elif at_once:
            self._give_answer(wanted, now)
        else:
            self._duet.waiting = wanted
            self._improviser.owe(wanted.degree)
            self._give_owed(now)

    def _give_owed(self, now: Seconds) -> None:
        """Answer the key that waits, if its answer is known by now."""
        if (wanted := self._duet.waiting) is not None and not self._improviser.owes:
            self._duet.waiting = None
            self._give_answer(wanted, now)
            if self._answering:  # the turn has ended meanwhile
                self._answered_at = (self._duet.last_time or now) + self._grid_step

    def _give_answer(self, wanted: Waiting, now: Seconds) -> None:
        degree = self._improviser.answer()
        if degree is None:
            return
        at = self._answer_time(now)
        reply = Answer(wanted.key, degree, self._voice.near, wanted.velocity)
        if at > self._now:
            self._duet.plan(at, reply)
        else:
            self._play_answer(reply, at)

    def _answer_time(self, now: Seconds) -> Seconds:
        if self._panel.settings.duet.quantize:
            step = 1 / self._panel.settings.rhythm.subdivision
            place = self._pulse.next_place(now - self._offset, step)
            return self.timeline.time_of(place) + self._offset
        return now + max(0.0, self._offset)

    def _play_answer(self, reply: Answer, at: Seconds) -> None:
        """It ends with its key; if that is up already, by the gate."""
        former = self._duet.let_go(reply.key)
        if former is not None:  # struck again, or its note-off was lost on the way
            self._outbox += self._voice.end(former)
        if self._panel.settings.output.mute:
            return
        pitch = self._voice.place(reply.degree, self._ears.key, reply.near)
        note = self._begin(pitch, reply.velocity)
        if reply.key in self._turns:
            self._duet.hold(reply.key, note)
        else:
            self._end_at(note, at + self._grid_step * self._panel.settings.rhythm.gate)

    # --- what there is to say

    @property
    def _tell_time(self) -> Seconds | None:
        """When there is something to say that nobody has done just now."""
        times = (self._panel.tell_at, self._hold_time)
        return min((time for time in times if time is not None), default=None)

    def _tell(self, due: Seconds) -> None:
        if self._panel.tell_at is not None and self._panel.tell_at <= due:
            self._outbox += self._panel.told()
        else:
            self._explain_hold()

    def _explain(self, line: str) -> None:
        """Say why no answer comes, and what to do, now and in the status."""
        self._silence = line
        self._outbox.append(Notice(line))

    @property
    def _hold_time(self) -> Seconds | None:
        """When to say that something has been held so long that it may be by mistake."""
        since = self._turns.held_since
        if self._mode is not Mode.CALL_RESPONSE or self._run is not None or since is None:
            return None
        return None if since == self._told_of_hold else since + silence.LONG

    def _explain_hold(self) -> None:
        self._told_of_hold = self._turns.held_since
        keys = [self.key.pitch_name(pitch) for pitch in self._turns.held]
        self._explain(silence.held(keys))

    def _nothing_is_held(self) -> None:
        """What was said of what is held is over, if nothing is."""
        if self._told_of_hold is not None and not self._turns.is_held:
            self._told_of_hold = None
            self._silence = ""

    def _say_unheard(self, note: NoteOn) -> None:
        """Say once what the ears leave out, and in the status too while they hear nothing else."""
        line = self._ears.why_unheard(note)
        if line not in self._unheard:
            self._unheard.add(line)
            self._outbox.append(Notice(line))
        if not self._ears.melody:
            self._silence = line

    # --- notes

    def _say_missing(self) -> None:
        self._explain(silence.missing(self._improviser.missing))

    def _begin(self, pitch: Pitch, velocity: Velocity) -> NoteId:
        sounds = self._voice.transposed(pitch, self._ears.key)
        self._played.append(sounds)
        note, messages = self._voice.begin(sounds, self._voice.touched(velocity))
        self._outbox += messages
        return note

    def _end_at(self, note: NoteId, time: Seconds) -> None:
        if time > self._now:
            self._voice.end_at(note, time)
        else:
            self._outbox += self._voice.end(note)

    def _end_everything(self) -> None:
        self._turns.give()
        self._outbox += self._ledger.flush()
        self._voice.forget()
        self._end_run()

    # --- time

    def _seconds(self, beats: Beats) -> Seconds:
        return beats * 60 / self.timeline.bpm

    @property
    def _grid_step(self) -> Seconds:
        return self._seconds(1 / self._panel.settings.rhythm.subdivision)

    def _do_next(self, due: Seconds, now: Seconds) -> None:
        """Do what is due first; of several at one time, the ends of notes first."""
        if (at := self._voice.next_end) is not None and at <= due + AT_ONCE:
            self._outbox += self._voice.end_next()
        elif (at := self._duet.next_time) is not None and at <= due + AT_ONCE:
            self._play_planned(self._duet.pop(), due, now)
        elif (at := self._answered_at) is not None and at <= due + AT_ONCE:
            self._answered()
        elif (at := self._follow_at) is not None and at <= due:
            self._follow_player(at)
        elif (at := self._pulse.deadline) is not None and at <= due:
            self._take_beat(self._pulse.advance(now))
        elif (at := self._scene_time) is not None and at <= due + AT_ONCE:
            self._enter_scene(at, now)
        elif (at := self._turn_time) is not None and at <= due:
            self._take_turn(at + self._lead)
        elif (at := self._tell_time) is not None and at <= due:
            self._tell(due)
        elif self._run:
            self._run_step(self._run, due, now)

    def _play_planned(self, reply: Answer, due: Seconds, now: Seconds) -> None:
        if now - due > self._grid_step / 2:  # nearer to the next step
            self.dropped += 1
        else:
            self._play_answer(reply, due)


def _pulse(settings: Settings) -> Pulse:
    tempo = settings.tempo
    return Pulse(tempo.source, tempo.bpm, tempo.bar, sends=settings.clock.send)
