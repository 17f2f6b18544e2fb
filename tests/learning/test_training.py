"""Training on a few songs: what the network sees, what is kept, and what is written."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midigen.errors import MidigenError, ModelError
from midigen.learning.calibration import calibrate
from midigen.learning.corpus import Side, Song, side_of
from midigen.learning.evaluation import predict_song
from midigen.learning.fitting import Plan
from midigen.learning.network import (
    NO_LETTER,
    Architecture,
    Steps,
    build_network,
    cut_blocks,
    move_letters,
)
from midigen.learning.training import train
from midigen.music.keys import SIZE
from midigen.prediction.echoes import FEATURES, MAX_NOTES, STEPS, encode_line
from midigen.prediction.memory import ORDERS
from midigen.prediction.mixture import BUCKETS, Mixture
from midigen.prediction.onnx_predictor import OnnxPredictor
from midigen.prediction.session import Session
from midigen.prediction.window import Encoding, new_encoder
from tests.players import AnyLetter

SMALL = Architecture(units=6, dropout=0.1)
PLAN = Plan(SMALL, epochs=2, batch=4)
COMMAND = "midigen train songs --name small --seed 5"
REPEAT = "midigen evaluate small songs --split test"


def tunes(count: int) -> list[Song]:
    """Songs that repeat their phrases. Their names put some of them on each side."""
    rng = np.random.default_rng(1)
    return [
        Song(f"tune {number}", np.tile(rng.integers(0, SIZE, 12), 4).astype(np.uint8))
        for number in range(count)
    ]


SONGS = tunes(30)


def train_small(folder: Path, **changes: Any) -> Any:
    options: dict[str, Any] = {"plan": PLAN, "seed": 5, "resume": False, "command": COMMAND}
    options["repeat"] = REPEAT
    options |= changes
    return train(SONGS, folder, "small", **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model that was trained here."""
    folder = tmp_path_factory.mktemp("trained")
    train_small(folder)
    return folder


def test_training_writes_the_files_of_a_model_and_no_others(trained: Path) -> None:
    assert {file.name for file in trained.iterdir()} == {
        *("small.keras", "small.onnx", "small.baselines.npz", "small.md", "small.png"),
    }


def test_the_card_tells_how_it_was_made_and_how_well_it_plays(trained: Path) -> None:
    card = (trained / "small.md").read_text(encoding="utf-8")
    assert COMMAND in card
    assert REPEAT in card
    assert "![The learning curve](small.png)" in card
    provenance = OnnxPredictor(trained / "small.onnx").provenance
    assert provenance["command"] == COMMAND
    assert len(provenance["scores"]) == 9
    for score in provenance["scores"]:
        assert f"| {score['name']} | {score['bits_per_note']:.3f} |" in card
    counts = {side: sum(side_of(song.name) is side for song in SONGS) for side in Side}
    for side, count in counts.items():
        assert f"| {side} | {count} | {count * 48} |" in card


def test_a_trained_model_plays_as_keras_predicts(trained: Path) -> None:
    keras_model = keras.models.load_model(trained / "small.keras")
    player = OnnxPredictor(trained / "small.onnx")
    assert (player.min_notes, player.max_notes) == (1, MAX_NOTES)
    rng = np.random.default_rng(2)
    encode = new_encoder(Encoding.ECHO)
    for length in (1, 2, STEPS - 1, STEPS, STEPS + 1, MAX_NOTES):
        windows = rng.integers(0, SIZE, (5, length))
        expected = keras_model.predict(encode(windows), verbose=0)
        np.testing.assert_allclose(player.predict(windows), expected, atol=1e-5)


@pytest.fixture(scope="module")
def trained_again(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the model was trained again, after someone had written in its card."""
    folder = tmp_path_factory.mktemp("again")
    for file in trained.iterdir():
        shutil.copy(file, folder)
    with (folder / "small.md").open("a", encoding="utf-8") as card:
        card.write("\nFrom my own book.\n")
    train_small(folder)
    return folder


def test_the_same_seed_gives_the_same_model(trained: Path, trained_again: Path) -> None:
    both = trained, trained_again
    first, second = (keras.models.load_model(each / "small.keras") for each in both)
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    cards = [(each / "small.md").read_text(encoding="utf-8") for each in both]
    scores = [card.partition("## Scores")[2].partition("\nFrom my")[0].strip() for card in cards]
    assert scores[0] == scores[1] != ""


def test_its_scores_can_be_repeated(trained: Path) -> None:
    """The card's figures are those of live play with the model file."""
    player = OnnxPredictor(trained / "small.onnx")
    bits = []
    for song in SONGS:
        if side_of(song.name) is Side.TEST:
            rows = predict_song(player, song.letters, memory_amount=1.0)
            bits += list(-np.log2(rows[np.arange(len(song.letters)), song.letters]))
    scores = {score["name"]: score for score in player.provenance["scores"]}
    assert np.mean(bits) == pytest.approx(scores["lstm+memory"]["bits_per_note"], abs=1e-3)


def test_what_people_wrote_in_a_card_is_kept(trained_again: Path) -> None:
    card = (trained_again / "small.md").read_text(encoding="utf-8")
    assert card.count("From my own book.") == 1


@pytest.fixture
def ctrl_c_after_the_first_epoch(tmp_path: Path) -> Iterator[None]:
    """Sends this process a real SIGINT once there is something to resume from."""
    state = tmp_path / ".small.training" / "state.json"
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            if state.exists():
                os.kill(os.getpid(), signal.SIGINT)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    ended.set()
    watcher.join()


@pytest.mark.usefixtures("ctrl_c_after_the_first_epoch")
def test_ctrl_c_keeps_the_best_so_far_and_training_can_resume(tmp_path: Path) -> None:
    long = replace(PLAN, epochs=200, patience=200)
    result = train_small(tmp_path, plan=long)
    assert result.interrupted
    assert (tmp_path / "small.onnx").exists()
    state = json.loads((tmp_path / ".small.training" / "state.json").read_text(encoding="utf-8"))
    done = len(state["epochs"])
    assert 1 <= done < 200
    with pytest.raises(MidigenError, match="other songs or another seed"):
        train_small(tmp_path, plan=long, seed=6, resume=True)
    again = train_small(tmp_path, plan=replace(long, epochs=done + 2), seed=None, resume=True)
    assert not again.interrupted
    card = (tmp_path / "small.md").read_text(encoding="utf-8")
    assert f"{done + 2} epochs of" in card
    assert not (tmp_path / ".small.training").exists()


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(MidigenError, match="no interrupted training"):
        train_small(tmp_path, resume=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", '{"fingerprint": 1}', "[]"])
def test_a_damaged_state_cannot_be_resumed(text: str, tmp_path: Path) -> None:
    state = tmp_path / ".small.training"
    state.mkdir()
    (state / "state.json").write_text(text, encoding="utf-8")
    with pytest.raises(MidigenError, match="no interrupted training"):
        train_small(tmp_path, seed=None, resume=True)


def test_too_few_songs_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    few = [Song("one", np.zeros(10, dtype=np.uint8)), Song("two", np.zeros(9, dtype=np.uint8))]
    with pytest.raises(MidigenError) as caught:
        train(few, tmp_path, "small", plan=PLAN, seed=1, resume=False, command="", repeat="")
    assert str(caught.value) == (
        "there is too little to learn from: 2 songs, the longest of 10 notes, "
        "and with so few of them one must have 20 at least"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_few_songs_are_cut_and_their_ends_test_the_model(tmp_path: Path) -> None:
    few = tunes(2)
    train(few, tmp_path, "small", plan=PLAN, seed=1, resume=False, command="", repeat="")
    provenance = OnnxPredictor(tmp_path / "small.onnx").provenance
    assert provenance["cut"] is True
    card = (tmp_path / "small.md").read_text(encoding="utf-8")
    assert "too few to keep some of them aside" in card
    for row in ("| training | 2 | 76 |", "| validation | 2 | 10 |", "| test | 2 | 10 |"):
        assert row in card


# --- what the network sees


def test_the_network_that_plays_computes_as_the_one_that_learned() -> None:
    learner = build_network(SMALL, training=True)
    player = build_network(SMALL, training=False)
    player.set_weights(learner.get_weights())
    rows = np.random.default_rng(3).random((4, STEPS, FEATURES), dtype=np.float32)
    everywhere = keras.ops.softmax(learner(rows))
    for steps in (1, 2, STEPS):
        np.testing.assert_allclose(player(rows[:, :steps]), everywhere[:, steps - 1], atol=1e-6)


@given(st.integers(2, 60), st.integers(0, 2**16))
@settings(deadline=None)
def test_an_epoch_has_every_letter_of_a_song_once(notes: int, seed: int) -> None:
    letters = np.arange(notes, dtype=np.uint8) + NO_LETTER + 1  # all different
    rows = np.repeat(letters[:-1, None], FEATURES, axis=1).astype(np.float16)
    for rng in (None, np.random.default_rng(seed)):
        blocks = cut_blocks([Steps(rows, letters[1:])], rng)
        real = blocks.targets != NO_LETTER
        assert sorted(blocks.targets[real]) == list(letters[1:])
        assert (blocks.rows[real][:, 0] == blocks.targets[real] - 1).all()
        assert not blocks.rows[~real].any()


def test_a_moved_block_equals_that_of_a_moved_tune() -> None:
    tune = np.random.default_rng(5).integers(0, 3, STEPS + 1)
    moved = (tune + 3) % SIZE
    rows, targets = encode_line(tune[:-1]).astype(np.float16), tune[1:].astype(np.uint8)
    targets[-1] = NO_LETTER
    move_letters(rows, targets, 3)
    np.testing.assert_array_equal(rows, encode_line(moved[:-1]).astype(np.float16))
    assert targets.tolist() == [*moved[1:-1], NO_LETTER]


# --- the calibration


def test_calibration_trusts_repetition() -> None:
    songs = [song.letters for song in SONGS]
    mixture = calibrate(AnyLetter(), songs)
    assert mixture.trust.shape == (ORDERS, BUCKETS)
    model = AnyLetter()
    model.mixture = mixture
    alone = np.concatenate([predict_song(model, song, memory_amount=0.0) for song in songs])
    mixed = np.concatenate([predict_song(model, song, memory_amount=1.0) for song in songs])
    letters = np.concatenate(songs)
    bits = [-np.log2(rows[np.arange(len(letters)), letters]).mean() for rows in (alone, mixed)]
    assert bits[0] == pytest.approx(np.log2(SIZE))
    assert bits[1] < 1.2  # a quarter of each song is new


def test_the_calibrated_mixture_is_the_one_that_plays(trained: Path) -> None:
    """TensorFlow's mixture, which is calibrated, is the one that NumPy computes live."""
    from midigen.learning.calibration import _memory_counts, _Mixing

    player = OnnxPredictor(trained / "small.onnx")
    assert player.mixture is not None
    song = SONGS[0].letters
    alone = predict_song(player, song, memory_amount=0.0)[1:].astype(np.float32)
    mixing = _Mixing(alone, _memory_counts(song))
    trust = np.clip(player.mixture.trust / 0.999, 1e-6, 1 - 1e-6)
    mixing.variables[0].assign(np.log(trust / (1 - trust)).reshape(-1))
    mixing.variables[1].assign(player.mixture.exponents[1:])
    expected = keras.ops.softmax(mixing.logits())
    rows = predict_song(player, song, memory_amount=1.0)
    np.testing.assert_allclose(rows[1:], expected, atol=1e-3)


def test_a_session_of_a_trained_model_learns_a_tune(trained: Path) -> None:
    session = Session(OnnxPredictor(trained / "small.onnx"), memory_amount=1.0)
    tune = [0, 3, 1, 5, 2, 6, 4]
    for degree in tune * 4:
        session.hear(degree)
    assert session.predict()[0].argmax() == tune[0]


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        '{"trust": [[1]], "exponents": [[1, 0]]}',
        json.dumps({"trust": [[2.0] * BUCKETS] * ORDERS, "exponents": [[1, 0]] * (ORDERS + 1)}),
        json.dumps({"trust": [[0.5] * BUCKETS] * ORDERS, "exponents": [[1, 21]] * (ORDERS + 1)}),
        json.dumps(
            {"trust": [[0.5] * BUCKETS] * ORDERS, "exponents": [[1, float("nan")]] * (ORDERS + 1)}
        ),
    ],
)
def test_a_damaged_mixture_is_refused(text: str, trained: Path, tmp_path: Path) -> None:
    import onnx

    graph = onnx.load(trained / "small.onnx")
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, entries | {"midigen.memory": text})
    onnx.save(graph, tmp_path / "damaged.onnx")
    with pytest.raises(ModelError, match=r"damaged\.onnx: its mixture"):
        OnnxPredictor(tmp_path / "damaged.onnx")


def test_a_mixture_is_read_back_from_its_file(trained: Path) -> None:
    mixture = OnnxPredictor(trained / "small.onnx").mixture
    assert isinstance(mixture, Mixture)
    assert mixture.exponents.shape == (ORDERS + 1, 2)
