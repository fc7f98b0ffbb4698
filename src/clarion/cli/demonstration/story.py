"""The course of the demonstration, from an empty installation to the summary."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from clarion.bootstrap import Installation
from clarion.cli.demonstration.client import CallFailed, JsonClient
from clarion.cli.demonstration.phones import Phones
from clarion.cli.demonstration.samples import APPS, DEVICES_PER_APP, SampleApp, devices_of
from clarion.cli.demonstration.summary import Counts, Line, Summary
from clarion.features.accounts.model import AccountCreated

SETTLE_SECONDS = 120.0
LOOK_SECONDS = 0.5
PUSH = {
    "default_lang": "en",
    "translations": [
        {"language": "en", "title": "Good morning", "text": "Sun all day, 24 degrees.", "link": "weather/today"},
        {"language": "pt", "title": "Bom dia", "text": "Sol o dia todo, 24 graus.", "link": "weather/today"},
    ],
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story plays."""

    installation: Installation
    simulator: JsonClient
    address: str
    """Base URL of Clarion's HTTP interface."""
    console: Console


async def play(stage: Stage) -> Summary:
    """Make everything, send one push to all devices, and wait until every message is settled.

    Raises `CallFailed` when a call is refused or messages do not settle in time.
    """
    email = f"demo-{secrets.token_hex(3)}@example.com"
    account = await stage.installation.services.accounts.create(email=email, name="Demonstration")
    stage.console.print(f"account {email}")
    api = JsonClient(stage.address, key=account.api_key)
    try:
        return await _Play(stage, account, api).run()
    finally:
        await api.aclose()


class _Play:
    def __init__(self, stage: Stage, account: AccountCreated, api: JsonClient) -> None:
        self._stage = stage
        self._account = account
        self._api = api
        self._phones = Phones(api, stage.simulator)

    async def run(self) -> Summary:
        apps = {await self._create(app): app for app in APPS}
        scheduler_id = await self._send(apps)
        living = asyncio.create_task(self._phones.live())
        try:
            send_ids = await self._settled(scheduler_id, living)
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
        await self._phones.look()
        return await self._summary(apps, send_ids)

    async def _create(self, app: SampleApp) -> int:
        credentials = await app.credentials(self._stage.simulator)
        app_id: int = (await self._api.call("POST", "/api/b/v2/apps", {"name": app.name, **credentials}))["id"]
        sdk_id = (await self._api.call("GET", f"/api/b/v2/apps/{app_id}"))["pushexpress_id"]
        await self._phones.register(sdk_id, await devices_of(app, self._stage.simulator))
        self._stage.console.print(f"app {app.name}: {DEVICES_PER_APP} devices with transport {app.transport}")
        if app.transport == "webpush":
            page = f"{self._stage.address}/sdk/example/?app={sdk_id}"
            self._stage.console.print(f"add this browser to it: {page}", highlight=False, soft_wrap=True)
        return app_id

    async def _send(self, apps: Mapping[int, SampleApp]) -> int:
        group = {"name": "All demonstration apps", "app_ids": list(apps), "all_apps": False}
        group_id = (await self._api.call("POST", "/api/b/v2/app/groups", group))["id"]
        filters = {"app_groups_include": [group_id]}
        body = {"name": "Demonstration", "filters": filters, "push": PUSH}
        sent = await self._api.call("POST", "/api/b/v2/send/instant", body)
        self._stage.console.print(f"push {sent['push_id']} is on its way to the group; failed answers are tried again")
        return int(sent["sched_id"])

    async def _settled(self, scheduler_id: int, living: asyncio.Task[None]) -> list[int]:
        """The sends of the scheduler once they are complete."""
        sends = self._stage.installation.services.sends
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    states = await sends.states_of(self._account.account_id, scheduler_id)
                    if states and all(state == "complete" for state in states.values()):
                        return list(states)
                    if living.done():
                        await living
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise CallFailed(f"the messages were not settled within {SETTLE_SECONDS:.0f} s") from None

    async def _summary(self, apps: Mapping[int, SampleApp], send_ids: list[int]) -> Summary:
        services = self._stage.installation.services
        outcomes = await services.statistics.outcomes(self._account.account_id, send_ids)
        seen = await self._stage.simulator.call("GET", "/_sim/counts")
        return Summary(
            lines=[
                Line(app.name, app.transport, DEVICES_PER_APP, _counts(outcomes.get(i, {}))) for i, app in apps.items()
            ],
            reported=Counts(sent=seen["accepted"], delivered=self._phones.delivered, clicked=self._phones.clicked),
            address=self._stage.address,
            email=self._account.email,
            password=self._account.password or "",
            api_key=self._account.api_key,
        )


def _counts(outcomes: Mapping[str, int]) -> Counts:
    failed = sum(n for outcome, n in outcomes.items() if outcome.startswith("failed"))
    return Counts(outcomes.get("sent", 0), failed, outcomes.get("delivered", 0), outcomes.get("clicked", 0))
