"""A key for reading reads, asks and estimates; it sends and changes nothing."""

import pytest
from tests.integration.api.management_client import Api

from clarion.api.auth import QUERIES
from clarion.api.front import Front
from clarion.features.accounts import Caller
from clarion.features.accounts.keys import KeyScope
from clarion.services import Services

pytestmark = pytest.mark.anyio


async def test_a_key_for_reading_changes_nothing(api: Api, services: Services, application: Front) -> None:
    made = await services.keys.create(Caller(api.account_id, "operator"), name="Reports", scope=KeyScope.READ)
    reader = Api(api.http, api.account_id, made.text)
    await reader.ok("GET", "/apps")
    await reader.ok("POST", "/query/app-instances", {})
    assert "reading only" in await reader.refused("POST", "/events", {"name": "x", "code": "x"}, status=403)
    changing = 0
    for route in application.management.routes:
        methods = getattr(route, "methods", set()) - {"GET", "HEAD", "OPTIONS"}
        if not route.path.startswith("/api/") or route.path_format in QUERIES:
            continue
        for method in sorted(methods):
            answer = await reader.call(method, route.path_format.replace("{", "").replace("}", ""), {})
            assert answer.status_code == 403, (method, route.path_format, answer.text)
            changing += 1
    assert changing > 40
