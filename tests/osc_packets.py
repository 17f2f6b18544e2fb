"""Makes OSC packets for tests."""

import struct

from pythonosc.osc_message_builder import OscMessageBuilder


def message(address: str, *values: object) -> bytes:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)  # type: ignore[arg-type]
    return builder.build().dgram


def bundle(*elements: bytes) -> bytes:
    sized = b"".join(struct.pack(">i", len(each)) + each for each in elements)
    return b"#bundle\0" + struct.pack(">Q", 1) + sized
