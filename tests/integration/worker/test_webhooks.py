"""Messages to webhooks arrive at least once, signed and in order; no receiver delays another (WH-1, WH-2)."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.factories import new_account
from tests.integration.worker.receiver import Answer, Receiver, receiving

from clarion.db import Database
from clarion.features.accounts import Caller
from clarion.features.webhooks import EventType, tell
from clarion.features.webhooks import queue as queue_module
from clarion.features.webhooks.model import StateWord
from clarion.features.webhooks.queue import WebhookQueue
from clarion.features.webhooks.service import WebhookService
from clarion.foundation.clock import SystemClock
from clarion.foundation.secrets import Keeper
from clarion.providers.guarded import GuardedHttp, GuardedOptions
from clarion.worker.webhooks import WebhookSender

pytestmark = pytest.mark.anyio

SCRIPT = Path(__file__).with_name("webhook_process.py")
ROOT = Path(__file__).parents[3]
EVENTS = [EventType.SEND_STARTED, EventType.DELIVERY_FAILED, EventType.SEND_FINISHED]


@dataclass
class Office:
    """One installation's webhooks, with time in the test's hands."""

    database: Database
    keeper: Keeper

    async def account(self) -> int:
        async with self.database.transaction() as conn:
            return await new_account(conn)

    async def webhook(self, receiver: Receiver, account_id: int) -> tuple[int, str]:
        service = WebhookService(database=self.database, keeper=self.keeper, hosts=(receiver.host,))
        return await service.create(Caller(account_id, "key:x"), url=receiver.url, events=EVENTS)

    async def tell(self, account_id: int, *kinds: tuple[int, EventType]) -> None:
        """Facts about sends, one transaction each."""
        for send_id, type_ in kinds:
            async with self.database.transaction() as conn:
                await tell(conn, account_id, type_, object_=f"send:{send_id}", data={"send_id": send_id})

    @asynccontextmanager
    async def sender(self, *receivers: Receiver, seconds: float = 5) -> AsyncIterator[WebhookSender]:
        """A worker's sending part that steps all the time."""
        queue = WebhookQueue(database=self.database, keeper=self.keeper, clock=SystemClock())
        http = GuardedHttp(GuardedOptions(hosts=tuple(one.host for one in receivers), timeout=seconds))
        sender = WebhookSender(queue=queue, http=http, clock=SystemClock())
        stop = asyncio.Event()
        stepping = asyncio.create_task(_steps(sender, stop))
        try:
            yield sender
        finally:
            stop.set()
            await stepping
            await sender.aclose()

    async def hasten(self) -> None:
        """Let the moment of everything that waits come."""
        await self.execute("update webhook_message set next_attempt_at = now() where state = 1 and lease_until is null")

    async def execute(self, sql: str, *values: Any) -> None:
        async with self.database.acquire() as conn:
            await conn.execute(sql, *values)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        async with self.database.acquire() as conn:
            return [dict(row) for row in await conn.fetch(sql, *values)]

    async def until(self, sql: str) -> None:
        async with asyncio.timeout(15):
            while not next(iter((await self.rows(sql))[0].values())):  # noqa: ASYNC110 - a database has no event
                await asyncio.sleep(0.02)


async def _steps(sender: WebhookSender, stop: asyncio.Event) -> None:
    while not stop.is_set():
        sender.changed.clear()
        await sender.step()
        try:
            async with asyncio.timeout(0.05):
                await sender.changed.wait()
        except TimeoutError:
            continue


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(bytes(range(32)))


@pytest.fixture
def office(database: Database, keeper: Keeper) -> Office:
    return Office(database, keeper)


def story(kinds: Iterable[tuple[str, str]], send_id: int) -> list[str]:
    return [type_ for object_, type_ in kinds if object_ == f"send:{send_id}"]


async def test_messages_arrive_signed_and_in_the_order_of_each_object(office: Office) -> None:
    account_id = await office.account()
    async with receiving() as receiver, office.sender(receiver):
        _, secret = await office.webhook(receiver, account_id)
        await office.tell(account_id, *[(send_id, type_) for type_ in EVENTS for send_id in range(1, 11)])
        await receiver.until(30)
        await office.until("select bool_and(state = 2) from webhook_message")
    kinds = [message.kind for message in receiver.received]
    assert all(story(kinds, send_id) == EVENTS for send_id in range(1, 11))
    assert all(message.signed_with(secret) for message in receiver.received)
    assert not any(message.signed_with("whsec_other") for message in receiver.received)
    assert len({message.headers["clarion-event-id"] for message in receiver.received}) == 30
    assert all(message.headers["clarion-event-id"] == message.document["id"] for message in receiver.received)


async def test_a_failing_message_is_tried_again_and_only_what_follows_about_its_object_waits(office: Office) -> None:
    account_id = await office.account()
    refuses: Answer = lambda message: 500 if message.kind[0] == "send:5" else 200  # noqa: E731
    async with receiving(refuses) as receiver, office.sender(receiver):
        await office.webhook(receiver, account_id)
        await office.tell(account_id, *[(send_id, type_) for type_ in EVENTS for send_id in (5, 6)])
        await receiver.until(4)
        await office.until("select count(*) = 3 from webhook_message where state = 2")
        for attempt in (2, 3):
            await office.hasten()
            await receiver.until(3 + attempt)
            await office.until(f"select attempt = {attempt} and lease_until is null from webhook_message where id = 1")
        receiver.answer = lambda _: 204
        await office.hasten()
        await office.until("select bool_and(state = 2) from webhook_message")
    kinds = [message.kind for message in receiver.received]
    assert story(kinds, 6) == EVENTS
    assert story(kinds, 5) == [EVENTS[0]] * 4 + EVENTS[1:]
    ids = {
        message.headers["clarion-event-id"] for message in receiver.received if message.kind == ("send:5", EVENTS[0])
    }
    assert len(ids) == 1
    [first] = await office.rows("select attempt, last_status, last_error from webhook_message where id = 1")
    assert first == {"attempt": 4, "last_status": 204, "last_error": None}
    assert await office.rows("select failing_since from webhook") == [{"failing_since": None}]


async def test_a_receiver_that_never_answers_delays_no_other(office: Office) -> None:
    slow_account, quick_account = await office.account(), await office.account()
    async with receiving(lambda _: None) as slow, receiving() as quick, office.sender(slow, quick, seconds=3):
        await office.webhook(slow, slow_account)
        await office.webhook(quick, quick_account)
        await office.tell(slow_account, *[(send_id, EVENTS[0]) for send_id in range(100)])
        await slow.until(4)
        await office.tell(quick_account, *[(send_id, EVENTS[0]) for send_id in range(20)])
        await quick.until(20, seconds=2)
        assert len(slow.received) == 4  # under way at once, to one webhook
    states = "select state, last_error from webhook_message where account_id = $1 and attempt > 0"
    assert {row["state"] for row in await office.rows(states, quick_account)} == {2}
    assert await office.rows(states, slow_account) == [{"state": 1, "last_error": "no answer in time"}] * 4


async def test_a_killed_workers_message_is_sent_again_with_the_same_id(office: Office, dsn: str) -> None:
    account_id = await office.account()
    async with receiving(lambda _: None) as receiver:
        await office.webhook(receiver, account_id)
        await office.tell(account_id, (5, EVENTS[0]), (5, EVENTS[2]))
        world = {"dsn": dsn, "root": bytes(range(32)).hex(), "host": receiver.host}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SCRIPT),
            stdin=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(world).encode())
        process.stdin.close()
        await receiver.until(1)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        receiver.answer = lambda _: 204
        async with office.sender(receiver):
            assert await office.rows("select count(*) from webhook_message where state = 2") == [{"count": 0}]
            await office.execute("update webhook_message set lease_until = now() where lease_until is not null")
            await office.until("select bool_and(state = 2) from webhook_message")
    kinds = [message.kind[1] for message in receiver.received]
    assert kinds == [EVENTS[0], EVENTS[0], EVENTS[2]]
    assert receiver.received[0].body == receiver.received[1].body


async def test_a_late_answer_of_a_lost_lease_changes_nothing(office: Office) -> None:
    account_id = await office.account()
    async with receiving() as receiver:
        await office.webhook(receiver, account_id)
        await office.tell(account_id, (5, EVENTS[0]))
        queue = WebhookQueue(database=office.database, keeper=office.keeper, clock=SystemClock())
        [late] = await queue.claim(10)
        assert await queue.claim(10) == []
        await office.execute("update webhook_message set lease_until = now() - interval '1 second'")
        [present] = await queue.claim(10)
        await queue.settle(late, queue_module.Attempted(500, "too late"))
        assert await office.rows("select state, last_error from webhook_message") == [{"state": 1, "last_error": None}]
        await queue.settle(present, queue_module.Attempted(200, None))
        assert await office.rows("select state from webhook_message") == [{"state": 2}]


async def test_after_three_days_of_failure_a_webhook_is_made_inactive_and_its_owner_sees_why(office: Office) -> None:
    account_id = await office.account()
    async with receiving(lambda _: 503) as receiver, office.sender(receiver):
        webhook_id, _ = await office.webhook(receiver, account_id)
        await office.tell(account_id, (5, EVENTS[0]))
        await office.until("select failing_since is not null from webhook")
        await office.execute("update webhook set failing_since = now() - interval '73 hours'")
        await office.execute("update webhook_message set created_at = now() - interval '73 hours'")
        await office.hasten()
        await office.until("select not active and disabled_at is not null from webhook")
        await office.tell(account_id, (6, EVENTS[0]))
    assert await office.rows("select state from webhook_message") == [{"state": 3}]  # given up, and told of no more
    [entry] = await office.rows("select actor, action, object from audit_entry order by id desc limit 1")
    assert entry == {"actor": "system", "action": "webhook.disable", "object": f"webhook:{webhook_id}"}


async def test_a_queue_is_bounded_and_its_oldest_messages_go_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "QUEUE_LIMIT", 10)
    account_id, neighbour = await office.account(), await office.account()
    async with receiving() as receiver:
        webhook_id, _ = await office.webhook(receiver, account_id)
        await office.webhook(receiver, neighbour)
        await office.tell(account_id, *[(send_id, EVENTS[0]) for send_id in range(13)])
        await office.tell(neighbour, *[(send_id, EVENTS[0]) for send_id in range(10)])
        await WebhookQueue(database=office.database, keeper=office.keeper, clock=SystemClock()).tidy()
    dropped = await office.rows("select webhook_id, object from webhook_message where state = 4 order by id")
    assert dropped == [{"webhook_id": webhook_id, "object": f"send:{send_id}"} for send_id in range(3)]
    assert await office.rows("select dropped from webhook order by id") == [{"dropped": 3}, {"dropped": 0}]


async def test_a_message_that_cannot_be_sent_does_not_hide_others_of_a_long_queue(office: Office) -> None:
    """Hundreds of messages wait behind one that is refused; those about another object go on."""
    account_id = await office.account()
    async with receiving(lambda message: 500 if message.kind[0] == "send:5" else 200) as receiver:
        await office.webhook(receiver, account_id)
        await office.tell(account_id, *[(5, EVENTS[1])] * 250, (6, EVENTS[0]))
        queue = WebhookQueue(database=office.database, keeper=office.keeper, clock=SystemClock())
        async with office.sender(receiver):
            await office.until("select last_error is not null from webhook_message where id = 1")
            await queue.tidy()
            await office.until("select state = 2 from webhook_message where object = 'send:6'")
    assert len(receiver.received) == 2


async def test_what_is_rolled_back_and_what_nobody_listens_for_is_not_told(office: Office) -> None:
    account_id, stranger = await office.account(), await office.account()
    async with receiving() as receiver:
        webhook_id, _ = await office.webhook(receiver, account_id)
        async with office.database.acquire() as conn:
            transaction = conn.transaction()
            await transaction.start()
            await tell(conn, account_id, EVENTS[0], object_="send:5", data={})
            assert await conn.fetchval("select count(*) from webhook_message") == 1
            await transaction.rollback()
        await office.tell(stranger, (5, EVENTS[0]))
        await office.tell(account_id, (5, EventType.TOKEN_DROPPED))
        service = WebhookService(database=office.database, keeper=office.keeper)
        await service.update(Caller(account_id, "key:x"), webhook_id, active=False)
        await office.tell(account_id, (5, EVENTS[0]))
        assert await office.rows("select * from webhook_message") == []


async def test_messages_can_be_sent_once_more_and_secrets_overlap(office: Office) -> None:
    account_id = await office.account()
    caller = Caller(account_id, "key:x")
    async with receiving() as receiver, office.sender(receiver):
        webhook_id, old = await office.webhook(receiver, account_id)
        service = WebhookService(database=office.database, keeper=office.keeper)
        await office.tell(account_id, (5, EVENTS[0]))
        await office.until("select bool_and(state = 2) from webhook_message")
        new = await service.rotate_secret(caller, webhook_id)
        assert await service.repeat(caller, webhook_id, state=StateWord.DELIVERED) == 1
        await receiver.until(2)
        await office.execute("update webhook set old_secret_until = now()")
        await service.update(caller, webhook_id, active=False)
        await service.ping(caller, webhook_id)
        await receiver.until(3)
    first, again, ping = receiver.received
    assert first.document["id"] == again.document["id"]
    assert again.document["sequence"] > first.document["sequence"]
    assert (first.signed_with(old), first.signed_with(new)) == (True, False)
    assert (again.signed_with(old), again.signed_with(new)) == (True, True)
    assert (ping.signed_with(old), ping.signed_with(new)) == (False, True)
    assert ping.headers["clarion-event"] == "ping"
