"""`midigen doctor`: what `run` would need with these options, and how fast this machine is."""

import argparse

from midigen.app.console import show
from midigen.app.options import add_run_options, effective_settings
from midigen.errors import ExitCode

add_options = add_run_options


def run(options: argparse.Namespace) -> ExitCode:
    """Print each finding once it is known; the first failure gives the exit code."""
    settings = effective_settings(options)

    from midigen.app.doctor import examine

    code = ExitCode.OK
    for finding in examine(settings, waits=options.wait):
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        verdict = f"{finding.verdict:11}  "
        show(f"{verdict}{finding.text}{remedy}", len(verdict))
        code = code or finding.code
    return code
