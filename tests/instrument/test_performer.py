"""Whole event lists under simulated time, for all three modes.

The tempo is 120 with two steps a beat: a step is 0.25 s, and a note sounds 0.2 s
of it, an answer's last note a beat. The predictor answers each letter with the next one.
"""

import pytest

from midigen.instrument.events import EndOfAnswer, EndOfPhrase, Notice
from midigen.instrument.modes import MAX_ANSWERS
from midigen.midi.messages import ChannelMessage, NoteOff, NoteOn, Seconds
from midigen.music.keys import AUTO, Key
from midigen.prediction.mixture import Probabilities
from midigen.prediction.window import Degrees
from midigen.settings.choices import Mode
from midigen.settings.controls import Control
from midigen.settings.table import Settings
from tests.players import NextLetter, TimedEvents, key, notes, performer, play, settings, together

CALL = settings(turn={"silence": 0.5})
DUET = settings(mode=Mode.DUET)
SOLO = settings(mode=Mode.SOLO)

C_E = together(key(60, 0.0, 0.1, velocity=60), key(64, 0.5, 0.6, velocity=100))


class Broken(NextLetter):
    """A predictor that fails."""

    def predict(self, windows: Degrees) -> Probabilities:
        raise ZeroDivisionError(windows)


class TestCallResponse:
    def test_it_answers_a_phrase_with_as_many_notes(self) -> None:
        assert play(CALL, C_E) == [
            (1.5, NoteOn(65, 60)),  # on the phrase's next step, as loud as its first note
            (1.7, NoteOff(65)),
            (1.75, NoteOn(67, 100)),
            (2.25, NoteOff(67)),  # the last one rings for a beat
            (2.25, EndOfAnswer()),
        ]

    def test_a_held_key_keeps_it_waiting(self) -> None:
        events = together(key(60, 0.0, 3.0), key(64, 0.5, 0.6))
        assert play(CALL, events)[0] == (3.5, NoteOn(65, 80))

    @pytest.mark.parametrize(("length", "longest", "expected"), [(5, 32, 5), ("match", 1, 1)])
    def test_the_answers_length(self, length: object, longest: int, expected: int) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"length": length, "max": longest})
        assert len(notes(play(chosen, C_E))) == 2 * expected

    def test_a_key_stops_the_answer_at_once_and_it_listens_again(self) -> None:
        assert play(CALL, together(C_E, key(72, 1.8, 1.85))) == [
            (1.5, NoteOn(65, 60)),
            (1.7, NoteOff(65)),
            (1.75, NoteOn(67, 100)),
            (1.8, NoteOff(67)),
            (1.8, EndOfAnswer()),
            (2.35, NoteOn(74, 80)),  # one note answers one
            (2.85, NoteOff(74)),
            (2.85, EndOfAnswer()),
        ]

    def test_the_answers_last_note_gives_way_too(self) -> None:
        outputs = play(CALL, together(C_E, key(72, 1.9, 2.0)))
        assert (1.9, "off", 67) in notes(outputs)

    def test_the_note_off_goes_out_before_what_thru_passes(self) -> None:
        playing = performer(settings(turn={"silence": 0.5}, thru=True))
        playing.start(0.0)
        for time, event in C_E:
            playing.handle(event, time)
        playing.advance(1.5)
        assert playing.handle(NoteOn(67, 90), 1.6) == [
            NoteOff(65),
            EndOfAnswer(),
            NoteOn(67, 90),
        ]

    def test_answers_enter_the_window(self) -> None:
        """The second call is answered from what the first answer left behind."""
        chosen = settings(turn={"silence": 0.5}, response={"length": 3})
        assert [n[2] for n in notes(play(chosen, key(60, 0.0, 0.1))) if n[1] == "on"] == [
            62,
            64,
            65,
        ]

    def test_below_the_models_minimum_it_says_what_is_missing(self) -> None:
        outputs = play(CALL, together(C_E, key(65, 3.0, 3.1)), min_notes=3)
        assert outputs[:2] == [
            (1.1, Notice("listening: 1 more note before the model can answer")),
            (1.1, EndOfAnswer()),
        ]
        assert notes(outputs) == [(3.6, "on", 67), (4.1, "off", 67)]

    def test_the_end_of_the_phrase_can_be_said(self) -> None:
        assert play(CALL, [*C_E, (0.7, EndOfPhrase())])[0] == (1.0, NoteOn(65, 60))

    def test_the_end_of_nothing_is_answered_with_nothing(self) -> None:
        assert play(CALL, [(0.7, EndOfPhrase())]) == [(0.7, EndOfAnswer())]

    def test_a_chord_is_one_step(self) -> None:
        chord = together(key(60, 0.0, 0.2), key(67, 0.01, 0.2), key(64, 0.02, 0.2))
        assert notes(play(CALL, chord)) == [(0.7, "on", 69), (1.2, "off", 69)]

    def test_an_answer_woken_late_keeps_its_grid(self) -> None:
        playing = performer(settings(turn={"silence": 0.5}, response={"length": 3}))
        playing.start(0.0)
        for time, event in key(60, 0.0, 0.1):
            playing.handle(event, time)
        assert playing.advance(0.65) == [NoteOn(62, 80)]  # due at 0.6
        assert playing.deadline == pytest.approx(0.8)
        assert playing.advance(0.8) == [NoteOff(62)]
        assert playing.deadline == pytest.approx(0.85)

    def test_notes_that_come_much_too_late_are_dropped_but_no_note_off(self) -> None:
        playing = performer(settings(turn={"silence": 0.5}, response={"length": 4}))
        playing.start(0.0)
        for time, event in key(60, 0.0, 0.1):
            playing.handle(event, time)
        assert playing.advance(0.6) == [NoteOn(62, 80)]
        assert playing.advance(1.37) == [NoteOff(62), NoteOn(64, 80)]  # due: 0.85, 1.1, 1.35
        assert playing.dropped == 2


class TestDuet:
    def test_every_note_is_answered_at_once_and_ends_with_its_key(self) -> None:
        assert play(DUET, C_E) == [
            (0.0, NoteOn(62, 60)),
            (0.1, NoteOff(62)),
            (0.5, NoteOn(65, 100)),
            (0.6, NoteOff(65)),
            (1.6, EndOfAnswer()),  # a second later the phrase is over
        ]

    def test_two_held_keys_have_their_own_answers(self) -> None:
        events = together(key(60, 0.0, 1.0), key(64, 0.5, 2.0))
        assert notes(play(DUET, events)) == [
            (0.0, "on", 62),
            (0.5, "on", 65),
            (1.0, "off", 62),
            (2.0, "off", 65),
        ]

    def test_of_a_chord_the_first_note_is_answered_and_the_highest_stays(self) -> None:
        """The predictor sees the chord's top when the next note comes."""
        playing = performer(settings(mode=Mode.DUET))
        playing.start(0.0)
        assert playing.handle(NoteOn(60, 80), 0.0) == [NoteOn(62, 80)]
        assert playing.handle(NoteOn(67, 80), 0.02) == []
        assert playing.handle(NoteOn(64, 80), 0.025) == []
        playing.prepare()
        assert playing._parts.improviser.foresight._session._window.as_batch().tolist() == [[4]]

    def test_quantized_answers_wait_for_the_grid(self) -> None:
        chosen = settings(mode=Mode.DUET, duet={"quantize": True})
        events = together(key(60, 0.1, 0.6), key(64, 0.7, 0.72))
        assert notes(play(chosen, events)) == [
            (0.25, "on", 62),
            (0.6, "off", 62),
            (0.75, "on", 65),  # its key is up already: it sounds by the gate
            (0.95, "off", 65),
        ]

    def test_a_key_struck_again_without_a_note_off_ends_its_former_answer(self) -> None:
        playing = performer(DUET)
        playing.start(0.0)
        assert playing.handle(NoteOn(60, 80), 0.0) == [NoteOn(62, 80)]
        assert playing.handle(NoteOn(67, 80), 0.5) == [NoteOn(69, 80)]
        assert playing.handle(NoteOn(60, 80), 1.0) == [NoteOff(62), NoteOn(62, 80)]
        assert playing.handle(NoteOff(60), 1.5) == [NoteOff(62)]

    def test_two_strikes_of_a_key_before_one_step_leave_nothing_hanging(self) -> None:
        chosen = settings(mode=Mode.DUET, duet={"quantize": True})
        events = together(key(60, 0.05, 0.07), key(60, 0.12, 0.5))
        assert notes(play(chosen, events)) == [
            (0.25, "on", 62),
            (0.25, "off", 62),
            (0.25, "on", 62),
            (0.5, "off", 62),
        ]

    def test_surplus_answers_are_dropped_and_counted(self) -> None:
        """Three hundred notes a millisecond apart, then one a second later."""
        playing = performer(settings(mode=Mode.DUET, sampling={"max_repeat": "off"}))
        playing.start(0.0)
        answers = []
        for index in range(300):
            answers += playing.handle(NoteOn(60, 80), index / 1000)
            answers += playing.handle(NoteOff(60), index / 1000 + 0.0005)
        assert answers == [NoteOn(62, 80), NoteOff(62)] * MAX_ANSWERS
        assert playing.dropped == 100
        assert playing.handle(NoteOn(60, 80), 1.3) == [NoteOn(62, 80)]

    def test_an_offset_moves_its_answers_later(self) -> None:
        chosen = settings(mode=Mode.DUET, output={"offset_ms": 40.0})
        assert notes(play(chosen, C_E)) == [
            (0.04, "on", 62),
            (0.14, "off", 62),
            (0.54, "on", 65),
            (0.64, "off", 65),
        ]


class TestSolo:
    def test_it_starts_after_the_models_minimum_and_runs_on_the_grid(self) -> None:
        playing = performer(SOLO, min_notes=2)
        assert playing.start(10.0) == [
            Notice("listening: 2 more notes before the model can answer")
        ]
        assert playing.handle(NoteOn(60, 70), 10.1) == [
            Notice("listening: 1 more note before the model can answer")
        ]
        assert playing.handle(NoteOn(62, 90), 10.2) == []
        assert playing.deadline == pytest.approx(10.25)
        assert playing.advance(10.25) == [NoteOn(64, 90)]
        assert playing.advance(10.45) == [NoteOff(64)]
        assert playing.advance(10.5) == [NoteOn(65, 70)]

    def test_what_is_played_steers_it(self) -> None:
        playing = performer(SOLO)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        playing.prepare()
        assert playing.advance(0.0) == [NoteOn(62, 80)]
        playing.prepare()
        playing.handle(NoteOn(79, 80), 0.1)
        assert playing.advance(0.25) == [NoteOff(62), NoteOn(81, 80)]

    def test_a_chord_around_a_step_of_its_own_replaces_the_players_note(self) -> None:
        playing = performer(SOLO)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.24)
        playing.advance(0.25)
        playing.handle(NoteOn(64, 80), 0.26)
        playing.prepare()
        assert playing._parts.improviser.foresight._session._window.as_batch().tolist() == [[2, 1]]

    def test_it_has_no_drift(self) -> None:
        """After an hour of late wake-ups the steps are where they belong."""
        playing = performer(SOLO)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        onsets = []
        now = 0.0
        while now < 3600:
            assert playing.deadline is not None
            now = playing.deadline + 0.003
            onsets += [now] * sum(isinstance(o, NoteOn) for o in playing.advance(now))
        assert onsets[-1] == pytest.approx(3600 + 0.003, abs=1e-6)
        assert len(onsets) == 3600 * 4 + 1

    def test_after_a_sleep_there_is_no_burst(self) -> None:
        playing = performer(SOLO)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        assert playing.advance(0.0) == [NoteOn(62, 80)]
        assert playing.advance(10.0) == [NoteOff(62), NoteOn(64, 80)]

    def test_at_the_end_of_the_input_it_plays_an_answers_length(self) -> None:
        outputs = play(SOLO, [*C_E, (0.7, EndOfPhrase())])
        after = [output for output in notes(outputs) if output[0] >= 0.7 and output[1] == "on"]
        assert [time for time, _, _ in after] == [0.75, 1.0]
        assert outputs[-1] == (1.2, EndOfAnswer())


class TestEveryMode:
    @pytest.mark.parametrize("mode", Mode)
    def test_a_change_of_mode_ends_what_sounds(self, mode: Mode) -> None:
        playing = performer(settings(mode=Mode.DUET, thru=True))
        playing.start(0.0)
        assert playing.handle(NoteOn(60, 80), 0.0) == [NoteOn(60, 80), NoteOn(62, 80)]
        assert playing.handle(Control("mode", mode), 0.1) == [
            NoteOff(60),
            NoteOff(62),
            Notice(f"mode {mode}"),
        ]
        assert playing.handle(NoteOff(60), 0.11) == []
        assert not playing.sounding

    def test_a_wrong_control_is_refused_by_name_and_nothing_stops(self) -> None:
        playing = performer(DUET)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        assert playing.handle(Control("mode", "trio"), 0.1) == [
            Notice('mode is one of "call-response", "duet", "solo", not \'trio\'', is_refusal=True)
        ]
        assert playing.handle(Control("moods", "duet"), 0.1) == [
            Notice("no control 'moods': did you mean mode?", is_refusal=True)
        ]
        assert playing.sounding == {62}

    @pytest.mark.parametrize(("chosen", "now"), [(CALL, 1.5), (DUET, 0.5), (SOLO, 1.1)])
    def test_stop_ends_what_sounds_and_it_is_silent_afterwards(
        self, chosen: Settings, now: Seconds
    ) -> None:
        playing = performer(chosen)
        playing.start(0.0)
        for time, event in C_E:
            if time <= now:
                playing.handle(event, time)
                playing.advance(time)
        playing.advance(now)
        sounding = sorted(playing.sounding)
        assert sounding
        assert playing.stop()[: len(sounding)] == [NoteOff(pitch) for pitch in sounding]
        assert playing.handle(NoteOn(60, 80), 2.0) == []
        assert playing.advance(9.0) == []
        assert playing.deadline is None

    def test_it_can_start_again_and_has_forgotten_which_keys_were_down(self) -> None:
        playing = performer(CALL)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        playing.stop()
        playing.start(5.0)
        for time, event in key(64, 6.0, 6.1):
            playing.handle(event, time)
        assert playing.advance(6.75) == [NoteOn(65, 80)]

    def test_thru_passes_notes_and_pedal_to_the_output_channel(self) -> None:
        chosen = settings(thru=True, output={"channel": 5})
        outputs = play(
            chosen,
            [
                (0.0, NoteOn(61, 70, 2)),
                (0.1, ChannelMessage(0xB0, (64, 127), 2)),
                (0.2, NoteOff(61, 2)),
            ],
        )
        assert outputs[:3] == [
            (0.0, NoteOn(61, 70, 5)),
            (0.1, ChannelMessage(0xB0, (64, 127), 5)),
            (0.2, NoteOff(61, 5)),
        ]
        assert outputs[-1][1] == ChannelMessage(0xB0, (64, 0), 5)  # lifted at the end

    def test_a_pitch_that_both_hold_ends_with_its_last_holder(self) -> None:
        chosen = settings(mode=Mode.DUET, thru=True)
        events = together(key(60, 0.0, 1.0), key(62, 0.5, 0.7))
        assert [n for n in notes(play(chosen, events)) if n[2] == 62] == [
            (0.0, "on", 62),  # the answer to 60
            (0.5, "off", 62),
            (0.5, "on", 62),  # the player's own: struck again
            (1.0, "off", 62),  # let go at 0.7, held by the answer until 1.0
        ]

    def test_it_listens_to_its_channel_and_keys_only(self) -> None:
        chosen = settings(mode=Mode.DUET, input={"channel": 2, "low": 60, "high": 72})
        playing = performer(chosen)
        playing.start(0.0)
        said = [
            Notice("channel 1 is ignored: midigen listens to channel 2 (input.channel)"),
            Notice("B3 is ignored: midigen listens from C4 to C5 (input.low, input.high)"),
            Notice("C#5 is ignored: midigen listens from C4 to C5 (input.low, input.high)"),
        ]
        for channel, pitch in ((1, 60), (2, 59), (2, 73)):
            assert playing.handle(NoteOn(pitch, 80, channel), 0.0) == [said.pop(0)]
            assert playing.handle(NoteOn(pitch, 80, channel), 0.1) == []  # it is said once
        assert playing.handle(NoteOn(72, 80, 2), 0.3) == [NoteOn(74, 80)]

    def test_range_and_key_and_channel_of_what_it_plays(self) -> None:
        chosen = settings(
            mode=Mode.DUET,
            key=Key.named("G major"),
            range={"low": 60, "high": 71},
            output={"channel": 16},
        )
        playing = performer(chosen)
        playing.start(0.0)
        assert playing.handle(NoteOn(100, 80), 0.0) == [NoteOn(66, 80, 16)]  # E: F sharp

    @pytest.mark.parametrize("said", [True, False])
    def test_an_early_offset_loses_no_note(self, said: bool) -> None:
        """Though the phrase ends later than the answer should have begun."""
        chosen = settings(
            turn={"silence": 0.05}, output={"offset_ms": -500.0}, response={"length": 3}
        )
        end: TimedEvents = [(0.12, EndOfPhrase())] if said else []
        assert len(notes(play(chosen, [*key(60, 0.0, 0.1), *end]))) == 6

    @pytest.mark.parametrize("number", [120, 123])
    def test_all_notes_off_lets_go_of_the_channels_keys(self, number: int) -> None:
        playing = performer(settings(mode=Mode.DUET, thru=True))
        playing.start(0.0)
        playing.handle(NoteOn(60, 80, 1), 0.0)
        playing.handle(NoteOn(72, 80, 2), 0.5)
        assert playing.handle(ChannelMessage(0xB0, (number, 0), 1), 1.0)[:2] == [
            NoteOff(60),
            NoteOff(62),
        ]
        assert playing.sounding == {72, 74}

    def test_pressure_of_keys_it_does_not_listen_to_is_not_passed(self) -> None:
        playing = performer(settings(thru=True, input={"low": 60}))
        playing.start(0.0)
        assert playing.handle(ChannelMessage(0xA0, (59, 10)), 0.0) == []
        assert playing.handle(ChannelMessage(0xA0, (60, 10)), 0.0) != []

    @pytest.mark.parametrize("offset", [-100.0, 60.0])
    def test_an_offset_moves_grid_notes(self, offset: float) -> None:
        chosen = settings(turn={"silence": 0.5}, output={"offset_ms": offset})
        shifted = notes(play(chosen, C_E))
        assert shifted == [
            (round(time + offset / 1000, 6), kind, pitch)
            for time, kind, pitch in notes(play(CALL, C_E))
        ]

    def test_an_exception_loses_no_note_off(self) -> None:
        """The predictor fails in the very call that ends a note."""
        playing = performer(settings(mode=Mode.SOLO, rhythm={"gate": 1.0}))
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        playing.advance(0.0)
        playing._parts.improviser.foresight._session._predictor = Broken()
        ended, notice = playing.advance(0.25)  # nothing has followed D before: silence
        assert ended == NoteOff(62)
        assert isinstance(notice, Notice)
        assert "songs fails (ZeroDivisionError: [[0 1]])" in notice.text
        assert playing.status().trouble == "ZeroDivisionError: [[0 1]]"
        assert playing.stop() == []

    def test_times_that_go_back_a_little_do_no_harm(self) -> None:
        """A key's stamp may be older than the deadline that was met just before."""
        playing = performer(SOLO)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        playing.advance(0.25)
        assert playing.handle(NoteOn(67, 80), 0.2499) == []
        assert playing.advance(0.5)[-1] == NoteOn(69, 80)

    def test_a_prepared_answer_is_looked_up(self) -> None:
        playing = performer(settings(mode=Mode.DUET), min_notes=2)
        playing.start(0.0)
        playing.handle(NoteOn(60, 80), 0.0)
        playing.prepare()
        playing._parts.improviser.foresight._session._predictor = Broken(2)  # not needed any more
        assert playing.handle(NoteOn(64, 80), 0.5) == [NoteOn(65, 80)]

    def test_preparation_changes_nothing_that_is_played(self) -> None:
        """`prepare` is only about when something is computed."""
        prepared, unprepared = performer(SOLO), performer(SOLO)
        for playing in (prepared, unprepared):
            playing.start(0.0)
            playing.handle(NoteOn(60, 80), 0.0)
        for step in range(20):
            prepared.prepare()
            assert prepared.advance(step / 4) == unprepared.advance(step / 4)


class TestTheKeyItHears:
    """With `key = "auto"`: E flat major, whose C is the letter E's note, and so on."""

    LINE = (63, 65, 67, 63, 70, 68, 67, 65, 62, 63, 67, 70, 72, 70, 68, 67, 65, 63)

    def phrase(self, start: float = 0.0) -> TimedEvents:
        return together(
            *(key(p, start + 0.3 * at, start + 0.3 * at + 0.2) for at, p in enumerate(self.LINE))
        )

    def test_it_answers_in_the_key_of_the_phrase(self) -> None:
        chosen = settings(key=AUTO, turn={"silence": 0.5})
        outputs = play(chosen, self.phrase())
        assert [output.text for _, output in outputs if isinstance(output, Notice)][-1:] == [
            "key Eb major"
        ]
        played = [pitch % 12 for _, kind, pitch in notes(outputs) if kind == "on"]
        assert len(played) == len(self.LINE)
        assert set(played) == set(Key.named("Eb major").pitch_classes)

    def test_a_key_that_is_set_is_kept(self) -> None:
        outputs = play(settings(turn={"silence": 0.5}), self.phrase())
        assert not [output for _, output in outputs if isinstance(output, Notice)]
        white = set(Key.named("C major").pitch_classes)
        assert set() < {pitch % 12 for _, _, pitch in notes(outputs)} <= white

    def test_a_note_ends_at_the_pitch_it_began_with_whatever_the_key_is_then(self) -> None:
        """Duet: each answer is held while the key changes under it."""
        held = key(48, 0.0, 20.0)
        outputs = play(settings(key=AUTO, mode=Mode.DUET), together(held, self.phrase(1.0)))
        began = [pitch for _, kind, pitch in notes(outputs) if kind == "on"]
        ended = [pitch for _, kind, pitch in notes(outputs) if kind == "off"]
        assert sorted(began) == sorted(ended)
        assert notes(outputs)[-1] == (20.0, "off", began[0])
