"""One worker process: all its loops, from the first lease to an orderly end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial

import structlog

from clarion.db import Database
from clarion.features.apps.jwt_store import DatabaseJwtStore
from clarion.features.deliveries.dispatch import DispatchStore
from clarion.features.deliveries.ledger import Ledger
from clarion.features.rules.books import RuleBooks
from clarion.features.webhooks.queue import WebhookQueue
from clarion.foundation.clock import Clock, SystemClock
from clarion.foundation.errors import Unavailable
from clarion.foundation.ids import MessageIds
from clarion.foundation.secrets import Keeper
from clarion.providers.contract import Credential, Sender
from clarion.providers.guarded import GuardedHttp, GuardedOptions
from clarion.providers.http2 import Http2Transport
from clarion.providers.registry import open_sender
from clarion.providers.transport import Sink
from clarion.providers.webpush.sealing import Sealer
from clarion.providers.wiring import outside
from clarion.services import Services
from clarion.settings import Settings
from clarion.worker.dispatcher import Dispatcher
from clarion.worker.housekeeping import Housekeeping
from clarion.worker.identity import own_id
from clarion.worker.lanes import Lanes
from clarion.worker.metrics import WorkerMetrics
from clarion.worker.plans import Plans
from clarion.worker.recorder import Recorder
from clarion.worker.remarks import Remarks
from clarion.worker.retries import Retries
from clarion.worker.triggers import Triggers
from clarion.worker.turns import Turns
from clarion.worker.vitals import Vitals
from clarion.worker.webhooks import WebhookSender
from clarion.worker.window import Window

log = structlog.get_logger()

CLOCK_PERIOD = 0.25
LEASE_PERIOD = 0.25
OBEY_PERIOD = 0.5
RETRY_PERIOD = 0.5
TRIGGER_PERIOD = 0.25
TURN_PERIOD = 0.25
SWEEP_PERIOD = 60.0
EXTEND_PERIOD = 5.0
FINISH_PERIOD = 0.5
WEBHOOK_PERIOD = 0.5
SHOW_PERIOD = 1.0
HOUR = 3600.0
_DATABASE_PAUSE = 1.0
_LAST_STEP = 10.0
"""Seconds that loops have to end their step when the worker stops."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The parts of one worker process."""

    services: Services
    store: DispatchStore
    dispatcher: Dispatcher
    retries: Retries
    triggers: Triggers
    turns: Turns
    books: RuleBooks
    lanes: Lanes
    recorder: Recorder
    housekeeping: Housekeeping
    webhook_queue: WebhookQueue
    webhooks: WebhookSender
    remarks: Remarks
    vitals: Vitals
    metrics: WorkerMetrics
    sealer: Sealer
    clock: Clock


def build_worker(
    settings: Settings, services: Services, database: Database, keeper: Keeper, *, clock: Clock | None = None
) -> Worker:
    """Put one worker together."""
    clock = clock or SystemClock()
    owner = own_id()
    engine, metrics = Http2Transport(), WorkerMetrics()
    world = outside(settings, clock, DatabaseJwtStore(database=database, keeper=keeper), engine=engine)
    window = Window(settings.max_unrecorded)
    store = DispatchStore(database=database)
    ledger = Ledger(database=database, statistics=services.statistics, sends=services.sends)
    recorder = Recorder(ledger=ledger, window=window, metrics=metrics)
    remarks = Remarks(store=store, clock=clock)
    ids = MessageIds(keeper.message_key)

    def open_way(credential: Credential, sink: Sink) -> Sender:
        return open_sender(credential, outside=world, sink=sink)

    async def push_refused(send_id: int, reason: str) -> None:
        dispatcher.hold(send_id)
        if await services.sends.pause(send_id, reason=reason):
            log.warning("send_paused", send=send_id, reason=reason)

    lanes = Lanes(
        settings=settings,
        apps=services.apps,
        store=store,
        window=window,
        recorder=recorder,
        clock=clock,
        open_sender=open_way,
        push_refused=push_refused,
        metrics=metrics,
        remarks=remarks,
    )
    recorder.on_paused = lanes.pause
    books = RuleBooks(database=database, clock=clock)
    plans = Plans(sends=services.sends, audiences=services.audiences, pushes=services.pushes, books=books)
    dispatcher = Dispatcher(
        owner=owner,
        sends=services.sends,
        store=store,
        lanes=lanes,
        plans=plans,
        recorder=recorder,
        window=window,
        ids=ids,
        clock=clock,
        metrics=metrics,
    )
    retries = Retries(store=store, lanes=lanes, plans=plans, recorder=recorder, window=window, ids=ids, clock=clock)
    vitals = Vitals(metrics, window=window, recorder=recorder, dispatcher=dispatcher, lanes=lanes, engine=engine)
    webhook_queue = WebhookQueue(database=database, keeper=keeper, clock=clock)
    guarded = GuardedHttp(GuardedOptions(hosts=settings.webhook_hosts, ca_file=settings.provider_ca_file))
    return Worker(
        services=services,
        webhook_queue=webhook_queue,
        webhooks=WebhookSender(queue=webhook_queue, http=guarded, clock=clock),
        store=store,
        dispatcher=dispatcher,
        retries=retries,
        turns=Turns(store=store, plans=plans, lanes=lanes, retries=retries),
        books=books,
        triggers=Triggers(auto_push=services.auto_push, retries=retries, clock=clock),
        lanes=lanes,
        recorder=recorder,
        housekeeping=Housekeeping(
            owner=owner,
            database=database,
            sends=services.sends,
            devices=services.devices,
            idempotency=services.idempotency,
            lanes=lanes,
        ),
        remarks=remarks,
        vitals=vitals,
        metrics=metrics,
        sealer=world.sealer,
        clock=clock,
    )


async def run_worker(worker: Worker, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then drain: no new work, unsent messages given back, answers awaited and recorded."""
    await worker.housekeeping.heartbeat()
    written = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.recorder.run(written))
        async with asyncio.TaskGroup() as runs:
            loops = [tasks.create_task(loop) for loop in _loops(worker, runs, stop)]
            await stop.wait()
            worker.dispatcher.stop()
            worker.retries.changed.set()
            closing = tasks.create_task(worker.lanes.aclose())
            _, late = await asyncio.wait(loops, timeout=_LAST_STEP)
            for loop in late:
                loop.cancel()
        await closing
        await worker.sealer.aclose()
        await worker.webhooks.aclose()
        written.set()
    await worker.vitals.show()
    with contextlib.suppress(Unavailable):
        await worker.housekeeping.farewell()


def _loops(worker: Worker, runs: asyncio.TaskGroup, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
    dispatcher = worker.dispatcher

    async def start_due() -> int:
        return await worker.services.schedulers.start_due(worker.clock.now())

    async def tell_owners() -> None:
        await worker.remarks.write(worker.lanes.present())

    steps: list[tuple[Callable[[], Awaitable[object]], float]] = [
        (start_due, CLOCK_PERIOD),
        (worker.triggers.fire, TRIGGER_PERIOD),
        (worker.turns.step, TURN_PERIOD),
        (worker.triggers.sweep, SWEEP_PERIOD),
        (dispatcher.obey, OBEY_PERIOD),
        (dispatcher.extend, EXTEND_PERIOD),
        (worker.store.hasten_cancelled, FINISH_PERIOD),
        (worker.housekeeping.heartbeat, EXTEND_PERIOD),
        (worker.lanes.refresh, EXTEND_PERIOD / 2),
        (tell_owners, EXTEND_PERIOD),
        (worker.services.reach.settle, EXTEND_PERIOD),
        (worker.services.reach.prune, HOUR),
        (worker.vitals.show, SHOW_PERIOD),
        (worker.housekeeping.hourly, HOUR),
        (worker.books.forget, HOUR),
        (worker.webhook_queue.tidy, EXTEND_PERIOD),
        (worker.webhook_queue.forget, HOUR),
    ]
    return [
        _repeat(partial(dispatcher.lease, runs), LEASE_PERIOD, stop=stop, wake=dispatcher.changed),
        _repeat(worker.services.sends.finish, FINISH_PERIOD, stop=stop, wake=dispatcher.through),
        _repeat(worker.webhooks.step, WEBHOOK_PERIOD, stop=stop, wake=worker.webhooks.changed),
        _repeat(partial(worker.retries.step, runs), RETRY_PERIOD, stop=stop, wake=worker.retries.changed),
        *(_repeat(step, period, stop=stop) for step, period in steps),
    ]


async def _repeat(
    step: Callable[[], Awaitable[object]], period: float, *, stop: asyncio.Event, wake: asyncio.Event | None = None
) -> None:
    """Repeat `step` until `stop`: at once while it finds work (a number above 0), else after `period` seconds or when
    woken.

    While the database is away the step is tried again every second; any other error ends the process.
    """
    while not stop.is_set():
        if wake is not None:
            wake.clear()  # before the step: what happens during it wakes at once
        try:
            found = await step()
        except Unavailable as error:
            log.warning("database_unavailable", error=str(error))
            await _rest(stop, _DATABASE_PAUSE)
            continue
        if isinstance(found, int) and found:
            continue
        await _rest(wake or stop, period)


async def _rest(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
