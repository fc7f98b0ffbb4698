"""The filter compiler against a plain model of a device, over real PostgreSQL."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import SYSTEM_BITS, new_account, new_app, new_device

from clarion.db import Conditions, Connection, Database, Statement
from clarion.features.audiences import Filter
from clarion.features.audiences.compiler import compile_filter, sendable, with_ext_ids

pytestmark = pytest.mark.anyio

BITS = {**SYSTEM_BITS, "a": 3, "low": 62, "high": 63, "top": 125}
COUNTRIES = ["PT", "BR", "US", ""]
LANGUAGES = ["pt", "en", "fil", ""]
TRANSPORTS = ["fcm", "apns", ""]
EXT_IDS = ["", "u-1", "u-2"]
ACCOUNT = 1
AUDIENCES = ["vip", f"vip_{ACCOUNT}", "vip_2", "new", "a,b"]


@dataclass(frozen=True)
class Model:
    """A device as people think of it."""

    id: int
    country: str
    lang: str
    audiences: frozenset[str]
    events: frozenset[str]
    active: bool
    token_state: int
    transport: str
    ext_id: str

    def matches(self, filter_: Filter) -> bool:
        return (
            self._in(self.country, [c.upper() for c in filter_.countries_include or []])
            and self.country not in [c.upper() for c in filter_.countries_exclude or []]
            and self._in(self.lang, [tag[:3].rstrip("-_").lower() for tag in filter_.languages_include or []])
            and self.lang not in [tag[:3].rstrip("-_").lower() for tag in filter_.languages_exclude or []]
            and (not filter_.audiences_include or self._has_audience(filter_.audiences_include))
            and not self._has_audience(filter_.audiences_exclude or [])
            and (not filter_.events_included or self._had_event(filter_.events_included))
            and not self._had_event(filter_.events_excluded)
        )

    @staticmethod
    def _in(value: str, allowed: list[str]) -> bool:
        return not allowed or value in allowed

    def _has_audience(self, wanted: list[str]) -> bool:
        return any(own in (value, value.removesuffix(f"_{ACCOUNT}")) for own in self.audiences for value in wanted)

    def _had_event(self, codes: list[str]) -> bool:
        return any(code == "install" or code in self.events for code in codes)


def _subset(chance: random.Random, values: list[str]) -> list[str]:
    return chance.sample(values, chance.choice([0, 0, 1, 2]))


async def _new_model(conn: Connection, app_id: int, chance: random.Random) -> Model:
    events = frozenset(_subset(chance, list(BITS)))
    mask = sum(1 << BITS[code] for code in events)
    columns = {
        "country": chance.choice(COUNTRIES),
        "lang": chance.choice(LANGUAGES),
        "audiences": _subset(chance, AUDIENCES),
        "active": chance.random() < 0.8,
        "token_state": chance.choice([1, 1, 1, 0, 2, 3, 4]),
        "transport": chance.choice(TRANSPORTS),
        "ext_id": chance.choice(EXT_IDS),
    }
    device_id = await new_device(conn, ACCOUNT, app_id, events=mask & (1 << 63) - 1, events_high=mask >> 63, **columns)
    return Model(id=device_id, events=events, **{**columns, "audiences": frozenset(columns["audiences"])})  # type: ignore[arg-type]


@dataclass(frozen=True)
class World:
    """One app full of devices, and a connection to ask the database."""

    conn: Connection
    devices: list[Model]

    async def select(self, conditions: Conditions) -> set[int]:
        statement = Statement("select d.id from device d where {conditions}").where(conditions)
        return {row["id"] for row in await statement.fetch(self.conn)}


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    chance = random.Random(20_260_301)  # noqa: S311 - repeatable
    async with database.transaction() as conn:
        assert await new_account(conn) == ACCOUNT
        app_id = await new_app(conn, ACCOUNT)
        yield World(conn, [await _new_model(conn, app_id, chance) for _ in range(300)])


def _some(values: list[str]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(st.sampled_from(values), max_size=3)


codes = st.none() | st.sampled_from(["", *BITS, "gone"]) | st.lists(st.sampled_from([*BITS, "gone"]), max_size=3)
filters = st.builds(
    Filter,
    countries_include=_some(["PT", "br", "JP"]),
    countries_exclude=_some(["US", "pt"]),
    languages_include=_some(["pt", "PT-br", "EN_us", "fil"]),
    languages_exclude=_some(["en", "FIL-ph"]),
    audiences_include=_some(AUDIENCES),
    audiences_exclude=_some(AUDIENCES),
    event_include=codes,
    event_exclude=codes,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filter_=filters)
async def test_conditions_select_exactly_the_devices_that_the_model_selects(world: World, filter_: Filter) -> None:
    conditions = compile_filter(filter_, account_id=ACCOUNT, bits=BITS)
    assert await world.select(conditions) == {device.id for device in world.devices if device.matches(filter_)}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filter_=filters, transports=st.none() | st.lists(st.sampled_from(TRANSPORTS), max_size=2))
async def test_sendable_adds_reachability_and_transport(
    world: World, filter_: Filter, transports: list[str] | None
) -> None:
    conditions = sendable(compile_filter(filter_, account_id=ACCOUNT, bits=BITS), transports)
    assert await world.select(conditions) == {
        device.id
        for device in world.devices
        if device.matches(filter_)
        and device.active
        and device.token_state == 1
        and (transports is None or device.transport in transports)
    }


async def test_external_user_ids_never_mean_devices_without_one(world: World) -> None:
    conditions = with_ext_ids(compile_filter(Filter(), account_id=ACCOUNT, bits=BITS), ["u-1", ""])
    assert await world.select(conditions) == {device.id for device in world.devices if device.ext_id == "u-1"}
