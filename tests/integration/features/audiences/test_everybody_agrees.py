"""Whoever asks which devices a filter means gets the same answer, and it is the one that people would give.

Random filters over a random population, on real PostgreSQL: estimate, devices query, dispatch and auto-push against a
plain model of a device.
"""

import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import SYSTEM_BITS, EventCodes, new_account, new_app, new_device

from clarion.db import Conditions, Database, Statement, load
from clarion.features.accounts import Caller
from clarion.features.audiences import AudienceService, Filter
from clarion.features.audiences.compiler import compile_filter, sendable, with_ext_ids
from clarion.features.audiences.groups import AudienceGroupBody, AudienceGroupService
from clarion.features.audiences.model import TagRule
from clarion.features.audiences.reach import ReachService
from clarion.features.deliveries.dispatch import DispatchStore
from clarion.features.devices.query import DeviceQuery, DeviceQueryService
from clarion.features.sends import LeasedSlice, SendPlan
from clarion.features.sends.model import FIRST_DEVICE_ID, LAST_DEVICE_ID
from clarion.foundation.secrets import Keeper
from clarion.providers.registry import TRANSPORTS

pytestmark = pytest.mark.anyio

ACCOUNT = 1
BITS = {**SYSTEM_BITS, "a": 3, "low": 62, "high": 63, "top": 125}
CUSTOM = {code: bit for code, bit in BITS.items() if code not in SYSTEM_BITS}
COUNTRIES = ["PT", "BR", "US", ""]
LANGUAGES = ["pt", "en", "fil", ""]
PLATFORMS = ["android", "ios", "browser", ""]
PLATFORM_NAMES = ["ios_17", "android_api_34", ""]
USED_TRANSPORTS = ["fcm", "fcm.data", "apns", ""]
EXT_IDS = ["", "u-1", "u-2", "u-3"]
AUDIENCES = ["vip", f"vip_{ACCOUNT}", "vip_2", "new", "a,b"]
AGENTS = ["plain", "px_sdk_1.2.0", "1.10", "web@2", "x_1.2.3.4.5", "v.7", "0.0.0"]
DAYS_AGO = [0.5, 3.5, 10.5, 40.5]
TAGS = [{}, {"plan": "gold"}, {"plan": "golden", "ref": "x"}, {"ref": "X%_"}]
NOW = datetime.now(UTC)
APPS = FIRST, SECOND, ARCHIVED = 1, 2, 3
GROUPS = {1: ["vip", "a,b"], 2: ["new"]}
ARCHIVED_GROUP = 2
"""Ids, as the first ones of a new database; drawn filters have to know them beforehand."""


@dataclass(frozen=True)
class Model:
    """A device as people think of it."""

    app_id: int
    id: int
    country: str
    lang: str
    platform: str
    platform_name: str
    transport: str
    agent: str
    audiences: frozenset[str]
    events: frozenset[str]
    tags: dict[str, str]
    seen: float
    registered: float
    """Days ago."""
    active: bool
    token_state: int
    ext_id: str

    @property
    def reachable(self) -> bool:
        return self.active and self.token_state == 1

    def matches(self, asked: Filter) -> bool:
        return (
            self._among(self.country, asked, "countries", str.upper)
            and self._among(self.lang, asked, "languages", lambda tag: re.split("[-_]", tag)[0].lower())
            and self._among(self.platform, asked, "platforms")
            and self._among(self.platform_name, asked, "platform_names")
            and self._among(self.transport, asked, "transports")
            and self._among(self.ext_id, asked, "external_ids")
            and self._in_audiences(asked)
            and self._had_events(asked)
            and all(self._has_tag(rule) for rule in asked.tags or [])
            and self._at_its_time(asked)
            and self._has_version(asked)
        )

    @staticmethod
    def _among(value: str, asked: Filter, name: str, normal: Any = str) -> bool:
        include = [normal(item) for item in asked.listed(f"{name}_include")]
        exclude = [normal(item) for item in asked.listed(f"{name}_exclude")]
        return (not include or value in include) and value not in exclude

    def _in_audiences(self, asked: Filter) -> bool:
        def any_of(side: str) -> bool:
            named = [*asked.listed(f"audiences_{side}")]
            for group in asked.listed(f"audience_groups_{side}"):
                named += GROUPS[int(group)] if group != ARCHIVED_GROUP else []
            return any(
                own in (value, str(value).removesuffix(f"_{ACCOUNT}")) for own in self.audiences for value in named
            )

        restricted = asked.audiences_include or asked.audience_groups_include
        return (not restricted or any_of("include")) and not any_of("exclude")

    def _had_events(self, asked: Filter) -> bool:
        had = self.events | {"install"}
        include, exclude = asked.events_included, asked.events_excluded
        return (not include or bool(had & set(include))) and not had & set(exclude)

    def _has_tag(self, rule: TagRule) -> bool:
        value = self.tags.get(rule.key)
        holds = value is not None
        if rule.equals is not None:
            holds = value == rule.equals
        if rule.contains is not None:
            holds = value is not None and rule.contains in value
        return holds is not rule.negate

    def _at_its_time(self, asked: Filter) -> bool:
        registered = NOW - timedelta(days=self.registered)
        return (
            (asked.last_active_within is None or self.seen <= int(asked.last_active_within[:-1]))
            and (asked.last_active_before is None or self.seen > int(asked.last_active_before[:-1]))
            and (asked.registered_from is None or registered >= asked.registered_from)
            and (asked.registered_to is None or registered < asked.registered_to)
        )

    def _has_version(self, asked: Filter) -> bool:
        def key(text: str) -> list[int]:
            return [int(part) for part in re.sub(r"(\.0+)+$", "", text).split(".")]

        numbers = re.split("[^0-9.]", self.agent)[-1]
        known = bool(numbers) and 1 <= len(numbers.split(".")) <= 4 and all(numbers.split("."))
        low, high = asked.app_version_min, asked.app_version_max
        if low is None and high is None:
            return True
        return known and (low is None or key(numbers) >= key(low)) and (high is None or key(numbers) <= key(high))


def _subset(chance: random.Random, values: Sequence[str]) -> list[str]:
    return chance.sample(values, chance.choice([0, 0, 1, 2]))


def _traits(chance: random.Random) -> dict[str, Any]:
    return {
        "country": chance.choice(COUNTRIES),
        "lang": chance.choice(LANGUAGES),
        "platform": chance.choice(PLATFORMS),
        "platform_name": chance.choice(PLATFORM_NAMES),
        "transport": chance.choice(USED_TRANSPORTS),
        "agent": chance.choice(AGENTS),
        "audiences": _subset(chance, AUDIENCES),
        "tags": chance.choice(TAGS),
        "active": chance.random() < 0.8,
        "token_state": chance.choice([1, 1, 1, 1, 0, 2, 3, 4]),
        "ext_id": chance.choice(EXT_IDS),
    }


@dataclass(frozen=True)
class World:
    """Two active apps and an archived one, full of devices, and everybody who asks about them."""

    database: Database
    audiences: AudienceService
    queries: DeviceQueryService
    dispatch: DispatchStore
    devices: list[Model] = field(repr=False)

    def meant(self, asked: Filter) -> list[Model]:
        """The model's answer, reachable or not."""
        apps = [FIRST, SECOND] if asked.all_apps else asked.app_ids_include or []
        return [
            device
            for device in self.devices
            if device.app_id in apps and device.app_id != ARCHIVED and device.matches(asked)
        ]

    async def estimated(self, asked: Filter) -> tuple[int, bool, dict[int, int], dict[str, int]]:
        found = await self.audiences.estimate(ACCOUNT, asked)
        return found.devices, found.exact, dict(found.by_app), dict(found.by_country)

    async def estimated_uncounted(self, asked: Filter) -> tuple[int, bool, dict[int, int], dict[str, int]]:
        """As long as no worker has counted anything."""
        async with self.database.acquire() as conn:
            await conn.execute("update app_reach set counted_below = -counted_below")
            try:
                return await self.estimated(asked)
            finally:
                await conn.execute("update app_reach set counted_below = -counted_below")

    async def queried(self, asked: Filter) -> tuple[set[int], int]:
        query = DeviceQuery(asked, as_scheduler=True)
        found = await self.queries.after(ACCOUNT, query, cursor="", limit=1000)
        assert found.total_count == len(found.devices)
        return {int(device.id) for device in found.devices}, found.active_count

    async def dispatched(self, asked: Filter) -> set[int]:
        """Recipients of a slice of each app and provider."""
        plan = _plan()
        conditions = await self.audiences.conditions(ACCOUNT, asked)
        found: set[int] = set()
        for app_id in await self.audiences.resolve_apps(ACCOUNT, asked):
            for provider in ("fcm", "apns"):
                item = LeasedSlice(1, 0, ACCOUNT, app_id, provider, FIRST_DEVICE_ID, LAST_DEVICE_ID, 1)
                async for page in self.dispatch.recipients(item, plan, conditions, personal=False):
                    found |= {recipient[0] for recipient in page}
        return found

    async def rechecked(self, asked: Filter) -> set[int]:
        """Devices for which an auto-push would still hold at its due moment."""
        conditions = await self.audiences.conditions(ACCOUNT, asked)
        apps = await self.audiences.resolve_apps(ACCOUNT, asked)
        targets = load("clarion.features.schedulers", "conversion.sql").targets
        async with self.database.acquire() as conn:
            rows = await targets.where(conditions).fetch(
                conn,
                account_id=ACCOUNT,
                app_ids=[device.app_id for device in self.devices],
                device_ids=[device.id for device in self.devices],
                day=NOW.date(),
                send_ids=[],
            )
        return {row["id"] for row in rows if row["matches"] and row["app_id"] in apps}

    async def select(self, conditions: Conditions) -> set[int]:
        statement = Statement("select d.id from device d where {conditions}").where(conditions)
        async with self.database.acquire() as conn:
            return {row["id"] for row in await statement.fetch(conn)}


def _plan() -> SendPlan:
    """A send that includes everybody."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    told = {"id": 1, "account_id": ACCOUNT, "day": NOW.date(), "cutoff_at": ahead, "due_at": ahead, "expires_at": ahead}
    return SendPlan(**{**dict.fromkeys(SendPlan.__dataclass_fields__), **told})  # type: ignore[arg-type]


@pytest.fixture
async def world(database: Database) -> World:
    chance = random.Random(20_260_301)  # noqa: S311 - repeatable
    devices = []
    async with database.transaction() as conn:
        assert await new_account(conn) == ACCOUNT
        apps = [await new_app(conn, ACCOUNT, archived=app == ARCHIVED) for app in APPS]
        assert apps == [*APPS]
        for _ in range(250):
            traits, events = _traits(chance), frozenset(_subset(chance, list(BITS)))
            mask, app_id = sum(1 << BITS[code] for code in events), chance.choice(apps)
            seen, registered = chance.choice(DAYS_AGO), chance.choice(DAYS_AGO)
            device_id = await new_device(
                conn,
                ACCOUNT,
                app_id,
                events=mask & (1 << 63) - 1,
                events_high=mask >> 63,
                last_seen_at=NOW - timedelta(days=seen),
                created_at=NOW - timedelta(days=registered),
                **{name: value for name, value in traits.items() if name != "tags"},
            )
            traits["audiences"] = frozenset(traits["audiences"])
            devices.append(
                Model(app_id=app_id, id=device_id, events=events, seen=seen, registered=registered, **traits)
            )
    events_service = EventCodes(CUSTOM)
    audiences = AudienceService(database=database, events=events_service)
    group_service, caller = AudienceGroupService(database=database), Caller(ACCOUNT, "test")
    for group, audiences_of in GROUPS.items():
        assert await group_service.create(caller, AudienceGroupBody("g", audiences_of)) == group
    await group_service.set_archived(caller, ARCHIVED_GROUP, archived=True)
    reach = ReachService(database=database)
    while await reach.settle():
        pass
    keeper = Keeper(os.urandom(32))
    async with database.transaction() as conn:
        for device in devices:
            sealed = keeper.seal(b"installation", f"ic_token:{device.app_id}:{device.id}")
            await conn.execute(
                "update device set ic_token = $1, tags = $2 where id = $3", sealed, device.tags, device.id
            )
    return World(
        database,
        audiences,
        DeviceQueryService(database=database, keeper=keeper, audiences=audiences, events=events_service),
        DispatchStore(database=database),
        devices,
    )


def _pair(name: str, values: Sequence[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Each value on one side at most, and mostly on none."""
    sides = st.sampled_from(["", "", "", "include", "exclude"])

    def split(chosen: list[str]) -> dict[str, Any]:
        return {
            f"{name}_{side}": [value for value, at in zip(values, chosen, strict=True) if at == side]
            for side in ("include", "exclude")
        }

    return st.just({}) | st.lists(sides, min_size=len(values), max_size=len(values)).map(split)


def _codes(values: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    def chosen(pair: tuple[list[str], int]) -> dict[str, Any]:
        drawn, cut = pair
        return {"event_include": drawn[:cut], "event_exclude": drawn[cut] if len(drawn) == cut + 1 else drawn[cut:]}

    some = st.lists(st.sampled_from(values), max_size=3, unique=True)
    return st.just({}) | st.tuples(some, st.integers(0, 2)).map(chosen)


_tag_rules = st.builds(
    lambda key, value, way, negate: TagRule(key, **{way: value} if way else {}, negate=negate),
    st.sampled_from(["plan", "ref", "none"]),
    st.sampled_from(["gold", "X%", "%", "x"]),
    st.sampled_from(["", "equals", "contains"]),
    st.booleans(),
)
_moments: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"last_active_within": "7d"},
        {"last_active_before": "1d"},
        {"last_active_within": "30d", "last_active_before": "1d"},
        {"registered_from": NOW - timedelta(days=20)},
        {"registered_from": NOW - timedelta(days=20), "registered_to": NOW - timedelta(days=5)},
        {"app_version_min": "1.2"},
        {"app_version_min": "1.9", "app_version_max": "2.0.0"},
        {"app_version_max": "1.10"},
    ]
)


_apps = st.sampled_from([{"all_apps": True}, {"app_ids_include": [SECOND, ARCHIVED]}])
_parts: list[st.SearchStrategy[dict[str, Any]]] = [
    _pair("countries", ["PT", "br", "US"]),
    _pair("languages", ["PT-br", "EN_us", "fil"]),
    _pair("platforms", ["android", "ios"]),
    _pair("platform_names", ["ios_17", "android_api_34"]),
    _pair("transports", ["fcm", "apns", "huawei"]),
    _pair("external_ids", ["u-1", "u-2", "nobody"]),
    _pair("audiences", AUDIENCES),
    _pair("audience_groups", list(GROUPS)),
    _codes(list(BITS)),
    st.lists(_tag_rules, max_size=2).map(lambda rules: {"tags": rules}),
    _moments,
]
_few = st.lists(st.sampled_from(range(len(_parts))), min_size=1, max_size=3, unique=True)
filters = _few.flatmap(lambda few: st.tuples(_apps, *(_parts[number] for number in few))).map(
    lambda parts: Filter(**{name: value for part in parts for name, value in part.items()})
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=filters)
async def test_estimate_query_dispatch_and_auto_push_agree_with_the_model(world: World, asked: Filter) -> None:
    meant = world.meant(asked)
    reachable = [device for device in meant if device.reachable]
    by_app = {app: n for app in APPS if (n := sum(device.app_id == app for device in reachable))}
    by_country = {code: n for code in COUNTRIES if (n := sum(device.country == code for device in reachable))}
    expected = (len(reachable), True, by_app, by_country)
    assert await world.estimated(asked) == expected, msgspec.to_builtins(asked)
    assert await world.estimated_uncounted(asked) == expected
    assert await world.queried(asked) == ({device.id for device in meant}, len(reachable))
    sent = {device.id for device in reachable if device.transport in TRANSPORTS}
    assert await world.dispatched(asked) == sent
    assert await world.rechecked(asked) == {device.id for device in meant}


async def test_reachability_transport_and_external_ids_narrow_any_conditions(world: World) -> None:
    conditions = compile_filter(Filter(countries_include=["pt"]), account_id=ACCOUNT, bits=BITS)
    narrowed = sendable(conditions, ["fcm", "apns"])
    assert await world.select(narrowed) == {
        device.id
        for device in world.devices
        if device.country == "PT" and device.reachable and device.transport in ("fcm", "apns")
    }
    named = with_ext_ids(compile_filter(Filter(), account_id=ACCOUNT, bits=BITS), ["u-1", ""])
    assert await world.select(named) == {device.id for device in world.devices if device.ext_id == "u-1"}
