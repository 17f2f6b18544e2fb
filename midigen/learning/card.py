"""A model's card, for people: what it is, what it learned from, and how well it plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

from midigen import files
from midigen.learning.evaluation import Score
from midigen.learning.split import Side
from midigen.prediction import echoes

mpl.use("agg")
from matplotlib import pyplot as plt

_WHOLE = "Songs are divided by a hash of their names."
_CUT = """\
They were too few to keep some of them aside: of each, the first eight tenths were learned from,
the next tenth validated and the last one tested, so the scores below tell how well it goes on
in songs that it knows."""
NOTES_MARK = "<!-- What stands below is kept when the model is trained again. -->"


@dataclass(frozen=True)
class Facts:
    """What a card tells.

    `sides` has the number of songs and of notes, `curve` an `Epoch` as a dict for each, `best` the
    index of the best epoch, and `scores` those of the test songs. `whole` is whether every song is
    on one side; if not, each was cut.
    """

    name: str
    command: str
    repeat: str
    plan: Mapping[str, Any]
    seed: int
    parameters: int
    sides: Mapping[Side, tuple[int, int]]
    whole: bool
    curve: Sequence[Mapping[str, float]]
    best: int
    seconds: float
    scores: tuple[Score, ...]


def write_card(facts: Facts, folder: Path, notes: str = "") -> None:
    """Write the card, `NAME.md`, and the learning curve, `NAME.png`, into a folder.

    `notes` are what people wrote about the data and their choices; they go below the mark.
    """
    with files.replacing(folder / f"{facts.name}.png") as new:
        _draw_curve(facts, new)
    files.write(folder / f"{facts.name}.md", [_text(facts, notes).encode()])


def notes_of(card: Path) -> str:
    """The text below the mark in a card; empty if there is no card yet."""
    if not card.is_file():
        return ""
    return card.read_text(encoding="utf-8").partition(NOTES_MARK)[2].lstrip("\n")


def _text(facts: Facts, notes: str) -> str:
    network = facts.plan["architecture"]
    _, learned = facts.sides[Side.TRAINING]
    epochs = len(facts.curve)
    speed = learned * epochs / max(facts.seconds, 1e-9)
    sides = "\n".join(
        f"| {side} | {count} | {notes_in_all} |"
        for side, (count, notes_in_all) in facts.sides.items()
    )
    scores = "\n".join(
        f"| {score.name} | {score.bits_per_note:.3f} | {score.top1:.1%} | {score.top3:.1%} |"
        for score in facts.scores
    )
    return (
        f"""# {facts.name}

Made by

    {facts.command}

Its scores below come from

    {facts.repeat}

## Network

It takes a window of 1 to {echoes.MAX_NOTES} letters. An LSTM ({network["layers"]} × \
{network["units"]} units, {facts.parameters:,} weights in all)
goes through the newest {echoes.STEPS} of them; with each it is told the letter and its echoes: \
what followed, in the {echoes.REACH} letters before,
wherever the newest {", ".join(map(str, echoes.LENGTHS))} letters were the same, and after
the latest match of {", ".join(map(str, echoes.LATEST))}; and the same of the intervals between \
letters, where the newest
{", ".join(map(str, echoes.INTERVALS))} were the same.
A softmax over the seven letters ends it.

## Training

| | songs | notes |
|---|---|---|
{sides}

{_WHOLE if facts.whole else _CUT} {epochs} epochs of {learned:,} notes took \
{facts.seconds / 60:.1f} minutes,
{speed:,.0f} notes a second; the best was epoch {facts.best + 1}, with
{facts.curve[facts.best]["validation"]:.3f} bits a note in validation. Seed {facts.seed}, \
AdamW with
{facts.plan["learning_rate"]:g} falling along a cosine, weight decay \
{facts.plan["weight_decay"]:g}, dropout {network["dropout"]:g}, batches of {facts.plan["batch"]} \
blocks of {echoes.STEPS} notes,
weights averaged over {facts.plan["average"]:g} epochs; {facts.plan["moved"]:.0%} of the blocks \
were moved round the seven letters. Validation songs also calibrated the \
mixture with the session's memory.

![The learning curve]({facts.name}.png)

## Scores

On the {facts.sides[Side.TEST][0]} test songs, {facts.sides[Side.TEST][1]:,} notes, each predicted \
from its own song so far.

| | bits a note | right | among three |
|---|---|---|---|
{scores}

{NOTES_MARK}

{notes}""".rstrip()
        + "\n"
    )


def _draw_curve(facts: Facts, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    epochs = range(1, len(facts.curve) + 1)
    axes.plot(epochs, [epoch["training"] for epoch in facts.curve], label="training, with dropout")
    axes.plot(epochs, [epoch["validation"] for epoch in facts.curve], label="validation")
    axes.plot(facts.best + 1, facts.curve[facts.best]["validation"], "o", color="C1", label="kept")
    axes.set(title=facts.name, xlabel="epoch", ylabel="bits a note", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
