"""Pushes over HTTP: management-api.md §6."""

from typing import Any

import pytest
from tests.integration.api.management_client import Api

pytestmark = pytest.mark.anyio

MISSING = 987_654_321
PUSH = {
    "default_lang": "en",
    "translations": [
        {"language": "en", "title": "Hi", "text": "Sale", "link": "shop/1", "image": None},
        {"language": "pt", "title": "Olá", "text": "Saldos 🎉"},
    ],
}


async def new_push(api: Api) -> int:
    push_id: int = (await api.ok("POST", "/pushes", PUSH, status=201))["id"]
    return push_id


async def test_a_created_push_is_answered_with_ids_and_reads_back(api: Api) -> None:
    created = await api.ok("POST", "/pushes", {**PUSH, "unknown": 1}, status=201)
    assert set(created) == {"id", "translations"}
    assert [item["language"] for item in created["translations"]] == ["en", "pt"]
    english, portuguese = created["translations"]
    assert await api.ok("GET", f"/pushes/{created['id']}") == {
        "id": created["id"],
        "default_lang": "en",
        "translations": [
            {"id": english["id"], "language": "en", "title": "Hi", "text": "Sale", "image": "", "icon": "",
             "link": "shop/1"},
            {"id": portuguese["id"], "language": "pt", "title": "Olá", "text": "Saldos 🎉", "image": "", "icon": "",
             "link": ""},
        ],
        "status": 1,
        "scheduler": None,
    }  # fmt: skip


def translation(**fields: Any) -> dict[str, Any]:
    return {"default_lang": "en", "translations": [{"language": "en", "title": "t", "text": "x", **fields}]}


WRONG: list[tuple[Any, str]] = [
    ({}, "default_lang is required"),
    ({"default_lang": "en"}, "translations is required"),
    ({"default_lang": "en", "translations": []}, "translations must not be empty"),
    ({"default_lang": "en", "translations": {}}, "translations must be a list"),
    ({**PUSH, "default_lang": "de"}, "translations has no entry for the default_lang de"),
    ({**PUSH, "translations": PUSH["translations"][:1] * 2}, "contains language en twice"),
    (translation(language="eng"), "two-letter language code"),
    (translation(title=None), "title must be text"),
    (translation(title=""), "title of translation en is required"),
    (translation(text=5), "text must be text, not a whole number"),
    (translation(text="x" * 10_001), "text of translation en is longer than 10000 characters"),
    (translation(link="x" * 2_049), "link of translation en is longer than 2048 characters"),
    ([], "the body must be an object"),
]


async def test_a_wrong_push_is_refused_in_words_on_creation_and_replacement(api: Api) -> None:
    push_id = await new_push(api)
    before = await api.ok("GET", f"/pushes/{push_id}")
    for method, path in (("POST", "/pushes"), ("PUT", f"/pushes/{push_id}")):
        for body, text in WRONG:
            refusal = await api.refused(method, path, body)
            assert refusal.startswith("validation error: ")
            assert text in refusal
    assert await api.ok("GET", f"/pushes/{push_id}") == before


async def test_replacement_keeps_the_ids_of_kept_languages(api: Api) -> None:
    created = await api.ok("POST", "/pushes", PUSH, status=201)
    body = {"default_lang": "pt", "translations": [{"language": "pt", "title": "a", "text": "b"}]}
    await api.ok("PUT", f"/pushes/{created['id']}", body, status=204)
    push = await api.ok("GET", f"/pushes/{created['id']}")
    assert [(item["id"], item["title"]) for item in push["translations"]] == [(created["translations"][1]["id"], "a")]


async def test_activation_is_idempotent_and_shows_as_status(api: Api) -> None:
    push_id = await new_push(api)
    for action, status in (("deactivate", 0), ("activate", 1)):
        for _ in range(2):
            await api.ok("POST", f"/pushes/{push_id}/{action}", status=204)
        assert (await api.ok("GET", f"/pushes/{push_id}"))["status"] == status


async def test_a_deleted_push_is_gone(api: Api) -> None:
    push_id = await new_push(api)
    await api.ok("DELETE", f"/pushes/{push_id}", status=204)
    await api.refused("DELETE", f"/pushes/{push_id}", status=404)
    await api.refused("GET", f"/pushes/{push_id}", status=404)


CALLS = [
    ("GET", "/pushes/{id}", None),
    ("PUT", "/pushes/{id}", PUSH),
    ("DELETE", "/pushes/{id}", None),
    ("POST", "/pushes/{id}/activate", None),
    ("POST", "/pushes/{id}/deactivate", None),
]


async def test_a_foreign_push_answers_like_one_that_never_existed(api: Api, stranger: Api) -> None:
    foreign = await new_push(stranger)
    before = await stranger.ok("GET", f"/pushes/{foreign}")
    for method, path, body in CALLS:
        texts = {
            (await api.refused(method, path.format(id=push_id), body, status=404)).replace(str(push_id), "N")
            for push_id in (foreign, MISSING)
        }
        assert len(texts) == 1
    assert await stranger.ok("GET", f"/pushes/{foreign}") == before


@pytest.mark.parametrize(("push_id", "status"), [("0", 404), ("-1", 404), (str(2**63), 404), ("1e3", 400), ("x", 400)])
async def test_ids_out_of_range_are_missing_and_others_malformed(api: Api, push_id: str, status: int) -> None:
    for method, path, body in CALLS:
        await api.refused(method, path.format(id=push_id), body, status=status)
