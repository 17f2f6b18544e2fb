"""`midigen service`: have systemd start midigen when you log in.

`install` refuses a service that couldn't start. All of this is asked of systemd by `systemctl`.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from midigen import files
from midigen.app.console import Parser, add_command, begin_commands, show
from midigen.app.options import add_run_options, effective_settings
from midigen.errors import ExitCode, MidigenError, UsageError
from midigen.settings.choices import Api
from midigen.settings.table import Settings

NAME = "midigen.service"

_UNIT = """\
[Unit]
Description=midigen, which carries on what you play on a MIDI keyboard
After=sound.target pipewire.service wireplumber.service
# A keyboard or a sound system may appear at any time, so there is no start limit.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
WorkingDirectory={folder}
Restart=on-failure
RestartSec=2
# A restart fixes neither a wrong configuration nor a missing model.
RestartPreventExitStatus={hopeless}
# midigen pings the watchdog three times in this span; without a ping systemd restarts it.
WatchdogSec=10
# A slow disk gets five seconds to finish a recording.
TimeoutStopSec=10
# The thread that plays may take real-time priority, if this system allows it.
LimitRTPRIO=20
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""

_PLAIN = re.compile(r"[\w@+=:,./-]+", re.ASCII)
_ESCAPES = {ord("\\"): r"\\", ord('"'): r"\"", ord("%"): "%%"} | {
    code: f"\\x{code:02x}" for code in (*range(1, 0x20), 0x7F)
}
_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")  # how Python represents bytes that aren't UTF-8
_NOT_IN_PROGRAM = re.compile(r"[\x00-\x1f\x7f\"'\\]")
_NOT_IN_FOLDER = re.compile(r"[\x00-\x1f\x7f]|[\s\\]\Z")  # systemd would drop them at the end


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add its own commands: install, uninstall and status."""
    services = begin_commands(parser)
    text = "start it now and whenever you log in; it plays as `midigen run` would in this folder"
    example = 'midigen service install -- --mode duet --input "USB Keyboard"'
    install = add_command(services, "install", text, example)
    install.set_defaults(run=_install)
    install.usage = "midigen service install [-h] [-- OPTION ...]"
    install.add_argument(
        "options", nargs="*", metavar="OPTION", help="what `midigen run` takes, after --"
    )
    for name, text, run in (
        ("uninstall", "stop it and remove it", _uninstall),
        ("status", "say whether it is installed and running", _status),
    ):
        add_command(services, name, text, f"midigen service {name}").set_defaults(run=run)


def _install(options: argparse.Namespace) -> ExitCode:
    """Write the unit, start it now and have it started whenever you log in."""
    path = unit_path()  # fails if this system has no services
    run = Parser(prog="midigen run")  # for its errors about unknown options
    add_run_options(run)
    _prove(effective_settings(run.parse_args(options.options)))
    folder = Path.cwd()
    text = unit_text([sys.executable, "-m", "midigen", "run", *options.options], folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, [text.encode()])
    except OSError as exc:
        raise MidigenError(f"{path}: can't be written: {exc.strerror}") from exc
    # Not `enable --now`: a running service would keep its former options.
    if problem := _problem(["daemon-reload"], ["enable", NAME], ["restart", NAME]):
        raise MidigenError(f"{path} was written, but {problem}")
    show(f"{path}: installed; it plays as `midigen run` would in {folder}")
    show("it starts whenever you log in; to start it at boot: loginctl enable-linger")
    return ExitCode.OK


def _uninstall(_: argparse.Namespace) -> ExitCode:
    """Stop the service and remove the unit."""
    path = unit_path()
    if not path.exists():
        show(f"{path}: not installed")
        return ExitCode.OK
    problem = _problem(["disable", "--now", NAME])
    try:
        path.unlink()
    except OSError as exc:
        raise MidigenError(f"{path}: can't be removed: {exc.strerror}") from exc
    if problem := problem or _problem(["daemon-reload"]):
        raise MidigenError(f"{path} was removed, but {problem}")
    show(f"{path}: removed")
    return ExitCode.OK


def _status(_: argparse.Namespace) -> ExitCode:
    path = unit_path()
    show(f"{path}: {'installed' if path.exists() else 'not installed'}")
    answers = []
    for question in ("is-active", "is-enabled"):
        result = _systemctl([question, NAME])
        answers.append(result.stdout.strip() or result.stderr.strip())
        show(f"{question}: {answers[-1]}")
    return ExitCode.OK if answers[0] == "active" else ExitCode.FAILURE


def _prove(settings: Settings) -> None:
    """Raise UsageError or ModelError if midigen couldn't start with these settings."""
    from midigen.prediction.models import find_model, load_model

    if settings.ports.api is Api.TERMINAL:
        raise UsageError("a service has no terminal: choose other --ports")
    load_model(settings.model)
    for name in settings.scene_models:
        find_model(name)


# --- the unit and systemctl


def unit_path() -> Path:
    """The path of your unit. Raises UsageError on a system that can't have systemd."""
    if sys.platform != "linux":
        raise UsageError(
            "services are for systemd, on Linux: have your session start `midigen run` instead"
        )
    import platformdirs

    return platformdirs.user_config_path("systemd") / "user" / NAME


def unit_text(command: Sequence[str], folder: Path) -> str:
    """The unit that runs a command, whose program is an absolute path, in a folder.

    Raises MidigenError if they contain characters that systemd can't take.
    """
    checks = [(command[0], _NOT_IN_PROGRAM), (str(folder), _NOT_IN_FOLDER)]
    checks += [(text, _NOT_UTF8) for text in (*command, str(folder))]
    for text, characters in checks:
        if found := characters.search(text):
            raise MidigenError(
                f"systemd can't take {found[0]!r} where it is in {text!r}: give it another name"
            )
    words = [f":{command[0]}", *command[1:]]  # the colon keeps systemd from replacing $
    return _UNIT.format(
        command=" ".join(quoted(word) for word in words),
        folder=str(folder).replace("%", "%%"),  # nothing else is special here, not even quotes
        hopeless=" ".join(f"{code:d}" for code in (ExitCode.USAGE, ExitCode.MODEL)),
    )


def quoted(word: str) -> str:
    """A word as it is written in the command line of a unit (systemd.syntax(7))."""
    return word if _PLAIN.fullmatch(word) else f'"{word.translate(_ESCAPES)}"'


def _problem(*commands: Sequence[str]) -> str | None:
    """Run commands until one fails. Returns its error and the commands that remain."""
    for index, command in enumerate(commands):
        result = _systemctl(command)
        if result.returncode:
            left = [" ".join(["systemctl", "--user", *each]) for each in commands[index:]]
            words = result.stderr.strip() or f"exit code {result.returncode}"
            return f"`{left[0]}` failed: {words}\nwhen that is fixed, type: {' && '.join(left)}"
    return None


def _systemctl(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = ["systemctl", "--user", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False, errors="replace")
    except OSError as exc:
        return subprocess.CompletedProcess(
            command, ExitCode.FAILURE, "", f"systemctl can't be run: {exc.strerror}"
        )
