"""The whole application against its own OpenAPI document: whatever fits it or breaks it, every answer is documented.

Each operation is called with a few generated requests that fit its description, on objects that exist, and with a few
that do not fit. The examples are the same in every run.
"""

import asyncio
import os
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.python import asgi
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.factories import new_app

from clarion.asgi import WebProcess
from clarion.bootstrap import open_installation
from clarion.features.devices.model import Session
from clarion.settings import Settings, read_settings

EXAMPLES = 4
"""Requests for each operation and kind."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TOLERANT = ("/api/r/", "/api/postback")
"""Devices are never refused for a value that they may leave out (sdk-api.md §3): breaking the description is fine."""


@dataclass(frozen=True)
class World:
    """A running application, its document, an account's key, and ids of that account by path parameter."""

    schema: BaseSchema
    key: str
    ids: Mapping[str, Any]


@pytest.fixture
def installation_settings(dsn: str) -> Settings:
    """An installation on this test's database, without limits that a test would run into."""
    return read_settings(
        {
            "CLARION_DATABASE_URL": dsn,
            "CLARION_MASTER_KEY": b64encode(os.urandom(32)).decode(),
            "CLARION_API_RATE_PER_MIN": "0",
            "CLARION_DEVICE_CREATE_PER_MIN": "0",
        }
    )


@pytest.fixture
def world(installation_settings: Settings) -> Iterator[World]:
    key, ids = asyncio.run(_populate(installation_settings))
    application = WebProcess(installation_settings)
    try:
        yield World(schemathesis.openapi.from_asgi("/openapi.json", application), key, ids)
    finally:
        asgi.shutdown_lifespans()


async def _populate(settings: Settings) -> tuple[str, dict[str, Any]]:
    """An account with one object of each kind."""
    async with open_installation(settings, connections=2) as installation:
        created = await installation.services.accounts.create(email="owner@example.com", name="Owner")
        account = created.account_id
        async with installation.database.transaction() as conn:
            app = await new_app(conn, account)
            event = await conn.fetchval("select min(id) from event_definition where account_id = $1", account)
            group = await conn.fetchval(
                "insert into app_group (account_id, name, all_apps) values ($1, 'g', true) returning id", account
            )
            scheduler = await conn.fetchval(
                """
                insert into scheduler (account_id, type, name, timing, filter)
                values ($1, 'onesend', 's', $2, $3) returning id
                """,
                account,
                {"date": "2100-01-01", "time": "12:00", "timezone": "+00:00"},
                {"all_apps": True},
            )
            audience_group = await conn.fetchval(
                "insert into audience_group (account_id, name, audiences) values ($1, 'g', '{vip}') returning id",
                account,
            )
            saved_filter = await conn.fetchval(
                "insert into saved_filter (account_id, name, filter) values ($1, 'f', $2) returning id", account, {}
            )
            push = await conn.fetchval(
                "insert into push (account_id, default_lang) values ($1, 'en') returning id", account
            )
            send = await conn.fetchval(
                """
                insert into send (account_id, scheduler_id, occurrence, day, push_ids, cutoff_at, due_at, expires_at)
                values ($1, $2, now(), current_date, '{}', now(), now(), now() + interval '1 day') returning id
                """,
                account,
                scheduler,
            )
            webhook = await conn.fetchval(
                "insert into webhook (account_id, url, events, secret) values ($1, $2, '{ping}', '') returning id",
                account,
                "https://hooks.example/",
            )
        [device] = await installation.services.devices.create([Session(app, account, "installation-1", "")])
    ids = {
        "app_id": app,
        "app_group_id": group,
        "audience_group_id": audience_group,
        "filter_id": saved_filter,
        "event_id": event,
        "push_id": push,
        "sched_id": scheduler,
        "sched_type": "onesend",
        "scheduler_id": scheduler,
        "send_id": send,
        "webhook_id": webhook,
        "device_id": device.device_id,
        "instance_id": str(device.device_id),
        "provider": "fcm",
    }
    return created.api_key, ids


def test_every_answer_is_documented(world: World) -> None:
    world.schema.validate()
    operations = [found.ok() for found in world.schema.get_all_operations()]
    assert len(operations) > 50
    failures = []
    for operation in sorted(operations, key=_destruction_last):
        for mode in GenerationMode:
            try:
                _call(operation, mode, world)
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, operation.label  # there is nothing that could be broken
            except (Failure, FailureGroup) as error:
                failures.append(f"{operation.label} ({mode}): {_words(error)}")
    assert not failures, "\n\n".join(failures)


def _destruction_last(operation: APIOperation[Any, Any, Any, Any]) -> tuple[bool, str]:
    return operation.method == "delete" or operation.path.endswith("/cancel"), operation.path


def _call(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, world: World) -> None:
    """A few generated requests of one kind, each answer checked."""
    checks = [*CHECKS]
    if mode is GenerationMode.NEGATIVE and not operation.path.startswith(TOLERANT):
        checks.append(negative_data_rejection)
    headers = {"authorization": f"Bearer {world.key}"}

    ids = _ids(operation, mode, world)

    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=ids, headers=headers))
    @hypothesis_settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Case) -> None:
        case.call_and_validate(checks=checks)

    run()


def _ids(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, world: World) -> dict[str, Any] | None:
    """Ids that exist, where the request is to fit."""
    if mode is GenerationMode.NEGATIVE:
        return None
    names = [parameter.name for parameter in operation.path_parameters]
    device_side = operation.path.startswith(TOLERANT)
    return {
        name: str(world.ids[name]) if device_side else world.ids[name] for name in names if name in world.ids
    } or None


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "\n".join(_words(item) for item in error.exceptions)
    return f"{type(error).__name__}: {error}"
