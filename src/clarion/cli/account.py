"""`clarion account`: creates and lists accounts."""

import sys
from typing import Annotated

from cyclopts import Parameter

from clarion.bootstrap import Installation
from clarion.cli.messages import emit
from clarion.cli.options import Where, settings_for
from clarion.cli.session import use_installation


def create(
    email: str,
    /,
    *,
    name: str | None = None,
    password_stdin: Annotated[bool, Parameter(negative="")] = False,
    where: Where | None = None,
) -> None:
    """Create an account and print its API key as one JSON object.

    Parameters
    ----------
    email: str
        Address the owner signs in with.
    name: str
        Name of the account; the address if not given.
    password_stdin: bool
        Read the owner's password from standard input instead of making one.
    """
    settings = settings_for(where)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None

    async def work(installation: Installation) -> dict[str, object]:
        made = await installation.services.accounts.create(email=email, name=name, password=password)
        shown: dict[str, object] = {"account_id": made.account_id, "email": made.email, "api_key": made.api_key}
        return shown | ({} if made.password is None else {"password": made.password})

    emit(use_installation(settings, work))


def list_(*, where: Where | None = None) -> None:
    """Print all accounts, one JSON object per line."""

    async def work(installation: Installation) -> None:
        for account in await installation.services.accounts.list():
            emit(account)

    use_installation(settings_for(where), work)
