"""What the isolation test must know of each route: a body that works, and every place in it where an id can stand.

A route without an entry here fails `test_isolation.py`. Path parameters are covered by their names alone.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.integration.api.management_client import ONESIGNAL, Api

from clarion.db import Database

Body = Callable[[int], Any]
"""A body with an id in one place."""


@dataclass(frozen=True)
class Case:
    """One route's body."""

    body: Any = None
    """Works on an object of the caller's own; None = the route takes none."""
    ids: Mapping[str, tuple[str, Body]] = field(default_factory=dict)
    """Place of an id → the kind of object it names, and a body with that id there."""
    queries: Mapping[str, str] = field(default_factory=dict)
    """Query parameter that takes an id → the kind of object it names."""


Maker = Callable[[Api, Database], Awaitable[int]]


async def make_app(api: Api, _: Database) -> int:
    """An active app."""
    return await api.new_app()


async def make_group(api: Api, _: Database) -> int:
    """A group with one app."""
    return await api.new_group(await api.new_app())


async def make_event(api: Api, _: Database) -> int:
    """A custom event."""
    events = await api.ok("GET", "/events")
    return await api.new_event(f"code_{events['pagination']['total_count']}")


async def make_push(api: Api, _: Database) -> int:
    """An unbound push."""
    created: int = (await api.ok("POST", "/pushes", PUSH, status=201))["id"]
    return created


async def make_scheduler(api: Api, _: Database) -> int:
    """A onesend for all apps."""
    await api.new_app()
    created: int = (await api.ok("POST", "/sched/onesend", ONESEND, status=201))["id"]
    return created


async def make_send(api: Api, database: Database) -> int:
    """A complete send of a scheduler."""
    scheduler_id = await make_scheduler(api, database)
    async with database.acquire() as connection:
        send_id: int = await connection.fetchval(
            """
            insert into send (account_id, scheduler_id, occurrence, day, state, push_ids, cutoff_at, due_at, expires_at)
            values ($1, $2, now(), current_date, 'complete', '{}', now(), now(), now() + interval '1 day')
            returning id
            """,
            api.account_id,
            scheduler_id,
        )
    return send_id


async def make_device(api: Api, _: Database) -> int:
    """A registered device."""
    path = f"/api/r/v2/apps/{await api.new_app()}-{api.account_id}/instances"
    answer = await api.http.post(path, json={"ic_token": str(uuid4())})
    return int(answer.json()["id"])


async def make_person(api: Api, database: Database) -> int:
    """A number that is the external id of a device."""
    number = await make_device(api, database)
    async with database.acquire() as connection:
        await connection.execute("update device set ext_id = id::text where id = $1", number)
    return number


def _person(id_: int) -> dict[str, str]:
    return {"external_id": str(id_)}


async def make_webhook(api: Api, _: Database) -> int:
    """An active webhook."""
    created: int = (await api.ok("POST", "/api/v1/webhooks", WEBHOOK, status=201))["id"]
    return created


async def make_audience_group(api: Api, _: Database) -> int:
    """A group with one audience."""
    created: int = (await api.ok("POST", "/api/v1/audience-groups", AUDIENCE_GROUP, status=201))["id"]
    return created


async def make_filter(api: Api, _: Database) -> int:
    """A saved filter under a name of its own."""
    saved = await api.ok("GET", "/api/v1/filters")
    body = {"name": f"filter {len(saved)}", "filter": {"all_apps": True}}
    created: int = (await api.ok("POST", "/api/v1/filters", body, status=201))["id"]
    return created


MAKERS: Mapping[str, Maker] = {
    "audience_group_id": make_audience_group,
    "filter_id": make_filter,
    "webhook_id": make_webhook,
    "app_id": make_app,
    "app_group_id": make_group,
    "event_id": make_event,
    "push_id": make_push,
    "sched_id": make_scheduler,
    "scheduler_id": make_scheduler,
    "send_id": make_send,
    "device_id": make_device,
    "person": make_person,
}
"""Name of an id in a path → how an account comes by such an object."""

FIXED: Mapping[str, str] = {"sched_type": "onesend", "provider": "onesignal"}
"""Path parameters that are no ids."""

WEBHOOK = {"url": "https://hooks.example/", "events": ["send.finished"]}
AUDIENCE_GROUP = {"name": "g", "audiences": ["vip"]}
PUSH = {"default_lang": "en", "translations": [{"language": "en", "title": "t", "text": "t"}]}
ONESEND = {
    "name": "s",
    "date": (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d"),
    "time": "12:00",
    "local_time": False,
    "timezone": "+00:00",
    "all_apps": True,
}
_FILTER_IDS = {
    "app_ids_include": "app_id",
    "app_ids_exclude": "app_id",
    "app_groups_include": "app_group_id",
    "app_groups_exclude": "app_group_id",
    "audience_groups_include": "audience_group_id",
    "audience_groups_exclude": "audience_group_id",
}


def _filter_with(name: str, id_: int) -> dict[str, Any]:
    """A filter with one id; it means all apps unless the id takes their place."""
    everything = {} if name in ("app_ids_include", "app_groups_include") else {"all_apps": True}
    return {**everything, name: [id_]}


def _filter_ids(wrap: Callable[[dict[str, Any]], Any]) -> dict[str, tuple[str, Body]]:
    """Every place of an id in a filter, inside a body that `wrap` makes of a filter."""

    def place(name: str) -> Body:
        return lambda id_: wrap(_filter_with(name, id_))

    return {name: (kind, place(name)) for name, kind in _FILTER_IDS.items() if kind in MAKERS}


def _onesend_with(filter_: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in ONESEND.items() if key != "all_apps"}, **filter_}


def _saved_with(filter_: dict[str, Any]) -> dict[str, Any]:
    return {"name": "s", "filter": filter_}


def _instant_with(filter_: dict[str, Any]) -> dict[str, Any]:
    return {"name": "i", "filters": filter_, "push": PUSH}


def _conversion_with(filter_: dict[str, Any]) -> dict[str, Any]:
    return {"name": "c", "event_include": ["reg"], **filter_}


def _weekly_with(filter_: dict[str, Any]) -> dict[str, Any]:
    return {"name": "w", "days": [1], "time": "12:00", "local_time": True, **filter_}


def _scheduler_with(filter_: dict[str, Any]) -> dict[str, Any]:
    timing = {name: ONESEND[name] for name in ("name", "date", "time", "timezone")}
    return {"type": "onesend", **timing, "filter": filter_}


def _scheduler_ids() -> dict[str, tuple[str, Body]]:
    """Every place of an id in a new scheduler."""
    body = _scheduler_with({"all_apps": True})
    return {**_scheduler_filters(), "push_ids": ("push_id", lambda id_: {**body, "push_ids": [id_]})}


def _scheduler_filters() -> dict[str, tuple[str, Body]]:
    """Every place of an id in what says who gets a scheduler."""
    saved = {"type": "onesend", **{name: ONESEND[name] for name in ("name", "date", "time", "timezone")}}
    return {
        **_filter_ids(_scheduler_with),
        "filter_id": ("filter_id", lambda id_: {**saved, "filter_id": id_}),
    }


_SCHEDULER = _scheduler_with({"all_apps": True})
_CREDS = {"push_provider": "onesignal", "onesignal_creds": ONESIGNAL}

CASES: Mapping[tuple[str, str], Case] = {
    ("POST", "/api/b/v2/apps"): Case({"name": "n", **_CREDS}),
    ("PUT", "/api/b/v2/apps/{app_id}"): Case({"name": "n"}),
    ("PUT", "/api/b/v2/apps/{app_id}/creds"): Case(_CREDS),
    ("PUT", "/api/b/v2/apps/{app_id}/credentials"): Case(_CREDS),
    ("PUT", "/api/b/v2/apps/{app_id}/push_provider"): Case(_CREDS),
    ("PUT", "/api/v1/apps/{app_id}/default-zone"): Case({"zone": "Europe/Lisbon"}),
    ("POST", "/api/b/v2/app/groups"): Case(
        {"name": "n", "all_apps": True},
        {
            "app_ids": ("app_id", lambda id_: {"name": "n", "all_apps": False, "app_ids": [id_]}),
            "app_ids of all": ("app_id", lambda id_: {"name": "n", "all_apps": True, "app_ids": [id_]}),
        },
    ),
    ("PUT", "/api/b/v2/app/groups/{app_group_id}"): Case(
        {"name": "n", "all_apps": True},
        {"app_ids": ("app_id", lambda id_: {"name": "n", "all_apps": False, "app_ids": [id_]})},
    ),
    ("POST", "/api/b/v2/events"): Case({"name": "n", "code": "isolation"}),
    ("PUT", "/api/b/v2/events/{event_id}"): Case({"name": "n"}),
    ("POST", "/api/b/v2/pushes"): Case(PUSH),
    ("PUT", "/api/b/v2/pushes/{push_id}"): Case(PUSH),
    ("POST", "/api/v1/pushes"): Case(PUSH),
    ("PUT", "/api/v1/pushes/{push_id}"): Case(PUSH),
    ("POST", "/api/b/v2/query/app-instances"): Case(
        {}, {"app_ids_include": ("app_id", lambda id_: {"app_ids_include": [id_]})}
    ),
    ("POST", "/api/b/v2/sched/onesend"): Case(ONESEND, _filter_ids(_onesend_with)),
    ("POST", "/api/b/v2/sched/conversion"): Case(_conversion_with({"all_apps": True}), _filter_ids(_conversion_with)),
    **{
        ("POST", f"/api/b/v2/sched/{segment}"): Case(_weekly_with({"all_apps": True}), _filter_ids(_weekly_with))
        for segment in ("weekly", "smart", "smart_weekly", "smart-weekly")
    },
    ("POST", "/api/v1/schedulers"): Case(_SCHEDULER, _scheduler_ids()),
    ("POST", "/api/v1/schedulers/dry-run"): Case(_SCHEDULER, _scheduler_ids()),
    ("POST", "/api/v1/schedulers/preview"): Case(_SCHEDULER, _scheduler_filters()),
    ("PUT", "/api/v1/schedulers/{scheduler_id}"): Case(_SCHEDULER, _scheduler_ids()),
    ("PATCH", "/api/v1/schedulers/{scheduler_id}"): Case(
        {"name": "n"},
        {
            "app_ids_include": ("app_id", lambda id_: {"filter": {"app_ids_include": [id_]}}),
            "filter_id": ("filter_id", lambda id_: {"filter_id": id_}),
            "push_ids": ("push_id", lambda id_: {"push_ids": [id_]}),
        },
    ),
    ("POST", "/api/v1/schedulers/{scheduler_id}/duplicate"): Case({}),
    ("POST", "/api/v1/schedulers/{scheduler_id}/test"): Case(
        {},
        {
            "device_ids": ("device_id", lambda id_: {"device_ids": [str(id_)]}),
            "push_id": ("push_id", lambda id_: {"push_id": id_}),
        },
    ),
    ("PUT", "/api/b/v2/sched/{sched_type}/{sched_id}/pushes"): Case(
        {"push_ids": []},
        {
            "push_ids": ("push_id", lambda id_: {"push_ids": [id_]}),
            "pushes": ("push_id", lambda id_: {"pushes": [{"id": id_}]}),
            "list": ("push_id", lambda id_: [id_]),
        },
    ),
    ("PUT", "/api/v1/rules"): Case({"gap": {"minutes": 5}}),
    ("PUT", "/api/v1/apps/{app_id}/rules"): Case({"gap": {"minutes": 5}}),
    ("POST", "/api/v1/audiences/estimate"): Case({"all_apps": True}, _filter_ids(dict)),
    ("POST", "/api/v1/devices/query"): Case({"all_apps": True}, _filter_ids(dict)),
    ("POST", "/api/v1/external-users/export"): Case({"external_id": "u-1"}, {"external_id": ("person", _person)}),
    ("POST", "/api/v1/external-users/erase"): Case({"external_id": "u-1"}, {"external_id": ("person", _person)}),
    ("POST", "/api/v1/audience-groups"): Case(AUDIENCE_GROUP),
    ("PUT", "/api/v1/audience-groups/{audience_group_id}"): Case(AUDIENCE_GROUP),
    ("POST", "/api/v1/filters"): Case({"name": "n", "filter": {"all_apps": True}}, _filter_ids(_saved_with)),
    ("PUT", "/api/v1/filters/{filter_id}"): Case({"name": "n", "filter": {"all_apps": True}}, _filter_ids(_saved_with)),
    ("PUT", "/api/v1/schedulers/{scheduler_id}/comparison"): Case(
        {"pushes": []}, {"pushes": ("push_id", lambda id_: {"pushes": [{"id": id_}]})}
    ),
    ("POST", "/api/v1/webhooks"): Case(WEBHOOK),
    ("PUT", "/api/v1/webhooks/{webhook_id}"): Case({"active": False}),
    ("POST", "/api/v1/webhooks/{webhook_id}/redeliver"): Case({"state": "failed"}),
    ("PUT", "/api/v1/postbacks"): Case({"quiet": False}),
    ("GET", "/api/v1/sends"): Case(queries={"scheduler_id": "sched_id"}),
    ("GET", "/api/v1/statistics"): Case(queries={name: name for name in ("app_id", "push_id", "send_id")}),
    ("POST", "/api/b/v2/send/instant"): Case(_instant_with({"all_apps": True}), _filter_ids(_instant_with)),
}
