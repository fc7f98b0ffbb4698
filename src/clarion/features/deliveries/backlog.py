"""What the whole installation has before it and what stands in its way, for the operator's metrics.

Counts of all accounts together, by provider: nothing in them belongs to anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clarion.db import Database, load

SQL = load(__package__, "backlog.sql")

WAITING_LIMIT = 100_000
"""More due deliveries are not counted, so that looking costs the same however bad it is."""

ByProvider = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Backlog:
    """One look. A provider that is not named has nothing."""

    ready: ByProvider = field(default_factory=dict)
    """Slices that wait for a worker."""
    leased: ByProvider = field(default_factory=dict)
    """Slices that workers hold."""
    oldest: ByProvider = field(default_factory=dict)
    """Seconds since the due moment of the oldest slice that could be worked on and is not."""
    waiting: ByProvider = field(default_factory=dict)
    """Deliveries whose next attempt is due."""
    paused: ByProvider = field(default_factory=dict)
    """Paused credentials."""
    tripped: ByProvider = field(default_factory=dict)
    """Credentials whose mass guard has tripped."""
    expiring: ByProvider = field(default_factory=dict)
    """Certificates that run out within 30 days, or have run out."""
    webhooks_late: float = 0.0
    """Seconds since the moment of the webhook message that waits longest for a worker."""
    webhooks_failing: int = 0
    """Webhooks whose last message failed, and those that were made inactive for it."""
    triggers_late: float = 0.0
    """Seconds since the moment of the auto-push message that waits longest although nothing holds it back."""


class BacklogService:
    """Looks at the installation as a whole."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def look(self) -> Backlog:
        """How it stands now. Raises `Unavailable`."""
        async with self._database.acquire() as connection:
            slices = await SQL.slices.fetch(connection)
            late: float = await SQL.triggers.fetchval(connection)
            webhooks = await SQL.webhooks.fetchrow(connection)
            waiting = await SQL.waiting.fetch(connection, limit=WAITING_LIMIT)
            credentials = await SQL.credentials.fetch(connection)
            expiring = await SQL.expiring.fetch(connection)
        return Backlog(
            ready={row["provider"]: row["ready"] for row in slices},
            leased={row["provider"]: row["leased"] for row in slices},
            oldest={row["provider"]: row["oldest"] for row in slices},
            waiting={row["provider"]: row["n"] for row in waiting},
            paused={row["provider"]: row["paused"] for row in credentials},
            tripped={row["provider"]: row["tripped"] for row in credentials},
            expiring={row["provider"]: row["n"] for row in expiring},
            webhooks_late=webhooks["late"] if webhooks else 0.0,
            webhooks_failing=webhooks["failing"] if webhooks else 0,
            triggers_late=late,
        )
