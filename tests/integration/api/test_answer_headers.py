"""What every answer of the management side tells browsers and caches (reliability.md AU-6, AU-9)."""

import httpx
import pytest
from tests.integration.api.management_client import Api

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/api/b/v2/apps", "/api/b/v2/nope", "/api/v1/credentials", "/metrics", "/readyz"])
async def test_answers_are_kept_by_nobody_and_taken_for_nothing_else(api: Api, path: str) -> None:
    answer = await api.http.get(path, headers={"authorization": f"Bearer {api.key}"})
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert "access-control-allow-origin" not in answer.headers


async def test_a_refusal_before_the_key_is_checked_has_them_too(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get("/api/b/v2/apps"),
        await http.post("/api/b/v2/apps", headers={"content-encoding": "gzip"}, content=b"x"),
    ):
        assert answer.status_code in {401, 415}
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_route_that_says_otherwise_is_not_overruled(http: httpx.AsyncClient) -> None:
    answer = await http.get("/sdk/clarion.js")
    assert answer.headers.get_list("cache-control") == ["no-cache"]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
