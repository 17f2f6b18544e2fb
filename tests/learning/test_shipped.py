"""The shipped models are what their cards and metadata say."""

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from midigen.app.cli import main
from midigen.errors import ExitCode
from midigen.learning.baselines import Baselines
from midigen.learning.corpus import Side, Tune, divide, find_files, read, songs
from midigen.learning.listening import predict_song
from midigen.prediction.line import KEPT
from midigen.prediction.onnx_predictor import open_model
from midigen.settings.table import Settings
from tests.players import ROOT

MODELS = ROOT / "models"
LEARNED = ["songs", "pop", "lieder", "tunes"]
CORPUS = ROOT.parent / "shared" / "corpus"
TRAINING = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def scores(name: str) -> dict[str, dict[str, Any]]:
    rows = open_model(MODELS / f"{name}.onnx").provenance["scores"]
    return {row["name"]: row for row in rows}


def test_the_default_model_is_shipped() -> None:
    assert Settings().model in LEARNED


@pytest.mark.parametrize("name", LEARNED)
def test_a_shipped_model_has_all_its_files(name: str) -> None:
    for ending in ("keras", "onnx", "baselines.npz", "md", "png"):
        assert (MODELS / f"{name}.{ending}").is_file()
    assert (MODELS / f"{name}.onnx").stat().st_size < 5_000_000
    player = open_model(MODELS / f"{name}.onnx")
    assert (player.min_notes, player.max_notes) == (1, KEPT)
    assert player.mixture is not None


@pytest.mark.parametrize("name", LEARNED)
def test_a_shipped_model_beats_every_baseline(name: str) -> None:
    found = scores(name)
    best = found.pop("lstm+memory")
    for row in found.values():
        assert best["bits_per_note"] < row["bits_per_note"]
        if row["name"] != "lstm":
            assert best["top1"] > row["top1"]


@pytest.mark.parametrize("name", LEARNED)
def test_its_other_heads_beat_their_baselines(name: str) -> None:
    """A model tells steps in time better than every chain, though it is told nothing more."""
    heads = open_model(MODELS / f"{name}.onnx").provenance["heads"]
    for ways in heads.values():
        own = ways.pop("lstm")
        ways.pop("lstm-told", None)
        assert own["bits"] < min(way["bits"] for way in ways.values())
        assert own["right"] > max(way["right"] for way in ways.values())


@pytest.mark.parametrize("name", LEARNED)
def test_its_scores_are_in_its_card_and_in_the_docs(name: str) -> None:
    found = scores(name)
    card = (MODELS / f"{name}.md").read_text(encoding="utf-8")
    for row in found.values():
        bits, right = row["bits_per_note"], row["top1"]
        assert f"| {row['name']} | {bits:.3f} | {right:.1%} |" in card
    own = found["lstm+memory"]
    chains = [row for row in found.values() if row["name"].startswith(("markov", "ltm"))]
    rival = min(chains, key=lambda row: row["bits_per_note"])
    (line,) = [line for line in TRAINING.splitlines() if line.startswith(f"| [{name}](")]
    for row in (own, rival):
        assert f"{row['bits_per_note']:.2f}" in line
        assert f"{100 * row['top1']:.1f} %" in line


@pytest.mark.parametrize("name", LEARNED)
def test_its_card_tells_where_the_songs_are_from_and_what_was_tried(name: str) -> None:
    card = (MODELS / f"{name}.md").read_text(encoding="utf-8")
    assert re.search(r"licence: (MIT|CC0|public domain)", card)
    assert "## What was tried" in card
    assert "## How it plays" in card


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus isn't beside this checkout")
@pytest.mark.parametrize(
    ("name", "folder"), [("pop", "pop909"), ("lieder", "lieder"), ("tunes", "tunes")]
)
def test_a_shipped_model_predicts_songs_it_never_saw(name: str, folder: str) -> None:
    """On a few test songs it is near its card's figures, and far from 2.81 bits by chance."""
    player = open_model(MODELS / f"{name}.onnx")
    tunes = (tune for tune in read(find_files([CORPUS / folder])[:200]) if isinstance(tune, Tune))
    unseen = list(islice(divide(songs(tunes))[Side.TEST], 6))
    letters = np.concatenate([song.letters for song in unseen])
    rows = np.concatenate([predict_song(player, song, memory_amount=1.0) for song in unseen])
    bits = -np.log2(rows[np.arange(len(letters)), letters]).mean()
    assert abs(bits - scores(name)["lstm+memory"]["bits_per_note"]) < 0.6
    known = Baselines.load(MODELS / f"{name}.baselines.npz").known(letters, 9)
    assert known.mean() < 0.5  # these songs weren't counted in the baselines


def test_models_lists_them_with_their_scores(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["models"]) == ExitCode.OK
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert "not measured" in lines["notebook"]
    for name in LEARNED:
        own = scores(name)["lstm+memory"]
        assert f"{own['bits_per_note']:.3f}" in lines[name]
        assert f"{own['top1']:.1%}" in lines[name]


def test_evaluate_prints_one_object(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.midi_files import write_midi

    monkeypatch.chdir(tmp_path)
    Path("tunes").mkdir()
    for part in range(3):
        write_midi(Path("tunes") / f"scale-{part}.mid", bpm=120)
    assert main(["evaluate", "pop", "tunes", "--json", "--notes", "notes.csv"]) == ExitCode.OK
    result = json.loads(capsys.readouterr().out)
    assert {key: result[key] for key in ("model", "corpus", "songs")} == {
        "model": "pop",
        "corpus": ["tunes"],
        "songs": 1,
    }
    assert [row["name"] for row in result["rows"]] == [
        *("uniform", "markov-0", "markov-1", "markov-2", "markov-4"),
        *("ltm+stm", "notebook", "lstm", "lstm+memory"),
    ]
    assert set(result["rows"][0]) == {
        *("name", "bits_per_note", "top1", "top3", "first32", "by_position")
    }
    assert set(result["heads"]) == {"octaves", "gaps", "shares"}
    assert set(result["heads"]["gaps"]) == {
        *("uniform", "markov-2", "ltm+stm", "lstm", "lstm-told")
    }
    header, *lines = Path("notes.csv").read_text(encoding="utf-8").splitlines()
    assert header == "song,note,letter,C,D,E,F,G,A,B"
    assert len(lines) == result["notes"]
    cells = [line.split(",") for line in lines]
    bits = [-np.log2(float(row[3 + "CDEFGAB".index(row[2])])) for row in cells]
    assert np.mean(bits) == pytest.approx(result["rows"][-1]["bits_per_note"], abs=1e-3)
