"""Audiences, their groups and events in a browser."""

from playwright.sync_api import expect
from tests.browser.console.conftest import SECONDS, Installation, Member
from tests.browser.console.samples import app_with_devices


def test_audiences_are_grouped_and_an_event_is_tried_on_a_device_of_ones_own(
    member: Member, installation: Installation
) -> None:
    app_id = app_with_devices(member, installation, devices=2)
    path = f"/api/r/v2/apps/{app_id}-{member.account['account_id']}/instances"
    ids = {"ic_token": "0190c8a0-0000-7000-8000-000000000077", "ext_id": "u-77"}
    device = member.api.post(path, json=ids).raise_for_status().json()["id"]
    info = {"transport_type": "fcm", "transport_token": "a-phone", "platform_type": "android", "country": "PT"}
    told = {**info, "tags": {"audiences": "gold,early bird"}}
    member.api.put(f"{path}/{device}/info", json=told).raise_for_status()

    page = member.open("/audiences")
    for _ in range(SECONDS):  # counts follow within seconds
        if page.get_by_role("rowheader", name="gold", exact=True).count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    member.check(page, "audiences")
    page.get_by_label("Audiences that begin with").fill("early")
    expect(page.get_by_role("rowheader", name="gold", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Show devices of early bird").click()
    expect(page.get_by_text(device)).to_be_visible()

    page = member.open("/audience-groups/new")
    page.get_by_label("Name").fill("Loyal people")
    page.get_by_label("Audiences").fill("gold\nsilver")
    member.check(page, "audience_group")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("gold, silver")).to_be_visible()
    member.check(page, "audience_groups")

    filter_ = {"all_apps": True, "countries_include": ["PT"]}
    member.api.post("/api/v1/filters", json={"name": "Portugal", "filter": filter_}).raise_for_status()
    page = member.open("/audiences/filters")
    expect(page.get_by_role("rowheader", name="Portugal")).to_be_visible()
    member.check(page, "saved_filters")

    page = member.open("/events")
    member.check(page, "events")
    page.get_by_role("link", name="New event").click()
    page.get_by_label("Name").fill("Bought a ticket")
    page.get_by_label("Code").fill("ticket_bought")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("External id, installation token or device id").fill("u-77")
    page.get_by_role("button", name="Send the postback").click()
    expect(page.get_by_text("The event is recorded. Devices: 1")).to_be_visible()
    member.check(page, "event")
    story = member.open(f"/devices/{device}")
    expect(story.get_by_text("ticket_bought")).to_be_visible()

    page = member.open("/events/protection")
    page.get_by_role("button", name="Make a secret").click()
    expect(page.get_by_text("pbsec_")).to_be_visible()
    page.get_by_label("Only signed postbacks count").check()
    member.check(page, "protection")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The protection is saved.")).to_be_visible()
