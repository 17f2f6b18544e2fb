"""The player's own steps, by the onsets alone, and where an answer begins on them."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.instrument.step_grid import LONGEST, next_step
from midigen.midi.messages import Seconds
from midigen.settings.choices import Quantize, RhythmSource
from tests.players import key, onsets, play, settings, together

RHYTHMS: dict[str, tuple[list[Seconds], Seconds]] = {
    "even": ([0.6] * 4, 0.6),
    "two values": ([0.3, 0.3, 0.6, 0.3, 0.3, 0.6], 0.3),
    "mostly long": ([0.6, 0.6, 0.6, 0.3, 0.3, 0.6], 0.3),
    "dotted": ([0.45, 0.15, 0.3, 0.45, 0.15, 0.3], 0.15),
    "triplets": ([0.2, 0.2, 0.2, 0.6, 0.6], 0.2),
    "fast": ([0.12] * 10, 0.12),
    "slow": ([1.2] * 4, 0.6),
    "very slow": ([2.0] * 3, 0.5),
    "a second": ([1.0] * 3, 0.5),
    "a held note": ([0.3, 0.3, 0.3, 1.37, 0.3, 0.3], 0.3),
    "a long note": ([0.3, 0.3, 0.3, 1.2, 0.3, 0.3], 0.3),
    "a held note before the last": ([0.6, 0.6, 0.6, 1.37], 0.6),
    "an ornament": ([0.6, 0.6, 0.05, 0.55, 0.6, 0.6], 0.6),
    "two notes": ([0.5], 0.5),
}
"""Times between onsets, and the step of the grid on which an answer begins."""

gaps = st.lists(st.floats(0.0, 3.0), max_size=40)


def played(between: Sequence[Seconds], unsteady: Seconds = 0.0, seed: int = 0) -> list[Seconds]:
    chance = np.random.default_rng(seed)
    exact = accumulate(between, initial=10.0)
    return [onset + float(chance.normal(0, unsteady)) for onset in exact]


@pytest.mark.parametrize("name", RHYTHMS)
@pytest.mark.parametrize("after", [0.0, 0.31, 0.9, 1.58])
def test_it_is_the_first_place_of_the_grid_at_or_after_the_time(name: str, after: Seconds) -> None:
    between, step = RHYTHMS[name]
    line = played(between)
    steps = np.ceil(after / step - 1e-6)
    tolerance = 0.02 if name == "an ornament" else 1e-6
    assert next_step(line, line[-1] + after) == pytest.approx(
        line[-1] + steps * step, abs=tolerance
    )


@pytest.mark.parametrize("name", ["even", "two values", "mostly long", "slow", "a second"])
def test_players_who_waver_are_understood(name: str) -> None:
    """Each onset is some 20 ms off; half of the answers are no farther from the true grid."""
    between, step = RHYTHMS[name]
    last = 10.0 + sum(between)
    off = []
    for seed in range(100):
        found = next_step(played(between, 0.02, seed), last + 0.9)
        steps = (found - last) / step
        off.append(abs(steps - round(steps)) * step)
    assert np.median(off) < 0.025
    assert np.quantile(off, 0.9) < 0.06


@given(gaps, st.floats(0.0, 60.0))
def test_whatever_is_played_nobody_waits_long(between: list[Seconds], after: Seconds) -> None:
    line = played(between)
    found = next_step(line, line[-1] + after)
    assert -1e-5 <= found - (line[-1] + after) <= LONGEST + 1e-5


@pytest.mark.parametrize("line", [[], [3.0], [3.0, 3.0], [3.0, 3.05]])
def test_without_steps_it_is_the_time_itself(line: list[Seconds]) -> None:
    assert next_step(line, 3.456) == 3.456


class TestAnswer:
    """The phrase has steps of 0.6 s, and is over at 2.18 s: 0.38 s after a place of its grid."""

    PHRASE = together(*(key(60 + 2 * n, 0.6 * n, 0.6 * n + 0.3) for n in range(3)))
    BEGINS = 2.4

    def begins(self, **sections: Any) -> Seconds:
        chosen = settings(**{"turn": {"silence": 0.68}} | sections)
        return onsets(play(chosen, self.PHRASE))[0]

    @pytest.mark.parametrize("source", [RhythmSource.MIRROR, RhythmSource.STEADY])
    def test_it_begins_on_the_players_own_step(self, source: RhythmSource) -> None:
        assert self.begins(rhythm={"source": source}) == self.BEGINS

    @pytest.mark.parametrize("offset", [-300.0, -100.0, 50.0])
    def test_an_offset_moves_it(self, offset: float) -> None:
        begins = self.begins(output={"offset_ms": offset})
        assert begins == pytest.approx(self.BEGINS + offset / 1000)

    def test_its_whole_rhythm_is_on_them(self) -> None:
        chosen = settings(turn={"silence": 0.68}, rhythm={"source": RhythmSource.MIRROR})
        assert onsets(play(chosen, self.PHRASE)) == [2.4, 3.0, 3.6]

    def test_a_beat_that_is_shared_goes_before(self) -> None:
        """The grid of 120 bpm: a step is 0.25 s."""
        assert self.begins(clock={"send": True}) == 2.25

    @pytest.mark.parametrize(("where", "begins"), [(Quantize.BEAT, 2.5), (Quantize.BAR, 4.0)])
    def test_quantize_goes_before(self, where: Quantize, begins: Seconds) -> None:
        assert self.begins(turn={"silence": 0.68, "quantize": where}) == begins

    def test_a_single_note_is_answered_at_once(self) -> None:
        assert onsets(play(settings(turn={"silence": 0.68}), key(60, 0.0, 0.3)))[0] == 0.98
