"""Turns, touch, controls and scenes under simulated time.

The tempo is 120 with two steps a beat: a step is 0.25 s, and a note sounds 0.2 s
of it, an answer's last note a beat. The predictor answers each letter with the next one.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.errors import ModelError
from midigen.instrument.events import EndOfAnswer, Keep, Notice, Output
from midigen.instrument.performer import Performer
from midigen.midi.messages import ChannelMessage, Clock, NoteOff, NoteOn, Seconds
from midigen.music.keys import SIZE, Key
from midigen.prediction.predictor import Predictor
from midigen.settings.choices import Mode, TempoSource
from midigen.settings.controls import Control
from midigen.settings.kinds import InBeats, Transposition
from midigen.settings.sections import Knob, Scene
from midigen.settings.table import Settings
from tests.models import SecondLetter
from tests.players import (
    AnyLetter,
    NextLetter,
    TimedEvents,
    TimedOutputs,
    key,
    notes,
    onsets,
    performer,
    play,
    run,
    settings,
    together,
)

CALL = settings(turn={"silence": 0.5})
C = key(60, 0.0, 0.1)
C_E = together(key(60, 0.0, 0.1, velocity=60), key(64, 0.5, 0.6, velocity=100))


def cc(number: int, value: int) -> ChannelMessage:
    return ChannelMessage(0xB0, (number, value))


def pedal(*changes: tuple[Seconds, int]) -> TimedEvents:
    return [(time, cc(64, value)) for time, value in changes]


def said(outputs: TimedOutputs) -> list[tuple[Seconds, str]]:
    return [(time, output.text) for time, output in outputs if isinstance(output, Notice)]


class TestTurns:
    def test_auto_waits_for_a_step_and_a_half(self) -> None:
        """Steps of 0.25 s: 0.375 s after the last key came up."""
        chosen = settings(turn={"silence": "auto"})
        phrase = together(*(key(60, n / 4, n / 4 + 0.2) for n in range(5)))
        playing = performer(chosen)
        playing.start(0.0)
        for time, event in phrase:
            playing.handle(event, time)
        assert playing.deadline == pytest.approx(1.2 + 0.375)

    def test_a_held_pedal_is_playing(self) -> None:
        events = together(C, pedal((0.05, 127), (2.0, 0)))
        assert onsets(play(CALL, events)) == [2.5]

    def test_a_pedal_can_hand_the_turn_over_and_take_it_back(self) -> None:
        chosen = settings(turn={"silence": 9.0}, control=(Knob(name="turn", cc=67),))
        events = together(
            *(key(60, n / 5, n / 5 + 0.1) for n in range(4)),
            [(0.8, cc(67, 127)), (0.9, cc(67, 0)), (1.2, cc(67, 127))],
        )
        assert notes(play(chosen, events)) == [
            (0.8, "on", 62),
            (1.0, "off", 62),
            (1.05, "on", 64),
            (1.2, "off", 64),
        ]

    def test_a_number_of_beats(self) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"length": InBeats(2.0)})
        outputs = play(chosen, C)
        assert onsets(outputs) == [0.6, 0.85, 1.1, 1.35]
        assert outputs[-1] == (1.85, EndOfAnswer())

    def test_endless_goes_on_until_a_key(self) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"length": "endless"})
        outputs = run(chosen, together(C, key(60, 100.0, 101.0)), 100.5)
        found = onsets(outputs)
        assert found == [round(0.6 + 0.25 * n, 6) for n in range(398)]
        assert outputs[-1] == (100.0, EndOfAnswer())

    @pytest.mark.parametrize("length", ["0.25 beats", "0.125 beats"])
    def test_a_length_below_a_step_is_a_note(self, length: str) -> None:
        assert onsets(run(CALL, [(0.0, Control("length", length)), *C], 3.0)) == [0.6]

    def test_a_turn_given_within_a_chord_loses_nothing(self) -> None:
        events: TimedEvents = [
            (0.0, NoteOn(60, 80)),
            (0.01, Control("turn")),
            (0.02, NoteOn(64, 80)),
            (0.1, NoteOff(60)),
            (0.1, NoteOff(64)),
        ]
        assert onsets(play(CALL, events))[-1] == 0.6

    def test_hold_while_the_last_note_rings_leaves_the_next_answer_its_own_end(self) -> None:
        chosen = settings(turn={"silence": 0.1}, response={"length": "match"})
        events = together(
            C,
            [(0.25, Control("hold", value=True)), (0.26, Control("length", "endless"))],
            key(64, 0.3, 0.35),
            [(1.5, Control("hold", value=False))],
            key(67, 2.0, 3.0),
        )
        outputs = run(chosen, events, 2.9)
        assert max(onsets(outputs)) < 2.0
        assert [time for time, each in outputs if each == EndOfAnswer()] == [0.45, 2.0]


class TestTouch:
    def test_an_answer_is_louder_and_softer_as_the_phrase_was(self) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"length": 5})
        outputs = play(chosen, C_E)
        velocities = [each.velocity for _, each in outputs if isinstance(each, NoteOn)]
        assert velocities == [60, 70, 80, 90, 100]

    @given(st.integers(0, 40), st.floats(0, 2), st.integers(0, 99))
    @effort(max_examples=40, deadline=None)
    def test_variation_is_small_seeded_and_scaled(
        self, variation: int, scale: float, seed: int
    ) -> None:
        chosen = settings(
            turn={"silence": 0.5},
            response={"length": 20},
            touch={"variation": variation, "scale": scale},
        )

        def velocities() -> list[int]:
            playing = Performer(chosen, NextLetter(), np.random.default_rng(seed))
            outputs = playing.start(0.0)
            for time, event in C:
                outputs += playing.handle(event, time)
            while (due := playing.deadline) is not None:
                outputs += playing.advance(due)
            return [each.velocity for each in outputs if isinstance(each, NoteOn)]

        found = velocities()
        assert found == velocities()
        assert len(found) == 20
        middle = min(max(round(80 * scale), 1), 127)
        assert all(1 <= each <= 127 and abs(each - middle) <= variation + 1 for each in found)

    def test_touch_doesnt_change_which_notes_are_drawn(self) -> None:
        def pitches(variation: int) -> list[int]:
            chosen = settings(mode=Mode.SOLO, touch={"variation": variation})
            playing = Performer(chosen, AnyLetter(), np.random.default_rng(3))
            outputs = [*playing.start(0.0), *playing.handle(NoteOn(60, 80), 0.0)]
            for step in range(60):
                outputs += playing.advance(step / 4)
            return [each.pitch for each in outputs if isinstance(each, NoteOn)]

        assert pitches(0) == pitches(20)

    @pytest.mark.parametrize("middle", [24, 48, 60, 84, 108])
    def test_an_answer_stays_near_the_phrase_whatever_the_model_says(self, middle: int) -> None:
        """Letters at random for long, and a range that allows all pitches."""
        chosen = settings(
            turn={"silence": 0.5},
            range={"low": 0, "high": 127},
            response={"length": 1000, "max": 1000},
        )
        playing = Performer(chosen, AnyLetter(), np.random.default_rng(0))
        outputs = playing.start(0.0)
        for time, event in key(middle, 0.0, 0.1):
            outputs += playing.handle(event, time)
        while (due := playing.deadline) is not None:
            outputs += playing.advance(due)
        pitches = [each.pitch for each in outputs if isinstance(each, NoteOn)]
        assert len(pitches) == 1000
        assert middle - 16 <= min(pitches) < middle < max(pitches) <= middle + 16

    @pytest.mark.parametrize(("phrase", "low", "high"), [(110, 60, 72), (20, 36, 96), (66, 60, 72)])
    def test_the_range_has_the_last_word(self, phrase: int, low: int, high: int) -> None:
        chosen = settings(
            turn={"silence": 0.5},
            range={"low": low, "high": high},
            response={"length": 30},
        )
        played = notes(play(chosen, key(phrase, 0.0, 0.1)))
        pitches = [pitch for _, kind, pitch in played if kind == "on"]
        assert len(pitches) == 30
        assert low <= min(pitches) <= max(pitches) <= high

    @pytest.mark.parametrize(
        ("transposition", "pitches"),
        [
            (Transposition(), [62, 64, 65]),
            (Transposition(octaves=1), [74, 76, 77]),
            (Transposition(octaves=-1), [50, 52, 53]),
            (Transposition(degrees=2), [65, 67, 69]),
            (Transposition(degrees=-7), [50, 52, 53]),
            (Transposition(octaves=4), [86, 88, 89]),  # not above the range: C7 is its highest
        ],
    )
    def test_transposed(self, transposition: Transposition, pitches: list[int]) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"length": 3, "transpose": transposition})
        assert [p for _, kind, p in notes(play(chosen, C)) if kind == "on"] == pitches

    def test_degrees_are_those_of_the_key(self) -> None:
        """A third above in E flat: A flat is a minor third from F, B flat a major one from G."""
        e_flat = Key.named("Eb major")
        assert [e_flat.moved(pitch, 2) for pitch in (63, 65, 67, 74)] == [67, 68, 70, 77]
        assert [e_flat.moved(pitch, -1) for pitch in (63, 65)] == [62, 63]

    @given(st.integers(-7, 7), st.integers(12, 110), st.integers(-14, 14))
    def test_there_and_back_is_where_it_was(self, signature: int, pitch: int, degrees: int) -> None:
        written = Key("any", signature)
        if written.degree(pitch) is not None:
            moved = written.moved(pitch, degrees)
            assert written.degree(moved) == ((written.degree(pitch) or 0) + degrees) % SIZE
            assert written.moved(moved, -degrees) == pitch
            assert (moved > pitch) == (degrees > 0)

    def test_what_the_pedal_holds_sounds_until_it_is_lifted(self) -> None:
        playing = performer(settings(mode=Mode.DUET, thru=True))
        playing.start(0.0)
        playing.handle(cc(64, 127), 0.0)
        playing.handle(NoteOn(60, 80), 0.1)
        playing.handle(NoteOff(60), 0.2)
        assert playing.sounding == {60, 62}
        playing.handle(cc(64, 0), 0.3)
        assert playing.sounding == set()

    def test_reset_controllers_lifts_the_pedal(self) -> None:
        playing = performer(settings(mode=Mode.DUET, thru=True))
        playing.start(0.0)
        for event in (cc(64, 127), NoteOn(60, 80), NoteOff(60), cc(121, 0)):
            playing.handle(event, 0.1)
        assert playing.sounding == set()

    def test_a_pedal_that_isnt_passed_on_holds_nothing(self) -> None:
        playing = performer(settings(mode=Mode.DUET))
        playing.start(0.0)
        playing.handle(cc(64, 127), 0.0)
        playing.handle(NoteOn(60, 80), 0.1)
        playing.handle(NoteOff(60), 0.2)
        assert playing.sounding == set()


class TestControls:
    def test_each_says_what_it_is_now(self) -> None:
        playing = performer(CALL)
        playing.start(0.0)
        for control, line in (
            (Control("temperature", "0.8"), "temperature 0.8"),
            (Control("mute", "on"), "mute on"),
            (Control("length", 7), "length 7"),
            (Control("key", "d dorian"), "key D dorian"),
            (Control("mode", "duet"), "mode duet"),
        ):
            assert Notice(line) in playing.handle(control, 1.0)

    def test_a_switch_that_is_set_to_nothing_changes_over(self) -> None:
        playing = performer(CALL)
        playing.start(0.0)
        for name in ("mute", "hold"):
            for word in ("on", "off", "on"):
                assert Notice(f"{name} {word}") in playing.handle(Control(name), 1.0)
        assert (playing.status().muted, playing.status().holding) == (True, True)

    def test_hold_makes_an_answer_go_on(self) -> None:
        events = together(
            C, [(0.3, Control("hold", value=True)), (1.4, Control("hold", value=False))]
        )
        assert onsets(run(CALL, events, 5.0)) == [0.6, 0.85, 1.1, 1.35, 1.6]

    def test_held_before_it_ends_it_goes_on_and_ends_when_let_go(self) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"hold": True})
        events = together(C, key(67, 1.0, 1.05), [(2.0, Control("hold", value=False))])
        outputs = run(chosen, events, 9.0)
        assert onsets(outputs) == [0.6, 0.85, 1.1, 1.35, 1.6, 1.85, 2.1]
        pitches = [pitch for _, kind, pitch in notes(outputs) if kind == "on"]
        assert pitches[:4] == [62, 64, 69, 71]  # after the player's G, at 1.0, come A and B
        assert outputs[-1] == (2.6, EndOfAnswer())

    def test_mute_ends_what_sounds_and_the_line_goes_on_unheard(self) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"length": 4})
        events = together(
            C, [(0.7, Control("mute", value=True)), (1.2, Control("mute", value=False))]
        )
        assert notes(play(chosen, events)) == [
            (0.6, "on", 62),
            (0.7, "off", 62),
            (1.35, "on", 67),
            (1.85, "off", 67),
        ]

    def test_a_muted_duet_answers_nothing(self) -> None:
        chosen = settings(mode=Mode.DUET, output={"mute": True})
        assert notes(play(chosen, C_E)) == []

    def test_again_is_another_answer_to_the_same_phrase(self) -> None:
        events: TimedEvents = [*C_E, (3.0, Control("again"))]
        outputs = play(CALL, events)
        pitches = [pitch for _, kind, pitch in notes(outputs) if kind == "on"]
        assert pitches[:3] == [65, 67, 65]
        assert pitches[3] % 12 != 67 % 12
        assert onsets(outputs) == [1.5, 1.75, 3.0, 3.25]

    def test_again_during_an_answer_begins_another_one(self) -> None:
        """It begins otherwise than the one that was broken off after its first note."""
        outputs = play(CALL, [*C_E, (1.6, Control("again"))])
        assert notes(outputs) == [
            (1.5, "on", 65),
            (1.6, "off", 65),
            (2.0, "on", 62),
            (2.2, "off", 62),
            (2.25, "on", 64),
            (2.75, "off", 64),
        ]

    @pytest.mark.parametrize("mode", Mode)
    def test_again_needs_a_phrase_that_was_answered(self, mode: Mode) -> None:
        playing = performer(settings(mode=mode))
        playing.start(0.0)
        assert playing.handle(Control("again"), 1.0) == [
            Notice("again: there is no answer to repeat", is_refusal=True)
        ]

    def test_panic_silences_everything_on_its_channel(self) -> None:
        playing = performer(settings(mode=Mode.DUET, thru=True, output={"channel": 3}))
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        assert playing.handle(Control("panic"), 0.1) == [
            NoteOff(60, 3),
            NoteOff(62, 3),
            ChannelMessage(0xB0, (64, 0), 3),
            ChannelMessage(0xB0, (120, 0), 3),
            ChannelMessage(0xB0, (123, 0), 3),
            Notice("panic: everything is silent until you play on"),
        ]
        assert playing.deadline is None

    @pytest.mark.parametrize(("stuck", "begins"), [(NoteOn(60, 80), 3.0), (cc(64, 127), 2.6)])
    def test_panic_frees_keys_and_pedals_whose_end_was_lost(
        self, stuck: Any, begins: Seconds
    ) -> None:
        """The lost key is a step of the phrase: a grid of 0.5 s goes through it."""
        events = together([(0.0, stuck), (1.0, Control("panic"))], key(60, 2.0, 2.1))
        assert onsets(run(CALL, events, 4.0))[0] == begins

    def test_a_note_right_after_panic_is_one_of_its_own(self) -> None:
        """Not one of the chord that was held before."""
        playing = performer(settings(mode=Mode.DUET))
        playing.start(0.0)
        playing.handle(NoteOn(64, 80), 0.0)
        playing.handle(Control("panic"), 0.005)
        playing.handle(NoteOff(64), 0.01)
        assert playing.handle(NoteOn(67, 80), 0.015) == [NoteOn(69, 80)]

    def test_after_panic_solo_waits_for_a_key(self) -> None:
        chosen = settings(mode=Mode.SOLO)
        events = together(C, [(1.1, Control("panic"))], key(60, 3.0, 3.1))
        found = onsets(run(chosen, events, 3.6))
        assert not [time for time in found if 1.1 <= time < 3]
        assert [time for time in found if time >= 3] == [3.0, 3.25, 3.5]

    def test_keep_is_passed_on(self) -> None:
        playing = performer(CALL)
        playing.start(0.0)
        assert playing.handle(Control("keep"), 0.1) == [Keep()]

    def test_another_key_ends_notes_as_they_began(self) -> None:
        chosen = settings(mode=Mode.DUET)
        events = together(key(60, 0.0, 1.0), [(0.5, Control("key", "Db major"))])
        assert notes(play(chosen, events)) == [(0.0, "on", 62), (1.0, "off", 62)]

    def test_a_button_that_comes_up_does_nothing(self) -> None:
        playing = performer(CALL)
        playing.start(0.0)
        assert playing.handle(Control("panic", 0.0), 0.1) == []


class TestKnobs:
    KNOBS = (
        Knob(name="temperature", cc=21),
        Knob(name="mode", program=4, value="solo"),
        Knob(name="panic", note=36),
    )

    def test_a_knob_is_heard_at_once_and_told_when_it_rests(self) -> None:
        chosen = settings(mode=Mode.DUET, thru=True, control=self.KNOBS)
        playing = performer(chosen)
        playing.start(0.0)
        assert playing.handle(cc(21, 25), 1.0) == []
        assert playing.handle(cc(21, 13), 1.1) == []
        assert playing._parts.panel["temperature"] == pytest.approx(13 / 127 * 5)
        assert playing.deadline == pytest.approx(1.5)
        assert playing.advance(1.5) == [Notice("temperature 0.511811")]
        assert playing.deadline is None

    def test_its_messages_are_neither_played_nor_passed_on(self) -> None:
        chosen = settings(mode=Mode.DUET, thru=True, control=self.KNOBS)
        events: TimedEvents = [
            (0.0, cc(21, 25)),
            (0.1, cc(22, 25)),
            *key(36, 0.2, 0.3),
            *key(60, 0.4, 0.5),
        ]
        outputs = play(chosen, events)
        assert [each for _, each in outputs if isinstance(each, ChannelMessage)][:1] == [cc(22, 25)]
        assert onsets(outputs) == [0.4, 0.4]

    def test_a_pad_that_presses_isnt_taken_for_a_slider(self) -> None:
        playing = performer(settings(mode=Mode.DUET, control=self.KNOBS))
        playing.start(0.0)
        assert Notice("panic: everything is silent until you play on") in playing.handle(
            NoteOn(36, 9), 1.0
        )

    def test_a_program_changes_the_mode(self) -> None:
        chosen = settings(mode=Mode.DUET, control=self.KNOBS)
        playing = performer(chosen)
        playing.start(0.0)
        assert Notice("mode solo") in playing.handle(ChannelMessage(0xC0, (4,)), 1.0)


class TestFaders:
    """What may send many values in a row, as over OSC."""

    def moved(self, name: str, *values: float, is_moving: bool = True) -> list[Any]:
        """What is said of values that come every 20 ms from 1.0 on, with its times."""
        playing = performer(settings())
        playing.start(0.0)
        said: list[Any] = []
        for step, value in enumerate(values):
            now = 1 + step / 50
            said += [
                (round(now, 6), each.text)
                for each in playing.handle(Control(name, value, is_moving=is_moving), now)
                if isinstance(each, Notice)
            ]
        while (due := playing.deadline) is not None and due < 4:
            said += [
                (round(due, 6), each.text)
                for each in playing.advance(due)
                if isinstance(each, Notice)
            ]
        return said

    def test_one_that_moves_is_told_of_when_it_rests(self) -> None:
        values = [step / 100 for step in range(101)]
        assert self.moved("temperature", *values) == [(3.4, "temperature 1")]

    def test_a_line_that_is_typed_is_answered_at_once(self) -> None:
        said = self.moved("temperature", 0.5, 0.6, is_moving=False)
        assert said == [(1.0, "temperature 0.5"), (1.02, "temperature 0.6")]

    def test_what_can_not_be_is_said_at_once_and_once(self) -> None:
        values = [step / 10 for step in range(101)]  # the last half is out of range
        assert self.moved("temperature", *values) == [
            (pytest.approx(1 + 51 / 50), "temperature is a number 0 to 5, not 5.1"),
            (pytest.approx(1 + 50 / 50 + 0.4), "temperature 5"),
        ]
        assert len(self.moved("temprature", *range(100))) == 1

    def test_it_is_said_again_after_a_rest_and_of_each(self) -> None:
        playing = performer(settings())
        playing.start(0.0)

        def refused(name: str, now: Seconds) -> bool:
            said = playing.handle(Control(name, 1000, is_moving=True), now)
            return any(isinstance(each, Notice) and each.is_refusal for each in said)

        assert [refused("gate", now) for now in (1.0, 1.3, 1.6)] == [True, False, False]
        assert refused("velocity", 1.7)
        assert refused("gate", 2.1)

    def test_words_are_told_at_once(self) -> None:
        playing = performer(CALL)
        playing.start(0.0)
        told = playing.handle(Control("mode", "duet", is_moving=True), 1.0)
        assert Notice("mode duet") in told

    @pytest.mark.parametrize("is_knob", [False, True])
    def test_the_tempo_of_a_clock_is_refused_once(self, is_knob: bool) -> None:
        knob = Knob(name="tempo", cc=21)
        playing = performer(settings(tempo={"source": TempoSource.CLOCK}, control=(knob,)))
        playing.start(0.0)
        said: list[Output] = []
        for step in range(100):
            playing.handle(Clock.TICK, step / 48)
            if step >= 40:
                moved = cc(21, step - 20) if is_knob else Control("tempo", step, is_moving=True)
                said += playing.handle(moved, step / 48)
        assert said == [Notice("the clock sets the tempo", is_refusal=True)]


class Shelf:
    """Models that take so many askings to be loaded."""

    def __init__(self, askings: int = 1) -> None:
        self.askings = askings

    def get(self, name: str) -> Predictor | None:
        if name == "broken":
            raise ModelError("broken: not a model")
        self.askings -= 1
        return SecondLetter() if self.askings < 0 else None


VERSE = Scene(name="verse", model="other", set=(("subdivision", 4), ("gate", 0.5)))
SOFT = Scene(name="soft", set=(("velocity", 0.5), ("mode", "call-response")))
BROKEN = Scene(name="broken", model="broken")


class TestScenes:
    def scene_run(
        self, shelf: Shelf | None, *controls: tuple[Seconds, Any], until: Seconds = 3.0
    ) -> TimedOutputs:
        chosen: Settings = settings(mode=Mode.SOLO, scene=(VERSE, SOFT, BROKEN))
        playing = Performer(chosen, NextLetter(), np.random.default_rng(0), shelf)
        outputs: list[tuple[Seconds, Output]] = [(0.0, each) for each in playing.start(0.0)]
        for time, event in [*C, *controls, (until, None)]:
            while (due := playing.deadline) is not None and due <= time:
                outputs += [(round(due, 6), each) for each in playing.advance(due)]
            if event is not None:
                outputs += [(round(time, 6), each) for each in playing.handle(event, time)]
        return outputs

    def test_a_scene_begins_with_the_next_beat_and_the_music_goes_on(self) -> None:
        outputs = self.scene_run(Shelf(), (0.6, Control("scene", "verse")), until=1.4)
        assert said(outputs) == [(1.0, "scene verse")]
        assert onsets(outputs) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.125, 1.25, 1.375]
        pitches = [pitch for _, kind, pitch in notes(outputs) if kind == "on"]
        assert pitches == [60, 62, 64, 65, 69, 72, 76, 67]  # from 1.0 on by the other model

    def test_it_begins_on_its_beat_however_late_that_is_noticed(self) -> None:
        """Its tempo, and what it makes solo play, aren't late for ever."""
        fast = Scene(name="fast", set=(("tempo", 60), ("mode", "solo")))
        playing = performer(settings(scene=(fast,)))
        playing.start(0.0)
        for time, event in [*C, (0.3, Control("scene", "fast"))]:
            playing.handle(event, time)
        assert playing.advance(0.505)[-1] == NoteOn(62, 80)
        assert playing.timeline.time_of(1) == pytest.approx(0.5)
        assert playing.timeline.time_of(2) == pytest.approx(1.5)

    def test_a_scene_called_before_the_song_jumps_begins_with_the_next_beat(self) -> None:
        chosen = settings(tempo={"source": TempoSource.CLOCK}, scene=(SOFT,))
        ticked: TimedEvents = [(n / 48, Clock.TICK) for n in range(300)]
        events = together(ticked, [(5.1, Control("scene", "soft")), (5.2, Clock.START)], [])
        ((time, _),) = [line for line in said(run(chosen, events, 6.0)) if "scene" in line[1]]
        assert time == pytest.approx(5.2, abs=0.1)

    def test_it_waits_beat_by_beat_for_its_model(self) -> None:
        outputs = self.scene_run(Shelf(3), (0.6, Control("scene", "verse")))
        assert said(outputs) == [(2.0, "scene verse")]
        assert [time for time in onsets(outputs) if time < 2] == [n / 4 for n in range(8)]

    def test_a_scene_without_a_model_keeps_it(self) -> None:
        outputs = self.scene_run(None, (0.6, Control("scene", "soft")))
        assert said(outputs) == [(1.0, "scene soft")]

    def test_a_model_that_cannot_be_loaded_is_told_and_nothing_changes(self) -> None:
        outputs = self.scene_run(Shelf(), (0.6, Control("scene", "broken")))
        assert said(outputs) == [(0.6, "broken: not a model")]
        assert onsets(outputs) == [n / 4 for n in range(13)]

    def test_without_a_shelf_there_are_no_models(self) -> None:
        outputs = self.scene_run(None, (0.6, Control("scene", "verse")))
        assert said(outputs) == [(0.6, "model other can't be loaded here")]

    def test_an_unknown_scene_lists_those_there_are(self) -> None:
        outputs = self.scene_run(None, (0.6, Control("scene", "chorus")))
        assert said(outputs) == [(0.6, "no scene 'chorus': there are verse, soft, broken")]

    def test_of_two_the_later_one_counts(self) -> None:
        outputs = self.scene_run(
            Shelf(9), (0.6, Control("scene", "verse")), (0.7, Control("scene", "soft"))
        )
        assert said(outputs) == [(1.0, "scene soft")]


def test_a_status_names_what_was_played_in_the_key_there_is_now() -> None:
    playing = performer(settings(mode=Mode.DUET, key=Key.named("Bb major"), thru=True))
    playing.start(0.0)
    for time, event in together(*(key(pitch, at, at + 0.1) for at, pitch in enumerate((70, 66)))):
        playing.handle(event, time)
    status = playing.status()
    assert (status.notes, status.heard) == (Key.named("Bb major").note_names, ("Bb", "F#"))
    playing.handle(Control("key", "Gb"), 3.0)
    playing.handle(NoteOn(71, 80), 3.5)
    later = playing.status()
    assert (later.key, later.notes[3], later.heard) == ("Gb major", "Cb", ("Bb", "Gb", "Cb"))
    assert later.sounds == tuple(map(Key.named("Gb major").pitch_name, later.sounding))
    assert "Cb5" in later.sounds


def test_a_status_lists_what_sounds_not_what_was_meant() -> None:
    """Moved up by two degrees, and not at all while it is mute."""
    moved = settings(mode=Mode.DUET, response={"transpose": Transposition(degrees=2)})
    playing = performer(moved)
    playing.start(0.0)
    assert playing.handle(NoteOn(60, 80), 0.0) == [NoteOn(65, 80)]
    assert playing.status().played == ("F",)
    playing.handle(Control("mute"), 1.0)
    playing.handle(NoteOn(60, 80), 2.0)
    assert playing.status().played == ("F",)


def test_a_status_says_how_it_stands() -> None:
    chosen = settings(turn={"silence": 0.5}, tempo={"bpm": 96.0}, key=Key.named("G major"))
    playing = performer(chosen)
    playing.start(0.0)
    turns = [playing.status().turn]
    playing.handle(NoteOn(67, 80), 0.0)
    assert [*turns, playing.status().turn] == ["", "you"]
    playing.handle(NoteOff(67), 0.1)
    playing.prepare()
    waiting = playing.status()
    assert (waiting.mode, waiting.key, waiting.bpm, waiting.beat) == (
        "call-response",
        "G major",
        96.0,
        "internal",
    )
    assert (waiting.heard, waiting.played, waiting.model) == (("G",), (), "songs")
    assert list(waiting.probabilities or ()) == [0, 1, 0, 0, 0, 0, 0]
    playing.advance(0.6)
    later = playing.status()
    assert (later.turn, later.played, later.sounding) == ("midigen", ("A",), (69,))
