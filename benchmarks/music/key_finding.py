"""Measures how often the key is found after a few notes, and learns the key profile.

    python -m benchmarks.music.key_finding CORPUS [--learn]

CORPUS is a folder of MIDI files with key signatures. From random places in its test songs (see
`midigen.learning.corpus`), 8, 16, 32 and 64 notes are played to `KeyFollower`, as in live play. Its
rivals get the same notes: the correlation of the durations of the pitch
classes with the key profiles of Krumhansl and Kessler ("Tracing the dynamic changes in
perceived tonal organization", Psychological Review 89, 1982; the figures as in
Krumhansl, "Cognitive Foundations of Musical Pitch", 1990), and the log-likelihood of how
often each pitch class occurs in the training songs. A key counts as right if it has the right
seven of the twelve pitch classes. Excerpts in which the key changes are left out.

With --learn, midigen's profile is learned again, by logistic regression on the training songs, and
written into the package. This needs TensorFlow and takes some minutes.
"""

import argparse
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from midigen.errors import MidiFileError
from midigen.learning.corpus import Side, find_files, side_of, song_name
from midigen.learning.hearing import Heard, hear_melody
from midigen.midi.reader import load
from midigen.music.key_finding import (
    NOTHING,
    PROFILE,
    PROFILE_SIZE,
    KeyFollower,
    evidence,
    likelihoods,
)
from midigen.music.melody import Note

LENGTHS = (8, 16, 32, 64)
TRIALS = 4_000
LEARNED_FROM, LEARNED_LENGTHS, STEPS, BATCH = 40_000, (8, 16, 32), 5_000, 256
LEARNING_RATE, DOUBT = 0.02, 5e-4  # the weight of L2 regularization, found on validation songs
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
MINOR_THIRD = 3

Excerpt = tuple[list[Note], int]
"""Notes, and the pitch class of the major tonic that has their key signature."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--learn", action="store_true", help="learn the profile instead")
    parser.add_argument("--side", choices=[*Side], default=Side.TEST, help="the songs to test on")
    options = parser.parse_args()
    melodies = read(options.corpus)
    if options.learn:
        with resources.as_file(resources.files("midigen") / PROFILE) as path:
            np.save(path, learn(melodies[Side.TRAINING]))
        print(f"wrote {path}: run again, without --learn, to measure it")
        return
    profile = how_often(melodies[Side.TRAINING])
    methods: dict[str, Callable[[list[Note]], int]] = {
        "Krumhansl and Kessler": correlated,
        "one profile's likelihood": lambda notes: likeliest(profile, notes),
        "all notes alike": lambda notes: int(likelihoods(notes).argmax()),
        'midigen, `key = "auto"`': followed,
    }
    print(f"| right after | {' | '.join(f'{length} notes' for length in LENGTHS)} |")
    print("|---" * (1 + len(LENGTHS)) + "|")
    songs = melodies[Side(options.side)]
    trials = {length: draw(songs, length, TRIALS, seed=7) for length in LENGTHS}
    for name, method in methods.items():
        shares = [share_right(trials[length], method) for length in LENGTHS]
        print(f"| {name} | {' | '.join(f'{share:.1%}' for share in shares)} |", flush=True)
    notes, changes, right = follow(songs)
    print(
        f"\nthrough whole songs: {changes} changes in {notes} notes, right at {right:.1%} of them"
    )


def read(folder: Path) -> dict[Side, list[list[Heard]]]:
    """Read the melodies of the files in a folder, by the sides of their songs."""
    melodies: dict[Side, list[list[Heard]]] = {side: [] for side in Side}
    for path in tqdm(find_files([folder]), desc="reading", dynamic_ncols=True):
        try:
            melodies[side_of(song_name(path))].append(hear_melody(load(path), None))
        except MidiFileError as exc:
            tqdm.write(str(exc))
    return melodies


def draw(melodies: Sequence[list[Heard]], length: int, trials: int, seed: int) -> list[Excerpt]:
    """Draw excerpts from melodies. Every note is equally likely to begin one."""
    rng = np.random.default_rng(seed)
    starts = [(m, s) for m, each in enumerate(melodies) for s in range(len(each) - length + 1)]
    excerpts: list[Excerpt] = []
    for place in rng.choice(len(starts), trials):
        melody, start = starts[place]
        heard = melodies[melody][start : start + length]
        tonics = {each.key.pitch_classes[0] for each in heard}
        if len(tonics) == 1:
            excerpts.append(([each.note for each in heard], tonics.pop()))
    return excerpts


def share_right(excerpts: Sequence[Excerpt], method: Callable[[list[Note]], int]) -> float:
    """The share of excerpts whose tonic a method finds."""
    return sum(method(notes) == tonic for notes, tonic in excerpts) / len(excerpts)


# --- the methods


def followed(notes: Sequence[Note]) -> int:
    """The tonic that live play finds, or -1 for none."""
    follower = KeyFollower()
    play(follower, notes)
    return -1 if follower.key is None else follower.key.pitch_classes[0]


def play(follower: KeyFollower, notes: Sequence[Note]) -> None:
    """Play a melody to a follower. Each note ends as the next one begins."""
    for note, after in zip(notes, [*notes[1:], None], strict=True):
        follower.hear(note.pitch, note.onset)
        end = after.onset if note.end is None and after else note.end
        follower.release(note.pitch, note.onset if end is None else end)


def correlated(notes: Sequence[Note]) -> int:
    """Krumhansl and Kessler: the key of 24 with the best correlation, as its relative major."""
    found = [
        (np.corrcoef(np.roll(profile, tonic), durations(notes))[0, 1], (tonic + third) % 12)
        for profile, third in ((MAJOR, 0), (MINOR, MINOR_THIRD))
        for tonic in range(12)
    ]
    return max(found)[1]


def durations(notes: Sequence[Note]) -> npt.NDArray[np.float64]:
    """How long each pitch class sounds, in seconds: shape (12,)."""
    lengths = [0.0 if note.end is None else note.end - note.onset for note in notes]
    sums = np.bincount([note.pitch % 12 for note in notes], lengths, 12)
    return sums.astype(np.float64)


def how_often(melodies: Sequence[list[Heard]]) -> npt.NDArray[np.float64]:
    """The log-frequency of each pitch class, counted from the tonic: shape (12,)."""
    above = [
        (each.note.pitch - each.key.pitch_classes[0]) % 12 for heard in melodies for each in heard
    ]
    profile: npt.NDArray[np.float64] = np.log(np.bincount(above, minlength=12) / len(above))
    return profile


def likeliest(profile: npt.NDArray[np.float64], notes: Sequence[Note]) -> int:
    """The tonic for which a profile makes the notes likeliest."""
    pitches = np.array([note.pitch for note in notes])
    return int(np.argmax([profile[(pitches - tonic) % 12].sum() for tonic in range(12)]))


def follow(melodies: Sequence[list[Heard]]) -> tuple[int, int, float]:
    """Follow whole songs. Returns the notes, the changes of key, and the share that was right."""
    notes = changes = right = 0
    for heard in melodies:
        follower, before = KeyFollower(), None
        for each in heard:
            play(follower, [each.note])
            changes += before is not None and follower.key != before
            before = follower.key
            right += before is not None and before.pitch_classes[0] == each.key.pitch_classes[0]
        notes += len(heard)
    return notes, changes, right / notes


# --- learning


def learn(melodies: Sequence[list[Heard]]) -> npt.NDArray[np.float32]:
    """The profile that makes the right tonics likeliest, with L2 regularization."""
    import tensorflow as tf  # noqa: PLC0415  takes seconds, and only learning needs it

    songs = {
        length: _evidence(draw(melodies, length, LEARNED_FROM, seed=length))
        for length in LEARNED_LENGTHS
    }
    weights = tf.Variable(tf.zeros(PROFILE_SIZE))
    something = tf.constant(np.arange(PROFILE_SIZE) != NOTHING, tf.float32)
    optimizer = tf.keras.optimizers.Adam(
        tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, STEPS)
    )
    optimizer.build([weights])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]  # it has no types
    def descend(found: Any, tonics: Any) -> None:
        with tf.GradientTape() as tape:
            nats = tf.reduce_sum(tf.gather(weights * something, found), (2, 3))
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tonics, nats))
            loss += DOUBT * tf.reduce_sum(weights**2)
        gradient = tf.convert_to_tensor(tape.gradient(loss, weights))
        optimizer.apply_gradients([(gradient, weights)])

    rng = np.random.default_rng(0)
    for step in tqdm(range(STEPS), desc="learning", dynamic_ncols=True):
        found, tonics = songs[LEARNED_LENGTHS[step % len(LEARNED_LENGTHS)]]
        batch = rng.integers(0, len(tonics), BATCH)
        descend(tf.constant(found[batch]), tf.constant(tonics[batch]))
    profile: npt.NDArray[np.float32] = (weights * something).numpy()
    return profile


def _evidence(excerpts: Sequence[Excerpt]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    found = np.array([evidence(notes) for notes, _ in excerpts], dtype=np.int32)
    return found, np.array([tonic for _, tonic in excerpts], dtype=np.int32)


if __name__ == "__main__":
    main()
