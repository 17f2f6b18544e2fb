"""`midigen config`: the effective settings, as a configuration file."""

import argparse
import sys

from midigen.app.options import add_port_settings, add_settings, effective_settings
from midigen.settings import config


def add_options(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)
    add_port_settings(parser)


def run(options: argparse.Namespace) -> None:
    text = config.render(effective_settings(options))
    if sys.stdout.encoding.lower() != "utf-8":  # so that a file of it can be read
        text = text.encode("ascii", "escape").decode()
    print(text, end="")
