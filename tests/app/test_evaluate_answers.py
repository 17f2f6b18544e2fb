"""`midigen evaluate --answers`: the table, the JSON object, and what is refused."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the judge needs the train extra")

from midigen.app.answers import warn_of_void_judge
from midigen.app.cli import main
from midigen.errors import ExitCode
from midigen.learning.answers import AnswerReport
from midigen.learning.comparison import Comparison
from tests.tunes import BEAT, line, part, save, signature

MEASURES = [
    *("ends_on_tonic", "divergence_of_endings", "divergence_of_intervals"),
    *("register", "far", "inside", "leaps", "motifs", "contour"),
]
ANSWERERS = ["real", "midigen", "random-walk", "shuffled", "again"]


@pytest.fixture
def tunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve songs of four phrases each, in the folder of work."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "tunes"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        notes = []
        for bars in range(0, 16, 4):
            pitches = rng.choice([60, 62, 64, 65, 67, 69, 71, 72], 6).tolist()
            notes += line([*pitches, 60], BEAT, bars * 4 * BEAT)
        save(folder / f"tune {number}.mid", part(notes, meta=[signature("C")]))
    return folder


def test_the_json_object_has_the_answers_and_the_judge(
    tunes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "pop", str(tunes), "--answers", "20", "--json"]
    assert main(arguments) == ExitCode.OK
    printed = capsys.readouterr().out
    result = json.loads(printed)
    assert [*result["answers"]] == ANSWERERS
    for row in result["answers"].values():
        assert [*row] == MEASURES
        assert all(isinstance(value, float) for value in row.values())
    assert [*result["judge"]] == ["midigen", "random-walk"]
    assert result["answers"]["real"]["ends_on_tonic"] == 1
    assert result["answers"]["again"]["motifs"] == 1
    assert all(row["first32"] > 0 for row in result["rows"])
    assert main(arguments) == ExitCode.OK
    assert capsys.readouterr().out == printed


def test_settings_and_the_seed_count(tunes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answered(*options: str) -> dict[str, dict[str, float]]:
        assert main(["evaluate", "pop", str(tunes), "--answers", "60", "--json", *options]) == 0
        found: dict[str, dict[str, float]] = json.loads(capsys.readouterr().out)["answers"]
        return found

    plain = answered()
    high = answered("--set", "response.transpose=2 octaves")
    assert high["midigen"]["register"] > plain["midigen"]["register"] + 10
    assert {name: high[name] for name in ("real", "random-walk", "shuffled")} == {
        name: plain[name] for name in ("real", "random-walk", "shuffled")
    }
    assert answered("--seed", "1")["shuffled"] != plain["shuffled"]


def test_the_table_has_a_column_for_each_answerer(
    tunes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "pop", str(tunes), "--answers", "20"]) == ExitCode.OK
    scores, _, rest = capsys.readouterr().out.partition("\n\n")
    table = rest[rest.index("20 calls") :]
    assert "bits, first 32 notes" in scores
    heading, _, columns, *rows = table.splitlines()
    assert heading == "20 calls and their answers"
    assert columns.split() == ANSWERERS
    cells = {row[:33].strip(): row[33:].split() for row in rows}
    assert cells["ends on C"][0] == "100.0%"
    assert cells["ends on E, G"][0] == "0.0%"
    assert cells["last letters, divergence in bits"][0] == "0.000"
    assert cells["pairs of intervals from the call"][-1] == "100.0%"
    assert cells["correlation with the call"][-1] == "1.00"
    assert len(cells["judge, AUC (0.5 is best)"]) == 2


@pytest.mark.parametrize(("auc", "void"), [(0.94, True), (0.95, False)])
def test_a_judge_that_cannot_tell_a_walk_is_void(
    auc: float, *, void: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    same = dict.fromkeys(ANSWERERS, Comparison(*(0.5,) * 9))
    endings = dict.fromkeys(ANSWERERS, np.full(7, 1 / 7))
    warn_of_void_judge(AnswerReport(9, same, endings, {"midigen": 0.7, "random-walk": auc}))
    assert ("the judge is void" in capsys.readouterr().err) == void


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_void_judge_is_told_of(
    options: list[str],
    tunes: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("midigen.learning.answers.judge", lambda *_: 0.5)
    assert main(["evaluate", "pop", str(tunes), "--answers", "5", *options]) == ExitCode.OK
    assert "its AUC for the random walk is 0.50" in capsys.readouterr().err


def test_only_call_and_response_is_compared(
    tunes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "pop", str(tunes), "--answers", "5", "--mode", "duet"]
    assert main(arguments) == ExitCode.USAGE
    assert "--answers needs the mode call-response, not duet" in capsys.readouterr().err


def test_without_scikit_learn_it_says_what_to_install(
    tunes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "midigen.learning.judge", None)
    assert main(["evaluate", "pop", str(tunes), "--answers", "5"]) == ExitCode.FAILURE
    err = capsys.readouterr().err
    assert "--answers needs more packages" in err
    assert 'pip install "midigen[train]"' in err
    assert main(["evaluate", "pop", str(tunes)]) == ExitCode.OK


def test_songs_without_phrases_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "scale.mid", part(line([60, 62, 64, 65]), meta=[signature("C")]))
    assert main(["evaluate", "pop", "scale.mid", "--answers", "5"]) == ExitCode.FAILURE
    assert "two phrases in a row" in capsys.readouterr().err
