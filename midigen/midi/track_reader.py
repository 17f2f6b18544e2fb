"""Reads the events of one track of a MIDI file."""

from midigen.midi import wire
from midigen.midi.file import KeySignature, TimeSignature, Track

_STATUS, _SYSEX, _ESCAPE, _META = 0x80, 0xF0, 0xF7, 0xFF
_ONE_BYTE = (0xC0, 0xD0)  # channel messages with one data byte
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages, which files mustn't hold
_TRACK_NAME, _END_OF_TRACK, _TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x03, 0x2F, 0x51, 0x58, 0x59
_LENGTHS = {_TEMPO: 3, _TIME_SIGNATURE: 4, _KEY_SIGNATURE: 2}
_LONGEST_NUMBER = 4  # bytes, with seven bits each
_SHORTEST_BEAT = 64  # a time signature in shorter notes than sixty-fourths is ignored
_MOST_SIGNS = 7  # sharps or flats of a key


class TrackReader:
    """Reads events from `at` on, up to `limit` at most, into `track`."""

    def __init__(self, content: bytes, at: int, limit: int) -> None:
        self.track = Track()
        self.at = at
        """Where the next event begins."""
        self.has_ended = False
        """Whether the event that ends a track was read."""
        self._content = content
        self._limit = limit
        self._status = 0  # running status; files keep it across meta events and sysex too
        self._is_named = False
        self._decoder = wire.Decoder()

    def read(self) -> bool:
        """Read to the end. Returns False at an event that is incomplete or makes no sense."""
        while self.at < self._limit and not self.has_ended:
            begin = self.at
            try:
                self.track.end += self._number()
                self._event()
            except ValueError:
                self.at = begin
                return False
        return True

    def _event(self) -> None:
        first = self._content[self.at] if self.at < self._limit else 0
        if first < _STATUS:
            self._channel_message(self._status)
            return
        self.at += 1
        if first < _SYSEX:
            self._status = first
            self._channel_message(first)
        elif first == _META:
            (kind,) = self._bytes(1)
            self._meta(kind, self._bytes(self._number()))
        elif first in (_SYSEX, _ESCAPE):
            self._bytes(self._number())
        else:
            self._bytes(_SYSTEM.get(first, 0))

    def _channel_message(self, status: int) -> None:
        if not status:
            raise ValueError("data without a status")
        data = self._bytes(1 if status & 0xF0 in _ONE_BYTE else 2)
        for message in self._decoder.feed([status, *(min(byte, 127) for byte in data)]):
            self.track.messages.append((self.track.end, message))

    def _meta(self, kind: int, data: bytes) -> None:
        """Keep what a meta event says, unless it makes no sense."""
        if kind == _END_OF_TRACK:
            self.has_ended = True
        elif kind == _TRACK_NAME:
            if not self._is_named:
                self.track.name = _text(data)
            self._is_named = True
        elif len(data) != _LENGTHS.get(kind):
            return
        elif kind == _TEMPO:
            if tempo := int.from_bytes(data, "big"):
                self.track.tempos.append((self.track.end, tempo))
        elif kind == _TIME_SIGNATURE:
            count, power = data[:2]
            if count and 1 << power <= _SHORTEST_BEAT:
                signature = TimeSignature(count, 1 << power)
                self.track.time_signatures.append((self.track.end, signature))
        else:
            sharps = int.from_bytes(data[:1], "big", signed=True)
            if abs(sharps) <= _MOST_SIGNS and data[1] <= 1:
                key = KeySignature(sharps, is_minor=bool(data[1]))
                self.track.key_signatures.append((self.track.end, key))

    def _number(self) -> int:
        """Read a variable-length number: seven bits a byte, the top bit set in all but the last."""
        number = 0
        for byte in self._content[self.at : min(self.at + _LONGEST_NUMBER, self._limit)]:
            self.at += 1
            number = number << 7 | byte & 0x7F
            if byte < _STATUS:
                return number
        raise ValueError("a number without an end")

    def _bytes(self, size: int) -> bytes:
        if self.at + size > self._limit:
            raise ValueError("more than there is")
        self.at += size
        return self._content[self.at - size : self.at]


def _text(data: bytes) -> str:
    """Decode UTF-8, or else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
