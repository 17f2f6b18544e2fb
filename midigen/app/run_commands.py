"""The commands that play and listen live, `run` and `learn`: what is built, in which order.

Whatever is opened is closed in the reverse order, whatever happens in between.
"""

import argparse
import contextlib
import io
import os
import queue
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from midigen.app.command_line import (
    add_command,
    add_name,
    add_settings,
    effective_settings,
    new_rng,
    number,
    show,
    tell,
)
from midigen.errors import (
    ExitCode,
    MidigenError,
    NoMidiSystemError,
    UsageError,
)
from midigen.live.terminal import COMMANDS, HELP, Manner, Terminal, read_command
from midigen.midi.messages import Message, Seconds
from midigen.music.keys import AUTO
from midigen.settings import checks, config_file, controls
from midigen.settings.choices import Api
from midigen.settings.knobs_and_scenes import Knob
from midigen.settings.table import Settings, spec_of

if TYPE_CHECKING:
    from midigen.app.display import Display
    from midigen.instrument.status import Status
    from midigen.live.arrivals import Arrival
    from midigen.live.daemon import Daemon
    from midigen.live.ports import MidiPorts
    from midigen.live.recording import Recorder
    from midigen.live.remote import Remote

NEVER: Seconds = 1e6
"""A silence that nobody waits for."""

KEPT_IN = "recordings"
"""The folder of what the control keep writes, where no other is configured."""


def add_commands(commands: Any) -> None:
    """Add the commands of this room."""
    _add_run(commands)
    _add_learn(commands)


def add_port_settings(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that name ports. Returns the group that they are in."""
    group = parser.add_argument_group("ports")
    group.add_argument("--ports", metavar="API", help=", ".join(Api))
    group.add_argument(
        "--input",
        action="append",
        metavar="NAME",
        help="an existing port to listen to as well, by its name or a unique part of it; "
        'of two that fit, "Keys #2" is the second',
    )
    group.add_argument(
        "--output", action="append", metavar="NAME", help="an existing port to play to as well"
    )
    return group


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add all that `run` takes."""
    parser.add_argument(
        "--quiet", action="store_true", help="show neither a status nor notices, only errors"
    )
    parser.add_argument(
        "--wait", action="store_true", help="wait for named ports that aren't there yet"
    )
    parser.add_argument(
        "--record", metavar="FOLDER", help="write the session there as a MIDI file, as it happens"
    )
    parser.add_argument(
        "--keep",
        type=number(spec_of("record.keep")["kind"]),
        metavar="MINUTES",
        help="write the last minutes as a MIDI file at the end, and whenever `keep` is pressed",
    )
    add_settings(parser)
    group = add_port_settings(parser)
    add_name(
        group,
        "the client name of its input, by which status and ctl tell it from others that run; "
        "its output's ends in -out",
    )


def _add_run(commands: Any) -> None:
    parser = add_command(
        commands,
        "run",
        _run,
        "listen to a keyboard and play with it until Ctrl-C",
        'midigen run --mode duet --input "USB Keyboard"',
    )
    add_run_options(parser)


def _add_learn(commands: Any) -> None:
    parser = add_command(
        commands,
        "learn",
        _learn,
        "listen to the knob, pad or pedal that you move, and let it set a control",
        "midigen learn temperature",
    )
    parser.add_argument("control", metavar="CONTROL", help=", ".join(controls.CONTROLS))
    parser.add_argument(
        "--value", help="what pressing it sets the control to, such as duet for mode"
    )
    add_settings(parser)
    add_port_settings(parser)


# --- run


def _run(options: argparse.Namespace) -> ExitCode:
    settings = effective_settings(options)

    from midigen.instrument.performer import Performer
    from midigen.live.daemon import Daemon
    from midigen.live.guard import guarded
    from midigen.live.remote import Remote
    from midigen.live.supervisor import Supervisor
    from midigen.prediction.models import load_models

    predictor, models = load_models(settings.model, settings.scene_models)
    screen = _new_screen(quiet=options.quiet)

    def manner() -> Manner:
        step = 60 / performer.timeline.bpm / performer.settings.rhythm.subdivision
        return Manner(performer.key, step, step * performer.settings.rhythm.gate)

    connection = _connection(settings, manner, waits=options.wait)

    def suited(settings: Settings) -> Settings:
        """The settings as they suit the connection."""
        if connection.silence_ends_phrases:
            return settings
        return settings.changed("turn.silence", NEVER)

    settings = suited(settings)
    supervisor = Supervisor(os.environ)
    performer = Performer(settings, predictor, new_rng(settings), models)
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(_recording(settings, screen, keep=options.keep is not None))
        stack.callback(supervisor.close)
        daemon = Daemon(
            performer, connection, screen.tell, [recorder], supervisor, release=screen.release
        )
        types = connection.silence_ends_phrases  # else the terminal is the port

        def started() -> None:
            if settings.osc.port != "off":
                stack.enter_context(_osc(settings, daemon, screen))
            remote = Remote(
                daemon, connection, settings, lambda: suited(effective_settings(options))
            )
            stack.enter_context(_asked(settings, remote, screen))
            headline = _headline(settings, connection)
            stack.enter_context(screen.shown(headline, daemon, types=types))
            supervisor.ready(headline)
            for name in connection.missing:
                screen.tell(f'waiting for "{name}"')
            for name in getattr(connection, "other_inputs", list)():
                screen.tell(f'to hear "{name}": midigen run --input "{name}"')
            if types:
                screen.tell(f"playing with {daemon.priority}")
            screen.tell("Ctrl-C stops")

        stack.enter_context(guarded())
        daemon.run(started)
    return ExitCode.OK


def _headline(settings: Settings, connection: "MidiPorts | Terminal") -> str:
    key = "the key that it hears" if settings.key == AUTO else settings.key
    return f"{settings.mode} in {key}, model {settings.model}: {connection.description}"


@contextlib.contextmanager
def _recording(settings: Settings, screen: "Screen", *, keep: bool) -> Iterator["Recorder"]:
    """The recorder while it is open; with `keep`, it writes the last minutes at the end."""
    from midigen.live.recording import Recorder

    whole = settings.record.path != "off"
    recorder = Recorder(
        Path(settings.record.path if whole else KEPT_IN).expanduser(),
        whole=whole,
        keep_minutes=settings.record.keep,
        bpm=settings.tempo.bpm,
        bar=settings.tempo.bar,
        tell=screen.tell,
    )
    recorder.prove()
    try:
        yield recorder
    finally:
        if keep:
            recorder.keep()
        for path in recorder.close(time.perf_counter()):
            screen.tell(f"recorded {path}")


@contextlib.contextmanager
def _osc(settings: Settings, daemon: "Daemon", screen: "Screen") -> Iterator[None]:
    from midigen.live.osc import OscServer

    server = OscServer(settings.osc.host, int(settings.osc.port), daemon.put, screen.tell)
    server.open()
    try:
        screen.tell(f"OSC at {server.host}:{server.port}, /midigen/CONTROL VALUE")
        yield
    finally:
        server.close()


@contextlib.contextmanager
def _asked(settings: Settings, remote: "Remote", screen: "Screen") -> Iterator[None]:
    """Meanwhile `midigen status` and `midigen ctl` are answered, where that is possible."""
    from midigen.live.control_socket import ControlSocket

    control = ControlSocket(settings.ports.in_client, remote)
    try:
        control.open()
    except MidigenError as exc:  # it plays all the same
        screen.tell(f"midigen status and midigen ctl can't reach this one: {exc}")
    try:
        yield
    finally:
        control.close()


# --- what the player sees and types


class Screen(Protocol):
    """Where a player reads how it stands."""

    def tell(self, line: str) -> None:
        """Show a line. For any thread."""

    def release(self) -> None:
        """Give the terminal back as it was, at once. For the main thread, even in a signal."""

    def shown(
        self, headline: str, daemon: "Daemon", *, types: bool
    ) -> contextlib.AbstractContextManager[None]:
        """Show how a daemon stands, and with `types` take the lines that are typed meanwhile."""


class PlainScreen:
    """Lines on stderr, one after another."""

    def release(self) -> None:
        """The terminal is as it was."""

    def tell(self, line: str) -> None:
        """Show a line."""
        tell(line)

    @contextlib.contextmanager
    def shown(self, headline: str, daemon: "Daemon", *, types: bool) -> Iterator[None]:
        """Show the headline, and obey what is typed or comes through a pipe."""
        self.tell(headline)
        if types and sys.stdin is not None and not _is_in_background():
            reader = threading.Thread(
                target=_read_lines, args=(_obey(daemon, self.tell),), name="typing", daemon=True
            )
            reader.start()  # not joined: a read can't be interrupted
        yield


class QuietScreen(PlainScreen):
    """Nothing at all."""

    def tell(self, line: str) -> None:
        """Show nothing."""


class StatusScreen:
    """The status at the bottom of the terminal, with notices scrolling above it."""

    def __init__(self) -> None:
        self._display: Display | None = None

    def tell(self, line: str) -> None:
        """Show a line above the status."""
        (tell if self._display is None else self._display.tell)(line)

    def release(self) -> None:
        """Give the terminal back as it was."""
        if self._display is not None:
            self._display.release()

    @contextlib.contextmanager
    def shown(self, headline: str, daemon: "Daemon", *, types: bool) -> Iterator[None]:
        """Show the status, and the line that is typed."""
        from midigen.app.display import Display

        if not types:  # the notes that are played go there
            self.tell(headline)
            yield
            return
        latest: Callable[[], Status | None] = lambda: daemon.status  # noqa: E731  typed
        display = Display(latest, typed=_obey(daemon, self.tell))
        display.start(headline)
        self._display = display
        try:
            yield
        finally:
            self._display = None
            display.stop()


def _new_screen(*, quiet: bool) -> Screen:
    if quiet:
        return QuietScreen()
    if sys.stderr is None or not sys.stderr.isatty():
        return PlainScreen()
    from midigen.app.display import is_worthwhile

    return StatusScreen() if is_worthwhile(sys.stderr) else PlainScreen()


def _obey(daemon: "Daemon", say: Callable[[str], None]) -> Callable[[str], None]:
    """What does as a typed line says."""

    def obey(line: str) -> None:
        if not line.startswith(":"):
            say(f"{line!r} isn't a command: they begin with a colon; :help lists them")
        elif line == ":help":
            say(COMMANDS)
        else:
            daemon.put(read_command(line))

    return obey


def _read_lines(obey: Callable[[str], None]) -> None:
    stdin = io.FileIO(sys.stdin.fileno(), closefd=False)  # no lock that a late read could hold
    with contextlib.suppress(OSError):  # it hung up
        while line := stdin.readline():
            if text := line.decode(errors="replace").strip():
                obey(text)


def _is_in_background() -> bool:
    """Whether to read the terminal would stop the process."""
    if not hasattr(os, "tcgetpgrp") or not sys.stdin.isatty():
        return False
    with contextlib.suppress(OSError):
        return os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp()
    return False


# --- ports


def _connection(
    settings: Settings, manner: Callable[[], Manner], *, waits: bool
) -> "MidiPorts | Terminal":
    """The ports that the settings name; the terminal, if it is that, reads in a manner."""
    from midigen.live.midi_system import find_api
    from midigen.live.ports import MidiPorts

    api = settings.ports.api
    if api is not Api.TERMINAL:
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
            tell(f"{exc}: playing by standard input instead")
    return _terminal(manner)


def _terminal(manner: Callable[[], Manner]) -> "Terminal":
    if sys.stdin is None:
        raise UsageError("the terminal port needs a standard input")
    if sys.stdin.isatty():
        tell(HELP)
    stdin = io.FileIO(sys.stdin.fileno(), closefd=False)  # no lock that a late read could hold
    return Terminal(manner, stdin=stdin, stdout=sys.stdout, tell=tell)


def _stdin_is_played() -> bool:
    """Whether standard input is a terminal or a pipe: somebody may play through it."""
    if sys.stdin is None:
        return False
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return sys.stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


# --- learn


def _learn(options: argparse.Namespace) -> ExitCode:
    settings = effective_settings(options, may_be_new=True)
    name, value = options.control, options.value
    if name not in controls.CONTROLS:
        raise UsageError(controls.why_not(name, "") or name)

    from midigen.settings import mappings

    path = options.config or config_file.find() or config_file.user_file()
    mappings.prove(path)
    _refuse_value(Knob(name=name, value=value, cc=0), settings)  # a knob can set the most
    source = _hear_one(settings)
    _refuse_value(replace(Knob(), name=name, value=value, **source), settings)
    mappings.write_mapping(path, name, source, value)
    kind = next(kind for kind in ("cc", "program", "note") if kind in source)
    place = f"{kind} {source[kind]} on channel {source['channel']}"
    show(f"{place} sets {name} from now on: {path.absolute()}")
    return ExitCode.OK


def _refuse_value(knob: Knob, settings: Settings) -> None:
    """Raise UsageError if a knob can't set its control to its value, or needs one."""
    if why := checks.wrong_value(knob, settings):
        raise UsageError(f"--value: {why}")


def _hear_one(settings: Settings) -> dict[str, int]:
    """Listen to every keyboard, or those that are named, until something is moved."""
    from midigen.instrument.learner import Learner
    from midigen.live.daemon import CHECK_INTERVAL
    from midigen.live.midi_system import find_api, list_ports
    from midigen.live.ports import MidiPorts

    if settings.ports.api is Api.TERMINAL:
        raise UsageError("the terminal has no knobs: learn needs a MIDI system")
    api = find_api(settings.ports.api)
    names = settings.ports.input
    if not names:
        listing = next(each for each in list_ports() if each.api is api)
        names = tuple(port.name for port in listing.inputs if "midigen" not in port.name)
    ports = replace(
        settings.ports,
        input=names,
        output=(),
        in_client="midigen-learn",
        out_client="midigen-learn-out",
    )
    # A keyboard that nobody named may leave as it is found.
    connection = MidiPorts(
        api, ports, hears_clock=False, plays=False, waits=not settings.ports.input
    )
    arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    connection.open(arrivals.put)
    try:
        tell(connection.description.partition(", playing")[0])
        tell("turn a knob, move a pedal, press a button or strike a pad (Ctrl-C gives up)")
        learner = Learner()
        while True:
            try:
                arrival = arrivals.get(timeout=CHECK_INTERVAL)
            except queue.Empty:
                for line in connection.check():
                    tell(line)
                if source := learner.rest():
                    return source
                continue
            for event in arrival.events(arrival.data):
                source = learner.hear(event) if isinstance(event, Message) else None
                if source is not None:
                    return source
    except KeyboardInterrupt:
        tell("nothing was learned")
        raise
    finally:
        connection.close()
