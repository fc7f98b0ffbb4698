"""Addresses, bodies and errors (sdk-api.md §1 and §6, decisions.md 7-8, reliability.md IN-1, IN-2, DV-2)."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.integration.api.device_api import FULL_INFO, Api, open_api

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, PUT, OPTIONS",
    "access-control-allow-headers": "content-type, x-instance-token",
}


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper) as opened:
        yield opened


async def test_an_unparsable_app_id_has_the_merged_error_object(api: Api) -> None:
    reply = await api.call("POST", "/api/r/v2/apps/app-x/instances", {"ic_token": "ic-1"})
    error = reply.json
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"] == error.pop("req_id")
    assert error == {
        "type": "problem-types/request-parse-error",
        "title": "Request parse error",
        "status": 400,
        "detail": "can't parse app_id 'app-x'",
        "instance": "/api/v2/apps/:uappId/instances",
        "error": "validation error: can't parse app_id 'app-x'",
    }


APP_IDS = {
    "{app}-{account}": 200,
    "{app}": 200,
    "{app}-999999": 404,
    "{app}-0": 404,
    "999999-{account}": 404,
    "99999999999999999999-{account}": 404,
    "{app}-99999999999999999999": 404,
    "999999": 400,
    "3323424124": 400,
    "0": 400,
    "-{app}": 400,
    "{app}-": 400,
    "{app}-{account}-1": 400,
    "{app}.0": 400,
    "+{app}": 400,
    "é": 400,
    "٣": 400,
    "1" * 200: 400,
}


async def test_app_ids(api: Api) -> None:
    answers = {}
    for form in APP_IDS:
        name = form.format(app=api.app_id, account=api.account_id)
        answers[form] = (await api.call("POST", f"/api/r/v2/apps/{name}/instances", {"ic_token": "ic-1"})).status
    assert answers == APP_IDS


DEVICE_IDS = {
    "1": 404,
    "0": 404,
    "-5": 404,
    "9223372036854775807": 404,
    "9223372036854775808": 404,
    "9" * 60: 404,
    "1.0": 400,
    "1e3": 400,
    "abc": 400,
    "٣": 400,
    "0d9c6b1e-7a35-4c58-9d2f-3b7a1c5e8f90": 404,
    "0d9c6b1e-7a35-4c58-9d2f": 400,
}


async def test_device_ids_that_name_nothing(api: Api) -> None:
    answers = {device: (await api.info(device)).status for device in DEVICE_IDS}
    assert answers == DEVICE_IDS


async def test_foreign_and_missing_devices_look_alike(api: Api, database: Database, keeper: Keeper) -> None:
    """DV-2: app and device must belong together; the answers differ in nothing but the request id."""
    async with open_api(database, keeper) as other:
        theirs = await other.create()
        foreign, missing = await api.info(theirs), await api.info("12345")
        wrong_account = await api.call("PUT", f"/api/r/v2/apps/{other.app_id}-{api.account_id}/instances/{theirs}/info")
    assert [foreign.status, missing.status, wrong_account.status] == [404, 404, 404]
    first, second = foreign.json, missing.json
    assert first.pop("req_id") != second.pop("req_id")
    assert first == second


UNKNOWN_ROUTES = [
    "/api/r/v2/apps//instances",
    "/api/r/v2/apps/{app}/instances/",
    "/api/r/v2/apps/{app}/instances//info",
    "/api/r/v2/apps/{app}/instances/5",
    "/api/r/v2/apps/{app}/instances/5/info/",
    "/api/r/v2/apps/{app}/instances/5/events",
    "/api/r/v2/apps/{app}/devices",
    "/api/r/v2/",
    "/api/r/v1/devices",
]


async def test_unknown_routes_are_404_in_the_error_shape(api: Api) -> None:
    for path in UNKNOWN_ROUTES:
        reply = await api.call("POST", path.format(app=f"{api.app_id}-{api.account_id}"), {"ic_token": "ic-1"})
        assert (reply.status, reply.json["detail"]) == (404, "404 page not found"), path
        assert CORS.items() <= reply.headers.items()


async def test_wrong_methods_are_405(api: Api) -> None:
    assert (await api.call("GET", "instances")).status == 405
    assert (await api.call("POST", "instances/5/info")).status == 405


async def test_preflights_are_answered(api: Api) -> None:
    for path in ("instances", "instances/5/info", "/api/r/v2/anything"):
        reply = await api.call("OPTIONS", path, headers={"Origin": "https://shop.example"})
        assert (reply.status, reply.body) == (204, b"")
        assert CORS.items() <= reply.headers.items()


async def test_every_answer_may_be_read_by_pages_of_any_origin_without_credentials(api: Api) -> None:
    device = await api.create()
    replies = [
        await api.info(device),
        await api.info("5"),
        await api.call("POST", "instances", b"{"),
        await api.call("POST", f"instances/{device}/events/lifecycle", b""),
    ]
    for reply in replies:
        assert CORS.items() <= reply.headers.items()
        assert "access-control-allow-credentials" not in reply.headers


async def test_query_strings_and_content_types_are_ignored(api: Api) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8", "text/plain", ""):
        headers = {"Content-Type": content_type} if content_type else {}
        assert (await api.call("POST", "instances?origin=droid", {"ic_token": "ic-1"}, headers=headers)).status == 200


MALFORMED = {
    "empty": b"",
    "not JSON": b"ic_token=1",
    "truncated": b'{"ic_token":"x"',
    "trailing data": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios"} x',
    "second document": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios"}{}',
    "null": b"null",
    "list": b"[]",
    "string": b'"x"',
    "number": b"5",
    "100000 brackets": b"[" * 16_000,
    "nested objects": b'{"x":' * 40 + b"1" + b"}" * 40,
    "NaN": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","x":NaN}',
    "Infinity": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","tz_sec":Infinity}',
    "1e400": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","x":1e400}',
    "20 digits": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","x":99999999999999999999}',
    "4301 digits": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","x":' + b"9" * 4301 + b"}",
    "lone surrogate": rb'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","x":"\ud800"}',
    "lone low surrogate": rb'{"ic_token":"x\udc00y","transport_type":"fcm","platform_type":"ios"}',
    "NUL": rb'{"ic_token":"a\u0000b","ext_id":"a\u0000b","transport_type":"fcm","platform_type":"ios"}',
    "NUL in a key": rb'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","tags":{"\u0000":"x"}}',
    "invalid UTF-8": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","x":"\xff"}',
    "byte order mark": b'\xef\xbb\xbf{"ic_token":"x","transport_type":"fcm","platform_type":"ios"}',
    "control character": b'{"ic_token":"x","transport_type":"fcm","platform_type":"ios","x":"\x01"}',
}


ROUTES = {
    "create": ("POST", "instances"),
    "info": ("PUT", "instances/{}/info"),
    "deactivate": ("POST", "instances/{}/deactivate"),
    "notification": ("POST", "instances/{}/events/notification"),
    "lifecycle": ("POST", "instances/{}/events/lifecycle"),
}
HEARTBEATS = {"empty", "null"}
"""What a lifecycle call accepts as a body that is absent."""


@pytest.mark.parametrize("route", ROUTES)
async def test_malformed_bodies_are_400_on_every_route(api: Api, route: str) -> None:
    """IN-2: and the next call is unharmed."""
    device = await api.create()
    method, path = ROUTES[route]
    for fault, body in MALFORMED.items():
        reply = await api.call(method, path.format(device), body)
        is_heartbeat = route == "lifecycle" and fault in HEARTBEATS
        assert reply.status == (202 if is_heartbeat else 400), fault
        assert is_heartbeat or reply.json["error"].startswith("validation error: ")
    assert (await api.info(device)).status == 200


async def test_the_last_of_duplicate_keys_wins(api: Api) -> None:
    device = await api.create()
    body = b'{"transport_type":"fcm","platform_type":"ios","country":"de","platform_type":"android","country":"fr"}'
    assert (await api.call("PUT", f"instances/{device}/info", body)).status == 200
    row = await api.row(device)
    assert (row["platform"], row["country"]) == ("android", "FR")


async def test_escapes_and_other_alphabets_are_stored_as_text(api: Api) -> None:
    device = await api.create()
    text = '"quoted" \\back\\ {braces}, comma, NULL, Привет 😀 \n\t'
    told = {"platform_name": text, "tags": {"audiences": text, text[:20]: text}}
    body = json.dumps({"transport_type": "fcm", "platform_type": "android", **told}).encode()
    for form in (body, json.dumps(json.loads(body), ensure_ascii=False).encode()):
        assert (await api.call("PUT", f"instances/{device}/info", form)).status == 200
        row = await api.row(device)
        assert row["platform_name"] == text
        assert row["tags"] == {"audiences": text, text[:20]: text}
        assert text in row["audiences"]


INFO_FIELDS: list[tuple[dict[str, object], int]] = [
    ({"tags": {f"k{n}": "v" for n in range(64)}}, 200),
    ({"tags": {f"k{n}": "v" for n in range(65)}}, 400),
    ({"tags": {"k" * 64: "v" * 256}}, 200),
    ({"tags": {"k" * 65: "v"}}, 400),
    ({"tags": {"k": "v" * 257}}, 400),
    ({"tags": {"k": {"nested": "object"}}}, 400),
    ({"tags": {"number": 5, "flag": True, "nothing": None}}, 200),
    ({"tags": []}, 400),
    ({"platform_type": "p" * 64}, 200),
    ({"platform_type": "p" * 65}, 400),
    ({"ext_id": "e" * 256}, 200),
    ({"ext_id": "e" * 257}, 400),
    ({"transport_token": "t" * 4096}, 200),
    ({"transport_token": "t" * 4097}, 400),
    ({"platform_name": "n" * 1000, "agent_name": "a" * 1000}, 200),
    ({"tz_sec": "3600", "onscreen_count": "many", "onscreen_sec": -1, "onscreen_stop_ts": 10**12}, 200),
    ({"notif_perm_granted": "yes"}, 400),
    ({"country": 5}, 400),
]


async def test_limits_and_types_of_info(api: Api) -> None:
    """IN-7: limits ±1; unfit numbers count as not told (TM-5)."""
    device = await api.create()
    for fields, status in INFO_FIELDS:
        assert (await api.info(device, **fields)).status == status, fields


async def test_bodies_over_16_kib_are_413(api: Api) -> None:
    """IN-1: by the announced length, and by what arrives."""
    device = await api.create()
    path = f"instances/{device}/info"
    fitting = json.dumps({**FULL_INFO, "pad": ""}).encode()
    fitting = fitting.replace(b'"pad": ""', b'"pad": "%s"' % (b"x" * (16_384 - len(fitting))))
    assert (await api.call("PUT", path, fitting)).status == 200
    assert (await api.call("PUT", path, fitting + b" ")).status == 413
    assert (await api.call("PUT", path, b"{}", headers={"Content-Length": "16385"})).status == 413
    assert (await api.call("PUT", path, b"{}", headers={"Content-Length": "-1"})).status == 413


async def test_compressed_bodies_are_415(api: Api) -> None:
    assert (await api.call("POST", "instances", b"\x1f\x8b", headers={"Content-Encoding": "gzip"})).status == 415


async def test_secrets_of_devices_are_not_in_error_texts(api: Api) -> None:
    """LP-1: the answer to a refused call repeats neither tokens nor ids of persons."""
    device = await api.create("canary-ic-token")
    told = {"ic_token": "canary-wrong", "ext_id": "canary-person"}
    replies = [
        await api.call("POST", f"instances/{device}/deactivate", told),
        await api.info(device, transport_type="webpush", transport_token="canary-token"),
        await api.info(device, ext_id=["canary-person"]),
        await api.call("GET", "/api/postback?id=canary-person&status=dep_1"),
    ]
    assert all(reply.status >= 400 and b"canary" not in reply.body for reply in replies)


async def test_without_a_database_calls_are_503_and_heartbeats_are_accepted(database: Database, keeper: Keeper) -> None:
    """ID-9: nothing is acknowledged that is not durable; a heartbeat may be lost."""
    async with open_api(database, keeper, Settings()) as api:
        device = await api.create()
        await database.close()
        replies = await asyncio.gather(
            api.call("POST", "instances", {"ic_token": "ic-2"}),
            api.info(device, country="pt"),
            api.call("POST", f"instances/{device}/deactivate", {"ic_token": "ic-1"}),
            api.confirm(device, api.msg_id(device)),
            api.call("GET", f"/api/postback?id=u&status=dep_{api.account_id}"),
        )
        assert [reply.status for reply in replies] == [503] * 5
        assert not any(b"database" in reply.body for reply in replies), "what lies behind an outage is told"
        assert all(int(reply.headers["retry-after"]) > 0 for reply in replies)
        assert (await api.call("POST", f"instances/{device}/events/lifecycle", b"")).status == 202
