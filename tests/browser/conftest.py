"""A whole installation with a simulated push service, and Debian's Chromium in front of it."""

import json
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.e2e.conftest import command_line

from clarion.cli.demonstration.simulation import running_simulator, settings_of

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ONESIGNAL = {"app_id": "0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f", "api_key": "k-9"}


@dataclass(frozen=True)
class Serving:
    """A running Clarion with one account."""

    address: str
    api: httpx.Client
    simulator: httpx.Client
    account_id: int


@dataclass(frozen=True)
class Installation:
    """A running Clarion as one test uses it."""

    address: str
    api: httpx.Client
    simulator: httpx.Client
    app_id: int
    sdk_id: str

    def key(self) -> str:
        """The app's public VAPID key."""
        found: str = self.api.get(f"/sdk/apps/{self.sdk_id}.json").json()["vapid_key"]
        return found

    def subscription(self) -> dict[str, Any]:
        """What the simulated push service gives a browser that subscribes with the app's key."""
        body = {"application_server_key": self.key()}
        made: dict[str, Any] = self.simulator.post("/_sim/webpush/subscriptions", json=body).json()
        return made

    def received(self, subscription: dict[str, Any]) -> list[dict[str, str]]:
        """What the push service holds for a subscription, decrypted."""
        token = subscription["endpoint"].rpartition("/")[2]
        texts = self.simulator.get("/_sim/webpush/waiting", params={"token": token}).json()
        return [json.loads(text) for text in texts]

    def send(self, **translation: str) -> None:
        """One instant push to the app."""
        push = {"default_lang": "en", "translations": [{"language": "en", **translation}]}
        body = {"name": "Browser test", "filters": {"app_ids_include": [self.app_id]}, "push": push}
        answer = self.api.post("/api/b/v2/send/instant", json=body)
        assert answer.status_code < 300, answer.text

    def devices(self) -> list[dict[str, Any]]:
        """The app's devices."""
        answer = self.api.post("/api/b/v2/query/app-instances", json={"app_ids_include": [self.app_id]})
        found: list[dict[str, Any]] = answer.json()["app_instances"]
        return found

    def counts(self) -> dict[str, int]:
        """What became of the newest send."""
        found: dict[str, int] = self.api.get("/api/v1/sends").json()["sends"][0]["counts"]
        return found


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    """`clarion serve` with an account; messages are due at once."""
    with command_line() as clarion, running_simulator(clarion.folder / "simulator") as simulated:
        clarion.environment |= {**settings_of(simulated), "CLARION_INSTANT_DELAY_SEC": "0"}
        address = clarion.start("serve").address()
        account = json.loads(clarion.ok("account", "create", "owner@example.com"))
        headers = {"authorization": f"Bearer {account['api_key']}"}
        trust = ssl.create_default_context(cafile=simulated.ca_file)
        simulator = httpx.Client(base_url=simulated.url, verify=trust)
        with httpx.Client(base_url=address, headers=headers) as api, simulator:
            yield Serving(address, api, simulator, account["account_id"])


@pytest.fixture
def installation(serving: Serving) -> Installation:
    """The running Clarion with an app of this test's own."""
    body = {"name": "Shop", "push_provider": "onesignal", "onesignal_creds": ONESIGNAL}
    app_id = serving.api.post("/api/b/v2/apps", json=body).json()["id"]
    return Installation(serving.address, serving.api, serving.simulator, app_id, f"{app_id}-{serving.account_id}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    found = shutil.which("chromium")
    assert found, "these tests need the program chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield launched
        launched.close()
