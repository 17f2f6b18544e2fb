"""The commands that speak to a midigen that runs, from another terminal: status and ctl."""

import argparse
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from midigen.app.command_line import add_command, add_name, show
from midigen.errors import ExitCode, UsageError
from midigen.midi.messages import Seconds
from midigen.settings import controls
from midigen.text import printable

RELOAD = "reload"
"""What `ctl` takes beside the controls: it reads config.toml again."""

_TITLE = re.compile(r".*?  +")  # up to where the value begins
_WHICH = "which midigen, where several run: what its --name is, or midigen-in"


def add_commands(commands: Any) -> None:
    """Add the commands of this room."""
    _add_status(commands)
    _add_ctl(commands)


def _add_status(commands: Any) -> None:
    parser = add_command(
        commands, "status", _status, "print how the midigen that runs stands", "midigen status"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_name(parser, _WHICH)


def _add_ctl(commands: Any) -> None:
    parser = add_command(
        commands,
        "ctl",
        _ctl,
        "set a control of the midigen that runs, or let it reload its configuration",
        "midigen ctl temperature 0.8",
    )
    parser.add_argument(
        "control",
        metavar="NAME",
        help=f"{', '.join(controls.CONTROLS)}; or {RELOAD}: read config.toml again",
    )
    parser.add_argument(
        "value", nargs="*", metavar="VALUE", help="such as G major; none for what is pressed"
    )
    add_name(parser, _WHICH)


# --- status


def _status(options: argparse.Namespace) -> ExitCode:
    from midigen.live.control_client import ask

    status = ask({"do": "status"}, options.name)
    if options.json:
        print(json.dumps(status, indent=2))
    else:
        for line in table(status):
            title = _TITLE.match(line)
            show(line, title.end() if title else 0)
    return ExitCode.OK


def table(status: Mapping[str, Any]) -> list[str]:
    """A status for people, a line for each thing that is there: `tempo        120 bpm (clock)`."""
    texts = {
        key: printable(text(status[key]))
        for key, (_, text) in _ROWS.items()
        if not _is_empty(status.get(key))
    }
    if "bpm" in texts and "beat" in texts:
        texts["bpm"] += f" ({texts.pop('beat')})"
    width = max((len(_ROWS[key][0]) for key in texts), default=0)
    return [f"{_ROWS[key][0]:{width}}  {text}" for key, text in texts.items()]


def _is_empty(value: object) -> bool:
    return value is None or value is False or value in ("", [])


def _yes(_: bool) -> str:
    return "yes"


def _bpm(bpm: float) -> str:
    return f"{bpm:.5g} bpm"


def _names(names: list[str]) -> str:
    return " ".join(names)


def _ports(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _late(worst: Seconds) -> str:
    return f"{worst * 1000:.1f} ms late"


def _duration(span: Seconds) -> str:
    """Such as `1 h 02 min 03 s`, without the units that it doesn't reach."""
    minutes, seconds = divmod(int(span), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min {seconds:02} s"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


_ROWS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "mode": ("mode", str),
    "turn": ("turn", str),
    "silence": ("silence", str),
    "key": ("key", str),
    "bpm": ("tempo", _bpm),
    "beat": ("beat", str),
    "model": ("model", str),
    "trouble": ("trouble", str),
    "scene": ("scene", str),
    "muted": ("muted", _yes),
    "holding": ("holding", _yes),
    "sounds": ("sounding", _names),
    "listening": ("listening", _ports),
    "playing": ("playing", _ports),
    "missing": ("missing", _ports),
    "uptime": ("uptime", _duration),
    "notes_in": ("notes in", str),
    "notes_out": ("notes out", str),
    "dropped": ("dropped", str),
    "echoes": ("echoes", str),
    "worst": ("latest note", _late),
    "priority": ("priority", str),
    "pid": ("process", str),
    "version": ("version", str),
}
"""In the order in which they are shown: how each is called, and how its value is written."""


# --- ctl


def _ctl(options: argparse.Namespace) -> ExitCode:
    from midigen.live.control_client import ask

    request = _request(options.control, " ".join(options.value))
    for line in ask(request, options.name):
        show(printable(line))
    return ExitCode.OK


def _request(name: str, value: str) -> Mapping[str, object]:
    """What the midigen that runs is asked for. Raises UsageError if it can't be right."""
    known = (*controls.CONTROLS, RELOAD)
    if name not in known:
        raise UsageError(controls.unknown(name, known))
    is_pressed = name == RELOAD or (name in controls.CONTROLS and not controls.CONTROLS[name].kind)
    if is_pressed and value:
        raise UsageError(f"{name} takes no value")
    if name == RELOAD:
        return {"do": "reload"}
    if problem := controls.why_not(name, value):
        raise UsageError(problem)
    return {"do": "set", "name": name, "value": value}
