"""What a model predicts for each note of a song, all at once, and just as in live play."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from midigen.learning.baselines import PerNote
from midigen.learning.corpus import Song
from midigen.learning.encoding import Encoded, encode
from midigen.learning.notes import Letters
from midigen.music.keys import SIZE
from midigen.prediction.line import ROWS
from midigen.prediction.memory import ORDERS, Counts, Memory
from midigen.prediction.outlook import Outlook
from midigen.prediction.predictor import Predictor, StepPredictor

_AT_ONCE = 512  # predictions in a batch


def predict_song(predictor: Predictor, song: Song, memory_amount: float) -> PerNote:
    """What live play would predict for each note of a song, shape (notes, 7).

    A model that takes steps is told what an answer is told: when the note comes, and how many the
    phrase still has. Before a model has enough notes to predict, all letters are equally likely.
    """
    return with_memory(predictor, predict_alone(predictor, song), song.letters, memory_amount)


def predict_alone(predictor: Predictor, song: Song) -> PerNote:
    """The same without memory."""
    rows = uniform(song.letters)
    if not isinstance(predictor, StepPredictor):
        _predict_letters(predictor, song.letters, rows)
    elif len(song.letters) > 1:
        rows[1:] = expect_all(predictor, encode(song)).letters
    return rows


def with_memory(
    predictor: Predictor, alone: PerNote, letters: Letters, memory_amount: float
) -> PerNote:
    """A model's predictions mixed with those of a memory of the song so far, shape (notes, 7)."""
    mixture, first = predictor.mixture, predictor.min_notes
    if mixture is None or not memory_amount or len(letters) <= first:
        return alone
    counts = memory_counts(letters)[first:]
    likely = mixture.mix(alone[first:].astype(np.float32), counts, memory_amount)
    return np.concatenate([alone[:first], likely])


def expect_all(predictor: StepPredictor, song: Encoded) -> Outlook:
    """What a model expects before each note of a song but its first, as a batch of notes - 1."""
    parts = [predictor.expect(rows, coming) for rows, coming in _windows(song)]
    return Outlook(
        np.concatenate([part.letters for part in parts]),
        *(
            np.concatenate([getattr(part, head) for part in parts])
            for head in ("octaves", "gaps", "shares")
        ),
    )


def memory_counts(letters: Letters) -> Counts:
    """What the memory counts before each letter of a song, shape (notes, 16, 7)."""
    memory = Memory()
    counts = np.zeros((len(letters), ORDERS, SIZE))
    for note, degree in enumerate(letters[:-1].tolist()):
        memory.add(degree)
        counts[note + 1] = memory.counts()
    return counts


def uniform(letters: Letters) -> PerNote:
    """Equal probabilities for each note of a song, shape (notes, 7)."""
    return np.full((len(letters), SIZE), 1 / SIZE)


def _predict_letters(predictor: Predictor, letters: Letters, rows: PerNote) -> None:
    line, most = letters.astype(np.int64), predictor.max_notes
    for note in range(predictor.min_notes, min(most, len(line))):
        rows[note] = predictor.predict(line[np.newaxis, :note])[0]
    if len(line) > most:
        windows = np.lib.stride_tricks.sliding_window_view(line[:-1], most)
        rows[most:] = predictor.predict(windows.copy())


def _windows(
    song: Encoded,
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """The newest 8 rows or fewer before each note, and what comes next, in batches."""
    rows, coming = song.rows.astype(np.float32), song.coming.astype(np.float32)
    for note in range(min(ROWS - 1, len(song))):
        yield rows[np.newaxis, : note + 1], coming[note : note + 1]
    if len(song) < ROWS:
        return
    windows = np.lib.stride_tricks.sliding_window_view(rows, ROWS, axis=0).swapaxes(1, 2)
    for start in range(0, len(windows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield np.ascontiguousarray(windows[part]), coming[ROWS - 1 :][part]
