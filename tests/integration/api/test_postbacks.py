"""Postbacks (sdk-api.md §7, reliability.md ID-7)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.factories import new_app
from tests.integration.api.device_api import Api, Reply, open_api

from clarion.api.r_v2.postback import DEMANDS_KEPT
from clarion.db import Database
from clarion.features.accounts import Caller
from clarion.features.events.postbacks import PostbackOptions, sign
from clarion.features.events.service import EventService
from clarion.foundation.secrets import Keeper

pytestmark = pytest.mark.anyio

INSTALL, REG, DEP = 0, 1, 2


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper) as opened:
        yield opened


async def postback(
    api: Api, reference: str, code: str = "dep", *, method: str = "GET", path: str = "/api/postback/", more: str = ""
) -> Reply:
    """One postback."""
    return await api.call(method, f"{path}?id={reference}&status={code}_{api.account_id}{more}")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/api/postback", "/api/postback/", "/api/r/v2/postback", "/api/r/v2/postback/"])
async def test_a_postback_is_recorded(api: Api, method: str, path: str) -> None:
    device = await api.create("ic-1", "u-1")
    reply = await postback(api, "u-1", "reg", method=method, path=path)
    assert (reply.status, reply.json) == (200, {"status": "ok"})
    assert await api.history(device) == [(INSTALL, 1), (REG, 1)]
    assert (await api.row(device))["events"] == 0b011


async def test_repeats_are_stored_with_their_number(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    for _ in range(3):
        await postback(api, "u-1")
    assert await api.history(device) == [(INSTALL, 1), (DEP, 1), (DEP, 2), (DEP, 3)]


async def test_parallel_repeats_get_different_numbers(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    replies = await asyncio.gather(*(postback(api, "u-1") for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    assert await api.history(device) == [(INSTALL, 1), *((DEP, number) for number in range(1, 11))]


async def test_a_transaction_id_counts_once(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    for txid in ("t-1", "t-1", "t-2"):
        assert (await postback(api, "u-1", more=f"&txid={txid}")).status == 200
    await postback(api, "u-1", "reg", more="&txid=t-1")
    assert sorted(await api.history(device)) == [(INSTALL, 1), (REG, 1), (DEP, 1), (DEP, 2)]


async def test_old_transaction_ids_are_forgotten(api: Api) -> None:
    await api.create("ic-1", "u-1")
    await postback(api, "u-1", more="&txid=t-1")
    assert await api.services.devices.forget_postbacks() == 0
    async with api.database.acquire() as connection:
        await connection.execute("update postback_txid set noted_at = now() - interval '31 days'")
    assert await api.services.devices.forget_postbacks() == 1


async def test_head_and_prefetch_never_count(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    head = await postback(api, "u-1", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    path = f"/api/postback/?id=u-1&status=dep_{api.account_id}"
    for headers in ({"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}):
        assert (await api.call("GET", path, headers=headers)).status == 200
    assert await api.history(device) == [(INSTALL, 1)]


async def test_all_devices_of_an_external_id_are_reached_in_all_apps_of_the_account(api: Api) -> None:
    first, second = await api.create("ic-1", "u-1"), await api.create("ic-2", "u-1")
    async with api.database.acquire() as connection:
        other_app = await new_app(connection, api.account_id)
    path = f"/api/r/v2/apps/{other_app}-{api.account_id}/instances"
    third = (await api.call("POST", path, {"ic_token": "ic-3", "ext_id": "u-1"})).json["id"]
    await postback(api, "u-1")
    async with api.database.acquire() as connection:
        rows = await connection.fetch("select device_id from device_event where bit = $1", DEP)
    assert {str(row["device_id"]) for row in rows} == {first, second, third}


async def test_installation_tokens_and_device_ids_are_found_too(api: Api) -> None:
    device = await api.create("ic-1")
    assert (await postback(api, "ic-1")).status == 200
    assert (await postback(api, device)).status == 200
    assert (await api.history(device))[1:] == [(DEP, 1), (DEP, 2)]


async def test_the_external_id_is_preferred(api: Api) -> None:
    by_token, by_ext_id = await api.create("same"), await api.create("ic-2", "same")
    await postback(api, "same")
    assert await api.history(by_token) == [(INSTALL, 1)]
    assert await api.history(by_ext_id) == [(INSTALL, 1), (DEP, 1)]


async def test_inactive_devices_are_not_found(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    await api.call("POST", f"instances/{device}/deactivate", {"ic_token": "ic-1"})
    for reference in ("u-1", "ic-1", device):
        assert (await postback(api, reference)).status == 404
    assert await api.history(device) == [(INSTALL, 1)]


async def test_another_account_s_device_is_not_found(api: Api, database: Database, keeper: Keeper) -> None:
    """TA-3: equal external ids in two accounts."""
    async with open_api(database, keeper) as other:
        theirs = await other.create("ic-9", "u-9")
        for reference in ("u-9", "ic-9", theirs):
            assert (await postback(api, reference)).status == 404
        assert await other.history(theirs) == [(INSTALL, 1)]


async def test_a_code_with_underscores_is_split_at_the_last(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    async with api.database.acquire() as connection:
        await connection.execute(
            """
            insert into event_definition (account_id, code, name, type, bit)
            values ($1, 'trial_2_end', 'x', 'CUSTOM', 70)
            """,
            api.account_id,
        )
    assert (await postback(api, "u-1", "trial_2_end")).status == 200
    assert (await api.history(device))[1:] == [(70, 1)]
    assert (await api.row(device))["events_high"] == 1 << 7


@pytest.mark.parametrize("bit", [62, 63, 125])
async def test_every_bit_of_the_masks_can_be_set(api: Api, bit: int) -> None:
    device = await api.create("ic-1", "u-1")
    async with api.database.acquire() as connection:
        await connection.execute(
            "insert into event_definition (account_id, code, name, type, bit) values ($1, 'edge', 'x', 'CUSTOM', $2)",
            api.account_id,
            bit,
        )
    await postback(api, "u-1", "edge")
    row = await api.row(device)
    assert row["events"] | row["events_high"] << 63 == 1 | 1 << bit


async def test_an_inactive_code_is_ignored(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    async with api.database.acquire() as connection:
        await connection.execute("update event_definition set active = false where code = 'dep'")
    assert (await postback(api, "u-1")).json == {"status": "ok"}
    assert await api.history(device) == [(INSTALL, 1)]


UNFIT = [
    ("id=u-1&status=sold_{account}", 404),
    ("id=nobody&status=dep_{account}", 404),
    ("id=u-1&status=dep_999999", 404),
    ("id=99999999999999999999999999&status=dep_{account}", 404),
    ("id=9223372036854775808&status=dep_{account}", 404),
    ("id=u-1&status=dep", 400),
    ("id=u-1&status=_{account}", 400),
    ("id=u-1&status=dep_", 400),
    ("id=u-1&status=dep_12x", 400),
    ("id=u-1&status=dep_99999999999999999999", 400),
    ("id=u-1&status=dep_9223372036854775808", 400),
    ("id=u-1", 400),
    ("status=dep_{account}", 400),
    ("id=&status=dep_{account}", 400),
    ("", 400),
    ("id=%ff&status=dep_{account}", 400),
    ("id=%00&status=dep_{account}", 400),
    ("id=" + "x" * 300 + "&status=dep_{account}", 400),
    ("&".join(f"a{number}=1" for number in range(200)), 400),
]


async def test_unfit_postbacks_have_the_error_object(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    for query, status in UNFIT:
        reply = await api.call("GET", "/api/postback/?" + query.format(account=api.account_id))
        assert (reply.status, reply.json["status"]) == (status, status), query
        assert reply.json["error"]
        assert reply.json["req_id"] == reply.headers["x-request-id"]
    assert await api.history(device) == [(INSTALL, 1)]


async def test_other_methods_are_405(api: Api) -> None:
    assert (await postback(api, "u-1", method="DELETE")).status == 405


async def test_cross_origin_pages_reach_only_the_alias_under_the_device_api(api: Api) -> None:
    """AU-9."""
    assert (await api.call("OPTIONS", "/api/r/v2/postback")).status == 204
    assert (await api.call("OPTIONS", "/api/postback")).status == 405
    assert "access-control-allow-origin" not in (await postback(api, "u-1")).headers


async def demand(api: Api, **options: Any) -> str:
    """Replace the account's options; its secret."""
    caller = Caller(api.account_id, "operator")
    secret = await api.services.postbacks.make_secret(caller)
    await api.services.postbacks.put(caller, PostbackOptions(**options))
    api.clock.ahead += timedelta(seconds=DEMANDS_KEPT)
    return secret


async def test_only_signed_postbacks_count_where_signatures_are_required(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    secret = await demand(api, signature_required=True)
    query = f"id=u-1&status=dep_{api.account_id}&txid=t-1"
    good = sign(secret, query)
    others = sign("another", query)
    for more in ("", f"&signature={others}", "&signature=", f"&signature={good}&x=1", f"&x=1&signature={good}"):
        assert (await api.call("GET", f"/api/postback/?{query}{more}")).status == 403
    assert await api.history(device) == [(INSTALL, 1)]
    assert (await api.call("GET", f"/api/postback/?{query}&signature={good.upper()}")).status == 200
    assert (await api.call("GET", f"/api/postback/?{query}&signature={good}")).status == 200
    assert await api.history(device) == [(INSTALL, 1), (DEP, 1)]
    await demand(api, signature_required=True)
    assert (await api.call("GET", f"/api/postback/?{query}&signature={good}")).status == 403


async def test_only_named_networks_count(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    await demand(api, networks=["198.51.100.0/24", "2001:db8::/32"])
    path = f"/api/postback/?id=u-1&status=reg_{api.account_id}"
    assert (await api.call("GET", path, client="203.0.113.9")).status == 403
    for client in ("198.51.100.7", "2001:db8::1"):
        assert (await api.call("GET", path, client=client)).status == 200
    assert await api.history(device) == [(INSTALL, 1), (REG, 1), (REG, 2)]


async def test_in_quiet_mode_every_postback_is_answered_alike(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    secret = await demand(api, quiet=True, signature_required=True)
    replies: list[Reply] = []
    for reference, code in (("u-1", "reg"), ("nobody", "reg"), ("u-1", "unknown")):
        query = f"id={reference}&status={code}_{api.account_id}"
        signed = f"{query}&signature={sign(secret, query)}"
        replies += [await api.call("GET", f"/api/postback/?{each}") for each in (query, signed)]
    assert {(reply.status, reply.body) for reply in replies} == {(200, b'{"status":"ok"}')}
    assert await api.history(device) == [(INSTALL, 1), (REG, 1)]


async def test_postbacks_start_auto_pushes_unless_the_account_does_not_want_it(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    async with api.database.acquire() as connection:
        await connection.execute(
            "insert into scheduler (account_id, type, name, timing, filter) values ($1, 'conversion', 'a', $2, $3)",
            api.account_id,
            {"delay": "", "delay_sec": 0},
            {"all_apps": True, "event_include": ["reg"]},
        )
    await demand(api, starts_auto_push=False)
    await postback(api, "u-1", "reg")
    armed = "select array_agg(number) from trigger"
    assert await api.value(armed) is None
    await demand(api)
    await api.value(
        "update device_event set at = at - interval '2 seconds' returning 1"
    )  # within one they are the same
    await postback(api, "u-1", "reg")
    assert await api.value(armed) == [2]
    assert await api.history(device) == [(INSTALL, 1), (REG, 1), (REG, 2)]


async def test_repeated_deposits_are_events_of_their_own_where_there_are_codes_for_them(api: Api) -> None:
    """management-api.md Q11."""
    events = EventService(database=api.database)
    caller = Caller(api.account_id, "operator")
    await events.create(caller, name="Third", code="dep3")
    inactive = await events.create(caller, name="Fourth", code="dep4")
    await events.set_active(caller, inactive, active=False)
    device = await api.create("ic-1", "u-1")
    bits = await events.bits(api.account_id)
    for _ in range(4):
        await postback(api, "u-1")
    deposits = [(DEP, 1), (DEP, 2), (DEP, 3), (bits["dep3"], 1), (DEP, 4)]
    assert await api.history(device) == [(INSTALL, 1), *deposits]
    assert (await api.row(device))["events"] == 1 << INSTALL | 1 << DEP | 1 << bits["dep3"]
