"""A person's device in a browser: found, and why it did not get a message."""

from playwright.sync_api import expect
from tests.browser.console.conftest import SECONDS, Installation, Member
from tests.browser.console.samples import app_with_devices


def test_why_a_person_did_not_get_it_is_answered_in_one_look(member: Member, installation: Installation) -> None:
    app_id = app_with_devices(member, installation, devices=3)
    path = f"/api/r/v2/apps/{app_id}-{member.account['account_id']}/instances"
    session = {"ic_token": "0190c8a0-0000-7000-8000-000000000099", "ext_id": "u-77"}
    device = member.api.post(path, json=session).json()["id"]
    info = {"transport_type": "fcm", "transport_token": "a-phone", "platform_type": "android", "country": "PT"}
    member.api.put(f"{path}/{device}/info", json=info)
    push = {"default_lang": "en", "translations": [{"language": "en", "title": "Rain", "text": "Umbrella"}]}
    body = {"name": "Only Spain", "filters": {"all_apps": True, "countries_include": ["ES"]}, "push": push}
    made = member.api.post("/api/b/v2/send/instant", json=body).raise_for_status().json()
    sending = member.open(f"/sendings/{made['sched_id']}")
    expect(sending.locator("#live").get_by_text("sent", exact=True)).to_be_visible(timeout=SECONDS * 1000)

    page = member.open("/devices")
    page.get_by_text("Filter", exact=True).click()
    member.check(page, "devices")
    page.get_by_label("Device id, external id or installation token").fill("u-77")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=device).click()
    story = page.get_by_role("group", name="Sendings that did not reach it, and why")
    expect(story.get_by_text("Only Spain")).to_be_visible()
    expect(story.get_by_text("countries")).to_be_visible()
    member.check(page, "device")
    with page.expect_download() as told:
        page.get_by_role("link", name="Export").click()
    assert "u-77" in told.value.path().read_text("utf-8")
    page.locator("summary").filter(has_text="Erase the person").click()
    member.check(page, "erase")
    page.get_by_role("dialog").get_by_role("button", name="Erase the person").click()
    expect(page.get_by_text("The person is erased. Devices: 1")).to_be_visible()
