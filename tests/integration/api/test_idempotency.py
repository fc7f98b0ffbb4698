"""Creating calls with `Idempotency-Key` are done once and answered alike (reliability.md ID-5)."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute
from tests.factories import new_device
from tests.integration.api.isolation_cases import CASES, ONESEND, PUSH, Case, make_scheduler
from tests.integration.api.management_client import Api

from clarion.api.front import Front
from clarion.db import Database
from clarion.features.accounts import Caller
from clarion.foundation.secrets import Keeper
from clarion.services import Services

pytestmark = pytest.mark.anyio

KILLED_API = Path(__file__).with_name("killed_api.py")
EVENT = {"name": "Level", "code": "level"}


async def post(api: Api, path: str, json: Any, *, key: str = "order-1", **options: Any) -> httpx.Response:
    return await api.call("POST", path, json, headers={"idempotency-key": key}, **options)


async def count(database: Database, table: str) -> int:
    async with database.acquire() as conn:
        found: int = await conn.fetchval(f"select count(*) from {table}")
    return found


def creating_routes(application: Front) -> list[str]:
    return [
        route.path_format
        for route in application.management.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method == "POST" and getattr(handler, "status_code", None) == 201 and route.path.startswith("/api/")
    ]


async def test_every_creating_call_repeated_with_its_key_gives_the_first_answer_again(
    application: Front, api: Api
) -> None:
    await api.new_app()
    paths = [path for path in creating_routes(application) if "{" not in path]
    assert {"/api/b/v2/apps", "/api/b/v2/pushes", "/api/b/v2/send/instant", "/api/b/v2/sched/onesend"} <= set(paths)
    for path in paths:
        body = CASES.get(("POST", path), Case()).body
        first = await post(api, path, body, key=f"key of {path}")
        again = await post(api, path, body, key=f"key of {path}")
        assert first.status_code == again.status_code == 201, (path, first.text)
        assert again.content == first.content, path
        assert again.headers["content-type"] == first.headers["content-type"]
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true", path
        assert again.headers["x-request-id"] != first.headers["x-request-id"]


async def test_calls_that_create_from_an_object_are_done_once_too(
    application: Front, api: Api, database: Database
) -> None:
    paths = {path for path in creating_routes(application) if "{" in path}
    duplicate, test = (f"/api/v1/schedulers/{{scheduler_id}}/{what}" for what in ("duplicate", "test"))
    assert {duplicate, test} <= paths
    scheduler_id = await make_scheduler(api, database)
    async with database.acquire() as conn:
        device_id = await new_device(conn, api.account_id, await api.new_app(), transport="onesignal")
    push = (await api.ok("POST", "/pushes", PUSH, status=201))["id"]
    await api.ok("PUT", f"/sched/onesend/{scheduler_id}/pushes", [push], status=204)
    for path, body in ((duplicate, {}), (test, {"device_ids": [str(device_id)]})):
        target = path.format(scheduler_id=scheduler_id)
        first, again = [await post(api, target, body, key=path) for _ in range(2)]
        assert first.status_code == 201, first.text
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
    assert (await count(database, "scheduler"), await count(database, "send")) == (2, 1)


async def test_a_repeated_instant_sending_is_one_sending(api: Api, database: Database) -> None:
    """An instant sending cannot be cancelled through Push.Express's API: a doubled one is a doubled campaign."""
    await api.new_app()
    body = {"name": "i", "filters": {"all_apps": True}, "push": PUSH}
    answers = await asyncio.gather(*[post(api, "/send/instant", body) for _ in range(20)])
    created = [answer for answer in answers if answer.status_code == 201]
    running = [answer for answer in answers if answer.status_code == 409]
    assert len(created) + len(running) == 20
    assert len({answer.content for answer in created}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in created) == 1
    assert await count(database, "scheduler") == await count(database, "push") == 1


async def test_the_same_key_with_another_request_is_refused_and_nothing_is_done(api: Api, database: Database) -> None:
    await post(api, "/events", EVENT)
    for path, body in [("/events", {**EVENT, "name": "Other"}), ("/pushes", PUSH), ("/events?type=all", EVENT)]:
        answer = await post(api, path, body)
        assert answer.status_code == 422, (path, answer.text)
        assert set(answer.json()) == {"error", "req_id"}
    assert await count(database, "push") == 0
    assert await count(database, "event_definition where type = 'CUSTOM'") == 1


async def test_a_body_that_means_the_same_is_the_same_request(api: Api) -> None:
    first = await post(api, "/events", EVENT)
    text = '{ "code": "level",\n "name": "\\u004cevel" }'
    again = await api.call("POST", "/events/", content=text, headers={"idempotency-key": "order-1"})
    assert (again.status_code, again.content) == (201, first.content)


async def test_while_the_first_call_is_running_others_are_told_to_wait(api: Api, services: Services) -> None:
    async with services.idempotency.once(Caller(api.account_id, "key:other"), "order-1", request="the first"):
        waiting = await asyncio.create_task(post(api, "/events", EVENT))
    assert waiting.status_code == 409
    assert int(waiting.headers["retry-after"]) >= 1
    assert (await post(api, "/events", EVENT)).status_code == 201


async def test_a_refused_call_leaves_its_key_free(api: Api, database: Database) -> None:
    """Nothing of a refused call lasts, and the corrected call may use the key."""
    assert (await post(api, "/events", {"name": "n", "code": "no good"})).status_code == 400
    assert (await post(api, "/sched/onesend", {**ONESEND, "app_ids_include": [1]})).status_code == 400
    assert await count(database, "idempotency_key") == await count(database, "scheduler") == 0
    assert (await post(api, "/events", EVENT)).status_code == 201


async def test_keys_of_accounts_are_apart(api: Api, stranger: Api) -> None:
    own, foreign = await post(api, "/events", EVENT), await post(stranger, "/events", EVENT)
    assert own.status_code == foreign.status_code == 201
    assert own.json()["id"] != foreign.json()["id"]


async def test_malformed_keys_are_refused_where_keys_count_and_ignored_elsewhere(api: Api) -> None:
    for key in ["", " ", "k" * 256, "tab\there", "\u00e9"]:
        answer = await api.call("POST", "/events", EVENT, headers={"idempotency-key": key.encode("latin-1")})
        assert answer.status_code == 400, key
    event_id = (await post(api, "/events", EVENT, key="k" * 255)).json()["id"]
    assert (await post(api, f"/events/{event_id}/activate", None, key="k" * 999)).status_code == 204
    pairs = [("authorization", f"Bearer {api.key}"), ("idempotency-key", "a"), ("idempotency-key", "b")]
    answer = await api.http.post("/api/b/v2/events", json=EVENT, headers=pairs)
    assert answer.status_code == 400


async def test_answers_are_kept_sealed_for_a_day_and_then_forgotten(
    api: Api, services: Services, database: Database
) -> None:
    for key, hours in (("old", 24.1), ("young", 23.9)):
        await post(api, "/pushes", PUSH, key=key)
        async with database.acquire() as conn:
            await conn.execute(
                "update idempotency_key set created_at = now() - $1 * interval '1 hour' where created_at > now() "
                "- interval '1 hour'",
                hours,
            )
    async with database.acquire() as conn:
        kept = await conn.fetch("select answer from idempotency_key")
    assert len(kept) == 2
    assert not any(b"translations" in row["answer"] for row in kept)
    assert await services.idempotency.forget() == 1
    assert "idempotent-replayed" in (await post(api, "/pushes", PUSH, key="young")).headers
    assert "idempotent-replayed" not in (await post(api, "/pushes", PUSH, key="old")).headers


async def killed_call(dsn: str, root: bytes, api: Api, *, point: str) -> None:
    """The same call in a process that is killed at this point of it."""
    world = {"dsn": dsn, "root": root.hex(), "key": api.key, "body": EVENT, "point": point}
    process = await asyncio.create_subprocess_exec(
        sys.executable, KILLED_API, stdin=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    await process.communicate(json.dumps(world).encode())
    assert process.returncode == -signal.SIGKILL


class TestKilledProcess:
    """`kill -9` at the two moments that matter: there is never a creation without its answer."""

    @pytest.fixture
    def root(self) -> bytes:
        return bytes(range(32))

    @pytest.fixture
    def keeper(self, root: bytes) -> Keeper:
        return Keeper(root)

    async def test_after_the_commit_the_repetition_gets_the_answer_that_was_lost(
        self, dsn: str, root: bytes, api: Api, database: Database
    ) -> None:
        await killed_call(dsn, root, api, point="committed")
        answer = await post(api, "/events", EVENT)
        assert answer.headers["idempotent-replayed"] == "true"
        async with database.acquire() as conn:
            assert [answer.json()["id"]] == [
                row["id"] for row in await conn.fetch("select id from event_definition where type = 'CUSTOM'")
            ]

    async def test_before_the_commit_the_repetition_does_the_work(
        self, dsn: str, root: bytes, api: Api, database: Database
    ) -> None:
        await killed_call(dsn, root, api, point="created")
        for _ in range(100):
            answer = await post(api, "/events", EVENT)
            if answer.status_code != 409:
                break
            await asyncio.sleep(0.05)  # the database has not noticed yet that the process is gone
        assert answer.status_code == 201
        assert "idempotent-replayed" not in answer.headers
        assert await count(database, "event_definition where type = 'CUSTOM'") == 1
