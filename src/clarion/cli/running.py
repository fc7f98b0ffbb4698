"""What `serve`, `web`, `work` and `demo` have in common: a checked installation with supervised processes."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

from clarion.bootstrap import open_installation
from clarion.cli.local import Local, local_installation
from clarion.cli.messages import say
from clarion.cli.network import reserved_port, wait_until_ready
from clarion.cli.supervisor import Role, Supervisor, child_environment
from clarion.db.migrator import migrate, pending
from clarion.foundation.errors import ConfigurationError
from clarion.settings import Settings

OVERRIDES = (
    "fcm_url",
    "apns_url",
    "apns_sandbox_url",
    "onesignal_url",
    "huawei_url",
    "huawei_token_url",
    "token_uri_allow",
    "webpush_hosts",
    "webhook_hosts",
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An installation whose processes can be started."""

    local: Local
    supervisor: Supervisor
    metrics: str
    """The folder in which processes share their metrics."""

    @property
    def settings(self) -> Settings:
        """With the real port, the running database's address and the master key."""
        return self.local.settings


@contextmanager
def prepared(
    settings: Settings, roles: Sequence[Role], *, migrating: bool, environment: Mapping[str, str] = os.environ
) -> Iterator[Prepared]:
    """Everything that must be right before processes start: address, database, schema, master key.

    `ConfigurationError` or `Unavailable` with the reason when something is not.
    """
    listens = any(role.name == "web" for role in roles)
    with _address(settings, listens=listens) as addressed, local_installation(addressed) as local:
        asyncio.run(_check(local, migrating=migrating))
        with tempfile.TemporaryDirectory(prefix="clarion-metrics-") as metrics:
            values = _environment(local) | {"PROMETHEUS_MULTIPROC_DIR": metrics}
            children = child_environment(environment, values)
            supervisor = Supervisor(
                roles,
                environment=children,
                embedded=local.embedded,
                ended=lambda pid: mark_process_dead(pid, metrics),  # type: ignore[no-untyped-call]
            )
            yield Prepared(local, supervisor, metrics)


def supervise(ready: Prepared, *beside: Callable[[], Coroutine[Any, Any, object]]) -> int:
    """Run the processes until a stop signal, with tasks beside them that end with them; the exit status."""

    async def run() -> int:
        tasks: list[asyncio.Task[object]] = []
        try:
            return await ready.supervisor.run(started=lambda: tasks.extend(asyncio.create_task(b()) for b in beside))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(run())


async def announce(settings: Settings) -> None:
    """Say the address when the first web process answers, and how to begin where nobody can sign in."""
    await wait_until_ready(settings.host, settings.port)
    say(f"Clarion is ready at {settings.base_url}")
    async with open_installation(settings, connections=1) as installation:
        link = await installation.services.links.for_first_owner()
    if link is not None:
        say(f"Nobody has an account yet. Create the first one within 24 hours at {settings.base_url}{link.path}")


@contextmanager
def _address(settings: Settings, *, listens: bool) -> Iterator[Settings]:
    if not listens:
        yield settings
        return
    with reserved_port(settings.host, settings.port) as port:
        yield replace(settings, port=port)


async def _check(local: Local, *, migrating: bool) -> None:
    if migrating:
        await migrate(local.dsn)
    elif missing := await pending(local.dsn):
        raise ConfigurationError(f"{len(missing)} migrations are pending; run: clarion migrate")
    async with open_installation(local.settings, connections=1):
        pass
    _warn_of_overrides(local.settings)


def _warn_of_overrides(settings: Settings) -> None:
    """Addresses that the operator has set win over all address rules, so they are said aloud."""
    usual = Settings()
    for name in OVERRIDES:
        if (value := getattr(settings, name)) != getattr(usual, name):
            chosen = value if isinstance(value, str) else ", ".join(value)
            say(f"clarion: CLARION_{name.upper()} is set and wins over the built-in rules: {chosen}")


def _environment(local: Local) -> dict[str, str]:
    settings = local.settings
    if settings.master_key is None:
        raise ConfigurationError("CLARION_MASTER_KEY is not set")
    return {
        "CLARION_DATABASE_URL": local.dsn,
        "CLARION_MASTER_KEY": settings.master_key.reveal(),
        "CLARION_DATA_DIR": str(settings.data_dir),
        "CLARION_HOST": settings.host,
        "CLARION_PORT": str(settings.port),
    }
