"""`clarion key`: replaces the API keys of an account."""

from clarion.bootstrap import Installation
from clarion.cli.messages import emit
from clarion.cli.options import Where, settings_for
from clarion.cli.session import use_installation


def rotate(email: str, /, *, where: Where | None = None) -> None:
    """Make a new API key and print it as one JSON object; the account's earlier keys stop working within 5 seconds.

    Parameters
    ----------
    email: str
        Address of a member of the account.
    """

    async def work(installation: Installation) -> object:
        return await installation.services.accounts.rotate_key(email)

    emit(use_installation(settings_for(where), work))
