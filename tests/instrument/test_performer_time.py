"""Rhythm and time under simulated time: whose rhythm, whose beat, and where answers begin.

The tempo is 120 unless a clock says otherwise: a beat is half a second. The predictor
answers each letter with the next one.
"""

from itertools import pairwise
from typing import Any

import pytest

from midigen.instrument.events import EndOfAnswer, Event, Notice, TempoChange
from midigen.midi.messages import Clock, NoteOn, Seconds, SongPosition
from midigen.settings.choices import Mode, Quantize, RhythmSource, TempoSource
from midigen.settings.controls import Control
from midigen.settings.sections import Scene
from midigen.settings.table import Settings
from tests.players import (
    TimedEvents,
    key,
    notes,
    onsets,
    performer,
    play,
    run,
    settings,
    ticks,
    together,
)

MIRROR = {"source": RhythmSource.MIRROR}
RHYTHM = together(
    key(60, 0.0, 0.1, velocity=60),
    key(62, 0.3, 0.5, velocity=100),
    key(64, 0.4, 0.8, velocity=80),
)
"""Steps of 0.3 and 0.1 s; lengths of 0.1, 0.1 (to the next step) and 0.4 s."""


def quantized(where: Quantize, **more: Any) -> Settings:
    return settings(turn={"silence": 0.5, "quantize": where}, **more)


def loops(bpm: float, length: int, count: int, again: list[Event], jitter: Seconds) -> TimedEvents:
    """A clock without a gap, whose song begins `again` before each `length` ticks."""
    events: TimedEvents = []
    for time, tick in ticks(bpm, 0.0, length * count):
        number = len([each for _, each in events if each is Clock.TICK])
        if number % length == 0:
            events += [(time - 0.004 + n / 1000, each) for n, each in enumerate(again)]
        events.append((time + jitter * (number * 7 % 5 - 2) / 2, tick))
    return sorted(events, key=lambda event: event[0])


class TestMirror:
    def test_an_answer_has_the_phrases_steps_lengths_and_accents(self) -> None:
        chosen = settings(turn={"silence": 0.5}, rhythm=MIRROR)
        assert notes(play(chosen, RHYTHM)) == [
            (1.3, "on", 65),
            (1.4, "off", 65),
            (1.6, "on", 67),
            (1.7, "off", 67),
            (1.7, "on", 69),
            (2.2, "off", 69),  # the last one rings for a beat
        ]
        ons = [each for _, each in play(chosen, RHYTHM) if isinstance(each, NoteOn)]
        assert [each.velocity for each in ons] == [60, 100, 80]

    def test_a_longer_answer_begins_the_rhythm_again(self) -> None:
        """After the last step's own 0.4 s."""
        chosen = settings(turn={"silence": 0.5}, rhythm=MIRROR, response={"length": 5})
        assert onsets(play(chosen, RHYTHM)) == [1.3, 1.6, 1.7, 2.1, 2.4]

    def test_a_change_of_tempo_takes_the_rhythm_along(self) -> None:
        chosen = settings(turn={"silence": 0.5}, rhythm=MIRROR)
        events: TimedEvents = [*RHYTHM, (1.4, Control("tempo", 60))]
        assert onsets(play(chosen, events)) == [1.3, 1.8, 2.0]

    def test_solo_plays_on_in_the_rhythm_of_the_last_phrase(self) -> None:
        """On the grid until there is one; then from the next beat on, on sixteenths."""
        chosen = settings(mode=Mode.SOLO, turn={"silence": 0.3}, rhythm=MIRROR)
        phrase = together(key(60, 0.0, 0.1), key(62, 0.375, 0.45), key(64, 0.5, 0.6))
        found = onsets(run(chosen, phrase, 3.0))
        assert found == [0.0, 0.25, 0.5, 0.75, 1.0, 1.375, 1.5, 2.0, 2.375, 2.5, 3.0]


class TestSteady:
    def test_swing(self) -> None:
        chosen = settings(turn={"silence": 0.5}, rhythm={"swing": 2 / 3}, response={"length": 3})
        found = onsets(play(chosen, key(60, 0.0, 0.1)))
        assert found == pytest.approx([0.6, 0.6 + 1 / 3, 1.1], abs=1e-5)

    def test_the_subdivision_and_the_gate_change_at_once(self) -> None:
        chosen = settings(turn={"silence": 0.5}, response={"length": 5})
        events: TimedEvents = [
            *key(60, 0.0, 0.1),
            (0.9, Control("subdivision", 4)),
            (0.9, Control("gate", 0.4)),
        ]
        assert notes(play(chosen, events)) == [
            (0.6, "on", 62),
            (0.8, "off", 62),
            (0.85, "on", 64),
            (0.975, "on", 65),
            (1.025, "off", 65),
            (1.05, "off", 64),
            (1.1, "on", 67),
            (1.15, "off", 67),
            (1.225, "on", 69),
            (1.725, "off", 69),
        ]

    def test_density_leaves_steps_out_but_the_first(self) -> None:
        chosen = settings(turn={"silence": 0.5}, rhythm={"density": 0.0}, response={"length": 4})
        outputs = play(chosen, key(60, 0.0, 0.1))
        assert notes(outputs) == [(0.6, "on", 62), (0.8, "off", 62)]
        assert outputs[-1] == (1.85, EndOfAnswer())

    def test_half_the_density_is_about_half_the_notes(self) -> None:
        chosen = settings(mode=Mode.SOLO, rhythm={"density": 0.5})
        assert 150 < len(onsets(run(chosen, key(60, 0.0, 0.1), 100.0))) < 250


class TestWhereAnAnswerBegins:
    @pytest.mark.parametrize(
        ("where", "start"), [(Quantize.OFF, 0.6), (Quantize.BEAT, 1.0), (Quantize.BAR, 2.0)]
    )
    def test_on_the_beat_or_the_bar(self, where: Quantize, start: Seconds) -> None:
        assert onsets(play(quantized(where), key(60, 0.0, 0.1)))[0] == start

    def test_a_bar_has_its_own_number_of_beats(self) -> None:
        chosen = quantized(Quantize.BAR, tempo={"bar": 3})
        assert onsets(play(chosen, key(60, 0.0, 0.1)))[0] == 1.5

    def test_a_rhythm_on_a_beat_is_on_sixteenths(self) -> None:
        chosen = quantized(Quantize.BEAT, rhythm=MIRROR)
        assert onsets(play(chosen, RHYTHM)) == [1.5, 1.75, 1.875]


class TestClock:
    """A clock at 100 bpm: a sixteenth lasts 0.15 s."""

    CHOSEN = settings(
        tempo={"source": TempoSource.CLOCK},
        turn={"silence": 0.2},
        rhythm={"subdivision": 4},
        response={"length": 4},
    )

    def test_answers_are_on_its_sixteenths(self) -> None:
        events = together([(0.0, Clock.START)], ticks(100, 0.01, 400), key(60, 2.0, 2.07))
        found = onsets(run(self.CHOSEN, events, 6.0))
        assert found == pytest.approx([0.01 + 0.15 * step for step in (16, 17, 18, 19)], abs=1e-4)

    def test_a_mirrored_answer_begins_on_the_part_of_a_beat_that_the_phrase_began_on(self) -> None:
        chosen = settings(tempo={"source": TempoSource.CLOCK}, turn={"silence": 0.2}, rhythm=MIRROR)
        clock = together([(0.0, Clock.START)], ticks(100, 0.01, 400))
        upbeat = together(key(60, 1.52, 1.7), key(62, 1.82, 2.0), key(64, 2.11, 2.3))
        found = onsets(run(chosen, together(clock, upbeat), 6.0))
        assert found == pytest.approx([2.71, 3.01, 3.31], abs=1e-4)

    def test_a_change_of_tempo_on_the_way_is_followed(self) -> None:
        chosen = settings(
            tempo={"source": TempoSource.CLOCK},
            turn={"silence": 0.2},
            rhythm={"subdivision": 4},
            response={"length": "endless"},
        )
        clock = together(
            [(0.0, Clock.START)], ticks(100, 0.0, 241), ticks(120, 6.0 + 60 / 120 / 24, 400)
        )
        outputs = run(chosen, together(clock, key(60, 2.0, 2.07)), 9.0)
        late = [time for time in onsets(outputs) if time > 6.6]
        assert late == pytest.approx([6.625 + 0.125 * step for step in range(20)], abs=0.002)
        told = [output.bpm for _, output in outputs if isinstance(output, TempoChange)]
        assert told[0] == pytest.approx(100, abs=0.1)
        assert told[-1] == pytest.approx(120, abs=0.6)

    def test_when_it_stops_coming_the_answer_goes_on(self) -> None:
        chosen = settings(
            tempo={"source": TempoSource.CLOCK}, turn={"silence": 0.2}, response={"length": 20}
        )
        events = together([(0.0, Clock.START)], ticks(100, 0.0, 97), key(60, 2.0, 2.07))
        outputs = run(chosen, events, 9.0)
        lost = Notice("the clock is lost: going on at 100.0 bpm")
        assert [time for time, output in outputs if output == lost] == [pytest.approx(2.9)]
        found = onsets(outputs)
        assert len(found) == 20
        assert found == pytest.approx([2.4 + 0.3 * step for step in range(20)], abs=1e-3)

    def test_stop_ends_solo_and_start_begins_it_on_the_first_beat(self) -> None:
        chosen = settings(mode=Mode.SOLO, tempo={"source": TempoSource.CLOCK})
        events = together(
            [(0.0, Clock.START)],
            ticks(100, 0.0, 97),
            key(60, 1.0, 1.1),
            [(2.41, Clock.STOP), (4.99, Clock.START)],
            ticks(100, 5.0, 97),
        )
        outputs = run(chosen, events, 7.0)
        found = onsets(outputs)
        assert not [time for time in found if 2.41 <= time < 5]
        after = [time for time in found if time >= 5]
        assert after == pytest.approx([5 + 0.3 * step for step in range(len(after))], abs=0.01)
        assert len(after) >= 6

    def test_a_jump_in_the_song_ends_the_answer(self) -> None:
        events = together(ticks(100, 0.0, 200), key(60, 2.0, 2.07), [(2.6, SongPosition(64))])
        outputs = run(self.CHOSEN, events, 4.0)
        assert max(onsets(outputs)) < 2.6
        assert EndOfAnswer() in [output for time, output in outputs if time == 2.6]

    @pytest.mark.parametrize("again", [[SongPosition(0), Clock.CONTINUE], [Clock.START]])
    @pytest.mark.parametrize("jitter", [0.0, 0.002])
    def test_a_loop_of_the_song_leaves_the_answer_alone(
        self, again: list[Event], jitter: float
    ) -> None:
        chosen = settings(
            tempo={"source": TempoSource.CLOCK}, turn={"silence": 0.2}, response={"length": 16}
        )
        events = together(loops(120, 96, 8, again, jitter), key(60, 3.0, 3.07))
        found = onsets(run(chosen, events, 12.0))
        assert found == pytest.approx([3.5 + 0.25 * step for step in range(16)], abs=0.003)

    @pytest.mark.parametrize("again", [[SongPosition(0), Clock.CONTINUE], [Clock.START]])
    @pytest.mark.parametrize("early", [0.0, 0.011])
    @pytest.mark.parametrize("loop", [24, 96, 144])
    def test_solo_plays_one_note_a_step_however_the_song_loops(
        self, again: list[Event], early: Seconds, loop: int
    ) -> None:
        chosen = settings(mode=Mode.SOLO, tempo={"source": TempoSource.CLOCK})
        events = together(loops(120, loop, 768 // loop, again, 0.001), key(60, 1.0, 1.1))
        found = [time for time in onsets(run(chosen, events, 15.0, early)) if 3.1 < time < 14.9]
        assert found == pytest.approx([3.25 - early + 0.25 * n for n in range(47)], abs=0.003)

    @pytest.mark.parametrize("early", [0.0, 0.011])
    def test_the_clock_that_is_sent_loops_without_a_gap_or_a_double(self, early: Seconds) -> None:
        chosen = settings(tempo={"source": TempoSource.CLOCK}, clock={"send": True})
        song = loops(120, 96, 6, [SongPosition(0), Clock.CONTINUE], 0.001)
        outputs = [each for each in run(chosen, song, 11.9, early) if each[0] > 1]
        sent = [time for time, each in outputs if each is Clock.TICK]
        gaps = [after - before for before, after in pairwise(sent)]
        assert gaps == pytest.approx([1 / 48] * len(gaps), abs=0.004)
        assert len(gaps) > 500
        counts: list[int] = []
        for _, each in outputs:  # the song as a receiver counts it
            if each in (SongPosition(0), Clock.TICK):
                counts.append(0 if each == SongPosition(0) else counts[-1] + 1 if counts else 0)
        assert max(counts) in (95, 96, 97)

    def test_a_scene_that_was_called_before_the_song_loops_begins_on_its_beat(self) -> None:
        chosen = settings(
            tempo={"source": TempoSource.CLOCK, "bpm": 120}, scene=(Scene(name="soft"),)
        )
        song = loops(120, 96, 6, [SongPosition(0), Clock.CONTINUE], 0.0)
        outputs = run(chosen, together(song, [(3.8, Control("scene", "soft"))]), 6.0)
        (entered,) = [time for time, each in outputs if each == Notice("scene soft")]
        assert entered == pytest.approx(4.0, abs=0.003)

    @pytest.mark.parametrize("to", [[SongPosition(2)], [SongPosition(64), Clock.CONTINUE]])
    def test_solo_that_jumps_elsewhere_plays_no_step_twice(self, to: list[Event]) -> None:
        chosen = settings(mode=Mode.SOLO, tempo={"source": TempoSource.CLOCK})
        jump = [(6.001, each) for each in to]
        events = together([(0.0, Clock.START)], ticks(120, 0.0, 500), key(60, 1.0, 1.1), jump)
        found = [time for time in onsets(run(chosen, events, 9.0, 0.005)) if time > 3]
        assert min(after - before for before, after in pairwise(found)) > 0.12
        assert len(found) > 20

    @pytest.mark.parametrize("lost", [True, False])
    def test_solo_goes_on_when_ticks_come_without_a_start(self, lost: bool) -> None:
        """Again after a loss, or for the first time: the count doesn't go back."""
        chosen = settings(mode=Mode.SOLO, tempo={"source": TempoSource.CLOCK})
        before = ticks(100, 0.0, 97) if lost else []
        events = together(before, key(60, 1.0, 1.1), ticks(100, 20.0, 200))
        found = onsets(run(chosen, events, 24.0))
        assert max(after - before for before, after in pairwise([*found, 24.0])) < 0.5

    def test_the_clock_that_is_sent_goes_on_too(self) -> None:
        chosen = settings(tempo={"source": TempoSource.CLOCK}, clock={"send": True})
        outputs = run(chosen, ticks(100, 20.0, 200), 24.0)
        sent = [time for time, output in outputs if output is Clock.TICK]
        assert max(after - before for before, after in pairwise([*sent, 24.0])) < 0.1

    def test_a_phrase_around_a_start_keeps_its_rhythm(self) -> None:
        chosen = settings(tempo={"source": TempoSource.CLOCK}, turn={"silence": 0.5}, rhythm=MIRROR)
        phrase = together(*(key(60, 2 + n * 0.3, 2.2 + n * 0.3) for n in range(8)))
        events = together(ticks(100, 0.0, 120), [(3.0, Clock.START)], ticks(100, 3.01, 400), phrase)
        found = onsets(run(chosen, events, 9.0))
        assert [after - before for before, after in pairwise(found)] == pytest.approx(
            [0.3] * 7, abs=0.002
        )

    def test_solo_that_stands_still_says_what_it_waits_for(self) -> None:
        chosen = settings(mode=Mode.SOLO, tempo={"source": TempoSource.CLOCK})
        events = together(ticks(100, 0.0, 97), key(60, 1.0, 1.1), [(2.0, Clock.STOP)])
        said = [(t, o.text) for t, o in run(chosen, events, 3.0) if isinstance(o, Notice)]
        assert [line for line in said if line[0] == 2.0] == [
            (2.0, "the clock has sent stop: the tempo stays 100.0 bpm"),
            (2.0, "solo waits for the clock's start: press play where the clock comes from"),
        ]

    def test_the_control_tempo_stands_where_the_clock_has_set_it(self) -> None:
        """So that it can be set to what it was before, once the clock is gone."""
        events = together(ticks(100, 0.0, 97), [(5.0, Control("tempo", 120))])
        outputs = run(self.CHOSEN, events, 6.0)
        assert [o.bpm for _, o in outputs if isinstance(o, TempoChange)] == [
            pytest.approx(100, abs=0.1),
            120,
        ]

    def test_duet_doesnt_mind(self) -> None:
        chosen = settings(mode=Mode.DUET, tempo={"source": TempoSource.CLOCK})
        events = together(ticks(100, 0.0, 97), key(60, 1.0, 3.0), [(2.0, Clock.STOP)])
        assert notes(run(chosen, events, 4.0)) == [(1.0, "on", 62), (3.0, "off", 62)]

    def test_the_tempo_is_its_own(self) -> None:
        events = together(ticks(100, 0.0, 97), [(1.0, Control("tempo", 90))])
        assert (1.0, Notice("the clock sets the tempo", is_refusal=True)) in run(
            self.CHOSEN, events, 2.0
        )


class TestFollowing:
    def test_the_answer_is_in_the_tempo_of_the_phrase(self) -> None:
        """Quarters at 90, which mirrored come back as they were played; so does the grid."""
        phrase = together(*(key(60, n * 60 / 90, n * 60 / 90 + 0.3) for n in range(6)))
        chosen = settings(
            tempo={"source": TempoSource.FOLLOW},
            turn={"silence": 0.5},
            rhythm={"subdivision": 1},
            response={"length": 3},
        )
        first = onsets(run(chosen, phrase, 20.0))
        assert first == pytest.approx([n * 60 / 90 for n in (7, 8, 9)], abs=0.02)

    def test_a_mirrored_phrase_is_on_the_beat_that_was_found(self) -> None:
        uneven = [0.0, 0.66, 1.34, 2.0, 2.34, 2.66, 3.33]
        phrase = together(*(key(60, at, at + 0.2) for at in uneven))
        chosen = settings(
            tempo={"source": TempoSource.FOLLOW}, turn={"silence": 0.5}, rhythm=MIRROR
        )
        found = onsets(run(chosen, phrase, 20.0))
        steps = [later - earlier for earlier, later in pairwise(found)]
        assert steps == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 2 / 3], abs=0.02)


class TestSendingClock:
    def test_it_ticks_from_start_to_stop_whatever_else_happens(self) -> None:
        chosen = settings(clock={"send": True}, turn={"silence": 0.5})
        playing = performer(chosen)
        assert playing.start(0.0) == [Clock.START]
        ticked = []
        while (due := playing.deadline) is not None and due < 1 - 1e-9:
            ticked += [(due, output) for output in playing.advance(due)]
        assert [time for time, _ in ticked] == pytest.approx([n / 48 for n in range(48)])
        assert {output for _, output in ticked} == {Clock.TICK}
        assert playing.stop() == [Clock.STOP]

    def test_its_answers_are_on_the_beat_it_sends(self) -> None:
        chosen = settings(clock={"send": True}, turn={"silence": 0.5}, response={"length": 2})
        assert onsets(run(chosen, key(60, 0.0, 0.1), 2.0)) == [0.75, 1.0]


@pytest.mark.parametrize("event", [Clock.TICK, Clock.STOP, SongPosition(4)])
def test_a_clock_that_isnt_followed_is_nothing(event: Event) -> None:
    chosen = settings(turn={"silence": 0.5})
    assert play(chosen, together(key(60, 0.0, 0.1), [(0.7, event)])) == play(
        chosen, key(60, 0.0, 0.1)
    )
