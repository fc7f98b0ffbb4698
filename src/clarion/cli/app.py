"""The command tree, and how errors end a command."""

import os
import signal
import sys

import asyncpg
from cyclopts import App, CycloptsError

from clarion import __version__
from clarion.cli.hardening import harden_process
from clarion.cli.messages import say
from clarion.foundation.errors import ClarionError

COMMANDS = {
    "serve": ("serve:serve", "Run everything on this machine."),
    "web": ("web:web", "Serve only the API and the console."),
    "work": ("work:work", "Only plan sends and dispatch messages."),
    "migrate": ("migrate:migrate", "Bring the database schema up to date, or check it."),
    "account create": ("account:create", "Create an account and print its API key."),
    "account list": ("account:list_", "Print all accounts."),
    "account password-link": ("account:password_link", "Make a link for a new password."),
    "account first-link": ("account:first_link", "Make a link that creates the first account."),
    "key rotate": ("key:rotate", "Replace the API keys of an account."),
    "demo": ("demo:demo", "Show everything with sample data and a provider simulator."),
    "simulate": ("simulate:simulate", "Run the provider simulator alone."),
    "doctor": ("doctor:doctor", "Check an installation and say what to do."),
    "backup": ("backup:backup", "Write the database to one file."),
    "restore": ("restore:restore", "Fill an empty database from a backup, with sending on hold."),
    "resume": ("resume:resume", "Let messages go out again after a restore."),
    "bench": ("bench:bench", "Run the benchmarks of a checkout."),
}
"""Every command: where its function is, relative to this package, and what it does."""
GROUPS = {"account": "Create and list accounts.", "key": "Replace API keys."}


def build() -> App:
    """All commands; a command's module is imported when the command is used."""
    app = App(
        name="clarion",
        help="Self-hosted push notifications, wire-compatible with Push.Express.",
        version=__version__,
        result_action="return_int_as_exit_code_else_zero",
        exit_on_error=False,
        print_error=False,
    )
    groups = {name: App(name=name, help=purpose) for name, purpose in GROUPS.items()}
    for group in groups.values():
        app.command(group)
    for path, (target, purpose) in COMMANDS.items():
        parent, _, name = path.rpartition(" ")
        (groups[parent] if parent else app).command(f"clarion.cli.{target}", name=name, help=purpose)
    return app


def main() -> None:
    """Run the command line of this process and exit with its status."""
    harden_process()
    for number in (signal.SIGTERM, signal.SIGINT):  # also where a shell started the command with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    sys.exit(_run())


def _run() -> int:
    try:
        return int(build()(sys.argv[1:]))
    except CycloptsError as error:
        return _fail(f"{error} (see clarion --help)", status=2)
    except ClarionError as error:
        return _fail(str(error), status=1)
    except asyncpg.PostgresError as error:
        return _fail(f"the database refused: {error}", status=1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more can be printed
        return 1
    except OSError as error:
        return _fail(f"the system refused: {error}", status=1)


def _fail(reason: str, *, status: int) -> int:
    """Say in one line why the command failed."""
    say(f"clarion: {' '.join(reason.split())}")
    return status
