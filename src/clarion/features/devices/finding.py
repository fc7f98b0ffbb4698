"""Finding a device by what a person has at hand: its id, the external id of its user, or its installation token."""

from dataclasses import dataclass
from datetime import datetime

from clarion.db import Database, load
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "finding.sql")

FOUND_LIMIT = 50
_TEXT_LIMIT = 1_000
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Found:
    """A device that was found."""

    app_id: int
    id: int
    ext_id: str
    platform: str
    country: str
    lang: str
    transport: str
    last_seen_at: datetime
    reachable: bool


class FindingService:
    """Looks devices of an account up; each look goes by an index."""

    def __init__(self, *, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def find(self, account_id: int, text: str) -> list[Found]:
        """The devices that the text may mean, last seen first, at most 50."""
        text = text.strip()[:_TEXT_LIMIT]
        if not text:
            return []
        number = int(text) if text.isascii() and text.isdigit() and int(text) <= _LARGEST else None
        scope = {"account_id": account_id, "limit": FOUND_LIMIT}
        hashed = self._keeper.lookup_hash(text, "ic_token")
        async with self._database.acquire() as conn:
            rows = await SQL.by_ext_id.fetch(conn, text=text, **scope)
            rows += await SQL.by_ic_token.fetch(conn, hash=hashed, **scope)
            if number is not None:
                rows += await SQL.by_id.fetch(conn, account_id=account_id, device_id=number)
        return list({(row["app_id"], row["id"]): Found(*row) for row in rows}.values())[:FOUND_LIMIT]
