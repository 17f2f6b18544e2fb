"""What is heard and played as steps in time, with and without a shared beat."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.instrument.pace import Pace
from midigen.instrument.pulse import Pulse
from midigen.instrument.turns import Played
from midigen.midi.messages import Seconds
from midigen.prediction.steps import Coming, Step
from tests.players import panel, settings


def pace(*, shared: bool = False, bar: int = 4) -> tuple[Pace, Pulse]:
    """A pace at 120 beats a minute, and its pulse. A beat that is sent counts as shared."""
    chosen = panel(settings(clock={"send": shared}, tempo={"bpm": 120.0, "bar": bar}))
    pulse = Pulse(chosen, [])
    pulse.start(0.0)
    return Pace(chosen, pulse), pulse


def note(onset: Seconds, length: Seconds | None = None, pitch: int = 60) -> Played:
    return Played(pitch, 80, onset, None if length is None else onset + length)


def hear(heard: Pace, *onsets: Seconds, length: Seconds | None = 0.1) -> list[Step]:
    """The steps of a phrase."""
    return [
        heard.hear(0, note(onset, length), begins_phrase=place == 0)
        for place, onset in enumerate(onsets)
    ]


class TestWithoutABeat:
    def test_the_usual_step_counts_as_half_a_beat(self) -> None:
        heard, _ = pace()
        steps = hear(heard, 0.0, 0.6, 1.2, 2.4, 2.7, 3.3)
        assert [step.gap for step in steps] == [None, 0.5, 0.5, 1, 0.25, 0.5]
        assert {(step.place, step.bar) for step in steps} == {(None, None)}

    @given(
        st.lists(st.sampled_from([0.2, 0.3, 0.4, 0.6, 0.9]), min_size=1, max_size=20),
        st.sampled_from([0.25, 0.5, 2, 4]),
    )
    def test_a_faster_player_plays_the_same_steps(self, gaps: list[float], faster: float) -> None:
        onsets = [sum(gaps[:place]) for place in range(len(gaps) + 1)]
        (one, _), (other, _) = pace(), pace()
        assert hear(one, *onsets, length=None) == hear(
            other, *(onset / faster for onset in onsets), length=None
        )

    def test_a_pause_between_phrases_is_no_usual_step(self) -> None:
        heard, _ = pace()
        hear(heard, 0.0, 0.4)
        first, *others = hear(heard, 3.4, 3.8)
        assert first.gap == 4  # of 3.75: only the class is told
        assert [step.gap for step in others] == [0.5]

    def test_midigens_notes_are_measured_by_the_players_pace(self) -> None:
        heard, pulse = pace()
        hear(heard, 0.0, 0.6)
        answer = pulse.timeline.beat_at(1.8)
        coming = heard.coming(answer, 3, begins_phrase=True)
        assert coming == Coming(gap=1.0, left=3, begins_phrase=True)
        step = heard.play(2, note(1.8, pitch=64), answer, coming)
        assert step == Step(2, 64, gap=1.0, share=step.share, begins_phrase=True)
        assert step.share == pytest.approx(0.1 / 1.2)

    def test_a_small_change_of_tempo_changes_nothing_that_is_decided(self) -> None:
        heard, pulse = pace()
        hear(heard, 0.0, 0.6)
        before = heard.coming(3.0, 1, begins_phrase=False)
        pulse.set_bpm(122, 0.6)
        assert heard.coming(3.0, 1, begins_phrase=False) == before

    def test_before_there_is_a_pace_its_own_beat_counts(self) -> None:
        heard, _ = pace()
        heard.play(0, note(0.0), 0.0, heard.coming(0.0, None, begins_phrase=True))
        assert heard.coming(0.5, None, begins_phrase=False) == Coming(gap=0.5)
        assert heard.unit == 1.0


class TestWithABeat:
    def test_times_are_in_beats_and_bars(self) -> None:
        heard, _ = pace(shared=True, bar=3)
        steps = hear(heard, 0.5, 1.0, 1.25, 2.0)
        assert [step.gap for step in steps] == [None, 1, 0.5, 1.5]
        assert [step.place for step in steps] == [1, 2, 2.5, 1]
        assert {step.bar for step in steps} == {3}

    @given(st.lists(st.floats(-0.02, 0.02), min_size=9, max_size=9))
    def test_a_player_who_wavers_is_heard_on_the_beat(self, wavers: list[float]) -> None:
        heard, _ = pace(shared=True)
        exact = [1, 1.25, 1.5, 2, 7 / 3, 8 / 3, 3, 3.5, 9]  # in beats, of half a second
        steps = hear(heard, *(beat / 2 + waver for beat, waver in zip(exact, wavers, strict=True)))
        assert [step.place for step in steps] == pytest.approx(
            [beat % 4 for beat in exact], abs=1e-5
        )
        gaps = [later - earlier for earlier, later in pairwise(exact)]
        assert [step.gap for step in steps[1:]] == pytest.approx(gaps, abs=1e-5)

    def test_what_is_decided_has_a_place(self) -> None:
        heard, pulse = pace(shared=True)
        hear(heard, 0.51)
        place = 4.75
        coming = heard.coming(place, None, begins_phrase=True)
        assert coming == Coming(3.75, 0.75, 4.0, begins_phrase=True)
        onset = pulse.timeline.time_of(place)
        assert heard.play(1, note(onset), place, coming).gap == 3.75
        assert heard.coming(5.25, None, begins_phrase=False).gap == 0.5

    def test_a_count_that_jumps_leaves_the_steps_alone(self) -> None:
        """A song that loops: only where a note lies in its beat is taken from the count."""
        heard, pulse = pace(shared=True)
        hear(heard, 2.0)
        timeline = pulse.timeline
        pulse.timeline = type(timeline)(timeline.beat - 4, timeline.time, timeline.bpm)
        (step,) = hear(heard, 2.5)
        assert (step.gap, step.place) == (1, 1)

    def test_its_own_beat_is_the_unit(self) -> None:
        heard, _ = pace(shared=True)
        hear(heard, 0.0, 0.6, 1.2)
        assert heard.unit == 1.0


class TestShares:
    @pytest.mark.parametrize(
        ("length", "share"), [(0.3, 0.5), (0.6, 1.0), (0.9, 1.0), (None, 1.0), (0.0, 0.0)]
    )
    def test_a_note_sounds_for_a_share_of_its_step(
        self, length: Seconds | None, share: float
    ) -> None:
        heard, _ = pace()
        first, second = hear(heard, 0.0, 0.6, length=length)
        assert first.share is None
        assert second.share == pytest.approx(share)

    def test_a_key_may_come_up_later(self) -> None:
        heard, _ = pace()
        held = note(0.0)
        heard.hear(0, held, begins_phrase=True)
        held.end = 0.15
        assert heard.hear(1, note(0.6), begins_phrase=False).share == pytest.approx(0.25)


def test_the_top_of_a_chord_keeps_the_time_of_its_first_note() -> None:
    heard, _ = pace()
    hear(heard, 0.0, 0.6, length=0.3)
    first = heard.hear(0, note(1.2), begins_phrase=False)
    top = note(1.2, 0.2, pitch=67)
    assert heard.replace(4, top) == Step(4, 67, 0.5, first.share)
    assert heard.hear(0, note(1.8), begins_phrase=False).share == pytest.approx(1 / 3)


def test_the_top_of_a_chord_may_come_after_a_note_of_midigens() -> None:
    heard, pulse = pace()
    hear(heard, 0.0, 0.6)
    coming = heard.coming(pulse.timeline.beat_at(0.61), None, begins_phrase=False)
    heard.play(0, note(0.61, 0.1), pulse.timeline.beat_at(0.61), coming)
    assert heard.replace(4, note(0.6, pitch=67)).gap == 0.5
    assert heard.hear(0, note(0.81), begins_phrase=False).share == pytest.approx(0.5)


def test_what_was_taken_back_is_no_note_before() -> None:
    heard, pulse = pace()
    hear(heard, 0.0, 0.6)
    place = pulse.timeline.beat_at(1.2)
    due = heard.coming(place, 1, begins_phrase=True)
    heard.play(0, note(1.2), place, due)
    heard.rewind()
    assert heard.coming(place, 1, begins_phrase=True) == due


def test_after_forgetting_it_is_like_new() -> None:
    heard, _ = pace()
    hear(heard, 0.0, 0.6)
    heard.forget()
    assert heard.replace(3, note(0.6, pitch=65)) == Step(3, 65)
    assert hear(heard, 5.0)[0].gap is None
    assert heard.unit == 1.0
