"""`midigen ports`: the ports of each MIDI system of this machine."""

import argparse

from midigen.app.console import show
from midigen.errors import ExitCode


def run(_: argparse.Namespace) -> ExitCode:
    """Print the names, as `--input` and `--output` take them."""
    from midigen.live.midi_system import list_ports

    listings = list(list_ports())
    for listing in listings:
        show(listing.api + (f": {listing.problem}" if listing.problem else ""))
        for direction, ports in (("input", listing.inputs), ("output", listing.outputs)):
            for port in ports:
                print(f'  --{direction} "{port.name}"')
    works = any(not listing.problem for listing in listings)
    return ExitCode.OK if works else ExitCode.NO_MIDI_SYSTEM
