"""Writes the phrases in this folder, to play to midigen: `python make_phrases.py [FOLDER]`.

A phrase is a line of notes, each `NAME:BEATS:VELOCITY`, and of rests, `-:BEATS`.
"""

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido

TICKS_PER_BEAT = 480
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Phrase:
    """A phrase: its file, what the file's header says, and its bars.

    `gate` is how much of its length a note sounds.
    """

    file: str
    bpm: int
    time: tuple[int, int]
    key: str
    gate: Fraction
    bars: tuple[str, ...]


PHRASES = (
    Phrase(  # calm, in C major: up and back down, soft, loud and soft again
        "calm.mid",
        bpm=96,
        time=(4, 4),
        key="C",
        gate=Fraction(19, 20),
        bars=(
            "E4:1:44 G4:1/2:50 A4:1/2:54 G4:1:58 C5:1:68",
            "B4:1/2:74 A4:1/2:76 G4:1:80 A4:1:86 D5:1:96",
            "C5:1:92 B4:1/2:84 A4:1/2:80 G4:1:74 F4:1:66",
            "E4:1/2:60 F4:1/2:56 D4:1:48 C4:1:40 -:1",
        ),
    ),
    Phrase(  # swung, in G mixolydian, with a blue third
        "swing.mid",
        bpm=120,
        time=(4, 4),
        key="C",  # its notes are the white keys
        gate=Fraction(9, 10),
        bars=(
            "G4:2/3:82 G4:1/3:70 Bb4:2/3:86 B4:1/3:78 D5:1:94 F5:2/3:100 E5:1/3:84",
            "D5:1:92 -:2/3 B4:1/3:80 C5:2/3:88 B4:1/3:76 A4:2/3:82 G4:1/3:72",
            "F4:1:90 -:2/3 D4:1/3:74 F4:2/3:84 G4:1/3:76 A4:2/3:88 C5:1/3:80",
            "B4:2/3:96 G4:4/3:88 D4:2/3:72 G4:1/3:64 -:1",
        ),
    ),
    Phrase(  # a waltz in A minor, dotted
        "waltz.mid",
        bpm=150,
        time=(3, 4),
        key="Am",
        gate=Fraction(17, 20),
        bars=(
            "E4:3/2:76 A4:1/2:62 C5:1:70",
            "B4:1:82 D5:3/2:92 C5:1/2:72",
            "A4:3/4:86 G4:1/4:62 F4:1:68 B4:1:74",
            "A4:2:78 -:1",
        ),
    ),
    Phrase(  # syncopated, in E flat major, in sixteenths with accents; it ends on an upbeat
        "syncopation.mid",
        bpm=100,
        time=(4, 4),
        key="Eb",
        gate=Fraction(4, 5),
        bars=(
            "Eb4:3/4:106 F4:1/4:72 -:1/4 G4:1/2:110 Bb4:1/4:76 C5:3/4:104 Bb4:1/4:74 "
            "-:1/2 G4:1/2:98",
            "-:1/4 Ab4:1/4:108 G4:1/4:74 F4:1/4:72 G4:3/4:102 Eb4:1/2:108 F4:1/4:74 "
            "-:1/4 Bb3:1/4:82 C4:1/4:70 Eb4:1/4:74 F4:1/2:104",
            "-:1/2 Bb4:1/2:112 Ab4:1/4:76 G4:1/4:74 -:1/4 F4:1/4:104 Eb4:3/4:98 F4:1/4:72 "
            "G4:1/4:80 -:1/4 Bb4:1/2:114",
        ),
    ),
)


def pitch(name: str) -> int:
    """The MIDI pitch of a note's name: `C4` is 60, `Bb4` 70."""
    return 12 * (int(name[-1]) + 1) + LETTERS[name[0]] - name.count("b")


def midi_file(phrase: Phrase) -> mido.MidiFile:
    """The phrase as a MIDI file of one track, `player`."""
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT)
    track = file.add_track("player")
    numerator, denominator = phrase.time
    track += [
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(phrase.bpm)),
        mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator),
        mido.MetaMessage("key_signature", key=phrase.key),
    ]
    silent = 0  # ticks since the last note ended
    for note in " ".join(phrase.bars).split():
        name, beats, *velocity = note.split(":")
        length = int(Fraction(beats) * TICKS_PER_BEAT)
        if not velocity:
            silent += length
            continue
        sounding = int(length * phrase.gate)
        down = mido.Message("note_on", note=pitch(name), velocity=int(*velocity), time=silent)
        up = mido.Message("note_off", note=pitch(name), velocity=0, time=sounding)
        track += [down, up]
        silent = length - sounding
    track.append(mido.MetaMessage("end_of_track", time=silent))
    return file


def main() -> None:
    """Write every phrase into the folder."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent
    for phrase in PHRASES:
        midi_file(phrase).save(folder / phrase.file)


if __name__ == "__main__":
    main()
