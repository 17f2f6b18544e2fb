"""Decodes MIDI bytes into messages and encodes messages as bytes. No I/O.

Most MIDI systems hand over whole messages, but not all of them and not always. So a `Decoder`
takes any bytes, cut anywhere, and never raises.
"""

from collections.abc import Sequence

from midigen.midi.messages import ChannelMessage, Clock, Message, NoteOff, NoteOn, SongPosition

_NOTE_OFF, _NOTE_ON, _PROGRAM, _CHANNEL_PRESSURE, _PITCH_BEND = 0x80, 0x90, 0xC0, 0xD0, 0xE0
_WHOLE = 3  # bytes of a channel message with two data bytes
_FIRST_STATUS, _SYSEX, _SONG_POSITION, _FIRST_REALTIME = 0x80, 0xF0, 0xF2, 0xF8
_CLOCK = {clock.value: clock for clock in Clock}
_KIND, _CHANNEL = 0xF0, 0x0F  # the halves of a channel message's status byte


class Decoder:
    """Decodes the bytes that come in at one port. It knows running status.

    Of system messages it decodes the clock's and skips the others (sysex, active sensing). It also
    skips data bytes without a status, and messages that are cut short by another one.
    """

    def __init__(self) -> None:
        self._status = 0  # the running status, or that of a song position; 0 for none
        self._data: list[int] = []

    def feed(self, data: Sequence[int]) -> list[Message]:
        """The messages that these bytes complete, in order."""
        if len(data) == _WHOLE and _is_whole(data):  # the usual case, and fast
            self._status = data[0]
            self._data.clear()
            return [decode(data[0], data[1], data[2])]
        messages: list[Message] = []
        for byte in data:
            if byte >= _FIRST_REALTIME:  # may come inside another message
                if byte in _CLOCK:
                    messages.append(_CLOCK[byte])
            elif byte >= _FIRST_STATUS:
                self._status = byte if byte < _SYSEX or byte == _SONG_POSITION else 0
                self._data.clear()
            elif self._status:
                self._data.append(byte)
                if len(self._data) == data_length(self._status):
                    messages.append(decode(self._status, *self._data))
                    self._data.clear()
                    if self._status == _SONG_POSITION:  # has no running status
                        self._status = 0
        return messages


def encode(message: Message) -> tuple[int, ...]:
    """Encode a message as 1 to 3 bytes."""
    match message:
        case NoteOn():
            return (_NOTE_ON | message.channel - 1, message.pitch, message.velocity)
        case NoteOff():
            return (_NOTE_OFF | message.channel - 1, message.pitch, 0)
        case ChannelMessage():
            return (message.status | message.channel - 1, *message.data)
        case Clock():
            return (message.value,)
        case SongPosition():
            return (_SONG_POSITION, message.sixteenths & 0x7F, message.sixteenths >> 7)


def data_length(status: int) -> int:
    """How many data bytes follow the status of a channel message or a song position."""
    return 1 if status & _KIND in (_PROGRAM, _CHANNEL_PRESSURE) else 2


def _is_whole(data: Sequence[int]) -> bool:
    """Whether three bytes are a channel message with two data bytes."""
    status, first, second = data
    return (
        _FIRST_STATUS <= status < _SYSEX
        and first < _FIRST_STATUS
        and second < _FIRST_STATUS
        and not _PROGRAM <= status < _PITCH_BEND
    )


def decode(status: int, first: int, second: int | None = None) -> Message:
    """Decode a whole channel message or song position."""
    if status == _SONG_POSITION and second is not None:
        return SongPosition(first | second << 7)
    kind, channel = status & _KIND, (status & _CHANNEL) + 1
    if kind == _NOTE_ON and second:
        return NoteOn(first, second, channel)
    if kind in (_NOTE_ON, _NOTE_OFF):
        return NoteOff(first, channel)
    return ChannelMessage(kind, (first,) if second is None else (first, second), channel)
