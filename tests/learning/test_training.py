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
from midigen.learning.batches import cut_blocks, gather, move
from midigen.learning.calibration import calibrate
from midigen.learning.corpus import Side, Song, side_of
from midigen.learning.encoding import LETTER, OCTAVE, UNKNOWN, Encoded, comings_of, encode, steps_of
from midigen.learning.fitting import Plan
from midigen.learning.listening import memory_counts, predict_alone, predict_song
from midigen.learning.network import Architecture, build_network, octave_nats
from midigen.learning.training import train
from midigen.music.keys import SIZE
from midigen.prediction.line import (
    COMING,
    COMING_BARS,
    COMING_GAP,
    COMING_PHRASE,
    COMING_PLACE,
    FEATURES,
    KEPT,
    ROWS,
)
from midigen.prediction.memory import ORDERS
from midigen.prediction.mixture import BUCKETS, Mixture
from midigen.prediction.onnx_predictor import OnnxStepPredictor, open_model
from midigen.prediction.outlook import Outlook
from midigen.prediction.session import Session
from midigen.prediction.steps import GAPS, OCTAVES, SHARES, Step
from tests.players import AnyLetter
from tests.songs import random_song, song

SMALL = Architecture(units=6, hidden=8, dropout=0.1)
PLAN = Plan(SMALL, epochs=2, batch=4)
COMMAND = "midigen train songs --name small --seed 5"
REPEAT = "midigen evaluate small songs --split test"


def tunes(count: int) -> list[Song]:
    """Songs that repeat their phrases. Their names put some of them on each side."""
    rng = np.random.default_rng(1)
    return [
        song(rng.integers(0, SIZE, 12).tolist() * 4, [*[0.5] * 11, 2.5], name=f"tune {number}")
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
    provenance = open_model(trained / "small.onnx").provenance
    assert provenance["command"] == COMMAND
    assert len(provenance["scores"]) == 9
    for score in provenance["scores"]:
        assert f"| {score['name']} | {score['bits_per_note']:.3f} |" in card
    counts = {side: sum(side_of(tune.name) is side for tune in SONGS) for side in Side}
    for side, count in counts.items():
        assert f"| {side} | {count} | {count * 48} |" in card


def test_a_trained_model_plays_as_keras_predicts(trained: Path) -> None:
    keras_model = keras.models.load_model(trained / "small.keras")
    player = open_model(trained / "small.onnx")
    assert isinstance(player, OnnxStepPredictor)
    assert (player.min_notes, player.max_notes) == (1, KEPT)
    heard = encode(random_song(2))
    for steps in (1, 2, ROWS - 1, ROWS):
        rows = heard.rows[: 5 * steps].reshape(5, steps, FEATURES).astype(np.float32)
        coming = heard.coming[:5].astype(np.float32)
        expected = keras_model([rows, coming])
        found = player.expect(rows, coming)
        shapes = (5, SIZE), (5, SIZE, len(OCTAVES)), (5, len(GAPS)), (5, len(SHARES))
        for head, theirs, shape in zip(heads(found), expected, shapes, strict=True):
            assert head.shape == shape
            np.testing.assert_allclose(head, theirs, atol=1e-5)


def heads(outlook: Outlook) -> list[Any]:
    return [outlook.letters, outlook.octaves, outlook.gaps, outlook.shares]


@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_a_song_is_predicted_as_in_live_play(trained: Path, amount: float) -> None:
    """A session that hears the song note by note expects the same."""
    player = open_model(trained / "small.onnx")
    tune = random_song(6, 40)
    session = Session(player, amount)
    expected = [np.full(SIZE, 1 / SIZE)]
    for step, coming in zip(steps_of(tune), [*comings_of(tune)[1:], None], strict=True):
        session.hear(step)
        if coming is not None:
            expected.append(session.predict(coming).letters[0])
    np.testing.assert_allclose(predict_song(player, tune, amount), expected, atol=1e-4)


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
    player = open_model(trained / "small.onnx")
    bits = []
    for tune in SONGS:
        if side_of(tune.name) is Side.TEST:
            rows = predict_song(player, tune, memory_amount=1.0)
            bits += list(-np.log2(rows[np.arange(len(tune.letters)), tune.letters]))
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
    assert f"{done + 2} epochs took" in card
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
    provenance = open_model(tmp_path / "small.onnx").provenance
    assert provenance["cut"] is True
    card = (tmp_path / "small.md").read_text(encoding="utf-8")
    assert "too few to keep some of them aside" in card
    for row in ("| training | 2 | 76 |", "| validation | 2 | 10 |", "| test | 2 | 10 |"):
        assert row in card


# --- what the network sees


def some_rows(seed: int, blocks: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    rows = rng.random((blocks, ROWS, FEATURES), dtype=np.float32)
    return rows, rng.random((blocks, ROWS, COMING), dtype=np.float32)


def test_the_network_that_plays_computes_as_the_one_that_learned() -> None:
    learner = build_network(SMALL, training=True)
    player = build_network(SMALL, training=False)
    player.set_weights(learner.get_weights())
    rows, coming = some_rows(3, 4)
    everywhere = [keras.ops.softmax(head) for head in learner([rows, coming])]
    for steps in (1, 2, ROWS):
        played = player([rows[:, :steps], coming[:, steps - 1]])
        for ours, theirs in zip(played, everywhere, strict=True):
            np.testing.assert_allclose(ours, theirs[:, steps - 1], atol=1e-6)


def test_the_step_in_time_is_predicted_before_it_is_decided() -> None:
    """It depends on the phrase only; letters depend on everything."""
    player = build_network(SMALL, training=False)
    rows, coming = some_rows(4, 1)
    before = player([rows, coming[:, 0]])
    for part in (COMING_GAP, COMING_PLACE, COMING_BARS, COMING_PHRASE):
        other = coming[:, 0].copy()
        other[:, part] = 0
        after = player([rows, other])
        changed = [not np.array_equal(*each) for each in zip(before, after, strict=True)]
        assert changed == [True, True, part is COMING_PHRASE, True]
    other = coming[:, 0].copy()
    other[:, : 2 * SIZE] = 0  # what was at parallel places
    assert np.array_equal(before[2], player([rows, other])[2])


def test_octaves_are_learned_by_the_right_letter() -> None:
    """Only the three numbers of the letter that came count."""
    logits = np.zeros((1, 1, SIZE, len(OCTAVES)), dtype=np.float32)
    logits[0, 0, 4] = np.log([0.1, 0.2, 0.7])
    targets = [np.array([[4 * len(OCTAVES) + octave]]) for octave in range(3)]
    nats = [float(octave_nats(each, logits)[0, 0]) for each in targets]
    np.testing.assert_allclose(nats, -np.log([0.1, 0.2, 0.7]), rtol=1e-5)
    other = np.array([[3 * len(OCTAVES)]])
    assert float(octave_nats(other, logits)[0, 0]) == pytest.approx(np.log(3))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(0, 2**16))
@settings(deadline=None)
def test_an_epoch_has_every_step_of_a_song_once(lengths: list[int], seed: int) -> None:
    numbers = iter(range(1, 1000))
    songs = []
    for length in lengths:
        own = np.array([next(numbers) for _ in range(length)])
        rows = np.zeros((length, FEATURES), dtype=np.float16)
        rows[:, 0] = own
        targets = np.zeros((length, 4), dtype=np.uint8)
        targets[:, LETTER] = own % SIZE
        songs.append(Encoded(rows, np.zeros((length, COMING), dtype=np.float16), targets))
    for rng in (None, np.random.default_rng(seed)):
        blocks = cut_blocks(lengths, rng)
        batch = gather(songs, blocks, len(blocks) + 1)
        real = batch.targets[..., LETTER] != UNKNOWN[LETTER]
        assert batch.rows[real][:, 0].tolist() == list(range(1, sum(lengths) + 1))
        assert (batch.targets[real][:, LETTER] == batch.rows[real][:, 0] % SIZE).all()
        assert not batch.rows[~real].any()


def test_a_moved_block_equals_that_of_a_moved_tune() -> None:
    tune = np.random.default_rng(5).integers(0, 3, ROWS).astype(np.uint8)
    of_tune, of_moved = (
        encode(Song("a", letters.astype(np.uint8))) for letters in (tune, (tune + 3) % SIZE)
    )
    whole = np.array([[0, 0, len(of_tune)]])
    found, expected = (gather([each], whole.repeat(2, axis=0), 2) for each in (of_tune, of_moved))
    move(found, np.array([3, 3]))
    for ours, theirs in ((found.rows, expected.rows), (found.coming, expected.coming)):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found.targets, expected.targets)
    assert found.targets[0, -1].tolist() == UNKNOWN.tolist()  # a block of 7 steps
    assert (found.targets[0, :, OCTAVE] == UNKNOWN[OCTAVE]).all()


# --- the calibration


def test_calibration_trusts_repetition() -> None:
    mixture = calibrate(AnyLetter(), SONGS)
    assert mixture.trust.shape == (ORDERS, BUCKETS)
    model = AnyLetter()
    model.mixture = mixture
    alone = np.concatenate([predict_song(model, tune, memory_amount=0.0) for tune in SONGS])
    mixed = np.concatenate([predict_song(model, tune, memory_amount=1.0) for tune in SONGS])
    letters = np.concatenate([tune.letters for tune in SONGS])
    bits = [-np.log2(rows[np.arange(len(letters)), letters]).mean() for rows in (alone, mixed)]
    assert bits[0] == pytest.approx(np.log2(SIZE))
    assert bits[1] < 1.2  # a quarter of each song is new


def test_the_calibrated_mixture_is_the_one_that_plays(trained: Path) -> None:
    """TensorFlow's mixture, which is calibrated, is the one that NumPy computes live."""
    from midigen.learning.calibration import _Mixing

    player = open_model(trained / "small.onnx")
    assert player.mixture is not None
    tune = SONGS[0]
    alone = predict_alone(player, tune)[1:].astype(np.float32)
    mixing = _Mixing(alone, memory_counts(tune.letters)[1:])
    trust = np.clip(player.mixture.trust / 0.999, 1e-6, 1 - 1e-6)
    mixing.variables[0].assign(np.log(trust / (1 - trust)).reshape(-1))
    mixing.variables[1].assign(player.mixture.exponents[1:])
    expected = keras.ops.softmax(mixing.logits())
    rows = predict_song(player, tune, memory_amount=1.0)
    np.testing.assert_allclose(rows[1:], expected, atol=1e-3)


def test_a_session_of_a_trained_model_learns_a_tune(trained: Path) -> None:
    session = Session(open_model(trained / "small.onnx"), memory_amount=1.0)
    tune = [0, 3, 1, 5, 2, 6, 4]
    for degree in tune * 4:
        session.hear(Step(degree))
    assert session.predict().letters[0].argmax() == tune[0]


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
        open_model(tmp_path / "damaged.onnx")


def test_a_mixture_is_read_back_from_its_file(trained: Path) -> None:
    mixture = open_model(trained / "small.onnx").mixture
    assert isinstance(mixture, Mixture)
    assert mixture.exponents.shape == (ORDERS + 1, 2)
