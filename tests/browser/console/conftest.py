"""The console in a real browser: one installation with a simulator per run, an account per test module.

def test_something(member: Member) -> None:
    page = member.open("/apps")
    ...
    member.check(page, "apps")
"""

import json
import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.e2e.conftest import Clarion, command_line

from clarion.cli.demonstration.simulation import running_simulator, settings_of

ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "correct horse battery"
WIDE, PHONE = {"width": 1280, "height": 850}, {"width": 390, "height": 844}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SECONDS = 20
"""How long a page may take to show what is waited for."""


@dataclass(frozen=True)
class Installation:
    """A running Clarion and the simulated providers it talks to."""

    address: str
    clarion: Clarion
    simulator: httpx.Client
    simulated_url: str
    ca_file: str

    def new_account(self, email: str) -> dict[str, Any]:
        """An account whose owner has the password `PASSWORD`: `account_id`, `email`, `api_key`."""
        made: dict[str, Any] = json.loads(
            self.clarion.ok("account", "create", email, "--password-stdin", stdin=f"{PASSWORD}\n")
        )
        return made

    def api(self, account: dict[str, Any]) -> httpx.Client:
        """The HTTP interface with the account's key."""
        headers = {"authorization": f"Bearer {account['api_key']}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=SECONDS)


@dataclass(frozen=True)
class Member:
    """A signed-in member's browser."""

    installation: Installation
    account: dict[str, Any]
    context: BrowserContext

    @property
    def api(self) -> httpx.Client:
        """The HTTP interface with the account's key."""
        return self.installation.api(self.account)

    def open(self, path: str = "") -> Page:
        """A new tab with a page of the console, e.g. `/apps`."""
        page = self.context.new_page()
        page.goto(f"{self.installation.address}/console{path}")
        return page

    def check(self, page: Page, name: str) -> None:
        """The page is accessible and fits in light, in dark and on a phone; pictures are kept under this name."""
        check_page(page, name)


def check_page(page: Page, name: str) -> None:
    """See `Member.check`."""
    for theme, size in (("light", WIDE), ("dark", WIDE), ("light", PHONE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        _keep_picture(page, f"{name}-{'phone' if size is PHONE else theme}")
        assert accessibility_faults(page) == [], f"{name}, {theme}, {size['width']} pixels"
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name}: {overflow} pixels wider than a screen of {size['width']}"
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")


def accessibility_faults(page: Page) -> list[str]:
    """What axe-core finds wrong."""
    page.evaluate(AXE.read_text("utf-8"))  # evaluated by the debugger, which no page's policy concerns
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


def _keep_picture(page: Page, name: str) -> None:
    """Screenshots go to the folder that CLARION_TEST_PICTURES names, if any."""
    folder = os.environ.get("CLARION_TEST_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """`clarion serve` with the simulator; instant messages are due at once."""
    with command_line() as clarion, running_simulator(clarion.folder / "simulator") as simulated:
        clarion.environment |= {**settings_of(simulated), "CLARION_INSTANT_DELAY_SEC": "0"}
        address = clarion.start("serve").address()
        trust = ssl.create_default_context(cafile=simulated.ca_file)
        with httpx.Client(base_url=simulated.url, verify=trust) as simulator:
            yield Installation(address, clarion, simulator, simulated.url, str(simulated.ca_file))


@pytest.fixture(scope="module")
def account(installation: Installation, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The module's own account."""
    return installation.new_account(f"{request.module.__name__.rpartition('.')[2]}@example.com")


NewContext = Callable[..., BrowserContext]


@pytest.fixture
def new_context(browser: Browser) -> Iterator[NewContext]:
    """Opens browser profiles (arguments as Playwright's `new_context`) that end with the test; no script may fail."""
    opened: list[BrowserContext] = []
    faults: list[str] = []

    def make(**options: Any) -> BrowserContext:
        usual = {"viewport": WIDE, "timezone_id": "Europe/Lisbon", "locale": "en", "reduced_motion": "reduce"}
        context = browser.new_context(**{**usual, **options})
        context.set_default_timeout(SECONDS * 1000)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.on("console", lambda message: faults.append(message.text) if _is_refusal(message.text) else None)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()
    assert faults == [], "scripts failed or broke the content security policy"


def _is_refusal(text: str) -> bool:
    return "Content Security Policy" in text or "Content-Security-Policy" in text


def signed_in(context: BrowserContext, installation: Installation, email: str) -> BrowserContext:
    """Sign in through the form."""
    page = context.new_page()
    page.goto(f"{installation.address}/console/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.close()
    return context


@pytest.fixture
def member(installation: Installation, account: dict[str, Any], new_context: NewContext) -> Member:
    """The signed-in owner of the module's account."""
    context = signed_in(new_context(), installation, account["email"])
    return Member(installation, account, context)
