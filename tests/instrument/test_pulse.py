"""The beat, whoever sets it, and the clock that is sent."""

from collections.abc import Callable

import pytest

from midigen.instrument.clock_follower import MISSING
from midigen.instrument.events import Notice, Output, TempoChange
from midigen.instrument.pulse import Pulse
from midigen.midi.messages import Clock, SongPosition
from midigen.settings.choices import TempoSource
from tests.players import panel, settings

PERIOD = 60 / 100 / 24  # of a clock at 100 bpm


class Alone(Pulse):
    """A pulse whose outbox is its own; `said` is what a call has put into it."""

    def __init__(self, source: TempoSource, *, sends: bool) -> None:
        self._said: list[Output] = []
        super().__init__(
            panel(settings(tempo={"source": source}, clock={"send": sends})), self._said
        )

    def said(self, call: Callable[..., object], *arguments: object) -> list[Output]:
        """What it says as a method of its is called."""
        call(*arguments)
        outputs = self._said.copy()
        self._said.clear()
        return outputs


def pulse(source: TempoSource = TempoSource.INTERNAL, *, sends: bool = False) -> Alone:
    result = Alone(source, sends=sends)
    result.said(result.start, 10.0)
    return result


def tick(followed: Alone, count: int, start: float = 20.0) -> list[Output]:
    return [
        output
        for index in range(count)
        for output in followed.said(followed.hear_tick, start + index * PERIOD)
    ]


def follow(followed: Alone, onset: float) -> list[Output]:
    """What is said of an onset, as soon as there is time."""
    followed.hear_onset(onset)
    return followed.said(followed.act, onset)


class TestInternal:
    def test_it_counts_from_the_start(self) -> None:
        beat = pulse()
        assert beat.timeline.beat_at(10.0) == 0
        assert beat.timeline.time_of(3) == 11.5
        assert not beat.is_shared

    def test_another_tempo_goes_on_from_where_it_is(self) -> None:
        beat = pulse()
        assert beat.said(beat.set_bpm, 60.0, 12.0) == [TempoChange(60.0)]
        assert beat.timeline.beat_at(12.0) == 4
        assert beat.timeline.time_of(5) == 13.0

    @pytest.mark.parametrize(
        ("time", "unit", "part", "place"),
        [
            (10.0, 1.0, 0.0, 0.0),
            (10.01, 1.0, 0.0, 1.0),
            (10.01, 4.0, 0.0, 4.0),
            (12.0, 4.0, 0.0, 4.0),
            (10.3, 0.25, 0.0, 0.75),
            (10.3, 1.0, 0.5, 1.5),
            (10.2, 1.0, 0.5, 0.5),
        ],
    )
    def test_the_next_place(self, time: float, unit: float, part: float, place: float) -> None:
        assert pulse().next_place(time, unit, part) == place

    def test_a_clock_that_is_not_followed_changes_nothing(self) -> None:
        beat = pulse()
        before = beat.timeline
        assert tick(beat, 48) == []
        assert beat.said(beat.hear_transport, Clock.STOP, 30.0) == []
        assert beat.hear_transport(Clock.STOP, 30.0) == 0.0
        assert beat.timeline == before
        assert not beat.stands_still


class TestClock:
    def test_it_says_when_it_is_with_the_clock_and_keeps_to_it(self) -> None:
        beat = pulse(TempoSource.CLOCK)
        said = tick(beat, 48)
        assert [type(each) for each in said] == [TempoChange, Notice]
        assert said[1] == Notice("following the clock, at about 100 bpm")
        assert beat.is_shared
        assert beat.is_led
        assert beat.timeline.bpm == pytest.approx(100)
        assert beat.timeline.time_of(22) == pytest.approx(20 + 48 * PERIOD)  # its count goes on

    def test_a_clock_that_stops_coming_leaves_its_tempo_and_is_told_once(self) -> None:
        beat = pulse(TempoSource.CLOCK)
        tick(beat, 48)
        lost = 20 + 47 * PERIOD + MISSING
        assert beat.next_time == pytest.approx(lost)
        assert beat.said(beat.act, lost) == [Notice("the clock is lost: going on at 100.0 bpm")]
        assert beat.next_time is None
        assert beat.timeline.bpm == pytest.approx(100)
        assert beat.timeline.beat_at(lost) == pytest.approx(20 + 47 / 24 + MISSING * 100 / 60)
        assert not beat.is_shared
        assert tick(beat, 48, start=40.0)[-1] == Notice("following the clock, at about 100 bpm")

    def test_a_clock_that_comes_back_is_on_the_count_as_it_is_then(self) -> None:
        beat = pulse(TempoSource.CLOCK)
        tick(beat, 48)
        beat.act(30.0)
        assert beat.state == "clock (lost)"
        before = beat.timeline.beat_at(40.0)
        tick(beat, 48, start=40.0)
        assert beat.state == "clock"
        assert beat.timeline.beat_at(40.0) == pytest.approx(before, abs=1 / 24)

    def test_a_few_ticks_and_a_pause_before_the_clock_dont_confuse_it(self) -> None:
        """As when somebody taps on play and stop."""
        beat = pulse(TempoSource.CLOCK)
        beat.hear_transport(Clock.START, 20.0)
        tick(beat, 7)
        beat.hear_transport(Clock.STOP, 20.2)
        beat.hear_transport(Clock.START, 30.0)
        told = [each for each in tick(beat, 48, start=30.01) if isinstance(each, TempoChange)]
        assert [each.bpm for each in told] == [pytest.approx(100)]
        assert beat.timeline.beat_at(30.01) == pytest.approx(0, abs=1e-6)

    def test_stop_is_told_and_no_loss_after_it(self) -> None:
        beat = pulse(TempoSource.CLOCK)
        tick(beat, 48)
        assert beat.said(beat.hear_transport, Clock.STOP, 22.0) == [
            Notice("the clock has sent stop: the tempo stays 100.0 bpm")
        ]
        assert beat.stands_still
        assert beat.said(beat.act, 30.0) == []

    def test_start_is_the_first_beat_with_the_next_tick(self) -> None:
        beat = pulse(TempoSource.CLOCK)
        tick(beat, 48)
        now = 20 + 48 * PERIOD
        assert beat.said(beat.hear_transport, Clock.START, now - 0.001) == []
        assert beat.timeline.beat_at(now) == pytest.approx(0, abs=0.05)
        tick(beat, 1, start=now)
        assert beat.timeline.beat_at(now) == pytest.approx(0, abs=1e-6)

    @pytest.mark.parametrize("ticks", [24, 48, 95, 97])
    @pytest.mark.parametrize("sixteenths", [0, 4, 5, 64])
    def test_a_loop_is_told_by_going_back_from_beat_to_beat(
        self, ticks: int, sixteenths: int
    ) -> None:
        """Then the count goes on elsewhere, and the beat where it was."""
        beat = pulse(TempoSource.CLOCK)
        beat.hear_transport(Clock.START, 20.0)
        tick(beat, ticks)
        now = 20 + ticks * PERIOD
        before = beat.timeline.beat_at(now)
        moved = beat.hear_transport(SongPosition(sixteenths), now - 0.006)
        if sixteenths * 6 < ticks and ticks % 24 == 0 and sixteenths % 4 == 0:
            assert moved == sixteenths / 4 - ticks / 24
            assert beat.timeline.beat_at(now) == pytest.approx(before + moved, abs=1e-9)
            assert beat.hear_transport(Clock.CONTINUE, now - 0.005) == 0.0
        elif sixteenths * 6 == ticks:
            assert moved == 0
        else:
            assert moved is None
        tick(beat, 1, start=now)
        assert beat.timeline.beat_at(now) == pytest.approx(sixteenths / 4, abs=1e-6)

    def test_continue_goes_on_from_the_song_position(self) -> None:
        beat = pulse(TempoSource.CLOCK)
        tick(beat, 48)
        now = 20 + 48 * PERIOD
        beat.hear_transport(Clock.STOP, now)
        beat.hear_transport(SongPosition(32), now)
        beat.hear_transport(Clock.CONTINUE, now)
        tick(beat, 1, start=now)
        assert beat.timeline.beat_at(now) == pytest.approx(8)

    def test_before_there_is_a_clock_its_own_tempo_counts(self) -> None:
        beat = pulse(TempoSource.CLOCK)
        assert beat.state == "clock (none yet)"
        assert beat.said(beat.set_bpm, 90.0, 11.0) == [TempoChange(90.0)]
        tick(beat, 3)
        assert beat.timeline.bpm == 90


class TestSending:
    def test_ticks_are_a_twenty_fourth_apart_and_begin_with_the_first_beat(self) -> None:
        beat = Alone(TempoSource.INTERNAL, sends=True)
        assert beat.said(beat.start, 10.0) == [Clock.START]
        sent = []
        while (due := beat.next_time) is not None and due < 11.0 - 1e-9:
            sent += [(due, output) for output in beat.said(beat.act, due)]
        assert [output for _, output in sent] == [Clock.TICK] * 48
        assert [time for time, _ in sent] == pytest.approx([10 + n / 48 for n in range(48)])
        assert beat.said(beat.stop) == [Clock.STOP]

    def test_after_a_sleep_there_is_no_burst(self) -> None:
        beat = pulse(sends=True)
        assert beat.said(beat.act, 20.01) == [Clock.TICK]
        assert beat.next_time == pytest.approx(20 + 1 / 48)

    def test_a_little_late_it_catches_up_so_that_the_count_stays_right(self) -> None:
        beat = pulse(sends=True)
        assert beat.said(beat.act, 10.2) == [Clock.TICK] * 10

    def test_the_clock_it_follows_is_passed_on_with_its_transport(self) -> None:
        beat = pulse(TempoSource.CLOCK, sends=True)
        assert beat.said(beat.hear_transport, Clock.STOP, 10.0)[0] is Clock.STOP
        assert beat.said(beat.act, 12.0) == []
        assert beat.said(beat.hear_transport, SongPosition(4), 12.0) == [SongPosition(4)]
        assert beat.said(beat.hear_transport, Clock.CONTINUE, 12.0) == [Clock.CONTINUE]
        assert beat.said(beat.act, 12.0) == []
        assert beat.said(beat.act, 12.03) == [Clock.TICK]

    def test_it_is_a_beat_to_keep_to(self) -> None:
        assert pulse(sends=True).is_shared


class TestFollowing:
    def test_the_players_tempo_is_found_and_kept(self) -> None:
        beat = pulse(TempoSource.FOLLOW)
        told = [output for n in range(12) for output in follow(beat, 20 + n * 60 / 90)]
        assert [type(each) for each in told] == [TempoChange]
        assert beat.timeline.bpm == pytest.approx(90, rel=0.01)
        assert beat.is_shared
        assert not beat.is_led

    def test_onsets_mean_nothing_to_another_source(self) -> None:
        beat = pulse()
        before = beat.timeline
        assert [output for n in range(12) for output in follow(beat, 20 + n / 2)] == []
        assert beat.timeline == before
