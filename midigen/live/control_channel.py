"""The control channel of a running midigen: other processes query it, play notes and subscribe.

Each client has its own thread, and none waits for another. Nothing here makes the worker wait.
The requests are in `control_protocol`.
"""

import contextlib
import logging
import math
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from midigen.errors import MidigenError
from midigen.live.control_protocol import MAX_REQUEST, answer, encoded, refusal
from midigen.live.control_protocol import Backend as Answers
from midigen.live.feed import Feed, Subscription
from midigen.midi.messages import NoteOff, NoteOn, Seconds

if sys.platform == "win32":
    from midigen.live import named_pipes as transport
else:
    from midigen.live import unix_sockets as transport

CLIENTS = 8  # how many may be connected at once

REQUEST_TIMEOUT: Seconds = 2.0
"""How long a client may take to send a request and to read the answer, unless it has subscribed."""

STATUS_INTERVAL: Seconds = 0.25  # how often a subscriber gets the status, if it has changed

_LOOK: Seconds = 0.02  # how often a subscriber's thread looks: the worker wakes nobody at a note
_BREATH: Seconds = 0.05  # between two attempts to let in a client when no descriptor is left
_log = logging.getLogger(__name__)


class Keyboard(Protocol):
    """The keyboard that a client plays on."""

    def take(self, message: NoteOn | NoteOff, now: Seconds) -> bool:
        """Play a note; False if there are too many."""

    def release_held(self) -> int:
        """Release the keys that are down; return how many."""


class Backend(Answers, Protocol):
    """The midigen that answers."""

    def keyboard(self) -> Keyboard:
        """A new keyboard, for one client."""


class ControlChannel:
    """Listens under a client name, and answers as the backend says, on threads of its own.

    `name` is the client name of midigen's input. `feed` has the events for subscribers. After
    `close` has returned, nothing calls the backend.
    """

    def __init__(self, name: str, backend: Backend, feed: Feed) -> None:
        self.backend = backend
        self.feed = feed
        self._name = name
        self._closing = threading.Event()
        self._clients: set[_Client] = set()
        self._asking = threading.Lock()  # one at a time
        self._thread = threading.Thread(target=self._listen, name="control channel", daemon=True)

    def open(self) -> None:
        """Begin to listen. Raises MidigenError, with nothing left open."""
        self._listener = transport.Listener(self._name)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and hang up on every client. May be called twice, and without `open`."""
        if self._closing.is_set() or not self._thread.is_alive():
            return
        self._closing.set()
        self._listener.interrupt()
        self._thread.join()
        self._listener.close()
        for client in [*self._clients]:
            client.peer.hang_up()
        with self._asking:  # pending requests have been answered
            pass

    def answer(self, request: bytes, client: "_Client") -> bytes:
        """The answer to a request. For the clients' threads."""
        with self._asking:
            if self._closing.is_set():
                return refusal("midigen is ending")
            return answer(request, self.backend, client)

    def status(self) -> Mapping[str, object] | None:
        """The backend's status, if it has one yet. For the clients' threads."""
        with self._asking, contextlib.suppress(MidigenError):
            return None if self._closing.is_set() else self.backend.status()
        return None

    def forget(self, client: "_Client") -> None:
        """A client has gone."""
        self._clients.discard(client)

    def _listen(self) -> None:
        while not self._closing.is_set():
            deadline = min((client.deadline for client in [*self._clients]), default=math.inf)
            time_left = max(0.0, deadline - time.perf_counter())
            try:
                peer = self._listener.accept(None if time_left == math.inf else time_left)
            except OSError:  # no descriptor is left for it
                self._closing.wait(_BREATH)
                continue
            if peer is not None:
                self._welcome(peer)
            now = time.perf_counter()
            for client in [*self._clients]:
                if client.deadline <= now:
                    client.expire()

    def _welcome(self, peer: transport.Peer) -> None:
        """Accept a client, or tell it why not."""
        if not peer.is_trusted:
            _turn_away(peer, "this midigen is another user's")
        elif len(self._clients) >= CLIENTS:
            _turn_away(peer, f"{CLIENTS} others are connected already: try again")
        else:
            client = _Client(self, peer)
            self._clients.add(client)
            threading.Thread(target=client.serve, name="control client", daemon=True).start()


class _Client:
    """One client, a `Caller`, on a thread of its own."""

    def __init__(self, channel: ControlChannel, peer: transport.Peer) -> None:
        self.peer = peer
        self.deadline: Seconds = time.perf_counter() + REQUEST_TIMEOUT
        """When its request or its reading of the answer times out."""
        self._channel = channel
        self._keyboard: Keyboard | None = None
        self._is_late = self._is_sending = False
        self._subscription: Subscription | None = None
        self._status: Mapping[str, object] = {}  # as it was sent last
        self._next_status: Seconds = 0.0

    def play(self, note: NoteOn | NoteOff) -> None:
        self._keyboard = self._keyboard or self._channel.backend.keyboard()
        if not self._keyboard.take(note, time.perf_counter()):
            raise MidigenError("too many notes at once")

    def subscribe(self) -> None:
        if self._subscription is None:
            self._subscription = self._channel.feed.subscribe()

    def expire(self) -> None:
        """The deadline has passed. For the channel's thread."""
        self.deadline = math.inf
        self._is_late = True
        if self._is_sending:
            self.peer.hang_up()
        else:
            self.peer.stop_reading()

    def serve(self) -> None:
        """Answer the client until it goes, or takes too long."""
        connection = self.peer.connection
        why = ""
        try:
            while not self._is_late:
                self._attend()
        except (EOFError, OSError):  # it has gone, is late, or sent too much
            if not (connection.closed or connection.readable):
                why = f"a request may have at most {MAX_REQUEST} bytes"
        except Exception:  # a fault of the backend's
            _log.exception("a client of the control channel couldn't be served")
        finally:
            if self._keyboard is not None:
                self._keyboard.release_held()
            if self._subscription is not None:
                self._channel.feed.unsubscribe(self._subscription)
            if self._is_late and not self._is_sending:
                why = f"no request came within {REQUEST_TIMEOUT:g} s"
            if why:
                self._is_sending = True
                self.deadline = time.perf_counter() + REQUEST_TIMEOUT
                _turn_away(self.peer, why)
            self._channel.forget(self)
            self.peer.close()

    def _attend(self) -> None:
        """Answer a request if one comes soon, and send what has happened."""
        connection = self.peer.connection
        if connection.poll(REQUEST_TIMEOUT if self._subscription is None else _LOOK):
            request = connection.recv_bytes(MAX_REQUEST)
            self.deadline = math.inf  # the backend's time doesn't count against the client
            self._say(self._channel.answer(request, self))
        elif self._subscription is None:
            self._is_late = True
        if self._subscription is not None:
            for event in [*self._subscription.take(), *self._new_status(self._subscription)]:
                self._say(encoded(event))

    def _say(self, message: bytes) -> None:
        """Send a message. A subscriber may take as long as it likes, and loses events."""
        patience = REQUEST_TIMEOUT if self._subscription is None else math.inf
        self.deadline = time.perf_counter() + patience
        self._is_sending = True
        self.peer.connection.send_bytes(message)
        self._is_sending = False
        self.deadline = time.perf_counter() + patience

    def _new_status(self, subscription: Subscription) -> Iterator[Mapping[str, object]]:
        """The status at intervals, if more than the time has changed."""
        now = time.perf_counter()
        if now < self._next_status:
            return
        self._next_status = now + STATUS_INTERVAL
        status = self._channel.status()
        if status is not None and {**status, "uptime": 0} != {**self._status, "uptime": 0}:
            self._status = status
            yield subscription.stamped("status", now, {"status": status})


def _turn_away(peer: transport.Peer, why: str) -> None:
    """Tell a client why it is refused, and close the connection."""
    _log.info("a client of the control channel was turned away: %s", why)
    with contextlib.suppress(OSError):
        peer.connection.send_bytes(refusal(why))
    peer.close()
