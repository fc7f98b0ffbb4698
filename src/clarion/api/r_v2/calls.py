"""The five calls of a device: what is told, what is kept, what is answered (sdk-api.md §2-4).

A success is answered after the commit. Under load heartbeats and unchanged info are answered without asking the
database; nothing but creation is ever refused for load with a 4xx (reliability.md BP-2, decisions.md 23).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from clarion.api.r_v2 import bodies
from clarion.api.r_v2.addresses import NO_DEVICE
from clarion.api.r_v2.answers import Answer, success
from clarion.api.r_v2.batcher import Batcher
from clarion.features.deliveries.feedback import Confirmation, Feedback
from clarion.features.devices.model import Created, DeviceKey, Report, Session
from clarion.features.devices.service import DeviceService
from clarion.foundation.clock import Clock
from clarion.foundation.errors import InvalidInput, NotFound, Unavailable
from clarion.settings import Settings

K = TypeVar("K")
V = TypeVar("V")

ACTIVITY_INTERVAL = 60.0
"""Seconds between two notes of a device's activity."""
MEMORY_LIMIT = 50_000
"""Devices whose last call is remembered for shedding."""
CONFIRMATION_WAITS = (0.1, 0.4, 1.0)
"""A device can be faster than the record of what was sent to it: seconds until its word is tried again."""
WAITING_LIMIT = 1000
"""Confirmations that wait for their delivery's record."""
_ACCEPTED = success(202, b"null")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the app of the path, its account, and the device where the path names one."""

    app_id: int
    account_id: int
    device: int | str = 0
    """Device id, or the installation token in its place."""


class DeviceCalls:
    """The calls, on their batchers."""

    def __init__(self, *, devices: DeviceService, feedback: Feedback, settings: Settings, clock: Clock) -> None:
        self._feedback = feedback
        self._clock = clock
        self._interval = settings.update_interval_sec
        self._created_status = 201 if settings.created_status_201 else 200
        self._webpush_hosts = settings.webpush_hosts
        self._creations: Batcher[Session, Created] = Batcher(devices.create)
        self._reports: Batcher[Report, bool] = Batcher(devices.report)
        self._touches: Batcher[DeviceKey, bool] = Batcher(devices.touch)
        self._deactivations: Batcher[tuple[DeviceKey, str], bool | None] = Batcher(devices.deactivate)
        self._installations: Batcher[tuple[int, str], int | None] = Batcher(devices.find_installations)
        self._confirmations: Batcher[Confirmation, bool] = Batcher(feedback.record)
        self._seen: OrderedDict[DeviceKey, float] = OrderedDict()
        self._told: OrderedDict[DeviceKey, tuple[int, float]] = OrderedDict()
        self._waiting = 0

    async def close(self) -> None:
        """Finish what was accepted."""
        batchers: list[Awaitable[None]] = [
            self._creations.close(),
            self._reports.close(),
            self._touches.close(),
            self._deactivations.close(),
            self._installations.close(),
            self._confirmations.close(),
        ]
        await asyncio.gather(*batchers)

    async def create(self, caller: Caller, body: bytes) -> Answer:
        """POST /instances: find, wake or create the device of a session."""
        ic_token, ext_id = bodies.read_session(body)
        session = Session(caller.app_id, caller.account_id, ic_token, ext_id)
        created = await self._creations.submit(session)
        status = self._created_status if created.just_created else 200
        flag = b"true" if created.just_created else b"false"
        return success(status, b'{"id":"%d","just_created":%s}' % (created.device_id, flag))

    async def info(self, caller: Caller, body: bytes) -> Answer:
        """PUT …/info: keep what the device tells about itself."""
        key = await self._key(caller)
        fingerprint = hash(body)
        if not (self._reports.is_busy and self._is_repeated(key, fingerprint)):
            info = bodies.read_info(body, webpush_hosts=self._webpush_hosts)
            if not await self._reports.submit(Report(key, info)):
                raise NotFound(NO_DEVICE)
            now = self._clock.monotonic()
            _remember(self._told, key, (fingerprint, now))
            _remember(self._seen, key, now)
        return success(200, b'{"id":"%d","update_interval_sec":%d}' % (key.device_id, self._interval))

    async def notification(self, caller: Caller, body: bytes) -> Answer:
        """POST …/events/notification: a message was delivered or clicked."""
        msg_id, clicked = bodies.read_notification(body)
        key = await self._key(caller)
        await self._note(key)
        confirmation = self._feedback.identify(
            msg_id, account_id=caller.account_id, app_id=key.app_id, device_id=key.device_id, clicked=clicked
        )
        if confirmation is not None:
            await self._confirm(confirmation)
        return _ACCEPTED

    async def lifecycle(self, caller: Caller, body: bytes) -> Answer:
        """POST …/events/lifecycle: the device is alive."""
        bodies.read_lifecycle(body)
        await self._note(await self._key(caller))
        return _ACCEPTED

    async def deactivate(self, caller: Caller, body: bytes) -> Answer:
        """POST …/deactivate: log out; the installation token must be the device's, the external id is not compared."""
        ic_token, _ = bodies.read_session(body)
        key = await self._key(caller)
        is_own = await self._deactivations.submit((key, ic_token))
        if is_own is None:
            raise NotFound(NO_DEVICE)
        if not is_own:
            raise InvalidInput("ic_token does not belong to this instance")
        return success(200, b'{"id":"%d","just_created":false}' % key.device_id)

    async def _key(self, caller: Caller) -> DeviceKey:
        if isinstance(caller.device, int):
            return DeviceKey(caller.app_id, caller.device)
        found = await self._installations.submit((caller.app_id, caller.device))
        if found is None:
            raise NotFound(NO_DEVICE)
        return DeviceKey(caller.app_id, found)

    async def _note(self, key: DeviceKey) -> None:
        """Note activity once a minute; lost under load or without a database, which costs nothing but freshness."""
        now = self._clock.monotonic()
        if now - self._seen.get(key, -ACTIVITY_INTERVAL) < ACTIVITY_INTERVAL or self._touches.is_busy:
            return
        try:
            exists = await self._touches.submit(key)
        except Unavailable:
            return
        if not exists:
            raise NotFound(NO_DEVICE)
        _remember(self._seen, key, now)

    def _is_repeated(self, key: DeviceKey, fingerprint: int) -> bool:
        """Whether the device has told exactly this in the last minute."""
        told = self._told.get(key)
        return told is not None and told[0] == fingerprint and self._clock.monotonic() - told[1] < ACTIVITY_INTERVAL

    async def _confirm(self, confirmation: Confirmation) -> None:
        if await self._confirmations.submit(confirmation) or self._waiting >= WAITING_LIMIT:
            return
        self._waiting += 1
        try:
            for wait in CONFIRMATION_WAITS:
                await asyncio.sleep(wait)
                if await self._confirmations.submit(confirmation):
                    return
        finally:
            self._waiting -= 1


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MEMORY_LIMIT:
        memory.popitem(last=False)
