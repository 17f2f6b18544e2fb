"""A fresh performer's answer to one phrase."""

import itertools
from typing import Any

import numpy as np
import pytest

from midigen.errors import ModelError
from midigen.instrument.reply import reply
from midigen.music.keys import Key
from midigen.music.melody import Note
from midigen.prediction.predictor import Predictor
from midigen.settings.choices import Mode
from midigen.settings.table import Settings
from tests.models import Moody
from tests.players import NextLetter, settings

G = Key.named("G major")
PHRASE = [Note(67, 0.0, 0.4), Note(69, 0.5, 0.9), Note(71, 1.5, 1.7), Note(72, 2.0, 2.2)]


def answered(
    phrase: list[Note], chosen: Settings | None = None, predictor: Predictor | None = None
) -> list[Note]:
    return reply(
        phrase, G, chosen or Settings(), predictor or NextLetter(), np.random.default_rng(0)
    )


def test_it_answers_in_the_key_as_many_notes_in_the_same_rhythm() -> None:
    found = answered(PHRASE)
    assert [note.pitch for note in found] == [74, 76, 78, 79]
    steps = [later.onset - note.onset for note, later in itertools.pairwise(found)]
    assert steps == pytest.approx([0.5, 1.0, 0.5])
    assert [note.end - note.onset for note in found[:3] if note.end] == pytest.approx(
        [0.4, 0.4, 0.2]
    )
    assert found[0].onset >= 2.2


def test_no_silence_inside_the_phrase_gives_the_turn_away() -> None:
    late = [*PHRASE[:3], Note(72, 30.0, 30.2)]
    found = answered(late)
    assert len(found) == 4
    assert found[0].onset >= 30.2


def test_it_answers_all_notes_of_a_long_phrase() -> None:
    scale = [Note(67, place / 2, place / 2 + 0.4) for place in range(50)]
    assert Settings().response.max < 50
    assert len(answered(scale)) == 50


@pytest.mark.parametrize(
    ("sections", "notes"),
    [
        ({"response": {"length": 7}}, 7),
        ({"response": {"length": "endless", "max": 9}}, 9),
        ({"response": {"hold": True}}, 4),
        ({"mode": Mode.SOLO}, 4),
        ({"thru": True}, 4),
        ({"turn": {"silence": 0.05}}, 4),
        ({"key": Key.named("C major")}, 4),
        ({"output": {"mute": True}}, 0),
    ],
)
def test_other_settings_are_in_force(sections: dict[str, Any], notes: int) -> None:
    found = answered(PHRASE, settings(**sections))
    assert len(found) == notes
    assert all(G.degree(note.pitch) is not None for note in found)
    assert all(note.end is not None and note.end > note.onset for note in found)


def test_notes_that_overlap_are_one_line() -> None:
    legato = [Note(note.pitch, note.onset, note.onset + 3) for note in PHRASE]
    held = answered(legato)
    assert len(held) == 4
    assert [note.end - note.onset for note in held[:3] if note.end] == pytest.approx(
        [0.5, 1.0, 0.5]
    )


def test_it_begins_anew_each_time() -> None:
    assert answered(PHRASE) == answered(PHRASE)


def test_a_model_that_fails_is_an_error() -> None:
    with pytest.raises(ModelError, match="fails"):
        answered(PHRASE, predictor=Moody(lambda _: 1 / 0))
