"""The console of `clarion demo`, full of living data. CLARION_TEST_PICTURES makes the pictures of the README of it."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.browser.console.conftest import PHONE, WIDE, NewContext, check_page
from tests.e2e.conftest import Running, command_line

PLAYED_SECONDS = 110
PAGES = {
    "/overview": ("Cinema", "Nothing is sent", "Tonight on the radio"),
    "/sendings": ("Demonstration", "Match of the week", "Premiere at local noon", "Tips", "Welcome"),
    "/sendings/new": ("Weather",),
    "/pushes": ("Good morning",),
    "/devices": ("user-0",),
    "/audiences": ("premium",),
    "/audience-groups": ("Best customers",),
    "/events": ("Ticket bought", "/api/postback/"),
    "/apps": ("Weather", "Festival"),
    "/app-groups": ("All demonstration apps",),
    "/analytics?by=app": ("Cinema",),
    "/audit": ("created a sending",),
}
"""The console's main pages, and what people find on them."""
SMALL = {"width": 1120, "height": 720}
"""A window whose picture is quickly loaded."""


@pytest.fixture(scope="module")
def demonstration() -> Iterator[Running]:
    """The demonstration once it serves."""
    with command_line() as clarion:
        running = clarion.start("demo", "--port", "0", "--data-dir", "clarion-data")
        running.until(lambda: "serving until Ctrl-C" in running.text, seconds=PLAYED_SECONDS)
        yield running
        assert running.stop(signal.SIGINT) == 0, running.text


def test_people_look_around_in_the_demonstration(demonstration: Running, new_context: NewContext) -> None:
    address, email, password = told(demonstration.text)
    console = f"{address}/console"
    context = new_context(viewport=WIDE, timezone_id="UTC")
    page = context.new_page()
    page.goto(console)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_text("Nothing is sent", exact=True)).to_be_visible()
    keep(page, "overview")
    check_page(page, "demonstration-overview")

    page.goto(f"{console}/sendings?q=Demonstration")
    page.get_by_role("main").get_by_role("link", name="Demonstration").click()
    expect(page.get_by_role("heading", name="Demonstration")).to_be_visible()
    keep(page, "sending")

    page.goto(f"{console}/analytics")
    keep(page, "analytics", dark=True)
    check_page(page, "demonstration-analytics")

    page.goto(f"{console}/sendings/new")
    page.get_by_label("Name of the sending").fill("Weekend in Porto")
    page.get_by_label("Title").first.fill("Sun all weekend ☀️")
    page.get_by_label("Text").first.fill("24 degrees in Porto. Trains from 9 €.")
    expect(page.get_by_text("24 degrees in Porto. Trains from 9 €.").last).to_be_visible()
    keep(page, "new-sending")

    keep_on_a_phone(context, f"{console}/sendings", "sendings")

    for path, texts in PAGES.items():
        answer = page.goto(f"{console}{path}")
        assert answer is not None
        assert answer.status == 200, path
        found = page.content()
        assert [text for text in texts if text not in found] == [], path


def test_life_goes_on_in_the_demonstration(demonstration: Running) -> None:
    address, _, _ = told(demonstration.text)
    key = re.findall(r"API key   (\S+)\n", demonstration.text)[0]
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}, timeout=20) as api:
        known = messages(api)
        demonstration.until(lambda: messages(api) > known)


def told(text: str) -> tuple[str, str, str]:
    """Address, e-mail address and password that the demonstration has printed."""
    address = re.findall(r"console   (\S+)/console\n", text)[0]
    email, password = re.findall(r"sign in   (\S+)  (\S+)\n", text)[0]
    return address, email, password


def messages(api: httpx.Client) -> int:
    """How many messages were sent: grows while people do things that auto-push answers."""
    return sum(send["counts"]["sent"] for send in api.get("/api/v1/sends").json()["sends"])


def keep(page: Page, name: str, *, dark: bool = False) -> None:
    """A picture of what fits on a screen, in the folder that CLARION_TEST_PICTURES names, if any."""
    if page.viewport_size == WIDE:
        page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark" if dark else "light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark" if dark else "light")
    name += "-dark" if dark else ""
    if folder := os.environ.get("CLARION_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"readme-{name}.png")
    page.emulate_media(color_scheme="light")
    if page.viewport_size == SMALL:
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]


def keep_on_a_phone(context: BrowserContext, address: str, name: str) -> None:
    """The same on a phone."""
    page = context.new_page()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(address)
    keep(page, f"{name}-phone")
