"""Options, placeholders and size warnings of pushes over HTTP."""

from typing import Any

import pytest
from tests.integration.api.management_client import Api

pytestmark = pytest.mark.anyio

OPTIONS: dict[str, Any] = {
    "ttl": 3600,
    "priority": "normal",
    "collapse_key": "weather",
    "android": {"channel_id": "news", "color": "#00FF00"},
    "ios": {"sound": "rain.caf", "badge": 0, "interruption_level": "time-sensitive", "relevance_score": 0.5},
    "web": {"require_interaction": True},
    "actions": [{"id": "map", "title": "Map", "link": "https://weather.example/map"}],
    "links": {"ios": "weather://today"},
    "raw": {"fcm": {"fcm_options": {"analytics_label": "rain"}}},
}


def push(text: str = "Sale", **fields: Any) -> dict[str, Any]:
    return {"default_lang": "en", "translations": [{"language": "en", "title": "Hi", "text": text}], **fields}


@pytest.mark.parametrize("path", ["/api/b/v2", "/api/v1"])
async def test_options_are_returned_as_they_were_given(api: Api, path: str) -> None:
    created = await api.ok("POST", f"{path}/pushes", push(options=OPTIONS), status=201)
    assert set(created) == {"id", "translations"}
    assert (await api.ok("GET", f"{path}/pushes/{created['id']}"))["options"] == OPTIONS
    await api.ok("PUT", f"{path}/pushes/{created['id']}", push(options={"silent": True}), status=204)
    assert (await api.ok("GET", f"{path}/pushes/{created['id']}"))["options"] == {"silent": True}
    await api.ok("PUT", f"{path}/pushes/{created['id']}", push(), status=204)
    assert "options" not in await api.ok("GET", f"{path}/pushes/{created['id']}")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tll": 60}, "options.tll is not known"),
        ({"ios": {"bagde": 1}}, "options.ios.bagde is not known"),
        ({"actions": [{"id": "a", "title": "t", "url": "x"}]}, "options.actions[0].url is not known"),
        ({"raw": {"gcm": {}}}, "options.raw.gcm is not known"),
        ({"ttl": -1}, "options.ttl must be at least 0"),
        ({"ttl": 2_419_201}, "options.ttl must be at most 2419200"),
        ({"ttl": "60"}, "options.ttl must be a whole number or null, not text"),
        ({"priority": "urgent"}, "options.priority is not valid"),
        ({"collapse_key": "x" * 65}, "options.collapse_key must have at most 64 characters"),
        ({"ios": {"relevance_score": 1.5}}, "options.ios.relevance_score must be at most 1"),
        ({"actions": [{"id": str(n), "title": "t"} for n in range(6)]}, "options.actions must have at most 5 entries"),
        ({"raw": {"fcm": {"token": "x"}}}, "options.raw.fcm must not contain token"),
        ([], "options must be an object or null, not a list"),
    ],
)
async def test_wrong_options_are_named_and_change_nothing(api: Api, options: Any, words: str) -> None:
    await api.new_app()
    assert words in await api.refused("POST", "/pushes", push(options=options))
    instant = {"name": "n", "filters": {"all_apps": True}, "push": push(options=options)}
    assert words in await api.refused("POST", "/send/instant", instant)


async def test_a_wrong_placeholder_is_refused_with_its_place(api: Api) -> None:
    words = "text of translation en: the placeholder at character 4 is not understood"
    assert words in await api.refused("POST", "/pushes", push("Hi {{ name }}"))


async def test_placeholders_read_back_as_they_were_written(api: Api) -> None:
    text = 'Hi {{ tags.name | "friend" }}'
    created = await api.ok("POST", "/pushes", push(text), status=201)
    assert (await api.ok("GET", f"/pushes/{created['id']}"))["translations"][0]["text"] == text


async def test_a_push_that_is_too_large_is_accepted_with_warnings(api: Api) -> None:
    await api.new_app()
    created = await api.ok("POST", "/pushes", push("x" * 2500), status=201)
    assert [(one["provider"], one["language"], one["limit"]) for one in created["warnings"]] == [
        ("fcm", "en", 4096),
        ("apns", "en", 4096),
        ("onesignal", "en", 2048),
    ]
    assert all(one["bytes"] > one["limit"] for one in created["warnings"])
    replaced = await api.ok("PUT", f"/pushes/{created['id']}", push("x" * 2501), status=200)
    assert [one["bytes"] for one in replaced["warnings"]] == [
        one["bytes"] + copies for one, copies in zip(created["warnings"], (2, 2, 1), strict=True)
    ]
    instant = {"name": "n", "filters": {"all_apps": True}, "push": push("x" * 2500)}
    assert (await api.ok("POST", "/send/instant", instant, status=201))["warnings"] == created["warnings"]
