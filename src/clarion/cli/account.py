"""`clarion account`: creates and lists accounts, makes links for people who cannot sign in."""

import sys
from typing import Annotated

from cyclopts import Parameter

from clarion.bootstrap import Installation
from clarion.cli.messages import emit
from clarion.cli.options import Where, settings_for
from clarion.cli.session import use_installation
from clarion.features.accounts.links import Link
from clarion.foundation.errors import Conflict
from clarion.settings import Settings


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


def password_link(email: str, /, *, where: Where | None = None) -> None:
    """Print a link with which a member chooses a new password, as one JSON object. It works once, for 30 minutes.

    Parameters
    ----------
    email: str
        Address the member signs in with.
    """
    settings = settings_for(where)

    async def work(installation: Installation) -> Link:
        return await installation.services.links.for_password(email)

    emit(_shown(use_installation(settings, work), settings))


def first_link(*, where: Where | None = None) -> None:
    """Print a link that creates the first account in the console, as one JSON object. It works once, for 24 hours."""
    settings = settings_for(where)

    async def work(installation: Installation) -> Link:
        link = await installation.services.links.for_first_owner()
        if link is None:
            raise Conflict("somebody can sign in already; make further accounts with: clarion account create EMAIL")
        return link

    emit(_shown(use_installation(settings, work), settings))


def _shown(link: Link, settings: Settings) -> dict[str, object]:
    return {"link": f"{settings.base_url}{link.path}", "expires_at": link.expires_at}
