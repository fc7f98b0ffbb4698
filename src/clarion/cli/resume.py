"""`clarion resume`: lets messages go out again after a restore."""

from typing import Annotated

from cyclopts import Parameter

from clarion.bootstrap import Installation
from clarion.cli.messages import say
from clarion.cli.options import Where, settings_for
from clarion.cli.session import use_installation
from clarion.db.installation import resume as end_hold


def resume(*, drop_missed: Annotated[bool, Parameter(negative="")] = False, where: Where | None = None) -> None:
    """Let messages go out again after `clarion restore`.

    Parameters
    ----------
    drop_missed: bool
        First mark as expired everything that was due before this moment, so that nothing which the lost database had
        sent already is sent again.
    """

    async def work(installation: Installation) -> None:
        async with installation.database.transaction() as conn:
            if drop_missed:
                services = installation.services
                schedulers = await services.schedulers.skip_due(within=conn)
                sends = await services.sends.expire_open(within=conn)
                waiting = await services.auto_push.skip_due(within=conn)
                say(
                    f"dropped: {sends} unfinished sends, {schedulers} schedulers whose moment has passed, "
                    f"{waiting} auto-push messages that were due"
                )
            say("sending goes on" if await end_hold(conn) else "sending was not on hold")

    use_installation(settings_for(where), work)
