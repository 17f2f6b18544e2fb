"""A live performance: builds everything that it needs, in order.

Whatever is opened is closed in the reverse order, even after an error.
"""

import argparse
import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from midigen.app.console import tell
from midigen.app.display import Screen
from midigen.app.options import effective_settings, new_rng
from midigen.errors import MidigenError, NoMidiSystemError, UsageError
from midigen.instrument.performer import Performer
from midigen.live import standard_input
from midigen.live.control_channel import ControlChannel
from midigen.live.daemon import Daemon
from midigen.live.feed import Feed
from midigen.live.guard import guarded
from midigen.live.recording import Recorder
from midigen.live.remote import Remote
from midigen.live.supervisor import Supervisor
from midigen.live.terminal import HELP, Manner, Terminal
from midigen.midi.messages import Seconds
from midigen.music.keys import AUTO
from midigen.prediction.models import load_models
from midigen.settings.choices import Api
from midigen.settings.table import Settings

if TYPE_CHECKING:
    from midigen.live.ports import MidiPorts

NEVER: Seconds = 1e6
"""A silence too long to end a phrase: in the terminal, Enter ends it."""

KEPT_IN = "recordings"
"""The folder for what the control `keep` saves, unless another is configured."""


def perform(settings: Settings, options: argparse.Namespace) -> None:
    """Play until Ctrl-C, a signal or the end of standard input. Raises MidigenError.

    `options` are those of `run`; a reload reads the settings from them again.
    """
    predictor, models = load_models(settings.model, settings.scene_models)
    feed = Feed()
    screen = Screen(feed.notice, quiet=options.quiet)

    def manner() -> Manner:
        step = 60 / performer.timeline.bpm / performer.settings.rhythm.subdivision
        return Manner(performer.key, step, step * performer.settings.rhythm.gate)

    connection = _connection(settings, manner, waits=options.wait)
    plays_midi = connection.silence_ends_phrases  # else the terminal is the port

    def adapted(settings: Settings) -> Settings:
        return settings if plays_midi else settings.changed("turn.silence", NEVER)

    settings = adapted(settings)
    supervisor = Supervisor(os.environ)
    performer = Performer(settings, predictor, new_rng(settings), models)
    with contextlib.ExitStack() as stack:
        if options.log or options.verbose:
            from midigen.live import log

            screen.listeners.append(log.notice)
            shown = sys.stderr if options.verbose and not screen.draws else None
            stack.enter_context(log.logged(options.log, shown))
        recorder = new_recorder(settings, screen.tell)
        stack.callback(_end_recording, recorder, screen.tell, keeps=options.keep is not None)
        stack.callback(supervisor.close)
        daemon = Daemon(
            performer, connection, screen.tell, [recorder, feed], supervisor, release=screen.release
        )

        def started() -> None:
            if settings.osc.port != "off":
                from midigen.live.osc import OscServer

                osc = OscServer(settings.osc.host, int(settings.osc.port), daemon.put, screen.tell)
                osc.open()
                stack.callback(osc.close)
                screen.tell(f"OSC at {osc.host}:{osc.port}, /midigen/CONTROL VALUE")
            remote = Remote(
                daemon, connection, settings, lambda: adapted(effective_settings(options))
            )
            control = ControlChannel(settings.ports.in_client, remote, feed)
            stack.callback(control.close)
            try:
                control.open()
            except MidigenError as exc:  # midigen plays without it
                screen.tell(f"midigen status and midigen ctl can't reach this one: {exc}")
            key = "a key found by ear" if settings.key == AUTO else settings.key
            headline = f"{settings.mode} in {key}, model {settings.model}: {connection.description}"
            stack.enter_context(screen.shown(headline, daemon, types=plays_midi))
            supervisor.ready(headline)
            for name in connection.missing:
                screen.tell(f'waiting for "{name}"')
            for name in getattr(connection, "other_inputs", list)():
                screen.tell(f'to hear "{name}": midigen run --input "{name}"')
            if plays_midi:
                screen.tell(f"playing with {daemon.priority}")
            screen.tell("Ctrl-C stops")

        stack.enter_context(guarded())
        daemon.run(started)


def new_recorder(settings: Settings, tell: Callable[[str], None]) -> Recorder:
    """A recorder whose folder can be written. Raises MidigenError if it can't."""
    whole = settings.record.path != "off"
    recorder = Recorder(
        Path(settings.record.path if whole else KEPT_IN).expanduser(),
        whole=whole,
        keep_minutes=settings.record.keep,
        bpm=settings.tempo.bpm,
        bar=settings.tempo.bar,
        tell=tell,
    )
    recorder.prove()
    return recorder


def _end_recording(recorder: Recorder, tell: Callable[[str], None], *, keeps: bool) -> None:
    """Write what was recorded; with `keeps`, the last minutes too."""
    if keeps:
        recorder.keep()
    for path in recorder.close(time.perf_counter()):
        tell(f"recorded {path}")


# --- ports


def _connection(
    settings: Settings, manner: Callable[[], Manner], *, waits: bool
) -> "MidiPorts | Terminal":
    """The ports that the settings name, or the terminal; `manner` says how it plays lines."""
    api = settings.ports.api
    if api is not Api.TERMINAL:
        from midigen.live.midi_system import find_api
        from midigen.live.ports import MidiPorts

        try:
            return MidiPorts(
                find_api(api),
                settings.ports,
                hears_clock=settings.hears_clock,
                channel=settings.output.channel,
                waits=waits,
            )
        except NoMidiSystemError as exc:
            named = settings.ports.input or settings.ports.output
            if api is not Api.AUTO or named or not _stdin_is_played():
                raise
            tell(f"{exc}: playing from standard input instead")
    if sys.stdin is None:
        raise UsageError("the terminal port needs a standard input")
    if sys.stdin.isatty():
        tell(HELP)
    return Terminal(manner, stdin=standard_input.raw(), stdout=sys.stdout, tell=tell)


def _stdin_is_played() -> bool:
    """Whether standard input is a terminal or a pipe, so that somebody may play there."""
    if sys.stdin is None:
        return False
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return sys.stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
