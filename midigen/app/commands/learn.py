"""`midigen learn`: maps the knob, pad or pedal that is moved to a control."""

import argparse
import queue
from dataclasses import replace
from typing import TYPE_CHECKING

from midigen.app.console import show, tell
from midigen.app.options import add_port_settings, add_settings, effective_settings
from midigen.errors import UsageError
from midigen.midi.messages import Message
from midigen.settings import config_file, controls
from midigen.settings.choices import Api
from midigen.settings.sections import Knob
from midigen.settings.table import Settings

if TYPE_CHECKING:
    from midigen.live.connection import Arrival


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("control", metavar="CONTROL", help=", ".join(controls.CONTROLS))
    parser.add_argument("--value", help="the value that pressing it sets, such as duet for mode")
    add_settings(parser)
    add_port_settings(parser)


def run(options: argparse.Namespace) -> None:
    """Wait for a knob, pad or pedal, and write its mapping into the configuration."""
    settings = effective_settings(options, may_be_new=True)
    name, value = options.control, options.value
    if name not in controls.CONTROLS:
        raise UsageError(controls.unknown(name, controls.CONTROLS))

    from midigen.settings import mappings

    path = options.config or config_file.find() or config_file.user_file()
    mappings.prove(path)
    _refuse_value(Knob(name=name, value=value, cc=0), settings)  # knobs set the most controls
    source = _hear_one(settings)
    knob = replace(Knob(), name=name, value=value, **source)
    _refuse_value(knob, settings)
    mappings.write_mapping(path, name, source, value)
    ((kind, number),) = knob.sources.items()
    show(f"{kind} {number} on channel {knob.channel} sets {name} from now on: {path.absolute()}")


def _refuse_value(knob: Knob, settings: Settings) -> None:
    """Raise UsageError if a knob can't set its control to its value, or needs one."""
    if why := controls.wrong_value(knob, settings):
        raise UsageError(f"--value: {why}")


def _hear_one(settings: Settings) -> dict[str, int]:
    """Listen to the named keyboards, or to all, until something is moved."""
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
    waits = not settings.ports.input  # a keyboard that wasn't named may be unplugged at any time
    connection = MidiPorts(api, ports, hears_clock=False, plays=False, waits=waits)
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
                if isinstance(event, Message) and (source := learner.hear(event)) is not None:
                    return source
    except KeyboardInterrupt:
        tell("nothing was learned")
        raise
    finally:
        connection.close()
