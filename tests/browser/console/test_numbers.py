"""The overview from first steps to results, analytics, and the operator's page, in a browser."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.console.conftest import Installation, Member, NewContext, signed_in


@pytest.fixture(scope="module")
def account(installation: Installation) -> dict[str, Any]:
    """An account of this module."""
    return installation.new_account("numbers@example.com")


def app_with_devices(member: Member, installation: Installation, *, devices: int) -> None:
    """An app whose devices the simulator accepts."""
    project = json.dumps({"project_id": "newspaper"})
    key = installation.simulator.post("/_sim/fcm/service-accounts", content=project).json()
    app = {"push_provider": "firebase", "name": "News", "firebase_creds": key}
    app_id: int = member.api.post("/api/b/v2/apps", json=app).json()["id"]
    path = f"/api/r/v2/apps/{app_id}-{member.account['account_id']}/instances"
    for number in range(devices):
        token = f"0190c8a0-0000-7000-9000-{number:012}"
        made = member.api.post(path, json={"ic_token": token}).json()
        info = {"transport_type": "fcm", "transport_token": token, "platform_type": "android"}
        country = "PT" if number % 3 else "BR"
        member.api.put(f"{path}/{made['id']}/info", json={**info, "lang": "pt", "country": country})


def test_the_overview_leads_from_first_steps_to_results(member: Member, installation: Installation) -> None:
    page = member.open("/overview")
    expect(page.get_by_role("link", name="Create an app")).to_be_visible()
    expect(page.get_by_text("Nothing is planned.")).to_be_visible()
    member.check(page, "overview-empty")

    app_with_devices(member, installation, devices=6)
    push = {"default_lang": "en", "translations": [{"language": "en", "title": "Late news", "text": "Read it now"}]}
    body = {"name": "Late news", "filters": {"all_apps": True}, "push": push}
    made = member.api.post("/api/b/v2/send/instant", json=body).json()
    watched = member.open(f"/sendings/{made['sched_id']}")
    expect(watched.locator("#live").get_by_text("sent", exact=True)).to_be_visible()
    moment = {"date": f"{datetime.now(UTC).year + 1}-01-05", "time": "08:00", "local_time": False, "timezone": "+00:00"}
    later = {"name": "News of next year", "all_apps": True, **moment}
    assert member.api.post("/api/b/v2/sched/onesend", json=later).is_success

    page.reload()
    expect(page.get_by_role("region", name="Today").locator(".figure", has_text="Sent").first).to_contain_text("6")
    expect(page.get_by_role("region", name="Due next")).to_contain_text("News of next year")
    member.check(page, "overview")

    page.get_by_role("link", name="Analytics").first.click()
    page.get_by_role("link", name="Country").click()
    expect(page.get_by_role("row", name="PT")).to_be_visible()
    page.get_by_role("navigation", name="What is counted").get_by_role("link", name="Sent").click()
    expect(page).to_have_url(re.compile("heat=sent"))
    expect(page.locator(".heat-5").first).to_be_visible()
    member.check(page, "analytics")
    page.get_by_label("First day").fill("2026-01-01")
    page.get_by_label("Last day").fill("2026-01-07")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing was sent in these days")).to_be_visible()


def test_the_system_is_shown_to_the_operator_alone(
    member: Member, installation: Installation, new_context: NewContext
) -> None:
    first = json.loads(installation.clarion.ok("account", "list").splitlines()[0])
    operator = replace(member, context=signed_in(new_context(), installation, first["email"]))
    page = operator.open("/system")
    expect(page.get_by_text("alive", exact=True).first).to_be_visible()
    expect(page.get_by_text("CLARION_MASTER_KEY")).to_be_visible()
    page.get_by_text("Settings that have their usual values").click()
    expect(page.get_by_text("CLARION_MAX_UNRECORDED")).to_be_visible()
    operator.check(page, "system")
    installation.new_account("last@example.com")
    stranger = replace(member, context=signed_in(new_context(), installation, "last@example.com"))
    expect(stranger.open("/system").get_by_text("first account")).to_be_visible()
