"""The command tree, and how errors end a command."""

import os
import signal
import sys

from cyclopts import App

from clarion import __version__
from clarion.cli.hardening import harden_process
from clarion.cli.messages import say
from clarion.foundation.errors import ClarionError

_COMMANDS = {
    "serve": "serve:serve",
    "web": "web:web",
    "work": "work:work",
    "migrate": "migrate:migrate",
    "simulate": "simulate:simulate",
    "demo": "demo:demo",
    "bench": "bench:bench",
    "doctor": "doctor:doctor",
    "backup": "backup:backup",
    "restore": "restore:restore",
    "resume": "resume:resume",
}
_GROUPS = {
    "account": ("Create and list accounts.", {"create": "account:create", "list": "account:list_"}),
    "key": ("Replace API keys.", {"rotate": "key:rotate"}),
}


def build() -> App:
    """All commands; a command's module is imported when the command is used."""
    app = App(
        name="clarion",
        help="Self-hosted push notifications, wire-compatible with Push.Express.",
        version=__version__,
        result_action="return_int_as_exit_code_else_zero",
    )
    for name, target in _COMMANDS.items():
        app.command(f"clarion.cli.{target}", name=name)
    for name, (purpose, commands) in _GROUPS.items():
        group = App(name=name, help=purpose)
        for command, target in commands.items():
            group.command(f"clarion.cli.{target}", name=command)
        app.command(group)
    return app


def main() -> None:
    """Run the command line of this process and exit with its status."""
    harden_process()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(_run())


def _run() -> int:
    try:
        return int(build()(sys.argv[1:]))
    except ClarionError as error:
        say(f"clarion: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more can be printed
        return 1
