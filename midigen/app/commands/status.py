"""`midigen status`: the state of the running midigen."""

import argparse
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from midigen.app.console import add_name, show
from midigen.errors import ExitCode
from midigen.text import printable

if TYPE_CHECKING:
    from midigen.midi.messages import Seconds


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_name(parser)


def run(options: argparse.Namespace) -> ExitCode:
    from midigen.live.control_client import ask

    status = ask({"do": "status"}, options.name)
    if options.json:
        print(json.dumps(status, indent=2))
    else:
        for line in table(status):
            title = re.match(r".*?  +", line)  # up to where the value begins
            show(line, title.end() if title else 0)
    return ExitCode.OK


def table(status: Mapping[str, Any]) -> list[str]:
    """A status as lines such as `tempo        120 bpm (clock)`, without what is empty."""
    texts = {
        key: printable(text(value))
        for key, (_, text) in _ROWS.items()
        if (value := status.get(key)) or (value == 0 and value is not False)
    }
    if "bpm" in texts and "beat" in texts:
        texts["bpm"] += f" ({texts.pop('beat')})"
    width = max((len(_ROWS[key][0]) for key in texts), default=0)
    return [f"{_ROWS[key][0]:{width}}  {text}" for key, text in texts.items()]


def _ports(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _duration(span: "Seconds") -> str:
    """A duration such as `1 h 02 min 03 s`, or `3 s` if it is short."""
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
    "bpm": ("tempo", "{:.5g} bpm".format),
    "beat": ("beat", str),
    "model": ("model", str),
    "trouble": ("trouble", str),
    "scene": ("scene", str),
    "muted": ("muted", lambda _: "yes"),
    "holding": ("holding", lambda _: "yes"),
    "sounds": ("sounding", " ".join),
    "listening": ("listening", _ports),
    "playing": ("playing", _ports),
    "missing": ("missing", _ports),
    "uptime": ("uptime", _duration),
    "notes_in": ("notes in", str),
    "notes_out": ("notes out", str),
    "dropped": ("dropped", str),
    "echoes": ("echoes", str),
    "worst": ("latest note", lambda span: f"{span * 1000:.1f} ms late"),
    "priority": ("priority", str),
    "pid": ("process", str),
    "version": ("version", str),
}
"""The title of each field and how its value is written, in the order in which they are shown."""
