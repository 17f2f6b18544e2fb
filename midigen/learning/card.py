"""A model's card, for people: what it is, what it learned from, and how well it plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from midigen import files
from midigen.learning.corpus import Side, Song
from midigen.learning.evaluation import Evaluation
from midigen.learning.fitting import Plan, Progress
from midigen.prediction.line import COMING, FEATURES, REACH, ROWS

_WHOLE = "Songs are divided by a hash of their names."
_CUT = """\
They were too few to keep some of them aside. Of each, the first eight tenths were learned from,
the next tenth validated and the last one tested, so the scores below tell how well it goes on
in songs that it knows."""
_HEADS = {
    "octaves": "octave, given the letter",
    "gaps": "step in time",
    "shares": "length, as a share of the step",
}
_TOLD = """\
Of steps in time, `lstm` is told nothing, as the chains are, and `lstm-told` if a phrase begins and
how many notes it has left."""
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
    facts: Facts, parameters: int, evaluation: Evaluation, folder: Path, notes: str
) -> None:
    """Write the card, `NAME.md`, and the learning curve, `NAME.png`, into a folder.

    `parameters` is the number of weights, and the evaluation is on the test songs. `notes` are
    what people wrote about the data and their choices; they go below the mark.
    """
    with files.replacing(folder / f"{facts.name}.png") as new:
        _draw_curve(facts, new)
    text = _text(facts, parameters, evaluation, notes)
    files.write(folder / f"{facts.name}.md", [text.encode()])


def notes_of(card: Path) -> str:
    """The text below the mark in a card; empty if there is no card yet."""
    if not card.is_file():
        return ""
    return card.read_text(encoding="utf-8").partition(NOTES_MARK)[2].lstrip("\n")


def _text(facts: Facts, parameters: int, evaluation: Evaluation, notes: str) -> str:
    sizes = {
        side: (len(songs), sum(len(song.letters) for song in songs))
        for side, songs in facts.sides.items()
    }
    tests, tested = sizes[Side.TEST]
    sides = "\n".join(f"| {side} | {songs} | {size} |" for side, (songs, size) in sizes.items())
    return (
        f"""# {facts.name}

Made by

    {facts.command}

Its scores below come from

    {facts.repeat}

{_network(facts, parameters)}

## Training

| | songs | notes |
|---|---|---|
{sides}

{_WHOLE if facts.whole else _CUT} {_training(facts)}

![The learning curve]({facts.name}.png)

## Scores

On the {tests} test songs, {tested:,} notes, each predicted from its own song so far.
It is told what an answer is told: when the note comes, and how many the phrase still has.

{_scores(evaluation)}

## What else it predicts

{_heads(evaluation)}

{NOTES_MARK}

{notes}""".rstrip()
        + "\n"
    )


def _network(facts: Facts, parameters: int) -> str:
    network = facts.plan.architecture
    return f"""## Network

An LSTM ({network.units} units, {parameters:,} weights in all with a hidden layer of \
{network.hidden}) goes through the newest {ROWS} steps. A step is
{FEATURES} numbers: its letter, octave, time, length and place in the bar, and their echoes, which \
tell what
followed in the {REACH} steps before wherever the same letters, intervals or times were heard. \
{COMING} more
tell what is decided of the note that comes. Softmaxes over seven letters, three octaves of each,
18 steps in time and five lengths end it."""


def _training(facts: Facts) -> str:
    plan, progress = facts.plan, facts.progress
    epochs = len(progress.epochs)
    return f"""{epochs} epochs took {progress.seconds / 60:.1f} minutes. \
The best was epoch {progress.best + 1}, with
{progress.epochs[progress.best].validation:.3f} bits a letter in validation. Excerpts of the \
training songs were learned, too, as if nothing had been
heard before. Seed {progress.seed}, AdamW with {plan.learning_rate:g} falling along a cosine, \
weight decay {plan.weight_decay:g},
dropout {plan.architecture.dropout:g}, batches of {plan.batch} blocks of {ROWS} notes, weights \
averaged over {plan.average:g} epochs; {plan.moved:.0%} of the blocks were
moved round the seven letters, and in many of them some knowledge was hidden. Validation songs also
calibrated the mixture with the session's memory."""


def _scores(evaluation: Evaluation) -> str:
    rows = (
        f"| {score.name} | {score.bits_per_note:.3f} | {score.top1:.1%} | {score.top3:.1%} "
        f"| {score.first32:.3f} |"
        for score in evaluation.scores
    )
    heading = (
        "| | bits a note | right | among three | bits, first 32 notes |\n|---|---|---|---|---|"
    )
    return "\n".join([heading, *rows])


def _heads(evaluation: Evaluation) -> str:
    rows = (
        f"| {_HEADS[head]} | {name} | {score.bits:.3f} | {score.right:.1%} | {score.first32:.3f} |"
        for head, ways in evaluation.heads.items()
        for name, score in ways.items()
    )
    heading = "| | | bits a note | right | bits, first 32 notes |\n|---|---|---|---|---|"
    return "\n".join([heading, *rows, "", _TOLD])


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
