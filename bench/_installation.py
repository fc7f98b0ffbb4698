"""A throw-away installation for benchmarks: embedded PostgreSQL, an account, an app, and very many devices."""

import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from _peers import CONTENT, token
from clarion.bootstrap import Installation, open_installation
from clarion.db.embedded import EmbeddedPostgres
from clarion.db.migrator import migrate
from clarion.features.accounts import Caller
from clarion.features.apps.forms import Credentials
from clarion.features.audiences import Filter
from clarion.features.devices.model import Session
from clarion.features.pushes import PushBody, TranslationBody
from clarion.features.schedulers.conversion import ConversionBody
from clarion.features.schedulers.model import InstantBody, WeeklyBody
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Secret, generate_master_key
from clarion.settings import Settings

CHUNK = 20_000
_PLACES = (("en", "GB"), ("pt", "BR"), ("pt", "PT"), ("de", "DE"), ("en", "US"))
_COLUMNS = (
    "app_id",
    "id",
    "account_id",
    "ic_token_hash",
    "ic_token",
    "token",
    "token_hash",
    "token_state",
    "transport",
    "platform",
    "lang",
    "country",
    "created_at",
)


@contextmanager
def embedded_server() -> Iterator[tuple[Path, str, int]]:
    """A folder for this run's files, with a running database in it: the folder, its address, its process id."""
    folder = Path(tempfile.mkdtemp(prefix="clarion-bench-"))
    folder.chmod(0o711)  # the server's unprivileged user must reach it when root runs the benchmark
    try:
        with EmbeddedPostgres.start(folder) as embedded:
            yield folder, embedded.dsn, server_pid(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_pid(folder: Path) -> int:
    """The process id of the embedded server."""
    (pid_file,) = folder.rglob("postmaster.pid")
    return int(pid_file.read_text().split()[0])


def settings_for(dsn: str, standin: dict[str, Any], **more: Any) -> Settings:
    """Settings that send to the stand-in at once and as fast as it goes."""
    return replace(
        Settings(),
        database_url=Secret(dsn),
        master_key=Secret(generate_master_key()),
        instant_delay_sec=0,
        fcm_url=standin["url"],
        token_uri_allow=(f"{standin['url']}/token",),
        provider_ca_file=standin["ca_file"],
        fcm_rate_per_sec=0.0,
        fcm_warmup_sec=0.0,
        **more,
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """The same settings for a process of its own."""
    assert settings.database_url is not None
    assert settings.master_key is not None
    return {
        "CLARION_DATABASE_URL": settings.database_url.reveal(),
        "CLARION_MASTER_KEY": settings.master_key.reveal(),
        "CLARION_FCM_URL": settings.fcm_url,
        "CLARION_TOKEN_URI_ALLOW": ",".join(settings.token_uri_allow),
        "CLARION_PROVIDER_CA_FILE": settings.provider_ca_file or "",
        "CLARION_FCM_RATE_PER_SEC": "0",
        "CLARION_FCM_WARMUP_SEC": "0",
        "CLARION_MAX_UNRECORDED": str(settings.max_unrecorded),
        "CLARION_LOG_LEVEL": "warning",
    }


@dataclass(frozen=True)
class Owner:
    """The account of the benchmark and its only app."""

    caller: Caller
    app_id: int


class Tenant:
    """An account with one FCM app in an open installation."""

    def __init__(self, installation: Installation, owner: Owner) -> None:
        self._installation = installation
        self._owner = owner

    async def add_devices(self, count: int) -> float:
        """Fill the device table by COPY; the seconds that took."""
        begun = time.perf_counter()
        async with self._installation.database.acquire() as connection:
            for first in range(0, count, CHUNK):
                rows = [self._row(number) for number in range(first, min(first + CHUNK, count))]
                await connection.copy_records_to_table("device", records=rows, columns=_COLUMNS, timeout=120)
            await connection.execute("vacuum analyze device", timeout=120)
        return time.perf_counter() - begun

    def _row(self, number: int) -> tuple[Any, ...]:
        device, text = new_device_id(), token(number)
        lang, country = _PLACES[number % len(_PLACES)]
        key = self._installation.keeper.lookup_hash(text, "token")
        owner = self._owner
        identity = (owner.app_id, device, owner.caller.account_id, device.to_bytes(8, "big"), b"", text, key, 1)
        return (*identity, "fcm.data", "android", lang, country, datetime.now(UTC) - timedelta(minutes=1))

    async def send(self, name: str) -> int:
        """A sending of two translations to everybody, due now; the scheduler's id."""
        words = {"title": CONTENT.title, "text": CONTENT.text, "image": CONTENT.image, "link": CONTENT.link}
        push = PushBody("en", [TranslationBody(language, **words) for language in ("en", "pt")])
        body = InstantBody(name, Filter(app_ids_include=[self._owner.app_id]), push)
        return (await self._installation.services.schedulers.instant(self._owner.caller, body)).sched_id

    async def auto_push(self, name: str) -> int:
        """A message that answers every install at once; the scheduler's id."""
        services, caller = self._installation.services, self._owner.caller
        body = ConversionBody(name=name, app_ids_include=[self._owner.app_id], event_include=["install"])
        scheduler_id = await services.conversions.create(caller, body)
        push = PushBody("en", [TranslationBody("en", title=CONTENT.title, text=CONTENT.text)])
        created = await services.pushes.create(caller, push)
        await services.schedulers.bind_pushes(caller, scheduler_id, type_="conversion", push_ids=[created.id])
        return scheduler_id

    async def weekly(self, name: str, **timing: Any) -> int:
        """A weekly sending of one push to everybody; the scheduler's id."""
        services, caller = self._installation.services, self._owner.caller
        body = WeeklyBody(name=name, app_ids_include=[self._owner.app_id], **timing)
        scheduler_id = await services.schedulers.create_weekly(caller, body)
        push = PushBody("en", [TranslationBody("en", title=CONTENT.title, text=CONTENT.text)])
        created = await services.pushes.create(caller, push)
        await services.schedulers.bind_pushes(caller, scheduler_id, type_="weekly", push_ids=[created.id])
        return scheduler_id

    async def install(self, count: int) -> float:
        """Register devices as the device API does, 200 at once; the seconds that took."""
        owner, begun = self._owner, time.perf_counter()
        for _ in range(0, count, 200):
            sessions = [Session(owner.app_id, owner.caller.account_id, secrets.token_hex(8), "") for _ in range(200)]
            await self._installation.services.devices.create(sessions)
        return time.perf_counter() - begun


@asynccontextmanager
async def tenant(settings: Settings, standin: dict[str, Any]) -> AsyncIterator[Tenant]:
    """Migrate the database and make an account and an app with the stand-in's service account."""
    assert settings.database_url is not None
    await migrate(settings.database_url.reveal())
    async with open_installation(settings, connections=3) as installation:
        services = installation.services
        account = await services.accounts.create(email="bench@example.com")
        caller = Caller(account.account_id, "bench")
        creds = msgspec.convert({"push_provider": "firebase", "firebase_creds": standin["account"]}, Credentials)
        app_id = await services.apps.create(caller, name="Bench", link=None, credentials=creds)
        yield Tenant(installation, Owner(caller, app_id))


@dataclass(frozen=True)
class Watch:
    """An observer of sends, on a connection of its own."""

    connection: "asyncpg.Connection[asyncpg.Record]"

    async def begun(self, scheduler_id: int) -> bool:
        """Whether a slice of the scheduler's send has been leased."""
        sql = """
            select exists (
                select 1 from slice join send on send.id = slice.send_id
                where send.scheduler_id = $1 and slice.attempt > 0
            )
        """
        return bool(await self.connection.fetchval(sql, scheduler_id))

    async def finished(self, scheduler_id: int) -> bool:
        """Whether the scheduler's send is complete."""
        sql = "select coalesce(bool_and(state = 'complete'), false) from send where scheduler_id = $1"
        return bool(await self.connection.fetchval(sql, scheduler_id))

    async def sent(self, scheduler_id: int) -> int:
        """Deliveries of the scheduler's send with the state "sent"."""
        sql = """
            select count(*) from delivery
            where send_id in (select id from send where scheduler_id = $1) and state = 2
        """
        return int(await self.connection.fetchval(sql, scheduler_id))

    async def steady_rate(self, scheduler_id: int) -> float:
        """Answers per second between the first and the last tenth of the scheduler's send."""
        sql = """
            select percentile_disc(array[0.1, 0.9]) within group (order by extract(epoch from settled_at)::float8)
            from delivery where send_id in (select id from send where scheduler_id = $1)
        """
        first, last = await self.connection.fetchval(sql, scheduler_id)
        return 0.8 * await self.sent(scheduler_id) / max(float(last - first), 0.001)
