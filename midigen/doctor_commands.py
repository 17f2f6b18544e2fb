"""The command that looks for what would go wrong, `doctor`."""

import argparse
from typing import Any

from midigen.command_line import add_command, add_settings, effective_settings
from midigen.errors import ExitCode
from midigen.run_commands import add_port_settings, add_waiting


def add_commands(commands: Any) -> None:
    """Add the command of this room."""
    parser = add_command(
        commands,
        "doctor",
        _doctor,
        "say what would go wrong if it ran with these settings, and how fast this machine is",
        "midigen doctor --mode duet --input Keys",
    )
    add_settings(parser)
    add_port_settings(parser)
    add_waiting(parser)


def _doctor(options: argparse.Namespace) -> ExitCode:
    settings = effective_settings(options)

    from midigen.doctor import examine

    code = ExitCode.OK
    for finding in examine(settings, waits=options.wait):
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        print(f"{finding.verdict:11}  {finding.text}{remedy}", flush=True)
        code = code or finding.code
    return code
