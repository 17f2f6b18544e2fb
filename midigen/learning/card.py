"""A model's card, for people: what it is, what it learned from, and how well it plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from midigen import files
from midigen.learning.corpus import Side, Song
from midigen.learning.evaluation import Score
from midigen.learning.fitting import Plan, Progress
from midigen.prediction import echoes

_WHOLE = "Songs are divided by a hash of their names."
_CUT = """\
They were too few to keep some of them aside. Of each, the first eight tenths were learned from,
the next tenth validated and the last one tested, so the scores below tell how well it goes on
in songs that it knows."""
NOTES_MARK = "<!-- What stands below is kept when the model is trained again. -->"


@dataclass(frozen=True)
class Facts:
    """What a card tells of a training.

    `command` trains the model again, and `repeat` measures its scores again. If the songs are
    `whole`, each is on one side; if not, each was cut.
    """

    name: str
    command: str
    repeat: str
    plan: Plan
    sides: Mapping[Side, Sequence[Song]]
    whole: bool
    progress: Progress


def write_card(
    facts: Facts, parameters: int, scores: Sequence[Score], folder: Path, notes: str
) -> None:
    """Write the card, `NAME.md`, and the learning curve, `NAME.png`, into a folder.

    `parameters` is the number of weights, and `scores` are those of the test songs. `notes` are
    what people wrote about the data and their choices; they go below the mark.
    """
    with files.replacing(folder / f"{facts.name}.png") as new:
        _draw_curve(facts, new)
    files.write(folder / f"{facts.name}.md", [_text(facts, parameters, scores, notes).encode()])


def notes_of(card: Path) -> str:
    """The text below the mark in a card; empty if there is no card yet."""
    if not card.is_file():
        return ""
    return card.read_text(encoding="utf-8").partition(NOTES_MARK)[2].lstrip("\n")


def _text(facts: Facts, parameters: int, scores: Sequence[Score], notes: str) -> str:
    plan, network, progress = facts.plan, facts.plan.architecture, facts.progress
    sizes = {
        side: (len(songs), sum(len(song.letters) for song in songs))
        for side, songs in facts.sides.items()
    }
    (tests, tested), (_, learned) = sizes[Side.TEST], sizes[Side.TRAINING]
    epochs = len(progress.epochs)
    speed = learned * epochs / max(progress.seconds, 1e-9)
    sides = "\n".join(f"| {side} | {songs} | {size} |" for side, (songs, size) in sizes.items())
    rows = "\n".join(
        f"| {score.name} | {score.bits_per_note:.3f} | {score.top1:.1%} | {score.top3:.1%} |"
        for score in scores
    )
    return (
        f"""# {facts.name}

Made by

    {facts.command}

Its scores below come from

    {facts.repeat}

## Network

It takes a window of 1 to {echoes.MAX_NOTES} letters. An LSTM ({network.layers} × {network.units} \
units, {parameters:,} weights in all)
goes through the newest {echoes.STEPS} of them. With each letter it gets its echoes: \
what followed, in the {echoes.REACH} letters before,
wherever the newest {", ".join(map(str, echoes.LENGTHS))} letters were the same, and after
the latest match of {", ".join(map(str, echoes.LATEST))}; and the same for the intervals between \
letters, where the newest
{", ".join(map(str, echoes.INTERVALS))} were the same.
A softmax over the seven letters ends it.

## Training

| | songs | notes |
|---|---|---|
{sides}

{_WHOLE if facts.whole else _CUT} {epochs} epochs of {learned:,} notes took \
{progress.seconds / 60:.1f} minutes,
{speed:,.0f} notes a second. The best was epoch {progress.best + 1}, with
{progress.epochs[progress.best].validation:.3f} bits a note in validation. Seed {progress.seed}, \
AdamW with
{plan.learning_rate:g} falling along a cosine, weight decay \
{plan.weight_decay:g}, dropout {network.dropout:g}, batches of {plan.batch} \
blocks of {echoes.STEPS} notes,
weights averaged over {plan.average:g} epochs; {plan.moved:.0%} of the blocks \
were moved round the seven letters. Validation songs also calibrated the \
mixture with the session's memory.

![The learning curve]({facts.name}.png)

## Scores

On the {tests} test songs, {tested:,} notes, each predicted from its own song so far.

| | bits a note | right | among three |
|---|---|---|---|
{rows}

{NOTES_MARK}

{notes}""".rstrip()
        + "\n"
    )


def _draw_curve(facts: Facts, path: Path) -> None:
    epochs, best = facts.progress.epochs, facts.progress.best
    numbers = range(1, len(epochs) + 1)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(numbers, [epoch.training for epoch in epochs], label="training, with dropout")
    axes.plot(numbers, [epoch.validation for epoch in epochs], label="validation")
    axes.plot(best + 1, epochs[best].validation, "o", color="C1", label="kept")
    axes.set(title=facts.name, xlabel="epoch", ylabel="bits a note", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})
