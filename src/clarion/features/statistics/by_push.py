"""Counts of sends by push: how pushes that were sent side by side compare."""

from collections.abc import Sequence

from clarion.db import Connection, load
from clarion.features.statistics.reading import Counts

SQL = load(__package__, "by_push.sql")
_COUNTED = frozenset(Counts.__dataclass_fields__)
"""Named as outcomes are, with `_` for their colon."""


async def counts_by_push(within: Connection, account_id: int, send_ids: Sequence[int]) -> dict[int, Counts]:
    """Counts of these sends together, by push; a push of which nothing is counted yet is left out."""
    rows = await SQL.by_push.fetch(within, account_id=account_id, send_ids=list(send_ids))
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        if (name := row["outcome"].replace(":", "_")) in _COUNTED:
            found.setdefault(row["push_id"], {})[name] = row["n"]
    return {push_id: Counts(**counts) for push_id, counts in found.items()}
