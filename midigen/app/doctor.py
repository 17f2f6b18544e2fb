"""Checks everything that a performance needs, and says what to do if something is missing.

Each check briefly does what `midigen run` would do with the same settings: it opens the ports,
loads the models, makes the recordings folder. At the end it measures the latency of notes on this
computer, and how late it wakes up.
"""

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from midigen.app import findings
from midigen.app.findings import Finding, Verdict, as_played, failure
from midigen.app.performance import new_recorder
from midigen.errors import ExitCode, MidigenError, ModelError, NoMidiSystemError, PortError
from midigen.live.midi_system import SEQUENCER, Listing, find_api, list_ports, sequencer_trouble
from midigen.live.osc import OscServer
from midigen.live.port_names import choose, matches
from midigen.live.ports import MidiPorts
from midigen.live.watches import JackWatch
from midigen.music.keys import SIZE
from midigen.prediction.models import load_model
from midigen.settings.choices import Api
from midigen.settings.sections import Osc, Ports
from midigen.settings.table import Settings

LIMIT = 20
"""The real-time priority to allow: above midigen's, below a sound card's."""

NOTES = 200
"""How many notes are sent to measure the latency."""

_PREDICTIONS = 50


def examine(settings: Settings, *, waits: bool = False) -> Iterator[Finding]:
    """Check everything that these settings need, and yield each finding at once.

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
    yield findings.judge_waking(as_played(findings.measure_waking))


def _examine_ports(ports: Ports, listing: Listing | None, *, waits: bool) -> Iterator[Finding]:
    """Check the MIDI systems and the ports; `listing` is that of the system that is used."""
    used = listing.api if listing else None
    if sys.platform == "linux" and ports.api in (Api.AUTO, Api.ALSA):
        yield examine_sequencer(SEQUENCER, used)
    choices = (Api.JACK,) if SEQUENCER.exists() else (Api.AUTO, Api.JACK)
    if used is Api.JACK or (used is None and ports.api in choices):
        yield examine_jack(running=used is Api.JACK)
    if listing is None:
        yield Finding(Verdict.PASSED_OVER, "ports: there is no MIDI system")
        return
    yield examine_own_ports(listing.api, ports)
    yield from examine_named_ports(listing, ports, waits=waits)


# --- the MIDI system


def examine_system(choice: Api) -> tuple[Finding, Listing | None]:
    """Which MIDI systems there are, and the listing of the one that would be used."""
    try:
        listings = list(list_ports())
        api = find_api(choice)
    except NoMidiSystemError as exc:
        return failure(exc, "without MIDI, play in the terminal: --ports terminal"), None
    (used,) = (listing for listing in listings if listing.api is api)
    others = [f"{each.api}: {each.problem or 'works too'}" for each in listings if each != used]
    text = f"MIDI: {api} is used; inputs: {len(used.inputs)}, outputs: {len(used.outputs)}"
    return Finding(Verdict.GOOD, "; ".join([text, *others])), used


def examine_sequencer(path: Path, used: Api | None) -> Finding:
    """Whether this user may open ALSA's sequencer; `used` is the MIDI system that `run` takes."""
    trouble = sequencer_trouble(path)
    if trouble is None:
        return Finding(Verdict.GOOD, f"ALSA: the sequencer {path} can be opened")
    problem, remedy = trouble
    if used is None:
        return Finding(Verdict.FAILS, f"ALSA: {problem}", remedy, ExitCode.NO_MIDI_SYSTEM)
    return Finding(Verdict.DOUBTFUL, f"ALSA: {problem}, so {used} is used", remedy)


def examine_jack(*, running: bool) -> Finding:
    """Whether the JACK server is running, and whether its period is short enough."""
    if not running:
        return Finding(
            Verdict.FAILS,
            "JACK: its server isn't running",
            "start it, `jackd -d alsa`, or `jackd -r -S -d dummy` on a machine without sound",
            ExitCode.NO_MIDI_SYSTEM,
        )
    try:
        with contextlib.closing(JackWatch("midigen-doctor")) as watch:
            return findings.judge_period(watch.period)
    except MidigenError as exc:
        return failure(exc)


# --- the ports


def examine_own_ports(api: Api, ports: Ports) -> Finding:
    """Whether the virtual ports can be opened. Closes them again."""
    if api is Api.WINMM:
        text = "virtual ports: Windows has none"
        if ports.input and ports.output:
            return Finding(Verdict.PASSED_OVER, text)
        remedy = (
            "install a loopback port such as loopMIDI, and name it with --output and your "
            "keyboard with --input"
        )
        return Finding(Verdict.FAILS, text, remedy, ExitCode.PORT)
    try:
        own = MidiPorts(api, replace(ports, input=(), output=()), hears_clock=False)
        with contextlib.closing(own):
            own.open(_ignore)
    except MidigenError as exc:
        return failure(exc)
    names = f'"{ports.in_client}:{ports.in_port}" and "{ports.out_client}:{ports.out_port}"'
    return Finding(Verdict.GOOD, f"virtual ports: {names} can be opened")


def examine_named_ports(
    listing: Listing, ports: Ports, *, waits: bool = False
) -> Iterator[Finding]:
    """Whether each port that the settings name exists, or midigen may wait for it."""
    wanted = [("input", name, listing.inputs) for name in ports.input]
    wanted += [("output", name, listing.outputs) for name in ports.output]
    for option, name, there in wanted:
        try:
            yield Finding(Verdict.GOOD, f'--{option} "{name}" is "{choose(name, there).name}"')
        except PortError as exc:
            remedy = f"is it plugged in? `midigen ports` lists what --{option} takes"
            if matches(name, there):  # several do: the error says how to name one of them
                yield failure(exc)
            elif waits:
                yield Finding(Verdict.DOUBTFUL, f"{exc}; midigen waits for it", remedy)
            else:
                yield failure(exc, remedy)


# --- this process


def examine_priority() -> Finding:
    """Whether the thread that plays may have real-time priority."""
    if as_played(lambda: os.sched_getscheduler(0)) in (os.SCHED_FIFO, os.SCHED_RR):
        return Finding(Verdict.GOOD, "real-time priority: allowed")
    return Finding(
        Verdict.DOUBTFUL,
        "real-time priority: not allowed, so other programs may delay notes",
        f'write "@audio - rtprio {LIMIT}" into /etc/security/limits.d/midigen.conf, join the '
        "group audio, `sudo usermod -aG audio $USER`, and log in again; a systemd service needs "
        f"LimitRTPRIO={LIMIT}",
    )


def examine_models(settings: Settings) -> Iterator[Finding]:
    """Check the model and those of the scenes, each once."""
    places = {settings.model: ""}
    for scene in settings.scene:
        if scene.model:
            places.setdefault(scene.model, f"scene {scene.name}: ")
    for name, place in places.items():
        yield examine_model(name, place)


def examine_model(name: str, place: str = "") -> Finding:
    """Whether a model loads, and how fast it predicts; `place` names the scene it is for."""
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
    return findings.judge_prediction(f"{place}model {name}", statistics.median(took))


def examine_recording(settings: Settings) -> Finding:
    """Whether recordings can be written. Makes their folder if it doesn't exist."""
    try:
        new_recorder(settings, _ignore)
    except MidigenError as exc:
        return failure(exc)
    folder = Path(settings.record.path).expanduser()
    return Finding(Verdict.GOOD, f"recordings: {folder} can be written")


def examine_osc(osc: Osc) -> Finding:
    """Whether the port for OSC is free."""
    try:
        with contextlib.closing(OscServer(osc.host, int(osc.port), _ignore, _ignore)) as server:
            server.open()
    except PortError as exc:
        return failure(exc)
    return Finding(Verdict.GOOD, f"OSC: {osc.host}:{osc.port} is free")


# --- the speed of this computer


def examine_round_trip(api: Api | None) -> Finding:
    """The latency of notes, if there are virtual ports to measure it with."""
    if api is None or api is Api.WINMM:
        reason = "no virtual ports" if api else "no MIDI ports"
        return Finding(Verdict.PASSED_OVER, f"latency: not measured, there are {reason}")
    try:
        times = as_played(lambda: findings.measure_round_trip(api, NOTES))
    except MidigenError as exc:
        return Finding(Verdict.DOUBTFUL, f"latency: it can't be measured: {exc}")
    return findings.judge_round_trip(times, NOTES, api)


def _ignore(_: object) -> None:
    pass
