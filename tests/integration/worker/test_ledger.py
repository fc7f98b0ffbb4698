"""The ledger: what is written, what is counted, and that a repeated batch changes nothing."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.worker.harness import World

from clarion.db import Database
from clarion.db.statements import Statement
from clarion.features.deliveries.columns import columns_of
from clarion.features.deliveries.ledger import SQL, Batch, Ledger
from clarion.features.deliveries.model import Dimensions, Entry, Result, State

pytestmark = pytest.mark.anyio

_BIG = st.integers(0, 2**63 - 1)
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30)
_MOMENT = st.datetimes(datetime(2001, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them naive


def entry(number: int, state: State = State.SENT, *, attempt: int = 1) -> Entry:
    """An outcome of device `number`."""
    now = datetime.now(UTC)
    dimensions = Dimensions(now.date(), 5, 7, 3, 11, "fcm", "en", "PT", "android")
    result = Result(state, None, "OK", attempt, may_be_sent=False)
    waits = state is State.WAITING
    return Entry(dimensions, result, now, None if waits else now, number, b"12345678", "id", now if waits else None)


def ledger_of(world: World) -> Ledger:
    return Ledger(database=world.database, statistics=world.services.statistics, sends=world.services.sends)


async def test_rows_that_exist_are_neither_changed_nor_counted_again(world: World) -> None:
    ledger = ledger_of(world)
    await ledger.record(Batch(entries=[entry(number) for number in range(1, 11)]))
    await ledger.record(Batch(entries=[entry(number) for number in range(6, 21)]))
    assert await world.value("select count(*) from delivery") == 20
    assert await world.counts() == {"sent": 20}


async def test_a_batch_of_accepted_messages_is_counted_with_its_answers(world: World) -> None:
    """The usual batch: rows, statistics, the credential's answers and the mass guard's look-back in one statement."""
    results = Counter({(world.app_id, "fcm", 1): 10})
    for first in (1, 11):
        batch = Batch(entries=[entry(number) for number in range(first, first + 10)], results=results.copy())
        assert batch.plain
        await ledger_of(world).record(batch)
    assert await world.value("select count(*) from delivery where state = 2 and settled_at is not null") == 20
    assert await world.counts() == {"sent": 20}
    assert await world.value("select results from app_credential where provider = 'fcm'") == 20
    assert await world.value("select sum(results) from credential_minute") == 20


async def test_answers_to_a_replaced_credential_do_not_count_for_the_new_one(world: World) -> None:
    await world.execute("update app_credential set version = 2")
    await ledger_of(world).record(Batch(entries=[entry(1)], results=Counter({(world.app_id, "fcm", 1): 1})))
    assert await world.value("select results from app_credential where provider = 'fcm'") == 0
    assert await world.value("select sum(results) from credential_minute") == 1


async def test_waiting_rows_are_counted_when_they_are_settled_and_only_once(world: World) -> None:
    ledger = ledger_of(world)
    await ledger.record(Batch(entries=[entry(1, State.WAITING)]))
    assert await world.counts() == {}
    await world.execute("update delivery set attempt = 2")
    settled = entry(1, attempt=2)
    for _ in range(2):
        await ledger.record(Batch(settlements=[settled]))
    assert await world.counts() == {"sent": 1}


async def test_a_result_of_an_older_attempt_is_refused(world: World) -> None:
    """I4."""
    ledger = ledger_of(world)
    await ledger.record(Batch(entries=[entry(1, State.WAITING, attempt=3)]))
    await ledger.record(Batch(settlements=[entry(1, attempt=2)]))
    assert await world.value("select state from delivery") == State.WAITING
    assert await world.counts() == {}


_DAY = st.dates(date(2001, 1, 1), date(2200, 1, 1))
_DIMENSIONS = st.builds(Dimensions, _DAY, *[_BIG] * 4, *[_TEXT] * 4)
_RESULT = st.builds(
    Result, st.integers(1, 4), st.none() | _TEXT, st.none() | _TEXT, st.integers(0, 2**15 - 1), st.booleans()
)
_ROW = st.builds(
    Entry,
    _DIMENSIONS,
    _RESULT,
    _MOMENT,
    st.none() | _MOMENT,
    _BIG,
    st.binary(max_size=16),
    st.none() | _TEXT,
    st.none() | _MOMENT,
)


def flat(one: Entry) -> tuple[object, ...]:
    """The columns of an entry."""
    return (*one.dimensions, *one.result, *one[2:])


@pytest.fixture
async def copy_of_delivery(database: Database) -> Database:
    """A table with the columns of `delivery` and none of its rules."""
    async with database.acquire() as conn:
        await conn.execute("create table copied (like delivery)")
        for column in ("created_at", "settled_at"):
            await conn.execute(f"alter table copied alter column {column} drop not null")
    return database


COLUMNS = (*Dimensions._fields, *Result._fields, *Entry._fields[2:])


async def test_inserted_rows_read_back_equal(copy_of_delivery: Database) -> None:
    rows: list[list[Entry]] = []

    @settings(max_examples=60, deadline=timedelta(seconds=5), suppress_health_check=list(HealthCheck))
    @given(st.lists(_ROW, min_size=1, max_size=8))
    def collect(entries: list[Entry]) -> None:
        rows.append(entries)

    collect()
    insert = Statement(SQL.insert.text.replace("into delivery", "into copied"))
    async with copy_of_delivery.acquire() as conn:
        for entries in rows:
            await conn.execute("truncate copied")
            await insert.execute(conn, **columns_of(entries))
            found = await conn.fetch(f"select {', '.join(COLUMNS)} from copied")
            assert Counter(map(tuple, found)) == Counter(map(flat, entries))
