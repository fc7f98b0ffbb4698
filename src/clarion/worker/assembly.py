"""Puts the parts of one worker process together."""

from dataclasses import dataclass

import structlog

from clarion.db import Database
from clarion.features.apps.jwt_store import DatabaseJwtStore
from clarion.features.deliveries.dispatch import DispatchStore
from clarion.features.deliveries.guard import Shares
from clarion.features.deliveries.ledger import Ledger
from clarion.features.rules.books import RuleBooks
from clarion.features.webhooks.queue import WebhookQueue
from clarion.foundation.clock import Clock, SystemClock
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
from clarion.worker.kit import Kit
from clarion.worker.lanes import Lanes, OpenSender
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


@dataclass(frozen=True, slots=True)
class _Base:
    """What the parts are made from."""

    settings: Settings
    services: Services
    database: Database
    keeper: Keeper
    clock: Clock
    metrics: WorkerMetrics
    books: RuleBooks
    remarks: Remarks
    store: DispatchStore


def build_worker(
    settings: Settings, services: Services, database: Database, keeper: Keeper, *, clock: Clock | None = None
) -> Worker:
    """Put one worker together."""
    base = _base(settings, services, database, keeper, clock=clock or SystemClock())
    owner, engine, metrics = own_id(), Http2Transport(), base.metrics
    world = outside(settings, base.clock, DatabaseJwtStore(database=database, keeper=keeper), engine=engine)

    def open_way(credential: Credential, sink: Sink) -> Sender:
        return open_sender(credential, outside=world, sink=sink)

    kit = _kit(base, open_way)
    dispatcher = Dispatcher(kit, owner=owner, sends=services.sends, metrics=metrics)
    _pause_refused(kit.lanes, dispatcher, services)
    retries = Retries(kit)
    webhook_queue, webhooks = _webhooks(base)
    return Worker(
        services=services,
        webhook_queue=webhook_queue,
        webhooks=webhooks,
        store=kit.store,
        dispatcher=dispatcher,
        retries=retries,
        turns=Turns(store=kit.store, plans=kit.plans, lanes=kit.lanes, retries=retries),
        books=base.books,
        triggers=Triggers(auto_push=services.auto_push, retries=retries, clock=kit.clock),
        lanes=kit.lanes,
        recorder=kit.recorder,
        housekeeping=_housekeeping(base, kit.lanes, owner),
        remarks=base.remarks,
        vitals=Vitals(
            metrics, window=kit.window, recorder=kit.recorder, dispatcher=dispatcher, lanes=kit.lanes, engine=engine
        ),
        metrics=metrics,
        sealer=world.sealer,
        clock=kit.clock,
    )


def _base(settings: Settings, services: Services, database: Database, keeper: Keeper, *, clock: Clock) -> _Base:
    store = DispatchStore(database=database)
    return _Base(
        settings=settings,
        services=services,
        database=database,
        keeper=keeper,
        clock=clock,
        metrics=WorkerMetrics(),
        books=RuleBooks(database=database, clock=clock),
        remarks=Remarks(store=store, clock=clock),
        store=store,
    )


def _kit(base: _Base, open_way: OpenSender) -> Kit:
    services, window = base.services, Window(base.settings.max_unrecorded)
    ledger = Ledger(
        database=base.database,
        statistics=services.statistics,
        sends=services.sends,
        guard=Shares(trip=base.settings.guard_percent / 100, pause=base.settings.guard_pause_percent / 100),
    )
    recorder = Recorder(ledger=ledger, window=window, metrics=base.metrics)
    lanes = Lanes(
        settings=base.settings,
        apps=services.apps,
        store=base.store,
        window=window,
        recorder=recorder,
        clock=base.clock,
        open_sender=open_way,
        metrics=base.metrics,
        remarks=base.remarks,
    )
    recorder.on_paused = lanes.pause
    return Kit(
        store=base.store,
        lanes=lanes,
        plans=Plans(sends=services.sends, audiences=services.audiences, pushes=services.pushes, books=base.books),
        recorder=recorder,
        window=window,
        ids=MessageIds(base.keeper.message_key),
        clock=base.clock,
    )


def _pause_refused(lanes: Lanes, dispatcher: Dispatcher, services: Services) -> None:
    """Let lanes pause the send of a push that keeps being refused."""

    async def push_refused(send_id: int, reason: str) -> None:
        dispatcher.hold(send_id)
        if await services.sends.pause(send_id, reason=reason):
            log.warning("send_paused", send=send_id, reason=reason)

    lanes.on_push_refused = push_refused


def _webhooks(base: _Base) -> tuple[WebhookQueue, WebhookSender]:
    settings = base.settings
    queue = WebhookQueue(database=base.database, keeper=base.keeper, clock=base.clock)
    guarded = GuardedHttp(GuardedOptions(hosts=settings.webhook_hosts, ca_file=settings.provider_ca_file))
    return queue, WebhookSender(queue=queue, http=guarded, clock=base.clock)


def _housekeeping(base: _Base, lanes: Lanes, owner: str) -> Housekeeping:
    services = base.services
    return Housekeeping(
        owner=owner,
        database=base.database,
        sends=services.sends,
        devices=services.devices,
        privacy=services.privacy,
        idempotency=services.idempotency,
        lanes=lanes,
    )
