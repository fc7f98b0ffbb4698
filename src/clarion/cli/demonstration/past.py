"""A past for the console's charts: sendings that were made for real, then moved back in time with their outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from clarion.cli.demonstration.client import JsonClient
from clarion.cli.demonstration.samples import INTERESTS
from clarion.cli.demonstration.sending import send_now
from clarion.cli.demonstration.texts import EARLIER, EARLIER_NAMES
from clarion.db import Database, load

SQL = load(__package__)

_BACK = tuple(
    timedelta(days=days, hours=hours)
    for days, hours in (
        (28, 3),
        (26, 9),
        (24, 5),
        (22, 11),
        (21, 2),
        (19, 8),
        (17, 4),
        (15, 10),
        (14, 3),
        (12, 6),
        (10, 9),
        (8, 4),
        (7, 10),
        (5, 2),
        (3, 8),
        (1, 5),
    )
)
"""How long ago each of them was: whole hours, since counts are kept by the hour; the oldest first."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A sending that shall have been made earlier."""

    scheduler_id: int
    back: timedelta


async def send_earlier(api: JsonClient, app_ids: Sequence[int]) -> list[Earlier]:
    """Send to one audience after the other, now."""
    made = []
    for number, back in enumerate(_BACK):
        turn = number % len(INTERESTS)
        filters = {"app_ids_include": list(app_ids), "audiences_include": [INTERESTS[turn]]}
        name = f"{EARLIER_NAMES[turn]} ({number // len(INTERESTS) + 1})"
        made.append(Earlier(await send_now(api, name, EARLIER[turn], filters), back))
    return made


async def move_back(database: Database, account_id: int, earlier: Sequence[Earlier]) -> None:
    """Move complete sendings to their moments, and the account's devices to before all of them."""
    async with database.transaction() as conn:
        await SQL.hold_totals.execute(conn)
        await SQL.make_days.execute(conn)
        await SQL.make_months.execute(conn)
        for one in earlier:
            values = {"account_id": account_id, "scheduler_id": one.scheduler_id, "back": one.back}
            await SQL.move_counts.execute(conn, **values)
            await SQL.move_deliveries.execute(conn, **values)
            await SQL.move_sends.execute(conn, **values)
            await SQL.move_scheduler.execute(conn, **values)
        await SQL.move_events.execute(conn, account_id=account_id)
        await SQL.move_devices.execute(conn, account_id=account_id)
        await SQL.note_growth.execute(conn, account_id=account_id)
        await SQL.forget_totals.execute(conn)
        await SQL.count_anew.execute(conn)
        await SQL.forget_cohorts.execute(conn, account_id=account_id)
