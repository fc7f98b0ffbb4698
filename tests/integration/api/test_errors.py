"""Whatever is wrong with a request is answered in the documented shape (management-api.md §1, IN-1 to IN-4)."""

import asyncio
from typing import Any

import httpx
import pytest
import structlog
from tests.integration.api.management_client import Api

from clarion.api.binding import ApiRequest
from clarion.api.front import Front
from clarion.db import Database
from clarion.features.events.service import EventService
from clarion.foundation.errors import Conflict, Unavailable
from clarion.services import Services
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

VALID = b'{"name":"n","code":"c"}'


def error_of(answer: httpx.Response, status: int) -> str:
    """The text of an error in the documented shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, str] = answer.json()
    assert set(body) == {"error", "req_id"}
    assert answer.headers["x-request-id"] == body["req_id"]
    return body["error"]


async def post_event(api: Api, body: bytes, **headers: str) -> httpx.Response:
    """The raw bytes as the body of a create call."""
    return await api.call("POST", "/events", content=body, headers=headers)


@pytest.mark.parametrize("path", ["/nope", "/api/b/v2/nope", "/api/b/v2/apps/1/nope", "/api/v1/nope", "/api/b/v3/apps"])
async def test_an_unknown_route_is_404(api: Api, path: str) -> None:
    assert error_of(await api.call("GET", path if path.startswith("/api") else f"/api/b/v2{path}"), 404)
    assert error_of(await api.http.get(path), 404)


async def test_a_wrong_method_is_405_and_names_the_right_ones(api: Api) -> None:
    answer = await api.call("PATCH", "/apps")
    assert error_of(answer, 405) == "method not allowed"
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer nonsense", f"Bearer clk_{'0' * 16}_{'0' * 48}", "Bearer clk_é_é"],
)
async def test_a_key_that_is_missing_malformed_or_unknown_is_401(http: httpx.AsyncClient, value: str) -> None:
    headers = {"authorization": value.encode("utf-8")} if value else {}
    answer = await http.get("/api/b/v2/apps", headers=headers)
    assert error_of(answer, 401).startswith("unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_keys_at_once_are_refused(api: Api) -> None:
    headers = [("authorization", f"Bearer {api.key}"), ("authorization", f"Bearer {api.key}")]
    assert error_of(await api.http.get("/api/b/v2/apps", headers=headers), 401)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("sends?state=zzz", "state must be one of running, paused, cancelled, complete"),
        ("statistics?group_by=zzz", "group_by must be one of day, hour, app, push, send, country, language, platform"),
        ("statistics?format=zzz", "format must be one of json, csv"),
        ("sends?limit=zzz", "limit must be a whole number"),
        ("sends?limit=99999999999999999999", "limit is too large"),
    ],
)
async def test_a_bad_argument_is_400_and_called_as_in_the_address(api: Api, query: str, text: str) -> None:
    assert error_of(await api.call("GET", f"/api/v1/{query}"), 400) == f"validation error: {text}"


async def test_cookies_are_never_looked_at(api: Api) -> None:
    answer = await api.http.get("/api/b/v2/apps", headers={"cookie": f"authorization=Bearer {api.key}; key={api.key}"})
    assert error_of(answer, 401)


async def test_the_scheme_word_is_case_insensitive(api: Api) -> None:
    answer = await api.http.get("/api/b/v2/apps", headers={"authorization": f"bearer {api.key}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "name is required"),
        (b"  \n", "name is required"),
        (b"{", "the body is not JSON"),
        (b"name=n&code=c", "the body is not JSON"),
        (VALID + b"x", "the body is not JSON"),
        (b"\xef\xbb\xbf" + VALID, "the body is not JSON"),
        (b"[]", "the body must be an object, not a list"),
        (b"null", "the body must be an object, not null"),
        (b"\xff\xfe", "the body is not valid UTF-8"),
        (b'{"name":"\xed\xa0\x80","code":"c"}', "the body is not valid UTF-8"),
        (b'{"name":"\\ud800","code":"c"}', "half of a surrogate pair"),
        (b'{"name":"a\\u0000b","code":"c"}', "the character NUL"),
        (b'{"name":"a\x00b","code":"c"}', "the body is not JSON"),
        (b'{"x\\u0000":1,"name":"n","code":"c"}', "the character NUL"),
        (b'{"name":"n","code":"c","code":"d"}', "the key 'code' stands twice"),
        (b'{"name":"n","code":"c","x":{"y":1,"y":2}}', "the key 'y' stands twice"),
        (b'{"name":"n","code":"c","x":NaN}', "NaN is not a JSON number"),
        (b'{"name":"n","code":"c","x":-Infinity}', "-Infinity is not a JSON number"),
        (b'{"name":"n","code":"c","x":1e400}', "a number is too large"),
        (b'{"name":"n","code":"c","x":9223372036854775808}', "a whole number is too large"),
        (b'{"name":"n","code":"c","x":' + b"9" * 5000 + b"}", "a whole number is too large"),
        (b'{"name":"n","code":"c","x":' + b"[" * 32 + b"]" * 32 + b"}", "nested more than 32 levels"),
        (b"[" * 100_000, "nested more than 32 levels"),
        (b'{"name":"n","code":"c","x":[' + b"1," * 10_000 + b"1]}", "more than 10000 entries"),
        (b'{"name":1,"code":"c"}', "name must be text, not a whole number"),
        (b'{"name":null,"code":"c"}', "name must be text, not null"),
    ],
)
async def test_a_bad_body_is_400_and_says_why(api: Api, body: bytes, text: str) -> None:
    error = error_of(await post_event(api, body), 400)
    assert error.startswith("validation error: ")
    assert text in error
    assert (await api.ok("GET", "/events"))["events"] == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"n","code":"c","x":' + b"[" * 31 + b"]" * 31 + b"}",
        b'{"name":"n","code":"c","x":"' + b"[" * 100 + b'"}',
        b'{"name":"n","code":"c","x":9223372036854775807,"y":-9223372036854775807}',
        b'{"name":"\\ud83d\\ude00 \\\\u0000 \\" ","code":"c"}',
        b'{"name":"n","code":"c","unknown":{"keys":["are","ignored"]}}',
    ],
)
async def test_a_body_at_the_limits_is_accepted(api: Api, body: bytes) -> None:
    assert (await post_event(api, body)).status_code == 201


@pytest.mark.parametrize(
    "type_", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_a_body_is_json_whatever_the_content_type_says(api: Api, type_: str) -> None:
    answer = await post_event(api, VALID, **({"content-type": type_} if type_ else {}))
    assert answer.status_code == 201, answer.text


async def test_a_body_over_1_mib_is_413_announced_or_not(api: Api) -> None:
    async def streamed() -> Any:
        for _ in range(17):
            yield b" " * 65_536

    assert "1 MiB" in error_of(await post_event(api, b" " * (1 << 20) + b"x"), 413)
    assert "1 MiB" in error_of(await api.call("POST", "/events", content=streamed()), 413)
    assert (await post_event(api, VALID.ljust(1 << 20))).status_code == 201


async def test_a_body_that_does_not_arrive_is_408(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr(ApiRequest, "body_seconds", 0.05)
    answer = await api.call("POST", "/events", content=endless())
    assert error_of(answer, 408) == "the body did not arrive in time"


async def test_a_compressed_body_is_415(api: Api) -> None:
    assert error_of(await post_event(api, VALID, **{"content-encoding": "gzip"}), 415)
    assert (await post_event(api, VALID, **{"content-encoding": "identity"})).status_code == 201


async def test_every_answer_has_a_request_id_of_its_own(api: Api) -> None:
    answers = [await api.call("GET", "/apps"), await api.call("GET", "/apps"), await api.http.get("/healthz")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 3
    assert all(len(id_) == 26 for id_ in ids)


class Failing(EventService):
    """Fails as told."""

    error: Exception

    async def get(self, account_id: int, event_id: int) -> Any:
        raise self.error


@pytest.fixture
def failing(services: Services, database: Database) -> Failing:
    """Takes the place of the event service."""
    failing = Failing(database=database)
    object.__setattr__(services, "events", failing)
    return failing


async def test_an_unexpected_error_is_500_leaks_nothing_and_is_logged_with_its_request_id(
    failing: Failing, application: Front, api: Api
) -> None:
    failing.error = RuntimeError("the secret is 42")
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answer = await api.call("GET", "/events/1")
    assert "42" not in answer.text
    assert error_of(answer, 500).startswith("internal error")
    failures = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["req_id"] for entry in failures] == [answer.json()["req_id"]]
    assert failures[0]["exc_info"] is failing.error


async def test_an_outage_is_503_with_the_wait(failing: Failing, application: Front, api: Api) -> None:
    failing.error = Unavailable("the database is away", retry_after=7)
    answer = await api.call("GET", "/events/1")
    assert error_of(answer, 503) == "the database is away"
    assert answer.headers["retry-after"] == "7"


async def test_an_outage_of_the_database_does_not_tell_where_it_is(
    failing: Failing, application: Front, api: Api
) -> None:
    failing.error = Unavailable("the database cannot be reached: 10.1.2.3:5432")
    failing.error.__cause__ = ConnectionRefusedError()
    assert "10.1.2.3" not in error_of(await api.call("GET", "/events/1"), 503)


async def test_a_conflict_is_409(failing: Failing, application: Front, api: Api) -> None:
    failing.error = Conflict("it is done already")
    assert error_of(await api.call("GET", "/events/1"), 409) == "it is done already"


@pytest.mark.parametrize("settings", [Settings(api_rate_per_min=3)])
async def test_a_key_over_its_rate_is_429_and_others_are_served(api: Api, stranger: Api) -> None:
    answers = [await api.call("GET", "/apps") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
    assert error_of(answers[3], 429).startswith("too many requests")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    assert error_of(await api.call("GET", "/events"), 429)
    assert (await stranger.call("GET", "/apps")).status_code == 200


@pytest.mark.parametrize("settings", [Settings(api_rate_per_min=0)])
async def test_without_a_limit_there_are_no_limit_headers(api: Api) -> None:
    assert "x-ratelimit-limit" not in (await api.call("GET", "/apps")).headers


async def test_operator_routes_need_no_key(http: httpx.AsyncClient, api: Api) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}
    assert set((await http.get("/version")).json()) == {"version"}
    await api.call("GET", "/apps/123456")
    metrics = (await http.get("/metrics")).text
    assert 'clarion_api_requests_total{method="GET",route="/api/b/v2/apps/{app_id}",status="404"} 1.0' in metrics
    assert "123456" not in metrics
    assert (await http.get("/openapi.json")).json()["openapi"].startswith("3.1")


async def test_readiness_is_503_while_a_migration_is_missing(http: httpx.AsyncClient, database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("delete from schema_migration")
    answer = await http.get("/readyz")
    assert "clarion migrate" in error_of(answer, 503)
    assert "retry-after" in answer.headers
    assert (await http.get("/healthz")).status_code == 200


async def test_readiness_is_503_while_the_database_is_away(http: httpx.AsyncClient, database: Database) -> None:
    await database.close()
    answer = await http.get("/readyz")
    assert error_of(answer, 503) == "temporarily unavailable: try again later"
    assert int(answer.headers["retry-after"]) > 0


async def test_device_calls_go_to_the_device_api(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/r/v2/apps/x/instances", content=b"{}")
    assert answer.status_code == 400
    assert "access-control-allow-origin" in answer.headers
    assert "access-control-allow-origin" not in (await http.get("/api/b/v2/apps")).headers
