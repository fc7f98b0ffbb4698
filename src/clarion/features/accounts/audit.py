"""The audit log: who did what to which object. One entry per state change, in the transaction of the change."""

from typing import Any

from clarion.db import Connection, load
from clarion.features.accounts.model import Caller

SQL = load(__package__)


async def audit(
    within: Connection, caller: Caller, *, action: str, target: str, detail: dict[str, Any] | None = None
) -> None:
    """Write one entry, e.g. action `app.create`, target `app:501`. `detail` must hold no secret."""
    await SQL.audit.execute(
        within,
        account_id=caller.account_id,
        actor=caller.actor,
        action=action,
        object=target,
        detail=detail or {},
    )
