"""Finding a port by what a player calls it, as each system lists them. Live: test_jack_ports."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import PortError
from midigen.live.port_names import (
    Port,
    Sought,
    choose,
    is_numbered,
    matches,
    ports_of,
    virtual_port,
)
from midigen.settings.choices import Api

ALSA = [
    "Midi Through:Midi Through Port-0 14:0",
    "Piano:Piano MIDI 1 24:0",
    "Piano 2:Piano 2 MIDI 1 28:0",
    "FLUID Synth (123):Synth input port (123:0) 129:0",
]
ALSA_TWINS = [
    "Midi Through:Midi Through Port-0 14:0",
    "USB Keyboard:USB Keyboard MIDI 1 20:0",
    "USB Keyboard:USB Keyboard MIDI 1 24:0",
    "midigen-out:midigen out 128:0",
]
JACK = [
    "system:midi_capture_1",
    "a2j:USB Keyboard [20] (capture): USB Keyboard MIDI 1",
    "a2j:USB Keyboard [24] (capture): USB Keyboard MIDI 1",
    "midigen-out:midigen out",
    "midigen-out-01:midigen out",
]
CORE = ["IAC Driver Bus 1", "USB Keyboard", "USB Keyboard", "Launchkey MK3 MIDI", "midigen out"]
WINDOWS = ["USB Keyboard 0", "USB Keyboard 1", "2- USB Keyboard 2", "MIDIIN2 (Launchkey MK3) 3"]
LISTS = [
    (Api.ALSA, ALSA),
    (Api.ALSA, ALSA_TWINS),
    (Api.JACK, JACK),
    (Api.COREMIDI, CORE),
    (Api.WINMM, WINDOWS),
]


def names(ports: list[Port]) -> list[str]:
    return [port.name for port in ports]


@pytest.mark.parametrize(
    ("api", "listed", "expected"),
    [
        (Api.ALSA, ALSA[1:3], ["Piano:Piano MIDI 1", "Piano 2:Piano 2 MIDI 1"]),
        (
            Api.ALSA,
            ALSA_TWINS[:3],
            [
                "Midi Through:Midi Through Port-0",
                "USB Keyboard:USB Keyboard MIDI 1 #1",
                "USB Keyboard:USB Keyboard MIDI 1 #2",
            ],
        ),
        (Api.JACK, JACK, JACK),
        (
            Api.COREMIDI,
            CORE,
            [CORE[0], "USB Keyboard #1", "USB Keyboard #2", CORE[3], "midigen out"],
        ),
        (
            Api.WINMM,
            WINDOWS,
            ["USB Keyboard #1", "USB Keyboard #2", "2- USB Keyboard", "MIDIIN2 (Launchkey MK3)"],
        ),
        # One device's name may look as another's twin, or as if it had a system's number.
        (Api.COREMIDI, ["K", "K", "K #2"], ["K #1", "K #3", "K #2"]),
        (Api.WINMM, ["loopMIDI Port 0", "loopMIDI Port 1 1"], ["loopMIDI Port", "loopMIDI Port 1"]),
        (Api.COREMIDI, ["Deck 24:0", "Bus 1"], ["Deck 24:0", "Bus 1"]),
    ],
)
def test_each_port_has_a_name_of_its_own(api: Api, listed: list[str], expected: list[str]) -> None:
    assert names(ports_of(api, listed)) == expected


@pytest.mark.parametrize(
    ("api", "listed", "wanted", "place"),
    [
        (Api.ALSA, ALSA, "Piano:Piano MIDI 1 24:0", 1),
        (Api.ALSA, ALSA, "Piano:Piano MIDI 1", 1),
        (Api.ALSA, ALSA, "Piano:Piano MIDI 1 36:0", 1),  # before it was plugged in again
        (Api.ALSA, ALSA, "Piano", 1),  # the client's whole name, though another's has it in it
        (Api.ALSA, ALSA, "Piano 2 MIDI 1", 2),
        (Api.ALSA, ALSA, "piano 2", 2),
        (Api.ALSA, ALSA, "fluid", 3),
        (Api.ALSA, ALSA, "synth input", 3),
        (Api.ALSA, ALSA, "28:0", 2),
        (Api.ALSA, ALSA, "MIDI 1 #2", 2),
        (Api.ALSA, ALSA, "Piano #1", 1),
        (Api.ALSA, ALSA_TWINS, "USB Keyboard #2", 2),
        (Api.ALSA, ALSA_TWINS, "USB Keyboard MIDI 1 #1", 1),
        (Api.ALSA, ALSA_TWINS, "usb key #2", 2),
        (Api.ALSA, ALSA_TWINS, "USB Keyboard:USB Keyboard MIDI 1 24:0", 2),
        (Api.JACK, JACK, "usb keyboard #2", 2),
        (Api.JACK, JACK, "USB Keyboard [24]", 2),
        (Api.JACK, JACK, "midigen-out", 3),
        (Api.COREMIDI, CORE, "USB Keyboard #2", 2),
        (Api.COREMIDI, CORE, "keyboard #1", 1),
        (Api.COREMIDI, CORE, "IAC Driver Bus 1", 0),
        (Api.WINMM, WINDOWS, "USB Keyboard #2", 1),
        (Api.WINMM, WINDOWS, "USB Keyboard 1", 1),  # as Windows lists it
        (Api.WINMM, WINDOWS, "MIDIIN2 (Launchkey MK3) 1", 3),  # before others were plugged in
        (Api.WINMM, WINDOWS, "launchkey mk3) 1", 3),
        (Api.WINMM, WINDOWS, "2- USB Keyboard 0", 2),
        (Api.WINMM, ["loopMIDI Port 0", "loopMIDI Port 1 1"], "loopMIDI Port 1", 1),
        (Api.WINMM, ["Loop 1 0", "Loop 1"], "Loop 1", 0),  # its name, not another's number
    ],
)
def test_a_name_or_a_part_of_it_finds_the_port(
    api: Api, listed: list[str], wanted: str, place: int
) -> None:
    assert choose(wanted, ports_of(api, listed)).place == place


@pytest.mark.parametrize(
    ("api", "listed", "wanted", "words"),
    [
        (Api.ALSA, ALSA, "MIDI 1", ["several", "Piano:Piano MIDI 1", "Piano 2:Piano 2 MIDI 1"]),
        (Api.ALSA, ALSA, "organ", ["no port", "Piano:Piano MIDI 1"]),
        (Api.ALSA, ALSA, "Piano #2", ["no port"]),
        (Api.ALSA, ALSA_TWINS, "USB Keyboard", ["several", "MIDI 1 #1", "MIDI 1 #2"]),
        (Api.ALSA, ALSA_TWINS, "USB Keyboard #3", ["no port", "MIDI 1 #1", "MIDI 1 #2"]),
        (Api.ALSA, ["USB MIDI 2:USB MIDI 2 24:0"], "USB MIDI 1", ["no port"]),
        (Api.COREMIDI, ["Bus 2"], "Bus 1", ["no port"]),
        (Api.COREMIDI, CORE, "USB Keyboard", ["several", "USB Keyboard #1", "USB Keyboard #2"]),
        (Api.WINMM, WINDOWS, "USB Keyboard", ["several", "USB Keyboard #1", "USB Keyboard #2"]),
    ],
)
def test_a_name_that_fits_several_or_none_lists_them(
    api: Api, listed: list[str], wanted: str, words: list[str]
) -> None:
    with pytest.raises(PortError) as caught:
        choose(wanted, ports_of(api, listed))
    for word in (wanted, *words):
        assert word in str(caught.value)


def test_without_any_port_it_says_none() -> None:
    with pytest.raises(PortError, match="there are: none"):
        choose("Piano", [])


def test_a_port_that_goes_while_it_is_asked_for_is_left_out() -> None:
    ports = ports_of(Api.WINMM, ["Piano 0", "", None, "Organ 3"])
    assert [(port.place, port.name) for port in ports] == [(0, "Piano"), (3, "Organ")]


PLAIN = st.text("AB #:12-", min_size=1, max_size=6)
"""Names that look as if systems had numbered them, in few letters, so that twins are many."""


@st.composite
def listings(draw: st.DrawFn) -> tuple[Api, list[str]]:
    """The list that a system makes of devices with these names."""
    api = draw(st.sampled_from([Api.ALSA, Api.JACK, Api.COREMIDI, Api.WINMM]))
    plain = draw(st.lists(PLAIN, max_size=6, unique=api is Api.JACK))
    if api is Api.ALSA:
        return api, [f"{name} {16 + 4 * place}:0" for place, name in enumerate(plain)]
    if api is Api.WINMM:
        return api, [f"{name} {place}" for place, name in enumerate(plain)]
    return api, plain


@given(listings())
def test_whatever_is_listed_is_found_by_the_name_it_is_given(case: tuple[Api, list[str]]) -> None:
    ports = ports_of(*case)
    assert len(set(names(ports))) == len(ports) == len({port.mark for port in ports})
    for port in ports:
        assert choose(port.name, ports) == port


@given(listings(), st.text("abAB 12:-", min_size=1, max_size=4))
def test_what_fits_several_can_be_told_by_a_number(case: tuple[Api, list[str]], part: str) -> None:
    api, listed = case
    ports = ports_of(api, [name.replace("#", "B") for name in listed])
    for place, port in enumerate(matches(part, ports), start=1):
        assert choose(f"{part} #{place}", ports) == port


# --- its own


@pytest.mark.parametrize(
    ("api", "listed"),
    [(Api.ALSA, "{client}:{port} 128:0"), (Api.JACK, "{client}:{port}"), (Api.COREMIDI, "{port}")],
)
@pytest.mark.parametrize("client", ["midigen-in", "mine"])
def test_a_virtual_port_is_known_by_one_name_on_each_system(
    api: Api, listed: str, client: str
) -> None:
    """A second midigen finds it, and may use that name only with another client's."""
    name = f"{client}:midigen in"
    (found,) = ports_of(
        api, [listed.format(client=client, port=virtual_port(api, client, "midigen in"))]
    )
    assert found.plain == name
    assert is_numbered(found.plain, name)
    assert not is_numbered(found.plain, "another:midigen in")


@pytest.mark.parametrize(
    ("found", "is_own"),
    [
        ("midigen-in:midigen in", True),
        ("midigen-in-01:midigen in", True),
        ("midigen-in-from:midigen in", False),
        ("midigen-in:midigen in 2", False),
        ("midigen in", False),
        ("a midigen-in:midigen in", False),
    ],
)
def test_a_client_that_jack_has_renumbered_is_known(found: str, is_own: bool) -> None:
    assert is_numbered(found, "midigen-in:midigen in") is is_own


# --- what comes back


def sought(api: Api, wanted: str, listed: list[str]) -> Sought:
    """What was found, and is still looked for."""
    it = Sought(wanted)
    ports = ports_of(api, listed)
    port = it.find(ports)
    assert port
    it.take(port, ports)
    return it


def look(it: Sought, api: Api, listed: list[str]) -> str | None:
    """Look at the ports. Returns how the sought one is listed now, if it is there."""
    ports = ports_of(api, listed)
    if it.found and not it.is_listed(ports):
        it.found = None
    if not it.found and (port := it.find(ports)):
        it.take(port, ports)
    return it.found.listed if it.found else None


THROUGH = "Midi Through:Midi Through Port-0 14:0"


@pytest.mark.parametrize(
    ("api", "wanted", "before", "looks"),
    [
        pytest.param(
            Api.ALSA,
            "Piano",
            [THROUGH, "Piano:Piano MIDI 1 20:0"],
            [
                ([THROUGH], None),
                ([THROUGH, "Piano:Piano MIDI 1 28:0"], "Piano:Piano MIDI 1 28:0"),
            ],
            id="another number",
        ),
        pytest.param(
            Api.ALSA,
            "FLUID",
            ["FLUID Synth (1859):Synth input port (1859:0) 128:0"],
            [
                (
                    ["FLUID Synth (1901):Synth input port (1901:0) 128:0"],
                    "FLUID Synth (1901):Synth input port (1901:0) 128:0",
                )
            ],
            id="a process number, within one look",
        ),
        pytest.param(
            Api.ALSA,
            "FLUID Synth (1859)",
            ["FLUID Synth (1859):Synth input port (1859:0) 128:0"],
            [(["FLUID Synth (1901):Synth input port (1901:0) 128:0"], None)],
            id="the player asked for that very process",
        ),
        pytest.param(
            Api.ALSA,
            "FLUID",
            ["FLUID Synth (1859):Synth input port (1859:0) 128:0"],
            [
                (
                    [
                        "FLUID Synth (1859):Synth input port (1859:0) 128:0",
                        "FLUID Synth (1900):Synth input port (1900:0) 129:0",
                    ],
                    "FLUID Synth (1859):Synth input port (1859:0) 128:0",
                ),
                (["FLUID Synth (1900):Synth input port (1900:0) 129:0"], None),
                (
                    [
                        "FLUID Synth (1950):Synth input port (1950:0) 128:0",
                        "FLUID Synth (1900):Synth input port (1900:0) 129:0",
                    ],
                    "FLUID Synth (1950):Synth input port (1950:0) 128:0",
                ),
            ],
            id="not the other synth, which was there all the time",
        ),
        pytest.param(
            Api.ALSA,
            "MIDI 1",
            ["Piano:Piano MIDI 1 20:0"],
            [
                (["Piano:Piano MIDI 1 20:0", "Organ:Organ MIDI 1 24:0"], "Piano:Piano MIDI 1 20:0"),
                (["Organ:Organ MIDI 1 24:0"], None),
                (["Organ:Organ MIDI 1 28:0"], None),  # plugged in elsewhere, and still no piano
                (["Piano:Piano MIDI 1 20:0", "Organ:Organ MIDI 1 28:0"], "Piano:Piano MIDI 1 20:0"),
            ],
            id="not another keyboard that fits the words, too",
        ),
        pytest.param(
            Api.ALSA,
            "K #2",
            ["K:K 20:0", "K:K 24:0"],
            [
                (["K:K 24:0"], "K:K 24:0"),  # its twin has gone
                (["K:K 20:0", "K:K 24:0"], "K:K 24:0"),
                (["K:K 20:0"], None),
                (["K:K 20:0", "K:K 28:0"], "K:K 28:0"),
            ],
            id="a twin",
        ),
        pytest.param(
            Api.ALSA,
            "MIDI 1",
            ["Piano:Piano MIDI 1 20:0"],
            [
                ([], None),
                (["Organ:Organ MIDI 1 20:0", "Piano:Piano MIDI 1 24:0"], "Piano:Piano MIDI 1 24:0"),
            ],
            id="the one it was, though another fits that is new as well",
        ),
        pytest.param(
            Api.ALSA,
            "Piano",
            ["Grand Piano:Grand Piano MIDI 1 20:0"],
            [
                ([], None),
                (
                    ["Piano:Piano MIDI 1 20:0", "Grand Piano:Grand Piano MIDI 1 24:0"],
                    "Grand Piano:Grand Piano MIDI 1 24:0",
                ),
            ],
            id="the one it was, though another fits better that is new",
        ),
        pytest.param(
            Api.ALSA,
            "K",
            ["K:K 20:0"],
            [([], None), (["K:K 20:0", "K:K 24:0"], "K:K 20:0")],
            id="the one it was, though it has got a twin",
        ),
        pytest.param(
            Api.WINMM,
            "Piano",
            ["Piano 0"],
            [
                (["Launchkey 0", "Piano 1"], "Piano 0"),  # still the same: nothing is opened
                (["Launchkey 0"], None),
                (["Launchkey 0", "Organ 1", "Piano 2"], "Piano 2"),
            ],
            id="Windows counts anew",
        ),
        pytest.param(
            Api.COREMIDI,
            "K #2",
            ["K", "K"],
            [(["K"], None), (["K", "K"], "K")],
            id="twins that nothing tells apart, the second",
        ),
        pytest.param(
            Api.COREMIDI,
            "K",
            ["K", "Bus 1"],
            [(["Bus 1"], None), (["Bus 1", "K"], "K")],
            id="Core MIDI",
        ),
        pytest.param(
            Api.JACK,
            "USB Keyboard",
            ["a2j:USB Keyboard [20] (capture): USB Keyboard MIDI 1"],
            [
                (
                    ["a2j:USB Keyboard [24] (capture): USB Keyboard MIDI 1"],
                    "a2j:USB Keyboard [24] (capture): USB Keyboard MIDI 1",
                )
            ],
            id="ALSA's number in a JACK name",
        ),
    ],
)
def test_what_comes_back_is_the_same(
    api: Api, wanted: str, before: list[str], looks: list[tuple[list[str], str | None]]
) -> None:
    it = sought(api, wanted, before)
    assert [look(it, api, listed) for listed, _ in looks] == [found for _, found in looks]


@pytest.mark.parametrize("api", [Api.COREMIDI, Api.WINMM])
def test_one_of_two_that_nothing_tells_apart_is_opened_anew(api: Api) -> None:
    """The one that has gone may be this one; it would then be deaf and look healthy."""
    both = ["K", "K"] if api is Api.COREMIDI else ["K 0", "K 1"]
    it = sought(api, "K #1", both)
    assert not it.is_listed(ports_of(api, both[:1]))
    assert look(it, api, both[:1]) == both[0]
    assert it.is_listed(ports_of(api, both[:1]))


def test_twins_that_come_back_one_after_the_other_are_not_taken_for_each_other() -> None:
    both = ["K:K 20:0", "K:K 24:0"]
    first, second = sought(Api.ALSA, "K #1", both), sought(Api.ALSA, "K #2", both)
    assert [look(each, Api.ALSA, []) for each in (first, second)] == [None, None]
    assert look(first, Api.ALSA, ["K:K 28:0"]) == "K:K 28:0"
    assert look(second, Api.ALSA, ["K:K 28:0"]) is None
    assert look(second, Api.ALSA, ["K:K 28:0", "K:K 32:0"]) == "K:K 32:0"


def test_what_another_has_taken_is_not_taken_twice() -> None:
    both = ["K:K 20:0", "K:K 24:0"]
    second = sought(Api.ALSA, "24:0", both)
    second.found = None
    ports = ports_of(Api.ALSA, ["K:K 24:0", "K:K 28:0"])
    assert second.find(ports) == ports[0]
    assert second.find(ports, taken={ports[0].mark}) is None
    second = sought(Api.ALSA, "K:K 24:0", both)
    second.found = None
    ports = ports_of(Api.ALSA, ["K:K 28:0"])
    assert second.find(ports) == ports[0]
    assert second.find(ports, taken={ports[0].mark}) is None


def test_two_that_come_back_under_its_name_are_told_apart_by_the_players_words() -> None:
    it = sought(Api.ALSA, "K", ["K:K 20:0"])
    assert look(it, Api.ALSA, []) is None
    with pytest.raises(PortError, match=re.escape('"K" matches several ports: "K:K #1", "K:K #2"')):
        it.find(ports_of(Api.ALSA, ["K:K 24:0", "K:K 28:0"]))


@given(
    st.sampled_from([Api.ALSA, Api.COREMIDI, Api.WINMM]),
    st.lists(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(16, 19))), min_size=1),
)
def test_however_devices_come_and_go_it_is_one_that_is_there_and_was_meant(
    api: Api, history: list[list[tuple[str, int]]]
) -> None:
    it = Sought("A")
    for devices in history:
        listed = [f"{name}:{name} {number}:0" for name, number in sorted(set(devices))]
        if api is not Api.ALSA:
            listed = [name for name, _ in sorted(devices)]
        if api is Api.WINMM:
            listed = [f"{name} {place}" for place, name in enumerate(listed)]
        ports = ports_of(api, listed)
        with contextlib.suppress(PortError):
            look(it, api, listed)
        if it.found:
            assert it.found.mark in {port.mark for port in ports}
            assert it.found.plain.startswith("A")
