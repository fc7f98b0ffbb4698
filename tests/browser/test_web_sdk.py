"""Our web SDK in a real browser: from a click to a counted click.

Real push services cannot be reached, so two things stand in for the network between push service and browser: the
page's PushManager hands out a subscription of the simulated push service, and what that service received is handed to
the service worker through the DevTools protocol.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Worker, expect
from tests.browser.conftest import Installation

SECONDS = 20
STAND_IN = """(subscription) => {
  let present = null;
  PushManager.prototype.getSubscription = async () => present;
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    window.subscribedWith = { userVisibleOnly, key: [...new Uint8Array(applicationServerKey)] };
    present = {
      options: { applicationServerKey: applicationServerKey.buffer },
      toJSON: () => subscription,
      unsubscribe: async () => ((present = null), true),
    };
    return present;
  };
}"""
# Only a person's click may open windows; a made event may not. What the worker wants to open is noted instead.
# What the browser has shown is noted too: without a place for notifications in the system it soon forgets them.
NOTES = """() => {
  self.opened = [];
  self.shown = [];
  self.clients.openWindow = async (url) => { self.opened.push(url); };
  const show = self.registration.showNotification.bind(self.registration);
  self.registration.showNotification = async (title, options) => {
    await show(title, options);
    self.shown.push({ title, ...options });
  };
}"""
CLICK = """(action) => {
  const notification = { data: self.shown[0].data, close: () => { self.closed = true; } };
  const event = new Event("notificationclick");
  self.dispatchEvent(Object.assign(event, { notification, action, waitUntil: () => {} }));
}"""
SHOWN = "() => self.shown"
REPLACED = """async (subscription) => {
  const waited = [];
  const event = new Event("pushsubscriptionchange");
  Object.assign(event, { newSubscription: { toJSON: () => subscription }, waitUntil: (work) => waited.push(work) });
  self.dispatchEvent(event);
  await Promise.all(waited);
}"""
SIGN_IN = """async ([app, name]) => {
  const { Clarion } = await import("/sdk/clarion.js");
  window.clarion ??= await Clarion.start({ app, worker: "worker.js" });
  await window.clarion.setExternalId(name ?? undefined);
  return window.clarion.id;
}"""
OFFLINE = "() => { self.fetch = async () => { throw new TypeError('offline'); }; }"


def eventually(read: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What `read` gives as soon as it is as wanted; the last value fails the test."""
    deadline = time.monotonic() + SECONDS
    while not wanted(value := read()):
        assert time.monotonic() < deadline, f"never happened; at last: {value}"
        time.sleep(0.1)
    return value


@pytest.fixture
def context(browser: Browser, installation: Installation) -> Iterator[BrowserContext]:
    """A browser profile of this test's own, whose user allows notifications."""
    opened = browser.new_context(locale="pt-BR", timezone_id="Europe/Lisbon")
    opened.grant_permissions(["notifications"], origin=installation.address)
    yield opened
    opened.close()


@pytest.fixture
def subscription(installation: Installation) -> dict[str, Any]:
    """What the browser's push service gives out."""
    return installation.subscription()


@pytest.fixture
def page(context: BrowserContext, installation: Installation, subscription: dict[str, Any]) -> Page:
    """The example page, registered."""
    opened = context.new_page()
    opened.add_init_script(f"({STAND_IN})({json.dumps(subscription)})")
    visit(opened, installation)
    return opened


def visit(page: Page, installation: Installation) -> None:
    """Open the example page and wait until it has registered."""
    page.goto(f"{installation.address}/sdk/example/?app={installation.sdk_id}")
    expect(page.locator("#device")).to_have_text(re.compile("^[0-9]+$"), timeout=SECONDS * 1000)


def subscribe(page: Page, installation: Installation) -> None:
    """Click, and wait until Clarion can reach the browser."""
    page.click("#subscribe")
    eventually(lambda: page.evaluate("window.subscribedWith"), bool)
    eventually(lambda: reachable(installation), lambda count: count == 1)


def reachable(installation: Installation) -> int:
    """Devices that a push to the app would reach."""
    body = {"app_ids_include": [installation.app_id]}
    found: int = installation.api.post("/api/v1/audiences/estimate", json=body).json()["devices"]
    return found


def hand_to_worker(page: Page, installation: Installation, data: str) -> None:
    """Deliver a message as the browser's push service would."""
    session = page.context.new_cdp_session(page)
    registrations: list[str] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(_alive(event)))
    session.send("ServiceWorker.enable")
    eventually(lambda: page.wait_for_timeout(50) or registrations, bool)
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": installation.address, "registrationId": registrations[-1], "data": data},
    )


def _alive(event: dict[str, Any]) -> list[str]:
    found = [one for one in event["registrations"] if "/sdk/example/" in one["scopeURL"] and not one["isDeleted"]]
    return [one["registrationId"] for one in found]


def worker_of(page: Page) -> Worker:
    """The page's service worker."""
    found: Worker = page.context.service_workers[0]
    return found


def test_a_push_is_shown_opens_its_link_and_is_counted(
    page: Page, installation: Installation, subscription: dict[str, Any]
) -> None:
    subscribe(page, installation)
    installation.send(title="Olá", text="Sol o dia todo", link="/sdk/example/page.css")
    (message,) = eventually(lambda: installation.received(subscription), bool)
    worker_of(page).evaluate(NOTES)
    hand_to_worker(page, installation, json.dumps(message))
    shown = eventually(lambda: worker_of(page).evaluate(SHOWN), bool)
    assert [(one["title"], one["body"], one["tag"]) for one in shown] == [("Olá", "Sol o dia todo", message["msg_id"])]
    counts = eventually(installation.counts, lambda counts: counts["delivered"] == 1)
    assert (counts["sent"], counts["clicked"]) == (1, 0)
    worker_of(page).evaluate(CLICK, "")
    eventually(installation.counts, lambda counts: counts["clicked"] == 1)
    assert worker_of(page).evaluate("() => self.opened") == [f"{installation.address}/sdk/example/page.css"]
    assert worker_of(page).evaluate("() => self.closed")


def test_buttons_lead_to_their_own_links(page: Page, installation: Installation) -> None:
    subscribe(page, installation)
    worker_of(page).evaluate(NOTES)
    buttons = [{"id": "map", "title": "Map", "link": "/sdk/example/page.js"}, {"id": "later", "title": "Later"}]
    message = {"title": "Hi", "url": "/sdk/example/page.css", "tag": "weather", "actions": buttons}
    hand_to_worker(page, installation, json.dumps(message))
    eventually(lambda: worker_of(page).evaluate(SHOWN), lambda shown: [one["tag"] for one in shown] == ["weather"])
    worker_of(page).evaluate(CLICK, "map")
    opened = eventually(lambda: worker_of(page).evaluate("() => self.opened"), bool)
    assert opened == [f"{installation.address}/sdk/example/page.js"]


def test_the_page_subscribes_with_the_apps_key_after_a_click_only(page: Page, installation: Installation) -> None:
    assert page.evaluate("window.subscribedWith") is None
    assert reachable(installation) == 0
    subscribe(page, installation)
    used = page.evaluate("window.subscribedWith")
    assert used["userVisibleOnly"] is True
    assert len(used["key"]) == 65
    (device,) = installation.devices()
    assert device["language"] == "pt"


def test_a_browser_stays_the_same_device(page: Page, installation: Installation) -> None:
    first = page.text_content("#device")
    visit(page, installation)
    assert page.text_content("#device") == first


def test_who_unsubscribes_gets_nothing_until_they_subscribe_again(page: Page, installation: Installation) -> None:
    subscribe(page, installation)
    page.click("#unsubscribe")
    eventually(lambda: reachable(installation), lambda count: count == 0)
    visit(page, installation)
    assert reachable(installation) == 0
    subscribe(page, installation)


def test_a_report_without_a_network_is_made_up_for(
    page: Page, installation: Installation, subscription: dict[str, Any]
) -> None:
    subscribe(page, installation)
    installation.send(title="Hi", text="There")
    (message,) = eventually(lambda: installation.received(subscription), bool)
    worker_of(page).evaluate(NOTES)
    worker_of(page).evaluate(OFFLINE)
    hand_to_worker(page, installation, json.dumps(message))
    eventually(lambda: worker_of(page).evaluate(SHOWN), bool)
    assert installation.counts()["delivered"] == 0
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    eventually(installation.counts, lambda counts: counts["delivered"] == 1)


def test_a_subscription_that_the_browser_replaced_is_told_to_clarion(page: Page, installation: Installation) -> None:
    """The browser tells only the service worker; the device stays the same and is reached at the new address."""
    subscribe(page, installation)
    device, renewed = page.text_content("#device"), installation.subscription()
    worker_of(page).evaluate(REPLACED, renewed)
    installation.send(title="Hi", text="There")
    assert eventually(lambda: installation.received(renewed), bool)[0]["title"] == "Hi"
    assert [one["id"] for one in installation.devices()] == [device]


def test_each_user_of_a_browser_is_a_device_of_their_own(page: Page, installation: Installation) -> None:
    """Logging in, changing the user and logging out: one of the browser's devices is active, never two."""
    subscribe(page, installation)
    nobody = page.text_content("#device")
    seen = [page.evaluate(SIGN_IN, [installation.sdk_id, name]) for name in ("anna", "berta", None, "anna")]
    anna, berta, out, again = seen
    assert len({nobody, anna, berta}) == 3
    assert (out, again) == (nobody, anna)
    eventually(lambda: reachable(installation), lambda count: count == 1)
    known = {one["id"]: one["external_id"] for one in installation.devices()}
    assert known[anna] == "anna"


def test_an_unknown_app_is_told_to_the_page(context: BrowserContext, installation: Installation) -> None:
    page = context.new_page()
    page.goto(f"{installation.address}/sdk/example/?app=999-999")
    expect(page.locator("#fault")).to_contain_text("404", timeout=SECONDS * 1000)
