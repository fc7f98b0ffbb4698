"""Events with their postback addresses, and postback options, under `/api/v1`."""

import pytest
from tests.integration.api.management_client import Api

pytestmark = pytest.mark.anyio


async def test_each_event_tells_the_address_of_its_postback(api: Api, stranger: Api) -> None:
    event_id = await api.new_event("level_up")
    await stranger.new_event("other")
    page = await api.ok("GET", "/api/v1/events")
    assert [event["code"] for event in page["events"]] == ["install", "reg", "dep", "level_up"]
    assert page["pagination"]["total_count"] == 4
    shown = await api.ok("GET", f"/api/v1/events/{event_id}")
    assert shown == page["events"][3]
    assert shown["postback_url"].endswith(f"/api/postback/?id={{id}}&status=level_up_{api.account_id}")
    await stranger.refused("GET", f"/api/v1/events/{event_id}", status=404)


async def test_the_address_of_an_event_counts_it(api: Api) -> None:
    address = (await api.ok("GET", "/api/v1/events"))["events"][1]["postback_url"]
    target = address[address.index("/api/") :].replace("{id}", "u-1")
    answer = await api.http.get(target)
    assert (answer.status_code, "no such event code or device" in answer.text) == (404, True)


async def test_options_are_replaced_whole_and_need_a_secret_for_signatures(api: Api, stranger: Api) -> None:
    nothing = {"signature_required": False, "networks": [], "quiet": False, "starts_auto_push": True}
    assert await api.ok("GET", "/api/v1/postbacks") == {**nothing, "has_secret": False}
    await api.refused("PUT", "/api/v1/postbacks", {"signature_required": True}, status=409)
    secret = (await api.ok("POST", "/api/v1/postbacks/secret", status=201))["secret"]
    wanted = {"signature_required": True, "networks": ["203.0.113.0/24"], "quiet": True, "starts_auto_push": False}
    await api.ok("PUT", "/api/v1/postbacks", wanted, status=204)
    assert await api.ok("GET", "/api/v1/postbacks") == {**wanted, "has_secret": True}
    assert await stranger.ok("GET", "/api/v1/postbacks") == {**nothing, "has_secret": False}
    assert (await api.ok("POST", "/api/v1/postbacks/secret", status=201))["secret"] != secret
    assert (await api.ok("GET", "/api/v1/postbacks"))["signature_required"]
    for wrong in ({"networks": ["203.0.113.1/24"]}, {"networks": ["here"]}, {"networks": ["10.0.0.0/8"] * 101}):
        assert "networks" in await api.refused("PUT", "/api/v1/postbacks", wrong)
