"""Apps in a browser: from the file that Google hands out to an app with devices."""

import json
from pathlib import Path

from playwright.sync_api import expect
from tests.browser.console.conftest import Installation, Member


def test_an_app_is_made_from_a_downloaded_file_and_checked_at_its_provider(
    member: Member, installation: Installation, tmp_path: Path
) -> None:
    page = member.open("/apps")
    member.check(page, "apps-empty")
    page.get_by_role("main").get_by_role("link", name="New app").first.click()
    member.check(page, "apps-choose")
    page.get_by_role("link", name="Firebase").click()
    member.check(page, "apps-firebase")

    page.get_by_label("Name of the app").fill("Weather")
    wrong = tmp_path / "photo.json"
    wrong.write_bytes(b"\x89PNG")
    page.get_by_label("Service account (JSON file)").set_input_files(wrong)
    page.get_by_role("button", name="Create the app").click()
    expect(page.get_by_text("This is not the JSON file that Firebase gives")).to_be_visible()
    member.check(page, "apps-wrong-file")

    made = installation.simulator.post("/_sim/fcm/service-accounts", content=json.dumps({"project_id": "weather-pt"}))
    right = tmp_path / "weather-pt.json"
    right.write_bytes(made.content)
    page.get_by_label("Service account (JSON file)").set_input_files(right)
    page.get_by_role("button", name="Create the app").click()
    expect(page.get_by_role("heading", name="Weather", exact=True)).to_be_visible()

    page.get_by_role("row", name="Firebase").get_by_role("button", name="Check now").click()
    expect(page.get_by_text("The provider accepts these credentials.")).to_be_visible()

    app = page.url.rpartition("/")[2]
    sdk_id = f"{app}-{member.account['account_id']}"
    devices = f"/api/r/v2/apps/{sdk_id}/instances"
    for number, (lang, country) in enumerate([("en", "GB"), ("pt", "PT"), ("pt", "BR"), ("de", "DE")]):
        token = f"0190c8a0-0000-7000-8000-{number:012}"
        made = member.api.post(devices, json={"ic_token": token})
        info = {"transport_type": "fcm", "transport_token": token, "platform_type": "android"}
        member.api.put(f"{devices}/{made.json()['id']}/info", json={**info, "lang": lang, "country": country})
    page.reload()
    expect(page.get_by_role("group", name="By country").get_by_role("row", name="PT")).to_be_visible()
    member.check(page, "app")

    groups = member.open("/app-groups/new")
    groups.get_by_label("Name", exact=True).fill("Iberia")
    groups.get_by_label("Weather").check()
    member.check(groups, "app-group")
    groups.get_by_role("button", name="Save").click()
    expect(groups.get_by_role("link", name="Iberia")).to_be_visible()
    member.check(groups, "app-groups")
    listed = member.open("/apps")
    expect(listed.get_by_role("link", name="Weather")).to_be_visible()
    member.check(listed, "apps")
