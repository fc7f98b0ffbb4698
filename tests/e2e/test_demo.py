"""`clarion demo`: a real push through all parts, every message accounted for; then a console full of living data."""

import re
import signal
from collections.abc import Iterator

import httpx
import pytest
from tests.e2e.conftest import Clarion, Running

DEMO = ("demo", "--port", "0", "--data-dir", "clarion-data")
PLAYED_SECONDS = 110
PAGES = {
    "/overview": ("Cinema", "Nothing is sent", "Tonight on the radio"),
    "/sendings": ("Demonstration", "Match of the week", "Premiere at local noon", "Tips", "Welcome"),
    "/sendings/new": ("Weather", "premium"),
    "/pushes": ("Good morning",),
    "/devices": ("user-0",),
    "/audiences": ("premium",),
    "/audience-groups": ("Best customers",),
    "/events": ("Ticket bought", "/api/postback/"),
    "/apps": ("Weather", "Festival"),
    "/app-groups": ("All demonstration apps",),
    "/analytics": ("Cinema", "JP"),
    "/audit": ("scheduler",),
}
"""The console's main pages, and what people find on them."""


def test_every_message_of_the_demonstration_is_accounted_for(clarion: Clarion) -> None:
    done = clarion.run(*DEMO, "--once")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    rows = re.findall(r"│ (\w+) +│ ([\w.]+) +│ +(\d+) │ +(\d+) │ +(\d+) │ +(\d+) │ +(\d+) │", done.stderr)
    assert {row[1] for row in rows} == {"fcm", "fcm.data", "apns", "webpush", "onesignal", "huawei"}
    for _, transport, devices, sent, failed, delivered, clicked in rows:
        assert int(sent) + int(failed) == int(devices), transport
        assert int(delivered) == int(sent) > 0, transport
        assert 0 < int(clicked) < int(delivered), transport
    assert "API key" in done.stderr


def test_the_demonstration_reports_that_it_failed(clarion: Clarion) -> None:
    clarion.environment |= {"CLARION_API_RATE_PER_MIN": "1"}
    done = clarion.run(*DEMO, "--once")
    assert done.returncode == 1
    assert "the demonstration failed: " in done.stderr
    assert "429" in done.stderr


@pytest.fixture
def demonstration(clarion: Clarion) -> Iterator[Running]:
    """The demonstration once it serves."""
    running = clarion.start(*DEMO)
    running.until(lambda: "serving until Ctrl-C" in running.text, seconds=PLAYED_SECONDS)
    yield running
    assert running.stop(signal.SIGINT) == 0, running.text


def test_the_console_of_the_demonstration_can_be_clicked_through(demonstration: Running) -> None:
    address, email, password = told(demonstration.text)
    with httpx.Client(base_url=address, timeout=20) as browser:
        form = browser.get("/console/sign-in").text
        token = re.findall(r'name="form_token" value="([^"]+)"', form)[0]
        fields = {"form_token": token, "email": email, "password": password}
        entered = browser.post("/console/sign-in", data=fields, headers={"origin": address})
        assert (entered.status_code, entered.headers["location"]) == (303, "/console/overview")
        demonstration.until(lambda: "Nothing is sent" in browser.get("/console/overview").text)
        for path, expected in PAGES.items():
            page = browser.get(f"/console{path}")
            assert page.status_code == 200, path
            missing = [text for text in expected if text not in page.text]
            assert missing == [], path
        key = re.findall(r"API key   (\S+)\n", demonstration.text)[0]
        browser.headers["authorization"] = f"Bearer {key}"
        known = messages(browser)
        demonstration.until(lambda: messages(browser) > known)


def told(text: str) -> tuple[str, str, str]:
    """Address, e-mail address and password that the demonstration has printed."""
    address = re.findall(r"console   (\S+)/console\n", text)[0]
    email, password = re.findall(r"sign in   (\S+)  (\S+)\n", text)[0]
    return address, email, password


def messages(api: httpx.Client) -> int:
    """How many messages were sent: grows while people do things that auto-push answers."""
    return sum(send["counts"]["sent"] for send in api.get("/api/v1/sends").json()["sends"])
