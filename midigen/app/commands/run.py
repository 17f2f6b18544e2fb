"""`midigen run`: play with a keyboard until Ctrl-C."""

import argparse
import os

from midigen.app.options import add_run_options, effective_settings
from midigen.live import realtime

add_options = add_run_options


def run(options: argparse.Namespace) -> None:
    """Play. First switch off two things that would slow down the start.

    NumPy's library would start threads, for products of much larger matrices than any here, and
    the garbage collector would scan everything that is imported.
    """
    settings = effective_settings(options)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with realtime.undisturbed():
        from midigen.app.performance import perform

        perform(settings, options)
