"""Folding counts in, and reading them out by any dimension."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.statistics.model import StatRow
from clarion.features.statistics.reading import GROUP_LIMIT, Counts, Group, StatisticsQuery
from clarion.foundation.errors import InvalidInput

SQL = load(__package__)
READING = load(__package__, "reading.sql")
FOLD = SQL.fold
"""Adds counts; for those who run it beside a statement of their own. Its parameters: `fold_parameters`."""
_COUNTED = tuple(Counts.__dataclass_fields__)
_KEY = ("accounts", "apps", "sends", "pushes", "countries", "langs", "platforms", "hours", "outcomes")


def fold_parameters(rows: Iterable[StatRow]) -> dict[str, list[Any]]:
    """The rows as columns, sorted, equal keys merged."""
    merged: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        merged[row[:-1]] += row.n
    keys = sorted(merged)
    columns = [list(column) for column in zip(*keys, strict=True)] or [[] for _ in _KEY]
    return dict(zip(_KEY, columns, strict=True), counts=[merged[key] for key in keys])


class StatisticsService:
    """Counts of what happened to messages."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def fold(self, within: Connection, rows: Sequence[StatRow]) -> None:
        """Add the rows' counts, in the caller's transaction. Equal keys are merged."""
        if rows:
            await FOLD.execute(within, **fold_parameters(rows))

    async def outcomes(self, account_id: int, send_ids: Sequence[int]) -> dict[int, dict[str, int]]:
        """What became of the messages of these sends: app → outcome → how many."""
        async with self._database.acquire() as connection:
            rows = await SQL.outcomes.fetch(connection, account_id=account_id, send_ids=list(send_ids))
        found: dict[int, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["app_id"], {})[row["outcome"]] = row["n"]
        return found

    async def read(self, account_id: int, query: StatisticsQuery) -> list[Group]:
        """One group per combination of the wanted dimensions that has counts, in the order of time, then ids.

        Without dimensions exactly one group. `InvalidInput` for more than 10 000 groups.
        """
        async with self._database.acquire() as connection:
            rows = await READING.read.fetch(
                connection,
                account_id=account_id,
                dimensions=list(query.dimensions),
                begin=query.period.begin,
                end=query.period.end,
                app_id=query.app_id,
                push_id=query.push_id,
                send_id=query.send_id,
                country=query.country,
                language=query.language,
                platform=query.platform,
                limit=GROUP_LIMIT + 1,
            )
        if len(rows) > GROUP_LIMIT:
            raise InvalidInput(f"that makes more than {GROUP_LIMIT} groups: narrow the period or group by less")
        return [_group(row) for row in rows] or ([] if query.dimensions else [Group(Counts())])

    async def of_sends(self, account_id: int, send_ids: Sequence[int], *, within: Connection) -> dict[int, Counts]:
        """Counts by send; a send of which nothing is counted yet is left out."""
        rows = await READING.of_sends.fetch(within, account_id=account_id, send_ids=list(send_ids))
        return {row["send_id"]: _counts(row) for row in rows}


def _counts(row: Record) -> Counts:
    return Counts(**{name: row[name] for name in _COUNTED})


def _group(row: Record) -> Group:
    dimensions: dict[str, Any] = {name: value for name, value in row.items() if name not in _COUNTED}
    return Group(_counts(row), **dimensions)
