"""A sending in a browser: watched while it runs, its results, and who got it."""

from playwright.sync_api import expect
from tests.browser.console.conftest import SECONDS, Installation, Member
from tests.browser.console.samples import app_with_devices


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
    expect(page.locator(".figure", has_text="Sent").get_by_text("6", exact=True)).to_be_visible(timeout=SECONDS * 1000)
    expect(page.locator("#live").get_by_text("sent", exact=True)).to_be_visible(timeout=SECONDS * 1000)
    page.reload()
    page.get_by_role("link", name="Country").click()
    expect(page.get_by_role("group", name="Results").get_by_role("row", name="PT")).to_be_visible()
    member.check(page, "sending")

    page.get_by_role("link", name="Recipients").first.click()
    expect(page.get_by_text("handed over").nth(6)).to_be_attached()
    member.check(page, "recipients")

    listed = member.open("/sendings")
    member.check(listed, "sendings")
    listed.get_by_label("Search by name").fill("nothing like it")
    expect(listed.get_by_text("No sending is like this")).to_be_visible()
