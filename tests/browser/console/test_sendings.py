"""A sending in a browser: watched while it runs, its results, and who got it."""

import json

from playwright.sync_api import expect
from tests.browser.console.conftest import Installation, Member


def app_with_devices(member: Member, installation: Installation, *, devices: int) -> int:
    """An app whose devices the simulator accepts."""
    key = installation.simulator.post(
        "/_sim/fcm/service-accounts", content=json.dumps({"project_id": "weather"})
    ).json()
    app = {"push_provider": "firebase", "name": "Weather", "firebase_creds": key}
    app_id: int = member.api.post("/api/b/v2/apps", json=app).json()["id"]
    path = f"/api/r/v2/apps/{app_id}-{member.account['account_id']}/instances"
    for number in range(devices):
        token = f"0190c8a0-0000-7000-8000-{number:012}"
        made = member.api.post(path, json={"ic_token": token}).json()
        place = ("pt", "PT") if number % 3 else ("en", "GB")
        info = {"transport_type": "fcm", "transport_token": token, "platform_type": "android"}
        member.api.put(f"{path}/{made['id']}/info", json={**info, "lang": place[0], "country": place[1]})
    return app_id


def test_an_instant_sending_is_watched_and_its_results_are_read(member: Member, installation: Installation) -> None:
    empty = member.open("/sendings")
    expect(empty.get_by_text("Nothing was sent yet")).to_be_visible()
    app_with_devices(member, installation, devices=6)
    words = [("en", "Rain", "Take an umbrella"), ("pt", "Chuva", "Leve um guarda-chuva")]
    push = {
        "default_lang": "en",
        "translations": [{"language": lang, "title": title, "text": text} for lang, title, text in words],
    }
    body = {"name": "Rain warning", "filters": {"all_apps": True}, "push": push}
    made = member.api.post("/api/b/v2/send/instant", json=body).json()

    page = member.open(f"/sendings/{made['sched_id']}")
    expect(page.locator(".figure", has_text="Sent").get_by_text("6", exact=True)).to_be_visible()
    expect(page.locator("#live").get_by_text("sent", exact=True)).to_be_visible()
    page.reload()
    page.get_by_role("link", name="Country").click()
    expect(page.get_by_role("region", name="Results").get_by_role("row", name="PT")).to_be_visible()
    member.check(page, "sending")

    page.get_by_role("link", name="Recipients").first.click()
    expect(page.get_by_text("handed over").nth(6)).to_be_attached()
    member.check(page, "recipients")

    listed = member.open("/sendings")
    member.check(listed, "sendings")
    listed.get_by_label("Search by name").fill("nothing like it")
    expect(listed.get_by_text("No sending is like this")).to_be_visible()
