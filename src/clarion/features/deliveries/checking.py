"""The live check of a credential: asks its provider, sends nothing, changes nothing."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from clarion.db import Database
from clarion.features.accounts import Caller
from clarion.features.apps.jwt_store import DatabaseJwtStore
from clarion.features.apps.service import AppService
from clarion.foundation.clock import Clock
from clarion.foundation.errors import NotFound
from clarion.foundation.secrets import Keeper
from clarion.providers.checking import Finding, unavailable
from clarion.providers.checks import WORDS, check
from clarion.providers.contract import Credential
from clarion.providers.http2 import Http2Transport
from clarion.providers.wiring import outside
from clarion.settings import Settings

PATIENCE = 10.0
"""Seconds that a provider has for its answer."""
FRESH = 10.0
"""Seconds for which a finding is given again: questions count against the provider's quota."""
AT_ONCE = 4
_Key = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class CheckedAt:
    """A finding and its moment."""

    finding: Finding
    checked_at: datetime
    until: float
    """Monotonic second to which it is given again."""


class CheckService:
    """Checks credentials, a few at a time, each over connections of its own."""

    def __init__(
        self, *, settings: Settings, database: Database, keeper: Keeper, apps: AppService, clock: Clock
    ) -> None:
        self._settings = settings
        self._jwts = DatabaseJwtStore(database=database, keeper=keeper)
        self._apps = apps
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._recent: dict[_Key, CheckedAt] = {}

    async def check(self, caller: Caller, app_id: int, *, provider: str) -> CheckedAt:
        """Whether the provider accepts the app's credential as it is stored now. `NotFound`."""
        credential = await self._apps.credential(app_id, provider)
        if credential is None or credential.account_id != caller.account_id:
            raise NotFound("the app does not exist or has no credential for this provider")
        key = (app_id, provider, credential.version)
        async with self._turns:
            known = self._recent.get(key)
            if known is None or known.until <= self._clock.monotonic():
                known = self._remember(key, await self._ask(credential))
        return known

    async def _ask(self, credential: Credential) -> Finding:
        world = outside(self._settings, self._clock, self._jwts, engine=Http2Transport())
        try:
            async with asyncio.timeout(PATIENCE):
                return await check(credential, world)
        except TimeoutError:
            return unavailable(WORDS[credential.provider], f"no answer within {PATIENCE:.0f} s")
        finally:
            await world.http.aclose()

    def _remember(self, key: _Key, finding: Finding) -> CheckedAt:
        now = self._clock.monotonic()
        self._recent = {one: found for one, found in self._recent.items() if found.until > now}
        found = self._recent[key] = CheckedAt(finding, self._clock.now(), now + FRESH)
        return found
