"""New sendings in a browser: written in two languages, for one country, planned at local noon, or sent at once."""

import json
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect
from tests.browser.console.conftest import Installation, Member, accessibility_faults


def app_with_devices(member: Member, installation: Installation) -> None:
    """An app with two devices in Portugal and one in Britain that the simulator accepts."""
    key = installation.simulator.post("/_sim/fcm/service-accounts", content=json.dumps({"project_id": "bakery"})).json()
    app = {"push_provider": "firebase", "name": "Bakery", "firebase_creds": key}
    app_id = member.api.post("/api/b/v2/apps", json=app).json()["id"]
    path = f"/api/r/v2/apps/{app_id}-{member.account['account_id']}/instances"
    for number, (lang, country) in enumerate([("pt", "PT"), ("pt", "PT"), ("en", "GB")]):
        token = f"0290c8a0-0000-7000-8000-{number:012}"
        made = member.api.post(path, json={"ic_token": token, "ext_id": f"guest-{number}"}).json()
        info = {"transport_type": "fcm", "transport_token": token, "platform_type": "android"}
        place = {"lang": lang, "country": country, "tz": 0}
        assert member.api.put(f"{path}/{made['id']}/info", json={**info, **place}).is_success


def write_in_two_languages(page: Page) -> None:
    """Name and content; the preview follows."""
    page.get_by_label("Name of the sending").fill("Fresh bread")
    page.get_by_label("Title", exact=True).fill("Fresh bread")
    page.get_by_label("Text", exact=True).fill("Hello ")
    page.get_by_role("button", name="Tag of the person").click()
    expect(page.locator('.note-light [data-preview="text"]').first).to_have_text("Hello friend")
    page.get_by_role("button", name="Add a language").click()
    expect(page.get_by_role("tab")).to_have_count(2)
    page.get_by_role("tabpanel").get_by_label("Language", exact=True).select_option("pt")
    page.get_by_role("tabpanel").get_by_label("Title", exact=True).fill("Pão fresco")
    page.get_by_role("tabpanel").get_by_label("Text", exact=True).fill("Venha buscá-lo 🥖")
    expect(page.locator('.note-light [data-preview="title"]').first).to_have_text("Pão fresco")
    expect(page.get_by_role("tab", name="Portuguese")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Size for each provider")).to_be_visible()


def choose_portugal(page: Page) -> None:
    """The count follows the choice."""
    expect(page.locator("#reach strong")).to_have_text("3")
    page.locator("summary", has_text="Countries").click()
    page.get_by_label("Search in: Countries").fill("portu")
    page.get_by_role("checkbox", name="Portugal").check()
    expect(page.locator("#reach strong")).to_have_text("2")
    expect(page.locator("summary", has_text="Countries")).to_contain_text("Portugal")


def test_a_push_in_two_languages_is_planned_for_one_country_at_local_noon(
    member: Member, installation: Installation
) -> None:
    app_with_devices(member, installation)
    page = member.open("/sendings")
    page.get_by_role("link", name="New sending").first.click()
    write_in_two_languages(page)
    choose_portugal(page)
    page.get_by_role("radio", name="At each device's local time").check()
    page.get_by_label("Day", exact=True).fill((datetime.now(UTC) + timedelta(days=2)).date().isoformat())
    page.get_by_label("Time", exact=True).fill("12:00")
    page.get_by_label("Time", exact=True).press("Tab")
    expect(page.locator("#course")).to_contain_text("First message")
    member.check(page, "new-sending")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    expect(page.locator(".figure", has_text="Devices").get_by_text("2", exact=True)).to_be_visible()
    member.check(page, "new-sending-review")
    page.get_by_role("button", name="Plan it").click()
    expect(page.get_by_text("The sending is planned.")).to_be_visible()
    expect(page.get_by_text("12:00 · local time")).to_be_visible()

    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_label("Time", exact=True)).to_have_value("12:00")
    expect(page.locator("#reach strong")).to_have_text("2")
    assert accessibility_faults(page) == []
    page.get_by_label("Time", exact=True).fill("13:00")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_text("13:00 · local time")).to_be_visible()
    page.get_by_role("link", name="Test send").click()
    page.get_by_label("Device id or external id").fill("guest-2")
    member.check(page, "test-send")
    page.get_by_role("button", name="Send the test").click()
    expect(page.get_by_text("The test is on its way")).to_be_visible()
    page.get_by_role("link", name="Pushes").click()
    member.check(page, "pushes")
    page.get_by_role("link", name="Fresh bread").first.click()
    expect(page.get_by_role("tab")).to_have_count(2)
    page.get_by_text("Buttons and more").click()
    page.get_by_label("Words").first.fill("Buy now")
    expect(page.locator('.note-light [data-preview="buttons"]').first).to_have_text("Buy now")
    member.check(page, "composer")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("The push is saved.")).to_be_visible()


def test_an_instant_sending_is_written_without_help_and_arrives(member: Member, installation: Installation) -> None:
    page = member.open("/sendings/new")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Please look at the marked fields.")).to_be_visible()
    assert accessibility_faults(page) == []
    write_in_two_languages(page)
    choose_portugal(page)
    page.get_by_role("button", name="Review").click()
    before = accepted(installation)
    page.get_by_role("button", name="Send now").click()
    expect(page.get_by_text("The sending is on its way.")).to_be_visible()
    expect(page.locator(".figure", has_text="Sent").get_by_text("2", exact=True)).to_be_visible()
    assert accepted(installation) == before + 2


def accepted(installation: Installation) -> int:
    """Messages that the simulated providers have taken."""
    return int(installation.simulator.get("/_sim/counts").json()["accepted"])
