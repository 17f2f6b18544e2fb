"""Finding a port by the name that a player gives. What is live is in test_jack."""

import pytest

from midigen.errors import PortError
from midigen.midi_system import choose

ALSA = [
    "Midi Through:Midi Through Port-0 14:0",
    "Piano:Piano MIDI 1 24:0",
    "Piano 2:Piano 2 MIDI 1 28:0",
    "FLUID Synth (123):Synth input port (123:0) 129:0",
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("Piano:Piano MIDI 1 24:0", 1),
        ("Piano:Piano MIDI 1", 1),
        ("Piano:Piano MIDI 1 36:0", 1),  # as it was called before it was plugged in again
        ("Piano", 1),  # the client's whole name, though another's has it in it
        ("Piano 2 MIDI 1", 2),
        ("piano 2", 2),
        ("fluid", 3),
        ("synth input", 3),
    ],
)
def test_a_name_or_a_part_of_it_finds_the_port(wanted: str, index: int) -> None:
    assert choose(wanted, ALSA) == index


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("MIDI 1", ["matches several", ALSA[1], ALSA[2]]),
        ("organ", ["no port", *ALSA]),
    ],
)
def test_a_name_that_fits_several_or_none_lists_them(wanted: str, words: list[str]) -> None:
    with pytest.raises(PortError) as caught:
        choose(wanted, ALSA)
    for word in (wanted, *words):
        assert word in str(caught.value)


def test_without_any_port_it_says_none() -> None:
    with pytest.raises(PortError, match="there are: none"):
        choose("Piano", [])
