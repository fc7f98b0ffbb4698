"""Applications over HTTP: management-api.md §3."""

import base64

import pytest
from tests.integration.api.management_client import ONESIGNAL, Api, service_account, token_key, without

from clarion.db import Database
from clarion.services import Services

pytestmark = pytest.mark.anyio

MISSING = 987_654_321


async def test_a_created_app_is_returned_alone_and_in_the_list(api: Api) -> None:
    body = {
        "push_provider": "onesignal",
        "name": "Weather PT",
        "link": "https://store.example/w",
        "onesignal_creds": ONESIGNAL,
    }
    app_id = (await api.ok("POST", "/apps", body, status=201))["id"]
    expected = {
        "id": app_id,
        "pushexpress_id": f"{app_id}-{api.account_id}",
        "push_provider": "onesignal",
        "name": "Weather PT",
        "link": "https://store.example/w",
        "groups": [],
        "has_firebase_creds": False,
        "has_apns_creds": False,
        "has_onesignal_creds": True,
        "has_huawei_creds": False,
        "archived": False,
    }
    assert await api.ok("GET", f"/apps/{app_id}") == expected
    assert await api.ok("GET", "/apps") == [expected]


async def test_an_account_without_apps_gets_an_empty_list(api: Api) -> None:
    assert await api.ok("GET", "/apps") == []
    assert await api.ok("GET", "/apps?archived=true") == []


@pytest.mark.parametrize(
    ("provider", "creds", "flag"),
    [
        ("firebase", service_account, "has_firebase_creds"),
        ("apns", token_key, "has_apns_creds"),
        ("huawei", lambda: {"app_id": "101234567", "app_secret": "a+b/c="}, "has_huawei_creds"),
    ],
)
async def test_credentials_of_every_provider_are_accepted(api: Api, provider: str, creds, flag: str) -> None:  # type: ignore[no-untyped-def]
    body = {"push_provider": provider, "name": "n", f"{provider}_creds": creds()}
    app_id = (await api.ok("POST", "/apps", body, status=201))["id"]
    app = await api.ok("GET", f"/apps/{app_id}")
    assert app[flag] is True
    assert app["push_provider"] == provider


async def test_the_generic_name_of_credentials_is_understood_and_loses_to_the_specific_one(api: Api) -> None:
    body = {"push_provider": "onesignal", "name": "n", "push_provider_creds": ONESIGNAL}
    await api.ok("POST", "/apps", body, status=201)
    wrong = {"app_id": "not a uuid", "api_key": "k"}
    await api.ok("POST", "/apps", {**body, "push_provider_creds": wrong, "onesignal_creds": ONESIGNAL}, status=201)
    assert "app_id must be a UUID" in await api.refused("POST", "/apps", {**body, "push_provider_creds": wrong})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": ""}, "name is required"),
        ({"name": "  "}, "name is required"),
        ({"name": "a\nb"}, "name must hold printable characters only"),
        ({"name": "x" * 201}, "name must have at most 200 characters"),
        ({"name": 5}, "name must be text, not a whole number"),
        ({"link": "x" * 2049}, "link must have at most 2048 characters"),
        ({"push_provider": None}, "push_provider is required"),
        ({"push_provider": "pigeon"}, "push_provider must be one of firebase, apns, onesignal, huawei"),
        ({"push_provider": "firebase"}, "firebase_creds is required when push_provider is firebase"),
        ({"onesignal_creds": None}, "onesignal_creds is required when push_provider is onesignal"),
        ({"onesignal_creds": {}}, "onesignal_creds.app_id is required"),
        ({"onesignal_creds": {**ONESIGNAL, "api_key": "a b"}}, "onesignal_creds.api_key must be"),
        ({"onesignal_creds": []}, "onesignal_creds must be an object or null, not a list"),
    ],
)
async def test_a_broken_rule_is_named_and_creates_nothing(api: Api, change: dict[str, object], text: str) -> None:
    body = {"push_provider": "onesignal", "name": "n", "onesignal_creds": ONESIGNAL, **change}
    assert f"validation error: {text}" in await api.refused("POST", "/apps", body)
    assert await api.ok("GET", "/apps") == []


async def test_a_missing_name_is_required(api: Api) -> None:
    body = {"push_provider": "onesignal", "onesignal_creds": ONESIGNAL}
    assert await api.refused("POST", "/apps", body) == "validation error: name is required"


async def test_archived_apps_have_a_list_of_their_own(api: Api) -> None:
    kept, archived = await api.new_app("kept"), await api.new_app("archived")
    for _ in range(2):
        await api.ok("POST", f"/apps/{archived}/archive", status=204)
    assert [app["id"] for app in await api.ok("GET", "/apps")] == [kept]
    assert [app["id"] for app in await api.ok("GET", "/apps?archived=true")] == [archived]
    assert (await api.ok("GET", f"/apps/{archived}"))["archived"] is True
    for _ in range(2):
        await api.ok("POST", f"/apps/{archived}/unarchive", status=204)
    assert [app["id"] for app in await api.ok("GET", "/apps?archived=0")] == [kept, archived]


async def test_a_repeated_archive_leaves_one_audit_entry(api: Api, database: Database) -> None:
    app_id = await api.new_app()
    for _ in range(3):
        await api.ok("POST", f"/apps/{app_id}/archive", status=204)
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "select actor, action, object from audit_entry where object like 'app:%' order by id"
        )
    assert [(row["action"], row["object"]) for row in rows] == [
        ("app.create", f"app:{app_id}"),
        ("app.archive", f"app:{app_id}"),
    ]
    assert {row["actor"] for row in rows} == {f"key:{api.key.split('_')[1]}"}


async def test_base_data_can_be_changed_in_parts(api: Api) -> None:
    app_id = await api.new_app("before")
    await api.ok("PUT", f"/apps/{app_id}", {"name": "after", "link": "store/after"}, status=204)
    await api.ok("PUT", f"/apps/{app_id}", {"name": "later"}, status=204)
    app = await api.ok("GET", f"/apps/{app_id}")
    assert (app["name"], app["link"]) == ("later", "store/after")
    assert await api.refused("PUT", f"/apps/{app_id}", {"name": ""}) == "validation error: name is required"
    assert await api.refused("PUT", f"/apps/{app_id}", {}) == "validation error: name is required"


async def test_a_deleted_app_is_gone_from_everywhere(api: Api, database: Database, services: Services) -> None:
    app_id, other = await api.new_app(), await api.new_app()
    group_id = await api.new_group(app_id, other)
    scheduler = await _new_scheduler(database, api, {"app_ids_include": [app_id, other], "app_ids_exclude": [app_id]})
    await api.ok("DELETE", f"/apps/{app_id}", status=204)
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", ""), ("POST", "/archive"), ("GET", "/vapid")):
        body = {"name": "n"} if method == "PUT" else None
        await api.refused(method, f"/apps/{app_id}{path}", body, status=404)
    assert (await api.ok("GET", f"/app/groups/{group_id}"))["app_ids"] == [other]
    assert await _filter_of(database, scheduler) == {"app_ids_include": [other], "app_ids_exclude": []}
    assert await services.apps.credential(app_id, "onesignal") is None
    assert await services.apps.providers_of(api.account_id, [app_id]) == {}


@pytest.mark.parametrize("path", ["creds", "credentials", "push_provider"])
async def test_the_main_provider_is_switched_and_others_stay(api: Api, services: Services, path: str) -> None:
    app_id = await api.new_app()
    await api.ok("PUT", f"/apps/{app_id}/{path}", {"push_provider": "apns", "apns_creds": token_key()}, status=204)
    app = await api.ok("GET", f"/apps/{app_id}")
    assert (app["push_provider"], app["has_apns_creds"], app["has_onesignal_creds"]) == ("apns", True, True)
    assert await services.apps.providers_of(api.account_id, [app_id]) == {app_id: ["apns", "onesignal", "webpush"]}
    await api.ok("PUT", f"/apps/{app_id}/{path}", {"push_provider": "onesignal"}, status=204)
    assert (await api.ok("GET", f"/apps/{app_id}"))["push_provider"] == "onesignal"


async def test_a_provider_without_credentials_cannot_become_the_main_one(api: Api) -> None:
    app_id = await api.new_app()
    text = await api.refused("PUT", f"/apps/{app_id}/creds", {"push_provider": "apns"})
    assert text == "validation error: apns_creds is required when push_provider is apns"
    assert (await api.ok("GET", f"/apps/{app_id}"))["push_provider"] == "onesignal"
    assert "push_provider is required" in await api.refused("PUT", f"/apps/{app_id}/creds", {})


async def test_a_replaced_credential_has_a_new_version_and_no_pause(
    api: Api, services: Services, database: Database
) -> None:
    app_id = await api.new_app()
    before = await services.apps.credential(app_id, "onesignal")
    async with database.acquire() as connection:
        await connection.execute("update app_credential set paused_at = now(), results = 7 where app_id = $1", app_id)
    await api.ok("PUT", f"/apps/{app_id}/creds", {"onesignal_creds": {**ONESIGNAL, "api_key": "new"}}, status=204)
    after = await services.apps.credential(app_id, "onesignal")
    assert before is not None
    assert after is not None
    assert (before.version, after.version) == (1, 2)
    assert before.fingerprint != after.fingerprint
    assert after.values["api_key"] == "new"
    async with database.acquire() as connection:
        row = await connection.fetchrow(
            "select paused_at, results from app_credential where app_id = $1 and provider = 'onesignal'", app_id
        )
    assert row is not None
    assert (row["paused_at"], row["results"]) == (None, 0)


@pytest.mark.parametrize("path", ["vapid", "vapid-key", "vapid_key"])
async def test_every_app_has_a_vapid_key_for_life(api: Api, services: Services, path: str) -> None:
    app_id = await api.new_app()
    answer = await api.ok("GET", f"/apps/{app_id}/{path}")
    assert answer["vapid_key"] == answer["public_key"]
    assert len(answer["vapid_key"]) == 87
    assert answer["vapid_key"].startswith("B")
    await api.ok("PUT", f"/apps/{app_id}/creds", {"onesignal_creds": ONESIGNAL}, status=204)
    assert await api.ok("GET", f"/apps/{app_id}/vapid") == answer
    pair = await services.apps.credential(app_id, "webpush")
    assert pair is not None
    assert pair.values["public_key"] == answer["vapid_key"]
    assert len(base64.urlsafe_b64decode(pair.values["private_key"] + "=")) == 32


async def test_groups_of_an_app_are_listed_by_id_and_name(api: Api) -> None:
    app_id, other = await api.new_app(), await api.new_app()
    own = await api.new_group(app_id, name="own")
    everything = await api.new_group(all_apps=True, name="everything")
    await api.new_group(other, name="not mine")
    groups = [{"id": own, "name": "own"}, {"id": everything, "name": "everything"}]
    assert (await api.ok("GET", f"/apps/{app_id}"))["groups"] == groups
    await api.ok("POST", f"/apps/{app_id}/archive", status=204)
    assert (await api.ok("GET", f"/apps/{app_id}"))["groups"] == groups[:1]


async def test_no_answer_and_no_row_shows_a_secret(api: Api, database: Database) -> None:
    account = service_account()
    body = {"push_provider": "firebase", "name": "n", "firebase_creds": account, "onesignal_creds": ONESIGNAL}
    app_id = (await api.ok("POST", "/apps", body, status=201))["id"]
    answers = [await api.call("GET", "/apps"), await api.call("GET", f"/apps/{app_id}")]
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "select c::text as text from app_credential c union all select a::text from audit_entry a"
        )
    middle = account["private_key"].splitlines()[5]
    for text in [*(answer.text for answer in answers), *(row["text"] for row in rows)]:
        assert middle not in text
        assert "k-9" not in text
        assert "BEGIN" not in text


async def test_a_sealed_credential_moved_to_another_app_does_not_open(
    api: Api, database: Database, services: Services
) -> None:
    source, target = await api.new_app(), await api.new_app()
    async with database.acquire() as connection:
        await connection.execute(
            """
            update app_credential t set sealed = s.sealed from app_credential s
            where t.app_id = $1 and s.app_id = $2 and t.provider = 'onesignal' and s.provider = 'onesignal'
            """,
            target,
            source,
        )
    with pytest.raises(Exception, match="does not open"):
        await services.apps.credential(target, "onesignal")


async def test_ids_that_are_no_integers_are_400_and_impossible_ones_404(api: Api) -> None:
    for text in ("x", "1.5", "1e3", "0x10", "5a", "٣"):
        assert "app_id must be a whole number" in await api.refused("GET", f"/apps/{text}")
    missing = await api.refused("GET", f"/apps/{MISSING}", status=404)
    for text in ("0", "-1", str(2**63), "9" * 400):
        assert await api.refused("GET", f"/apps/{text}", status=404) == missing


@pytest.mark.parametrize("name", ["project_id", "private_key", "client_email", "token_uri"])
async def test_each_needed_part_of_a_service_account_is_asked_for(api: Api, name: str) -> None:
    body = {"push_provider": "firebase", "name": "n", "firebase_creds": without(service_account(), name)}
    assert await api.refused("POST", "/apps", body) == f"validation error: firebase_creds.{name} is required"


async def _new_scheduler(database: Database, api: Api, filter_: dict[str, object]) -> int:
    async with database.acquire() as connection:
        scheduler_id: int = await connection.fetchval(
            """
            insert into scheduler (account_id, type, name, timing, filter)
            values ($1, 'onesend', 's', '{}', $2) returning id
            """,
            api.account_id,
            filter_,
        )
    return scheduler_id


async def _filter_of(database: Database, scheduler_id: int) -> object:
    async with database.acquire() as connection:
        return await connection.fetchval("select filter from scheduler where id = $1", scheduler_id)
