"""A new sending in the console: made, looked at, refused where something is wrong, changed and tried out."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from tests.factories import new_app, new_device
from tests.integration.console.conftest import Visitor

from clarion.db import Database
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.model import State
from clarion.services import Services

pytestmark = pytest.mark.anyio

CONTENT: dict[str, list[str] | str] = {
    "name": "Spring",
    "lang": ["en", "pt"],
    "title": ["Hello", "Olá"],
    "text": ["It is <b>spring</b>", "É primavera"],
    "image": ["", ""],
    "icon": ["", ""],
    "link": ["https://example.com/", ""],
    "apps": "all",
}
NEXT_YEAR = f"{datetime.now(UTC).year + 1}-05-04"


async def app_with_device(visitor: Visitor, database: Database) -> int:
    """An app and a device in Portugal that can be reached; the device's id."""
    assert visitor.member is not None
    async with database.transaction() as connection:
        app_id = await new_app(connection, visitor.member.account_id)
        device_id = await new_device(connection, visitor.member.account_id, app_id)
        await connection.execute(
            "update device set country = 'PT', ext_id = 'ana', active = true, token_state = 1, "
            "transport = 'fcm', token = 'token' where id = $1",
            device_id,
        )
    return device_id


async def made(database: Database) -> int:
    """How many schedulers and pushes there are."""
    async with database.acquire() as connection:
        return int(await connection.fetchval("select (select count(*) from scheduler) + (select count(*) from push)"))


def hidden(page: str) -> dict[str, list[str] | str]:
    """What a page carries on, but for its token."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page):
        if name != "form_token":
            fields.setdefault(unescape(name), []).append(unescape(value))
    return dict(fields)


async def test_a_sending_is_looked_at_before_it_is_made_and_made_once(
    owner: Visitor, viewer: Visitor, services: Services, database: Database
) -> None:
    await app_with_device(owner, database)
    assert (await viewer.get("/sendings/new")).status_code == 403
    page = await owner.page("/sendings/new?kind=local")
    assert "Portugal" in page
    fields = {**CONTENT, "kind": "local", "date": NEXT_YEAR, "time": "12:00", "countries": ["PT"]}
    answer = await owner.post("/sendings/new", {**fields, "do": "review"})
    assert answer.status_code == 200, answer.text
    for words in ("It is &lt;b&gt;spring&lt;/b&gt;", "Olá", "Plan it", "PT", "12:00"):
        assert words in answer.text
    assert await made(database) == 0, "a review makes nothing"
    going = {**hidden(answer.text), "do": "go"}
    path = await owner.done("/sendings/new", going)
    assert await owner.done("/sendings/new", going) == path, "a second click makes nothing"
    assert await made(database) == 2
    assert owner.member is not None
    scheduler = await services.schedulers.get(owner.member.account_id, int(path.rpartition("/")[2]))
    assert scheduler.local_time
    assert scheduler.timing["time"] == "12:00"
    assert scheduler.filter.countries_include == ["PT"]
    push = await services.pushes.get(owner.member.account_id, scheduler.push_ids[0])
    assert [(one.language, one.title) for one in push.translations] == [("en", "Hello"), ("pt", "Olá")]
    again = await owner.post("/sendings/new", {**hidden(answer.text), "do": "look"})
    assert 'value="Hello"' in again.text, "what was written is there to be changed"


WRONG: list[tuple[dict[str, str | list[str]], str]] = [
    ({"name": ""}, "This is needed."),
    ({"title": ["Hello", ""]}, "This is needed."),
    ({"lang": ["en", "en"]}, "This language is there twice."),
    ({"text": ["Hello {{ nonsense", "Olá"]}, "f-text-0-fault"),
    ({"kind": "local", "date": "2020-01-01", "time": "12:00"}, "This moment has passed."),
    ({"kind": "onesend", "date": "", "time": "25:99", "zone": "Nowhere/At all"}, "Choose a time zone."),
    ({"kind": "weekly"}, "Choose at least one day."),
    ({"kind": "conversion"}, "Choose the event that it follows."),
    ({"apps": "some"}, "Choose at least one app or group"),
    ({"apps": "some", "app_ids": ["987654321"]}, "which does not exist"),
    ({"countries": ["Atlantis"]}, "alpha-2"),
    ({"content": "existing", "push_id": ""}, "Choose a push"),
    ({"content": "existing", "push_id": "987654321"}, "does not exist"),
    ({"too_late": "8", "too_late_unit": "days"}, "At most 7 days."),
    ({"pace": "fast"}, "This must be a whole number."),
]


async def test_what_is_wrong_is_said_and_nothing_is_made(owner: Visitor, database: Database) -> None:
    await app_with_device(owner, database)
    for wrong, fault in WRONG:
        for do in ("review", "go"):
            answer = await owner.post("/sendings/new", {**CONTENT, "kind": "instant", **wrong, "do": do})
            assert answer.status_code == 422, (wrong, answer.status_code)
            assert fault in answer.text, wrong
    assert await made(database) == 0


async def test_parts_tell_who_and_when_while_somebody_writes(
    owner: Visitor, stranger: Visitor, services: Services, database: Database
) -> None:
    await app_with_device(owner, database)
    reach = await owner.post("/sendings/new/reach", {"countries": ["PT"], "active_days": "30"})
    assert "<strong>1</strong>" in reach.text
    assert "ana" in reach.text
    assert (
        "<strong>0</strong>"
        in (await owner.post("/sendings/new/reach", {"countries_side": "exclude", "countries": ["PT"]})).text
    )
    assert "alert-warning" in (await owner.post("/sendings/new/reach", {"apps": "some"})).text
    assert "ana" not in (await stranger.post("/sendings/new/reach", {})).text
    course = await owner.post("/sendings/new/course", {"kind": "local", "date": NEXT_YEAR, "time": "12:00"})
    assert "12:00" in course.text
    weekly = {"kind": "weekly", "days": ["1", "5"], "times": "9:00, 18:30", "clock": "zone", "zone": "Europe/Lisbon"}
    assert (await owner.post("/sendings/new/course", weekly)).text.count("<tr>") >= 4
    past = {"kind": "onesend", "date": "2020-01-01", "time": "12:00", "zone": "UTC"}
    assert "This moment has passed." in (await owner.post("/sendings/new/course", past)).text
    one_more = await owner.post("/pushes/content", {**CONTENT, "do": "add-language"})
    assert one_more.text.count("data-translation") == 3
    one_less = await owner.post("/pushes/content", {**CONTENT, "do": "remove-0"})
    assert "Hello" not in one_less.text
    sizes = await owner.post("/pushes/sizes", {**CONTENT, "text": ["x" * 4000, "y"]})
    assert "too large in en" in sizes.text
    without_script = await owner.post("/sendings/new", {**CONTENT, "do": "look"})
    assert "<strong>1</strong>" in without_script.text


async def test_a_draft_is_changed_tried_out_and_kept_apart(
    owner: Visitor, stranger: Visitor, services: Services, database: Database
) -> None:
    device_id = await app_with_device(owner, database)
    rules = {"quiet": "urgent", "pace": "50", "pace_per": "minute", "too_late": "2", "too_late_unit": "hours"}
    weekly = {"kind": "weekly", "days": ["1"], "times": "09:00", "clock": "local", "late": "at_once"}
    path = await owner.done("/sendings/new", {**CONTENT, **weekly, **rules, "audiences": "gold\nsilver", "do": "draft"})
    number = int(path.rpartition("/")[2])
    assert owner.member is not None
    account_id = owner.member.account_id
    before = await services.schedulers.get(account_id, number)
    assert before.state is State.DRAFT
    assert before.late is Late.SKIP, "no zone gets a weekly sending for a moment before it was made"
    page = await owner.page(f"{path}/edit")
    for words in ("gold\nsilver", 'value="09:00"', 'value="50"', "Hello"):
        assert words in page
    changed = {"name": "Autumn", "version": str(before.version), "kind": "weekly", "days": ["2"], "times": "10:00"}
    assert await owner.done(f"{path}/edit", {**changed, **rules, "apps": "all"}) == path
    after = await services.schedulers.get(account_id, number)
    assert (after.name, after.timing["days"], after.timing["times"]) == ("Autumn", [2], ["10:00"])
    assert after.rules == before.rules
    assert after.filter.audiences_include is None
    late = await owner.post(f"{path}/edit", {**changed, "apps": "all"})
    assert late.status_code == 422
    assert "changed meanwhile" in late.text
    unknown = await owner.post(f"{path}/test", {"device": "nobody"})
    assert "No device with this id can be reached" in unknown.text
    for device in ("ana", str(device_id)):
        assert await owner.done(f"{path}/test", {"device": device}) == path
    assert "The test is on its way" in await owner.page(path)
    await owner.done(f"{path}/cancel")
    assert await owner.done(f"{path}/cancel") == path
    over = await owner.get(f"{path}/edit")
    assert over.status_code == 303


async def test_pushes_are_written_listed_switched_off_and_deleted(
    owner: Visitor, editor: Visitor, services: Services, database: Database
) -> None:
    assert "No pushes yet" in await owner.page("/pushes")
    buttons = {"button_id": ["", ""], "button_title": ["Buy", ""], "button_link": ["https://example.com/buy", ""]}
    wrong = await editor.post("/pushes/new", {**CONTENT, "title": ["", "Olá"]})
    assert wrong.status_code == 422
    assert "f-title-0-fault" in wrong.text
    assert await editor.done("/pushes/new", {**CONTENT, **buttons, "subtitle": "Today"}) == "/pushes"
    assert owner.member is not None
    account_id = owner.member.account_id
    number = (await services.pushes.list(account_id, limit=1))[0].id
    listed = await owner.page("/pushes")
    assert "It is &lt;b&gt;spring&lt;/b&gt;" in listed
    assert "en, pt" in listed
    path = f"/pushes/{number}"
    page = await editor.page(f"{path}/edit")
    assert 'value="Buy"' in page
    await editor.done(f"{path}/edit", {**CONTENT, "lang": ["pt", "en"], "title": ["Olá", "Hi"]})
    push = await services.pushes.get(account_id, number)
    assert push.default_lang == "pt"
    await editor.done(f"{path}/deactivate")
    assert "inactive" in await owner.page("/pushes")
    await editor.done(f"{path}/activate")
    assert (await editor.post(f"{path}/delete")).status_code == 403
    await owner.done(f"{path}/delete")
    assert "No pushes yet" in await owner.page("/pushes")
