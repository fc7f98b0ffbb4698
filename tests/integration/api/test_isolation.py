"""Another account's ids behave like ids that never existed, on every route and in every place (TA-2, Q13).

The routes come from the application itself: a new one without a case in `isolation_cases.py` fails here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from tests.integration.api.isolation_cases import CASES, FIXED, MAKERS, Case
from tests.integration.api.management_client import Api

from clarion.api.front import Front
from clarion.db import Database

pytestmark = pytest.mark.anyio

MISSING = 987_654_321
_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Route:
    """A method on a path that needs a key."""

    method: str
    path: str
    takes_body: bool
    query_ids: frozenset[str]
    """Query parameters that take an id."""

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def id_name(self) -> str | None:
        """The path's id, if it has one."""
        return next((name for name in self.parameters if name not in FIXED), None)

    @property
    def case(self) -> Case:
        return CASES.get((self.method, self.path), Case())

    def at(self, id_: int) -> str:
        """The address with an id in its place."""
        return _PARAMETER.sub(lambda match: FIXED.get(match[1], str(id_)), self.path)


def routes_of(application: Litestar) -> Iterator[Route]:
    """Every route under `/api`."""
    for route in application.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/"):
            for method, (handler, _) in route.route_handler_map.items():
                if method != "OPTIONS":
                    in_path = set(_PARAMETER.findall(route.path_format))
                    arguments = set(handler.parsed_fn_signature.parameters) - in_path
                    query_ids = frozenset(name for name in arguments if name.endswith("_id"))
                    takes_body = handler.parsed_data_field is not None
                    yield Route(str(method), route.path_format, takes_body, query_ids)


async def test_every_route_has_a_case(application: Front) -> None:
    routes = list(routes_of(application.management))
    assert len(routes) > 20
    for route in routes:
        unknown = [name for name in route.parameters if name not in MAKERS and name not in FIXED]
        assert not unknown, f"{route.method} {route.path}: say in MAKERS what {unknown} names"
        if route.takes_body:
            assert (route.method, route.path) in CASES, f"{route.method} {route.path} has no case"
        assert route.query_ids == set(route.case.queries), f"{route.method} {route.path}: say what its query ids name"


async def test_every_case_belongs_to_a_route(application: Front) -> None:
    known = {(route.method, route.path) for route in routes_of(application.management)}
    assert not set(CASES) - known


async def test_every_route_needs_a_key(application: Front, http: httpx.AsyncClient) -> None:
    for route in routes_of(application.management):
        answer = await http.request(route.method, route.at(1), json=route.case.body)
        assert answer.status_code == 401, (route, answer.text)


async def test_foreign_ids_in_paths_are_answered_like_missing_ones(
    application: Front, api: Api, stranger: Api, database: Database
) -> None:
    for route in routes_of(application.management):
        if route.id_name is None:
            continue
        own = await MAKERS[route.id_name](api, database)
        before = await _state(database)
        foreign = await stranger.call(route.method, route.at(own), route.case.body)
        missing = await stranger.call(route.method, route.at(MISSING), route.case.body)
        assert missing.status_code == 404, (route, missing.text)
        assert _answer(foreign, own) == _answer(missing, MISSING), route
        assert await _state(database) == before, f"{route} changed something"
        answer = await api.call(route.method, route.at(own), route.case.body)
        assert answer.status_code in (200, 201, 204, 409), (route, answer.text)


async def test_foreign_ids_in_bodies_are_answered_like_missing_ones(
    application: Front, api: Api, stranger: Api, database: Database
) -> None:
    for route in routes_of(application.management):
        for place, (kind, body) in route.case.ids.items():
            own = await MAKERS[kind](api, database)
            target = await MAKERS[route.id_name](stranger, database) if route.id_name else 0
            before = await _state(database)
            foreign = await stranger.call(route.method, route.at(target), body(own))
            missing = await stranger.call(route.method, route.at(target), body(MISSING))
            assert _answer(foreign, own) == _answer(missing, MISSING), (route, place)
            assert missing.status_code in (200, 400, 403, 404), (route, place, missing.text)
            assert await _state(database) == before, f"{route} with a foreign {place} changed something"


async def test_foreign_ids_in_queries_are_answered_like_missing_ones(
    application: Front, api: Api, stranger: Api, database: Database
) -> None:
    for route in routes_of(application.management):
        for name, kind in route.case.queries.items():
            own = await MAKERS[kind](api, database)
            foreign = await stranger.call(route.method, f"{route.path}?{name}={own}")
            missing = await stranger.call(route.method, f"{route.path}?{name}={MISSING}")
            assert missing.status_code in (200, 400), (route, name, missing.text)
            assert _answer(foreign, own) == _answer(missing, MISSING), (route, name)


async def test_lists_show_nothing_of_other_accounts(
    application: Front, api: Api, stranger: Api, database: Database
) -> None:
    for maker in MAKERS.values():
        await maker(api, database)
    for route in routes_of(application.management):
        if route.method == "GET" and not route.parameters:
            answer = await stranger.ok("GET", route.path)
            lists = [answer] if isinstance(answer, list) else [v for v in answer.values() if isinstance(v, list)]
            records = lists[0] if lists else []  # an object of the account itself: test_v1_rules.py and its like
            own = f"account:{stranger.account_id}"  # the audit log begins with the account
            foreign = [record for record in records if record.get("object") != own and record.get("type") != "SYSTEM"]
            assert foreign == [], route  # every account has the system's events


def _answer(answer: httpx.Response, id_: int) -> tuple[int, Any]:
    """Status and body without what must differ: the request's id, and the id that was asked for."""
    body = answer.json() if answer.content else None
    if isinstance(body, dict) and "error" in body:
        return answer.status_code, re.sub(rf"\b{id_}\b", "<id>", body["error"])
    return answer.status_code, body


async def _state(database: Database) -> list[Any]:
    """Everything that accounts own, but for the keys' last use."""
    small = ("app", "app_credential", "app_group", "app_group_member", "event_definition", "push", "push_translation")
    tables = (*small, "audience_group", "saved_filter")
    async with database.acquire() as connection:
        return [
            await connection.fetchval(f"select coalesce(jsonb_agg(to_jsonb(t) order by t::text), '[]') from {table} t")
            for table in (*tables, "scheduler", "webhook", "webhook_message", "audit_entry")
        ]
