"""Open Sound Control: what datagrams say, and the server over real UDP on this machine."""

import queue
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from midigen.errors import PortError
from midigen.live.osc import BETWEEN_LINES, OscServer, read
from midigen.settings.controls import Control
from tests.osc_packets import bundle, message


@pytest.mark.parametrize(
    ("datagram", "control"),
    [
        (message("/midigen/top-p", 0.9), Control("top-p", 0.9)),
        (message("/midigen/length", 8), Control("length", 8)),
        (message("/midigen/mode", "duet"), Control("mode", "duet")),
        (message("/midigen/key", "B♭ major"), Control("key", "B♭ major")),
        (message("/midigen/hold", True), Control("hold", True)),
        (message("/midigen/hold", False), Control("hold", False)),
        (message("/midigen/again"), Control("again", "")),
        (b"/midigen/again\0\0", Control("again", "")),
        (b"/midigen/tempo\0\0,d\0\0" + struct.pack(">d", 96.1), Control("tempo", 96.1)),
        (b"/midigen/tempo\0\0,h\0\0" + struct.pack(">q", 96), Control("tempo", 96)),
        (message("/midigen/no such", 1), Control("no such", 1)),
    ],
)
def test_a_message_is_a_control(datagram: bytes, control: Control) -> None:
    (result,) = read(datagram)
    assert result == control
    assert isinstance(result, Control)
    assert type(result.value) is type(control.value)
    assert result.is_moving


def test_bundles_are_unpacked_in_order() -> None:
    inner = bundle(message("/midigen/tempo", 90), message("/midigen/tempo", 91))
    outer = bundle(message("/midigen/tempo", 89), inner, message("/midigen/tempo", 92))
    assert [*read(outer)] == [Control("tempo", bpm) for bpm in (89, 90, 91, 92)]
    assert [*read(bundle())] == []


@pytest.mark.parametrize(
    ("datagram", "problem"),
    [
        (message("/other/tempo", 96), "'/other/tempo' isn't /midigen/ and a control's name"),
        (message("/midigen/", 96), "'/midigen/' isn't /midigen/ and a control's name"),
        (message("/midigen/a/b", 96), "'/midigen/a/b' isn't /midigen/ and a control's name"),
        (
            message("/\x1b[2J" + "x" * 100),
            f"'/\\x1b[2J{'x' * 55}…' isn't /midigen/ and a control's name",
        ),
        (message("/midigen/tempo", 96, 97), "'/midigen/tempo' has 2 values, not one"),
        (
            message("/midigen/tempo", b"96"),
            "'/midigen/tempo': not text, a number, true or false, but OSC's type 'b'",
        ),
        (
            message("/midigen/tempo", None),
            "'/midigen/tempo': not text, a number, true or false, but OSC's type 'N'",
        ),
        (b"/midigen/tempo\0\0,i\0\0\0\0", "'/midigen/tempo': its value is damaged"),
        (b"/midigen/tempo\0\0,f\0\0\x42\xc1", "'/midigen/tempo': its value is damaged"),
        (b"/midigen/tempo\0\0,d\0\0" + b"\x40" * 7, "'/midigen/tempo': its value is damaged"),
        (b"/midigen/mode\0\0\0,s\0\0\xff\0\0\0", "'/midigen/mode': its value is damaged"),
        (
            message("/midigen/scene", "x" * 257),
            "'/midigen/scene': its value is longer than 256 characters",
        ),
        (
            message("/midigen/" + "x" * 257),
            f"'/midigen/{'x' * 51}…' isn't /midigen/ and a control's name",
        ),
        (b"", "not an OSC message"),
        (b"GET / HTTP/1.1\r\n", "not an OSC message"),
        (b"/midigen/tempo", "not an OSC message"),
        (b"/midigen/tempo\0\0i\0\0\0\0\0\0\x60", "not an OSC message"),
        (b"/\xff\xff\0", "not an OSC message"),
        (b"#bundle\0", "a bundle is damaged"),
        (b"#bundle\0" + b"\xff" * 12, "a bundle is damaged"),
        (bundle() + struct.pack(">i", -4), "a bundle is damaged"),
        (bundle() + struct.pack(">i", 2**31 - 1), "a bundle is damaged"),
    ],
)
def test_what_is_wrong_is_said(datagram: bytes, problem: str) -> None:
    assert [*read(datagram)] == [problem]


def test_a_wrong_message_does_not_spoil_the_others_of_its_bundle() -> None:
    datagram = bundle(message("/midigen/tempo", 96), b"????", message("/midigen/tempo", 97))
    assert [*read(datagram)] == [Control("tempo", 96), "not an OSC message", Control("tempo", 97)]


def test_the_deepest_bundle_that_fits_is_read() -> None:
    datagram = message("/midigen/again")
    while len(datagram) < 65_000:
        datagram = bundle(datagram)
    assert [*read(datagram)] == [Control("again")]


@given(
    st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True),
    st.one_of(
        st.booleans(),
        st.integers(-(2**31), 2**31 - 1),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    ),
)
def test_what_a_client_sends_is_what_is_read(name: str, value: str | int | bool) -> None:
    assert [*read(message(f"/midigen/{name}", value))] == [Control(name, value)]


# --- over UDP


@dataclass
class Studio:
    """A server that listens, a client, and a clock that is moved by hand."""

    now: float = 0.0
    came: "queue.SimpleQueue[Control]" = field(default_factory=queue.SimpleQueue)
    told: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.server = OscServer(
            "127.0.0.1", 0, self.came.put, self.told.put, clock=lambda: self.now
        )
        self.server.open()
        self.client = SimpleUDPClient("127.0.0.1", self.server.port)
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.raw.connect(("127.0.0.1", self.server.port))

    def next(self) -> Control:
        return self.came.get(timeout=10)


@pytest.fixture
def studio() -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.server.close()
    studio.raw.close()
    studio.client._sock.close()


def test_controls_arrive(studio: Studio) -> None:
    studio.client.send_message("/midigen/top-p", 0.9)
    studio.client.send_message("/midigen/mode", "solo")
    studio.client.send_message("/midigen/hold", True)
    studio.client.send_message("/midigen/again", [])
    builder = OscBundleBuilder(IMMEDIATELY)
    for bpm in (96, 97):
        element = OscMessageBuilder("/midigen/tempo")
        element.add_arg(bpm)
        builder.add_content(element.build())
    studio.client.send(builder.build())
    assert [studio.next() for _ in range(6)] == [
        Control("top-p", 0.9),
        Control("mode", "solo"),
        Control("hold", True),
        Control("again"),
        Control("tempo", 96),
        Control("tempo", 97),
    ]
    assert studio.told.empty()


def test_of_a_flood_of_nonsense_one_line_a_second_is_told(studio: Studio) -> None:
    for moment in (0.0, BETWEEN_LINES * 0.9, BETWEEN_LINES):
        studio.now = moment
        for _ in range(20):
            studio.raw.send(b"nonsense")
        studio.client.send_message("/midigen/tempo", 96)
        assert studio.next() == Control("tempo", 96)
    lines = [studio.told.get_nowait() for _ in range(studio.told.qsize())]
    assert lines == ["OSC: not an OSC message"] * 2


def test_the_largest_and_the_empty_datagram_are_survived(studio: Studio) -> None:
    for datagram in (b"", b"/" * 65_507, b"\0" * 65_507, b"#bundle\0" + b"\xff" * 65_499):
        studio.raw.send(datagram)
    studio.client.send_message("/midigen/tempo", 96)
    assert studio.next() == Control("tempo", 96)


def test_nothing_is_put_after_closing(studio: Studio) -> None:
    for bpm in range(200):
        studio.client.send_message("/midigen/tempo", bpm)
    studio.next()
    studio.server.close()
    came = studio.came.qsize()
    assert not studio.server._thread.is_alive()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", studio.server.port))  # the port is free again
    studio.server.close()
    assert studio.came.qsize() == came


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        server = OscServer("127.0.0.1", port, print, print)
        with pytest.raises(PortError) as raised:
            server.open()
        server.close()
    assert str(raised.value) == (
        f"OSC can't listen at 127.0.0.1:{port}: Address already in use: "
        "choose another port with --set osc.port=N"
    )


@pytest.mark.parametrize("host", ["203.0.113.1", "\0", "x" * 300])
def test_an_address_that_is_not_this_machines_is_an_error(host: str) -> None:
    server = OscServer(host, 9000, print, print)
    with pytest.raises(PortError, match=r"can't listen at .*:9000: .*osc.port=N"):
        server.open()
