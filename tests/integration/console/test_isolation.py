"""What belongs to another account answers exactly like what does not exist, on every route of the console."""

import re
from collections.abc import Iterator

import pytest
from tests.factories import new_device, new_onesend
from tests.integration.console.conftest import Visitor
from tests.integration.console.console_cases import CASES, EXEMPT, FIELDS

from clarion.console.app import Console
from clarion.db import Database
from clarion.features.accounts.keys import KeyScope
from clarion.features.accounts.roles import Role
from clarion.features.apps.forms import Credentials, HuaweiForm
from clarion.features.audiences import Filter
from clarion.features.audiences.groups import AudienceGroupBody
from clarion.features.pushes import PushBody, TranslationBody
from clarion.services import Services

pytestmark = pytest.mark.anyio

NEVER = 987654321
WORDS = ("provider", "transport")
"""Parts of paths that name nothing of an account."""
_NUMBER = re.compile(r"[0-9A-Z]{26}|[A-Za-z0-9_-]{80,}={0,2}")
"""Request numbers and form tokens: these differ from answer to answer."""


def addressed(console: Console) -> Iterator[str]:
    """Method and path of every route with a parameter."""
    for route in console.litestar.routes:
        parts = [part if isinstance(part, str) else f"{{{part.name}}}" for part in route.path_components]
        path = "/" + "/".join(parts)
        if path.startswith("/console") and "{" in path:
            yield from (f"{method} {path[8:]}" for method in route.methods if method != "OPTIONS")


async def foreign_ids(visitor: Visitor, services: Services, database: Database) -> dict[str, int | str]:
    """Things that belong to a visitor's account. Areas add theirs."""
    session = await services.sessions.find(visitor.cookie)
    assert session is not None
    caller = session.caller
    await services.keys.create(caller, name="Back end", scope=KeyScope.READ)
    await services.links.invite(caller, email="invited@example.com", role=Role.VIEWER)
    webhook, _ = await services.webhooks.create(caller, url="https://hooks.example.com/", events=["send.finished"])
    huawei = Credentials(push_provider="huawei", huawei_creds=HuaweiForm("100200300", "s-1"))
    app = await services.apps.create(caller, name="App", link=None, credentials=huawei)
    audience_group = await services.audience_groups.create(caller, AudienceGroupBody("Group", ["vip"]))
    saved = await services.saved_filters.create(caller, name="Everybody", filter_=Filter(all_apps=True))
    event = await services.events.create(caller, name="Event", code="event")
    await services.pushes.create(caller, PushBody("en", [TranslationBody("en", "Title", "Text")]))
    async with database.acquire() as connection:
        device = await new_device(connection, session.account_id, app)
        scheduler = await new_onesend(connection, session.account_id)
        await connection.execute(
            "insert into app_group (account_id, name, all_apps) values ($1, 'Group', true)", session.account_id
        )
        rows = await connection.fetch(
            """
            select 'key', max(id) from api_key where account_id = $1
            union all select 'session', max(id) from session where account_id = $1
            union all select 'invitation', max(id) from access_link where account_id = $1
            union all select 'member', max(id) from member where account_id = $1
            union all select 'app_group', max(id) from app_group where account_id = $1
            union all select 'push', max(id) from push where account_id = $1
            """,
            session.account_id,
        )
    named = {
        "audience_group": audience_group,
        "filter": saved,
        "event": event,
        "webhook": webhook,
        "app": app,
        "device": device,
        "scheduler": scheduler,
    }
    return {**named, "provider": "huawei", "transport": "huawei", **{row[0]: row[1] for row in rows}}


async def test_every_route_with_an_id_has_a_case(console: Console) -> None:
    missing = [route for route in addressed(console) if route not in CASES and route not in EXEMPT]
    assert missing == []


async def test_foreign_things_look_like_missing_ones(
    owner: Visitor, stranger: Visitor, services: Services, database: Database
) -> None:
    foreign = await foreign_ids(stranger, services, database)
    before = await fingerprint(database)
    for route, names in CASES.items():
        answers, numbers = [], [NEVER, *(foreign[name] for name in names if name not in WORDS)]
        missing = [foreign[name] if name in WORDS else NEVER for name in names]
        for ids in ([foreign[name] for name in names], missing):
            method, _, path = route.partition(" ")
            for number in ids:
                path = re.sub(r"\{\w+\}", str(number), path, count=1)
            fields = FIELDS.get(route, {})
            answer = await (owner.post(path, fields) if method == "POST" else owner.get(path))
            text = re.sub("|".join(rf"\b{number}\b" for number in numbers), "ID", answer.text)
            answers.append((answer.status_code, answer.headers.get("location"), _NUMBER.sub("", text)))
        assert answers[0] == answers[1], route
        assert answers[0][0] == 404, route
    assert await fingerprint(database) == before


async def fingerprint(database: Database) -> list[object]:
    """What must not have changed."""
    async with database.acquire() as connection:
        tables = ("api_key", "session", "member", "access_link", "webhook", "webhook_message", "app_group", "app")
        ignored = "array['seen_at', 'last_used_at', 'notices']"
        queries = [f"select to_jsonb(t) - {ignored} from {table} t order by id" for table in tables]
        return [await connection.fetch(query) for query in queries]
