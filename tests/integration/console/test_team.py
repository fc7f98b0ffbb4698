"""Personal and team: keys, members, the account's settings, the audit log, webhooks; strangers' words stay words."""

import re

import httpx
import pytest
from tests.integration.console.conftest import NewVisitor, Visitor

from clarion.features.accounts.roles import Role
from clarion.features.rules.limits import By, Cap, Then
from clarion.features.rules.quiet import Day, QuietHours
from clarion.foundation.errors import Unauthorized
from clarion.services import Services

pytestmark = pytest.mark.anyio

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'%(name)s{{7*7}}"


def member_id(visitor: Visitor) -> int:
    assert visitor.member is not None
    return visitor.member.id


def made_key(answer: httpx.Response) -> str:
    found = re.search(r"clk_[0-9a-f]{16}_[0-9a-f]{48}", answer.text)
    assert found, answer.text
    return found[0]


async def test_a_key_is_shown_once_replaced_and_revoked(owner: Visitor, services: Services) -> None:
    made = await owner.post("/keys", {"name": "Shop", "scope": "write"})
    key = made_key(made)
    assert (await services.accounts.authenticate(key)).account_id
    page = await owner.page("/keys")
    assert key not in page
    assert "Shop" in page
    newest = re.findall(r"/keys/(\d+)/rotate", page)[0]
    other = made_key(await owner.post(f"/keys/{newest}/rotate"))
    newest = re.findall(r"/keys/(\d+)/revoke", await owner.page("/keys"))[0]
    assert (await services.accounts.authenticate(other)).account_id
    assert await owner.done(f"/keys/{newest}/revoke") == "/keys"
    assert (await owner.post(f"/keys/{newest}/revoke")).status_code == 404
    services.accounts._known.clear()
    for old in (key, other):
        with pytest.raises(Unauthorized):
            await services.accounts.authenticate(old)


async def test_a_key_for_reading_is_known_as_such(owner: Visitor, services: Services) -> None:
    key = made_key(await owner.post("/keys", {"name": "Reports", "scope": "read"}))
    assert (await services.accounts.authenticate(key)).read_only
    assert (await owner.post("/keys", {"name": "", "scope": "all"})).status_code == 422


async def test_the_last_owner_stays(owner: Visitor, editor: Visitor) -> None:
    for path, fields in (
        (f"/team/{member_id(owner)}/role", {"role": "viewer"}),
        (f"/team/{member_id(owner)}/remove", {}),
    ):
        refused = await owner.post(path, fields)
        assert refused.status_code == 409
        assert "owner" in refused.text
    assert await owner.done(f"/team/{member_id(editor)}/role", {"role": "owner"}) == "/team"
    assert (await editor.get("/team")).status_code == 303, "who gets another role signs in anew"
    assert await owner.done(f"/team/{member_id(owner)}/role", {"role": "viewer"}) == "/team"


async def test_who_is_removed_is_out_at_once(owner: Visitor, editor: Visitor) -> None:
    assert (await editor.get("/team")).status_code == 200
    await owner.done(f"/team/{member_id(editor)}/remove")
    assert (await editor.get("/team")).status_code == 303


async def test_an_invitation_is_shown_once_and_can_be_withdrawn(owner: Visitor, visitors: NewVisitor) -> None:
    answer = await owner.post("/team/invitations", {"email": "new@example.com", "role": "editor"})
    found = re.search(r"http://127.0.0.1:8080/console(/welcome/invitation/[\w-]+)", answer.text)
    assert found
    page = await owner.page("/team")
    assert found[1] not in page
    guest = await visitors()
    assert "new@example.com" in await guest.page(found[1])
    number = re.findall(r"/team/invitations/(\d+)/withdraw", page)[0]
    assert await owner.done(f"/team/invitations/{number}/withdraw") == "/team"
    assert (await guest.get(found[1])).status_code == 404
    again = await owner.post("/team/invitations", {"email": "owner@example.com", "role": "viewer"})
    assert again.status_code == 422


async def test_rules_of_the_account_are_read_and_kept(owner: Visitor, services: Services) -> None:
    assert owner.member is not None
    account_id = owner.member.account_id
    fields = {
        "quiet": "1", "from": "21:30", "to": "07:00", "days": ["sat", "sun"],
        "capped": "1", "max": "3", "hours": "24", "cap_by": "user", "cap_then": "skip",
    }  # fmt: skip
    assert await owner.done("/account/rules", fields) == "/account"
    rules = await services.rules.of_account(account_id)
    assert rules.quiet_hours == QuietHours("21:30", "07:00", [Day.SAT, Day.SUN])
    assert rules.caps == [Cap(3, 24, By.USER, Then.SKIP)]
    assert 'value="21:30"' in await owner.page("/account")
    for wrong in (
        {**fields, "from": "25:00"},
        {**fields, "max": "0"},
        {**fields, "hours": "x"},
        {"quiet": "1", "from": "1", "to": ""},
    ):
        assert (await owner.post("/account/rules", wrong)).status_code == 422
    assert await services.rules.of_account(account_id) == rules
    assert await owner.done("/account/rules", {}) == "/account"
    assert not await services.rules.of_account(account_id)
    assert (await owner.post("/account", {"name": "Shop", "default_zone": "Mars/Olympus"})).status_code == 422
    assert await owner.done("/account", {"name": "Shop", "default_zone": "Europe/Lisbon"}) == "/account"


async def test_a_webhook_is_made_tested_changed_and_deleted(owner: Visitor) -> None:
    refused = await owner.post("/webhooks", {"url": "http://127.0.0.1/", "events": ["send.finished"]})
    assert refused.status_code == 422
    fields = {
        "url": "https://hooks.example.com/x",
        "events": ["send.finished"],
        "active": "1",
        "description": EVIL[:20],
    }
    made = await owner.post("/webhooks", fields)
    secret = re.search(r"whsec_[\w-]+", made.text)
    assert secret
    listing = await owner.page("/webhooks")
    number = re.findall(r"/webhooks/(\d+)\"", listing)[0]
    assert secret[0] not in await owner.page(f"/webhooks/{number}")
    assert await owner.done(f"/webhooks/{number}/ping") == f"/webhooks/{number}"
    page = await owner.page(f"/webhooks/{number}?state=waiting")
    assert "A test is on its way" in page
    assert "A test is on its way" not in await owner.page(f"/webhooks/{number}"), "notices are shown once"
    assert await owner.done(f"/webhooks/{number}/redeliver", {}) == f"/webhooks/{number}"
    assert await owner.done(f"/webhooks/{number}", {**fields, "active": ""}) == f"/webhooks/{number}"
    assert "whsec_" in (await owner.post(f"/webhooks/{number}/secret")).text
    assert await owner.done(f"/webhooks/{number}/delete") == "/webhooks"
    assert (await owner.get(f"/webhooks/{number}")).status_code == 404


async def test_the_audit_log_tells_who_did_what_and_can_be_narrowed(owner: Visitor, editor: Visitor) -> None:
    await owner.post("/keys", {"name": "Shop", "scope": "write"})
    await editor.done("/profile", {"name": "Ed Itor", "language": "", "time_zone": ""})
    page = await owner.page("/audit")
    assert "made an API key" in page
    assert "created the account" in page
    narrowed = await owner.page(f"/audit?actor=member:{member_id(editor)}&from=2020-01-01&to=2090-01-01")
    assert "Ed Itor" in narrowed
    assert "changed the profile" in narrowed
    assert "made an API key" not in narrowed
    only_rows = await owner.get("/audit?kind=key", headers={"hx-request": "true"})
    assert "made an API key" in only_rows.text
    assert "<html" not in only_rows.text
    for strange in ("from=0001-01-01&to=9999-12-31", "before=x", "before=99999999999999999999", "actor=%00", "from=x"):
        assert (await owner.get(f"/audit?{strange}")).status_code == 200


async def test_words_of_strangers_stay_words(owner: Visitor, editor: Visitor, services: Services) -> None:
    """Names and texts with markup, format places and template syntax in them, on every page of this area."""
    evil = EVIL[:200]
    assert owner.member is not None
    session = await services.sessions.find(owner.cookie)
    assert session is not None
    await editor.done("/profile", {"name": evil, "language": "", "time_zone": ""})
    await owner.done("/account", {"name": evil, "default_zone": "UTC"})
    await owner.post("/keys", {"name": evil, "scope": "write"})
    await services.links.invite(session.caller, email='"<b>%(name)s@example.com', role=Role.VIEWER)
    await services.webhooks.create(
        session.caller, url="https://hooks.example.com/", events=["send.finished"], description=evil
    )
    for path in ("/profile", "/team", "/keys", "/webhooks", "/webhooks/1", "/audit", "/account"):
        page = await owner.page(path)
        assert "<script>alert" not in page, path
        assert "<img" not in page.replace('<img src="/console/static/', ""), path
        assert "49" not in re.sub(r"[\w-]*49[\w-]+|[\w-]+49", "", page) or "{{7*7}}" in page, path
    refused = await owner.post("/team/invitations", {"email": evil, "role": "viewer"})
    assert refused.status_code == 422
    assert "<script>alert" not in refused.text
    missing = await owner.get(f"/{evil}")
    assert (missing.status_code, "<script>alert" in missing.text) == (404, False)


async def test_pages_come_in_the_members_language(owner: Visitor, anonymous: Visitor) -> None:
    russian = await anonymous.get("/sign-in", headers={"accept-language": "ru"})
    assert '<html lang="ru"' in russian.text
    await owner.done("/profile", {"name": "", "language": "pt", "time_zone": "Europe/Lisbon"})
    assert '<html lang="pt"' in await owner.page("/profile")


async def test_errors_are_pages_and_bad_forms_no_accidents(owner: Visitor) -> None:
    assert (await owner.get("/nowhere/at/all")).status_code == 404
    assert (await owner.get("/team/1/role")).status_code == 405
    assert (await owner.post("/team/99999999999999999999/role", {"role": "viewer"})).status_code == 404
    assert (await owner.http.put("/console/profile")).status_code == 405
    content = {"content-type": "multipart/form-data; boundary=x", "origin": "http://clarion.test"}
    for body in (b"--x\r\n", b"\xff\xfe", b"--x--", b"a=%ff%00", b"=" * 70_000):
        for kind in (content, {**content, "content-type": "application/x-www-form-urlencoded"}):
            answer = await owner.http.post("/console/profile", content=body, headers=kind)
            assert answer.status_code in {400, 403}, (body[:10], kind)
