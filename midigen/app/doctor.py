"""Is all there that a performance needs? What is found, and what to do where it isn't good.

Each examination does for a moment what `midigen run` would do with the same settings: it
opens the ports, loads the models, makes the folder. Then it measures how long notes are
under way on this machine, and how late it wakes.
"""

import contextlib
import os
import queue
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import numpy as np

from midigen.errors import ExitCode, MidigenError, ModelError, NoMidiSystemError, PortError
from midigen.live import realtime
from midigen.live.arrivals import Arrival, Enqueue
from midigen.live.jack_watch import JackWatch
from midigen.live.midi_system import SEQUENCER, Listing, find_api, list_ports, sequencer_trouble
from midigen.live.osc import OscServer
from midigen.live.port_names import choose, matches
from midigen.live.ports import MidiPorts
from midigen.live.recording import Recorder
from midigen.midi.messages import NoteOff, Pitch, Seconds
from midigen.music.keys import SIZE
from midigen.prediction.models import load_model
from midigen.settings.choices import Api
from midigen.settings.connections import Osc, Ports
from midigen.settings.table import Settings

LIMIT = 20
"""The real-time priority to be allowed: more than midigen takes, and less than a sound card's."""

TOO_SLOW: Seconds = 0.010
"""The longest way from a key to its sound that players find as good as none.

R. Jack, A. Mehrabi, T. Stockman, A. McPherson, "Action-sound Latency and the Perceived
Quality of Digital Musical Instruments", Music Perception 36(1), 2018: percussionists and
amateurs rated an instrument with 10 ms no lower than one without delay, but lower with
20 ms, and with 10 ms that varied by 3.
"""

NOTICED: Seconds = TOO_SLOW / 2
"""What may be spent here; the other half is for the synth and its sound card."""

UNSTEADY: Seconds = 0.003
"""By the same study, a delay that varies by this much is noticed."""

LONG_PERIOD: Seconds = 0.006
"""A note and its answer take up to two of JACK's periods; 256 frames at 44.1 kHz are 5.8 ms."""

NOTES, WAKES = 200, 200
"""How many notes are sent there and back, and how often it sleeps."""

_SPREAD: Seconds = 0.020  # up to this between two of them, so that they fall anywhere in a period
_PATIENCE: Seconds = 0.5  # then a note is lost
_TRIES = 8  # notes until one comes back: a JACK server first sorts its graph, and may lose some
_SLEEP: Seconds = 0.005
_PREDICTIONS = 50

_Result = TypeVar("_Result")

_ECHO = Ports(
    in_client="midigen-doctor-in",
    in_port="midigen-doctor-in",
    out_client="midigen-doctor-out",
    out_port="midigen-doctor-out",
)
_HAND = Ports(
    input=(_ECHO.out_port,),
    output=(_ECHO.in_port,),
    in_client="midigen-doctor-ear",
    in_port="midigen-doctor-ear",
    out_client="midigen-doctor-hand",
    out_port="midigen-doctor-hand",
)


class Verdict(StrEnum):
    """How something stands."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    FAILS = "won't work"
    PASSED_OVER = "passed over"


@dataclass(frozen=True)
class Finding:
    """What was found, what to do about it, and the exit code of `run` where it would fail."""

    verdict: Verdict
    text: str
    remedy: str = ""
    code: ExitCode = ExitCode.OK


def examine(settings: Settings, *, waits: bool = False) -> Iterator[Finding]:
    """Everything that these settings need, one after another: each finding once it is known.

    With `waits` named ports may be missing.
    """
    plays_midi = settings.ports.api is not Api.TERMINAL
    listing = None
    if plays_midi:
        finding, listing = examine_system(settings.ports.api)
        yield finding
        yield from _examine_ports(settings.ports, listing, waits=waits)
    else:
        yield Finding(Verdict.PASSED_OVER, "MIDI: the terminal is the port")
    if sys.platform == "linux":
        yield examine_priority()
    yield from examine_models(settings)
    if settings.record.path != "off":
        yield examine_recording(settings)
    if settings.osc.port != "off":
        yield examine_osc(settings.osc)
    if plays_midi:
        yield examine_round_trip(listing.api if listing else None)
    yield judge_waking(_as_played(measure_waking))


def _examine_ports(ports: Ports, listing: Listing | None, *, waits: bool) -> Iterator[Finding]:
    """What lies under the ports, and the ports; `listing` is of the system that is used."""
    used = listing.api if listing else None
    if sys.platform == "linux" and ports.api in (Api.AUTO, Api.ALSA):
        yield examine_sequencer(SEQUENCER, used)
    choices = (Api.JACK,) if SEQUENCER.exists() else (Api.AUTO, Api.JACK)
    if used is Api.JACK or (used is None and ports.api in choices):
        yield examine_jack(running=used is Api.JACK)
    if listing is None:
        yield Finding(Verdict.PASSED_OVER, "the ports: there is no MIDI system")
        return
    yield examine_own_ports(listing.api, ports)
    yield from examine_named_ports(listing, ports, waits=waits)


# --- the MIDI system


def examine_system(choice: Api) -> tuple[Finding, Listing | None]:
    """Which MIDI systems there are, and the ports of the one that would be used."""
    try:
        listings = list_ports()
        api = find_api(choice)
    except NoMidiSystemError as exc:
        return _failure(exc, "without MIDI it plays in the terminal, --ports terminal"), None
    (used,) = (listing for listing in listings if listing.api is api)
    others = [f"{each.api}: {each.problem or 'works too'}" for each in listings if each != used]
    text = f"MIDI: {api} is used; inputs: {len(used.inputs)}, outputs: {len(used.outputs)}"
    return Finding(Verdict.GOOD, "; ".join([text, *others])), used


def examine_sequencer(path: Path, used: Api | None) -> Finding:
    """Whether this user may open ALSA's sequencer; `used` is the system that would be used."""
    trouble = sequencer_trouble(path)
    if trouble is None:
        return Finding(Verdict.GOOD, f"ALSA: the sequencer {path} can be opened")
    problem, remedy = trouble
    if used is None:
        return Finding(Verdict.FAILS, f"ALSA: {problem}", remedy, ExitCode.NO_MIDI_SYSTEM)
    return Finding(Verdict.DOUBTFUL, f"ALSA: {problem}, so {used} is used", remedy)


def examine_jack(*, running: bool) -> Finding:
    """How long the period of the JACK server is, if it is running."""
    if not running:
        return Finding(
            Verdict.FAILS,
            "JACK: its server isn't running",
            "start it, `jackd -d alsa`, or `jackd -r -S -d dummy` on a machine without sound",
            ExitCode.NO_MIDI_SYSTEM,
        )
    try:
        watch = JackWatch("midigen-doctor")
    except MidigenError as exc:
        return _failure(exc)
    try:
        return judge_period(watch.period)
    finally:
        watch.close()


def judge_period(period: Seconds) -> Finding:
    """Whether JACK hands notes on often enough."""
    text = f"JACK: its server runs, with a period of {_ms(period)}"
    if period <= LONG_PERIOD:
        return Finding(Verdict.GOOD, text)
    return Finding(
        Verdict.DOUBTFUL,
        f"{text}, for which every note waits",
        "start it with a shorter one, such as `jackd -d alsa -p 128`",
    )


# --- the ports


def examine_own_ports(api: Api, ports: Ports) -> Finding:
    """Whether the virtual pair can be had: it is opened and closed."""
    if api is Api.WINMM:
        if ports.input and ports.output:
            return Finding(Verdict.PASSED_OVER, "ports of its own: Windows has no virtual ports")
        return Finding(
            Verdict.FAILS,
            "ports of its own: Windows has no virtual ports",
            "install a loopback port such as loopMIDI, and name it with --output and your "
            "keyboard with --input",
            ExitCode.PORT,
        )
    try:
        with _opened(api, replace(ports, input=(), output=()), _ignore):
            pass
    except MidigenError as exc:
        return _failure(exc)
    names = f'"{ports.in_client}:{ports.in_port}" and "{ports.out_client}:{ports.out_port}"'
    return Finding(Verdict.GOOD, f"ports of its own: {names} can be opened")


def examine_named_ports(
    listing: Listing, ports: Ports, *, waits: bool = False
) -> Iterator[Finding]:
    """Whether each port that the settings name is there, or can be waited for."""
    for option, wanted, there in (
        ("input", ports.input, listing.inputs),
        ("output", ports.output, listing.outputs),
    ):
        for name in wanted:
            try:
                found = choose(name, there)
            except PortError as exc:
                remedy = f"is it plugged in? `midigen ports` lists what --{option} takes"
                if matches(name, there):  # more than one, which the error says what to do about
                    yield _failure(exc)
                elif waits:
                    yield Finding(Verdict.DOUBTFUL, f"{exc}; it is waited for", remedy)
                else:
                    yield _failure(exc, remedy)
            else:
                yield Finding(Verdict.GOOD, f'--{option} "{name}" is "{found.name}"')


# --- this process


def examine_priority() -> Finding:
    """Whether the thread that plays may have real-time priority."""
    if _as_played(lambda: os.sched_getscheduler(0)) in (os.SCHED_FIFO, os.SCHED_RR):
        return Finding(Verdict.GOOD, "real-time priority: allowed")
    return Finding(
        Verdict.DOUBTFUL,
        "real-time priority: not allowed, so other programs may delay notes",
        f'write "@audio - rtprio {LIMIT}" into /etc/security/limits.d/midigen.conf, join the '
        "group audio, `sudo usermod -aG audio $USER`, and log in again; a systemd service needs "
        f"LimitRTPRIO={LIMIT}",
    )


def examine_models(settings: Settings) -> Iterator[Finding]:
    """The model, and those of scenes, each once."""
    places = {settings.model: ""}
    for scene in settings.scene:
        if scene.model:
            places.setdefault(scene.model, f"scene {scene.name}: ")
    for name, place in places.items():
        yield examine_model(name, place)


def examine_model(name: str, place: str = "") -> Finding:
    """Whether a model loads, and how long it takes to predict; `place` says whose it is."""
    try:
        predictor = load_model(name)
    except ModelError as exc:
        remedy = "`midigen models` lists those that play"
        return Finding(Verdict.FAILS, f"{place}{exc}", remedy, exc.exit_code)
    window = np.arange(predictor.max_notes)[np.newaxis] % SIZE
    took = []
    for _ in range(_PREDICTIONS):
        began = time.perf_counter()
        predictor.predict(window)
        took.append(time.perf_counter() - began)
    return judge_prediction(f"{place}model {name}", statistics.median(took))


def judge_prediction(model: str, took: Seconds) -> Finding:
    """Whether a model is fast enough."""
    text = f"{model}: a prediction takes {_ms(took)}"
    if took <= NOTICED:
        return Finding(Verdict.GOOD, text)
    return Finding(Verdict.DOUBTFUL, f"{text}, so fast notes may come late", "choose a smaller one")


def examine_recording(settings: Settings) -> Finding:
    """Whether the folder of recordings can be written; it is made if need be."""
    folder = Path(settings.record.path).expanduser()
    recorder = Recorder(
        folder,
        whole=True,
        keep_minutes=settings.record.keep,
        bpm=settings.tempo.bpm,
        bar=settings.tempo.bar,
        tell=_ignore,
    )
    try:
        recorder.prove()
    except MidigenError as exc:
        return _failure(exc)
    return Finding(Verdict.GOOD, f"recordings: {folder} can be written")


def examine_osc(osc: Osc) -> Finding:
    """Whether OSC can be listened for."""
    server = OscServer(osc.host, int(osc.port), _ignore, _ignore)
    try:
        server.open()
    except PortError as exc:
        return _failure(exc)
    server.close()
    return Finding(Verdict.GOOD, f"OSC: {osc.host}:{osc.port} is free")


# --- how this machine will feel


def examine_round_trip(api: Api | None) -> Finding:
    """How long notes are under way, as far as there are virtual ports to measure it with."""
    if api is None or api is Api.WINMM:
        reason = "no virtual ports" if api else "no MIDI system"
        return Finding(Verdict.PASSED_OVER, f"how long notes are under way: there is {reason}")
    try:
        times = _as_played(lambda: measure_round_trip(api, NOTES))
    except MidigenError as exc:
        text = f"how long notes are under way can't be measured: {exc}"
        return Finding(Verdict.DOUBTFUL, text)
    return judge_round_trip(times, NOTES, api)


def measure_round_trip(api: Api, notes: int) -> list[Seconds]:
    """How long each of some notes takes from a keyboard's port to here and on to a synth's.

    Those that get lost are missing. They come at irregular times, so that they fall evenly
    into the periods of a JACK server, and are ends of notes, which make no sound wherever
    else they may go. Raises MidigenError if the ports can't be had.
    """
    struck: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    answered: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    chance = random.Random(0)
    with _opened(api, _ECHO, struck.put) as echo, _opened(api, _HAND, answered.put) as hand:

        def there_and_back(pitch: Pitch) -> Seconds | None:
            note, answer = NoteOff(pitch, channel=1), NoteOff(pitch, channel=2)
            began = time.perf_counter()
            hand.send(note)
            if _wait_for(note, struck) is None:
                return None
            echo.send(answer)  # another message, as nobody listens to what they said themselves
            came = _wait_for(answer, answered)
            return None if came is None else came - began

        times: list[Seconds] = []
        if all(there_and_back(pitch) is None for pitch in range(_TRIES)):
            return times
        for number in range(notes):
            time.sleep(chance.uniform(0, _SPREAD))
            took = there_and_back((_TRIES + number) % 128)
            if took is not None:
                times.append(took)
    return times


def judge_round_trip(times: Sequence[Seconds], sent: int, api: Api) -> Finding:
    """What a player will feel of how long notes were under way; of those sent, some may lack."""
    if not times:
        return Finding(
            Verdict.FAILS,
            "notes don't come through from one port to another",
            "restart the JACK server, or this machine"
            if api is Api.JACK
            else "restart this machine",
            ExitCode.PORT,
        )
    if len(times) < sent:
        return Finding(
            Verdict.DOUBTFUL,
            f"of {sent} notes sent to itself, {sent - len(times)} got lost",
            "a JACK server needs its synchronous mode, `jackd -S`; else the machine is overloaded"
            if api is Api.JACK
            else "the machine is overloaded: end other programs, allow real-time priority",
        )
    usual, p99 = (float(np.percentile(times, share)) for share in (50, 99))
    text = (
        f"a note to midigen and on is under way for {_ms(usual)} (p50), {_ms(p99)} (p99), "
        f"{_ms(max(times))} (max)"
    )
    remedy = "real-time priority, fewer other programs"
    if api is Api.JACK:
        remedy = f"a shorter period of JACK, {remedy}"
    if p99 <= NOTICED:
        return Finding(Verdict.GOOD, f"{text}: you will not notice it")
    if p99 <= TOO_SLOW:
        return Finding(Verdict.DOUBTFUL, f"{text}: felt by some players", remedy)
    return Finding(Verdict.DOUBTFUL, f"{text}: too slow to play with", remedy)


def measure_waking() -> list[Seconds]:
    """How late this thread wakes, sleeping to one deadline after another for a second."""
    start = time.perf_counter()
    late = []
    for number in range(1, WAKES + 1):
        deadline = start + number * _SLEEP
        time.sleep(max(0.0, deadline - time.perf_counter()))
        late.append(time.perf_counter() - deadline)
    return late


def judge_waking(late: Sequence[Seconds]) -> Finding:
    """Whether planned notes come steadily."""
    p99 = float(np.percentile(late, 99))
    text = f"this machine wakes up {_ms(p99)} late (p99), {_ms(max(late))} at worst"
    if p99 <= UNSTEADY:
        return Finding(Verdict.GOOD, f"{text}: you will not notice it")
    remedy = "real-time priority, fewer other programs, a machine that isn't shared"
    return Finding(Verdict.DOUBTFUL, f"{text}: its rhythm may sound unsteady", remedy)


# --- what they share


def _as_played(measure: Callable[[], _Result]) -> _Result:
    """What is measured on a thread that has what the one that plays has."""
    with (
        realtime.undisturbed(),
        ThreadPoolExecutor(max_workers=1, initializer=realtime.raise_priority) as threads,
    ):
        return threads.submit(measure).result()


@contextlib.contextmanager
def _opened(api: Api, ports: Ports, enqueue: Enqueue) -> Iterator[MidiPorts]:
    connection = MidiPorts(api, ports, hears_clock=False)
    connection.open(enqueue)
    try:
        yield connection
    finally:
        connection.close()


def _wait_for(note: NoteOff, arrivals: "queue.SimpleQueue[Arrival]") -> Seconds | None:
    """When a note arrived; None if it is lost. What is left of others is passed over."""
    end = time.perf_counter() + _PATIENCE
    with contextlib.suppress(queue.Empty):
        while True:
            arrival = arrivals.get(timeout=max(0.0, end - time.perf_counter()))
            if note in arrival.events(arrival.data):
                return arrival.time
    return None


def _failure(exc: MidigenError, remedy: str = "") -> Finding:
    """An error that `run` would end with; many say themselves what to do."""
    return Finding(Verdict.FAILS, str(exc), remedy, exc.exit_code)


def _ignore(_: object) -> None:
    pass


def _ms(seconds: Seconds) -> str:
    return f"{seconds * 1000:.1f} ms"
