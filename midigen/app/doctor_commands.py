"""The command that looks for what would go wrong, `doctor`."""

import argparse
from typing import Any

from midigen.app.command_line import add_command, effective_settings, show
from midigen.app.run_commands import add_run_options
from midigen.errors import ExitCode


def add_commands(commands: Any) -> None:
    """Add the command of this room."""
    parser = add_command(
        commands,
        "doctor",
        _doctor,
        "say what would go wrong with these options of `run`, and how fast this machine is",
        "midigen doctor --mode duet --input Keys",
    )
    add_run_options(parser)


def _doctor(options: argparse.Namespace) -> ExitCode:
    settings = effective_settings(options)

    from midigen.app.doctor import examine

    code = ExitCode.OK
    for finding in examine(settings, waits=options.wait):
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        verdict = f"{finding.verdict:11}  "
        show(f"{verdict}{finding.text}{remedy}", len(verdict))
        code = code or finding.code
    return code
