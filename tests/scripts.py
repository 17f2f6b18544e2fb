"""Random performances, as Hypothesis strategies: settings, and events with pauses."""

from dataclasses import dataclass

from hypothesis import strategies as st

from midigen.instrument.events import EndOfPhrase, Event, Reload
from midigen.midi.messages import ChannelMessage, Clock, NoteOff, NoteOn, Seconds, SongPosition
from midigen.music.keys import AUTO
from midigen.prediction.predictor import Predictor
from midigen.settings.choices import Mode, Quantize, RhythmSource, TempoSource
from midigen.settings.controls import CONTROLS, Control
from midigen.settings.kinds import InBeats, Transposition
from midigen.settings.sections import Knob, Scene
from midigen.settings.table import Settings
from tests.players import AnyLetter, settings

channels = st.integers(1, 2)


pitches = st.integers(55, 75)


controls = st.one_of(
    st.builds(Control, st.just("mode"), st.sampled_from([*Mode, "trio"])),
    st.builds(Control, st.just("key"), st.sampled_from(["auto", "Eb major", "F# minor", "H"])),
    st.builds(Control, st.sampled_from(["hold", "mute"]), st.booleans()),
    st.builds(Control, st.just("tempo"), st.floats(20, 400)),
    st.builds(Control, st.just("subdivision"), st.integers(1, 8)),
    st.builds(Control, st.sampled_from(["gate", "density", "velocity"]), st.floats(0.05, 1)),
    st.builds(Control, st.just("length"), st.sampled_from(["match", "endless", "3", "2 beats"])),
    st.builds(Control, st.just("scene"), st.sampled_from(["one", "two", "none"])),
    st.builds(Control, st.sampled_from(list(CONTROLS)), st.sampled_from(["", 0.5, "x"])),
)


clocks: st.SearchStrategy[Event] = st.sampled_from([*Clock]) | st.builds(
    SongPosition, st.integers(0, 99)
)


events: st.SearchStrategy[Event] = st.one_of(
    st.builds(NoteOn, pitches, st.integers(1, 127), channels),
    st.builds(NoteOff, pitches, channels),
    st.just(EndOfPhrase()),
    st.builds(
        ChannelMessage,
        st.just(0xB0),
        st.tuples(st.sampled_from([21, 64, 66, 121, 123]), st.integers(0, 127)),
        channels,
    ),
    controls,
    clocks,
)


@dataclass(frozen=True)
class Wait:
    """A span in which the performer acts at its deadlines, or so much `late`."""

    span: Seconds
    late: Seconds


@dataclass(frozen=True)
class Ticks:
    """So many clock ticks, a `period` apart, some of them later by `off`."""

    count: int
    period: Seconds
    off: Seconds


ticks = st.builds(Ticks, st.integers(1, 60), st.floats(0.006, 0.125), st.floats(0, 0.005))


waits = st.builds(
    Wait,
    st.floats(0, 1.5),
    st.one_of(st.just(0.0), st.floats(0, 0.01), st.floats(0, 2)),
)


scripts = st.lists(st.one_of(events, waits, ticks), max_size=60).map(
    lambda script: [move for each in script for move in _spread(each)]
)


Script = list[Event | Wait | Reload]


def _spread(move: Event | Wait | Ticks) -> Script:
    """Turn clock ticks into events with waits between them."""
    if not isinstance(move, Ticks):
        return [move]
    return [each for n in range(move.count) for each in (
        Wait(move.period + (move.off if n % 3 else 0), 0.0), Clock.TICK
    )]  # fmt: skip


choices = st.builds(
    settings,
    mode=st.sampled_from(Mode),
    key=st.sampled_from([Settings().key, AUTO]),
    thru=st.booleans(),
    turn=st.fixed_dictionaries(
        {
            "silence": st.one_of(st.just("auto"), st.floats(0.05, 1)),
            "quantize": st.sampled_from(Quantize),
        }
    ),
    rhythm=st.fixed_dictionaries(
        {
            "source": st.sampled_from(RhythmSource),
            "gate": st.floats(0.05, 1),
            "swing": st.floats(0.5, 0.75),
            "density": st.sampled_from([1.0, 0.5]),
            "subdivision": st.integers(1, 8),
        }
    ),
    tempo=st.fixed_dictionaries(
        {"source": st.sampled_from(TempoSource), "bpm": st.floats(20, 400)}
    ),
    clock=st.fixed_dictionaries({"send": st.sampled_from([False, False, True])}),
    touch=st.fixed_dictionaries({"variation": st.integers(0, 40), "scale": st.floats(0, 2)}),
    control=st.sampled_from([(), (Knob(name="turn", cc=66), Knob(name="tempo", cc=21))]),
    scene=st.just(
        (
            Scene(name="one", model="other", set=(("mode", "solo"), ("tempo", 90))),
            Scene(name="two", set=(("key", "Ab major"), ("mute", True))),
        )
    ),
    output=st.fixed_dictionaries(
        {"offset_ms": st.one_of(st.just(0.0), st.floats(-500, 500)), "channel": st.integers(1, 16)}
    ),
    duet=st.fixed_dictionaries({"quantize": st.booleans()}),
    input=st.fixed_dictionaries(
        {"channel": st.sampled_from(["all", 1]), "low": st.integers(0, 65)}
    ),
    response=st.fixed_dictionaries(
        {
            "length": st.one_of(
                st.sampled_from(["match", "endless", InBeats(3.0)]), st.integers(1, 9)
            ),
            "transpose": st.sampled_from(
                [Transposition(), Transposition(octaves=2), Transposition(degrees=-5)]
            ),
        }
    ),
)


class Shelf:
    """Provides another model, which is ready when it is asked for the second time."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self, _: str) -> Predictor | None:
        self.asked += 1
        return AnyLetter(2) if self.asked > 1 else None
