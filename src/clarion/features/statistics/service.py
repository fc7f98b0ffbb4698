"""Folding counts in, and reading them out by any dimension."""

from collections.abc import Sequence

from clarion.db import Connection, Database, load
from clarion.features.statistics.model import StatRow

SQL = load(__package__)


class StatisticsService:
    """Counts of what happened to messages."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def fold(self, within: Connection, rows: Sequence[StatRow]) -> None:
        """Add the rows' counts, in the caller's transaction. Equal keys are merged."""
        if not rows:
            return
        merged: dict[tuple[object, ...], int] = {}
        for row in rows:
            key = row[:-1]
            merged[key] = merged.get(key, 0) + row.n
        keys = sorted(merged)
        columns = list(zip(*keys, strict=True))
        await SQL.fold.execute(
            within,
            accounts=columns[0],
            apps=columns[1],
            sends=columns[2],
            pushes=columns[3],
            countries=columns[4],
            langs=columns[5],
            platforms=columns[6],
            hours=columns[7],
            outcomes=columns[8],
            counts=[merged[key] for key in keys],
        )

    async def outcomes(self, account_id: int, send_ids: Sequence[int]) -> dict[int, dict[str, int]]:
        """What became of the messages of these sends: app → outcome → how many."""
        async with self._database.acquire() as connection:
            rows = await SQL.outcomes.fetch(connection, account_id=account_id, send_ids=list(send_ids))
        found: dict[int, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["app_id"], {})[row["outcome"]] = row["n"]
        return found
