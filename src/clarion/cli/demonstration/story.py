"""The course of the demonstration, from an empty installation to the summary and beyond."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rich.console import Console

from clarion.bootstrap import Installation
from clarion.cli.demonstration.client import JsonClient
from clarion.cli.demonstration.living import Living
from clarion.cli.demonstration.past import move_back, send_earlier
from clarion.cli.demonstration.phones import Phones
from clarion.cli.demonstration.plans import Plans, be_refused
from clarion.cli.demonstration.samples import APPS, OLDER, REFUSED, SampleApp, devices_of
from clarion.cli.demonstration.sending import LOOK_SECONDS, send_now, settled
from clarion.cli.demonstration.summary import Counts, Line, Summary
from clarion.cli.demonstration.texts import MORNING
from clarion.features.accounts.model import AccountCreated

COUNTING_LOOKS = 20
"""How often, at most, it is asked whether all reports are counted."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story plays."""

    installation: Installation
    simulator: JsonClient
    address: str
    """Base URL of Clarion's HTTP interface."""
    console: Console


@dataclass(frozen=True, slots=True)
class Made:
    """An app as Clarion knows it."""

    id: int
    sdk_id: str
    sample: SampleApp
    project: str
    """Of its Firebase credentials; empty without."""


@asynccontextmanager
async def curtain(stage: Stage) -> AsyncIterator["Story"]:
    """The story of a new account of its own. Raises `CallFailed` when a call is refused."""
    email = f"demo-{secrets.token_hex(3)}@example.com"
    account = await stage.installation.services.accounts.create(email=email, name="Demonstration")
    stage.console.print(f"account {email}")
    api = JsonClient(stage.address, key=account.api_key)
    try:
        yield Story(stage, account, api)
    finally:
        await api.aclose()


class Story:
    """Everything that happens in one account."""

    def __init__(self, stage: Stage, account: AccountCreated, api: JsonClient) -> None:
        self._stage = stage
        self._account = account
        self._api = api
        self._phones = Phones(api, stage.simulator)
        self._apps: list[Made] = []

    async def play(self) -> Summary:
        """Make everything, send one push to all devices, and wait until every message is settled.

        Raises `CallFailed` when a call is refused or messages do not settle in time.
        """
        self._apps = [await self._create(app) for app in APPS]
        older = await self._create(OLDER)
        await self._have_past([*self._apps, older])
        refused = await self._create(REFUSED)
        await be_refused(self._api, self._stage.simulator, refused.id, project=refused.project)
        summary = await self._send()
        await Plans(self._api, [app.id for app in [*self._apps, older]]).make()
        return summary

    async def live(self) -> None:
        """Let things happen, until cancelled."""
        living = Living(self._api, self._stage.simulator, self._phones, account_id=self._account.account_id)
        await living.go_on([(app.id, app.sdk_id, app.sample) for app in self._apps])

    async def _create(self, app: SampleApp) -> Made:
        credentials = await app.credentials(self._stage.simulator)
        app_id: int = (await self._api.call("POST", "/api/b/v2/apps", {"name": app.name, **credentials}))["id"]
        sdk_id = (await self._api.call("GET", f"/api/b/v2/apps/{app_id}"))["pushexpress_id"]
        await self._phones.register(sdk_id, await devices_of(app, self._stage.simulator))
        self._stage.console.print(f"app {app.name}: {app.devices} devices with transport {app.transport}")
        if app.transport == "webpush":
            page = f"{self._stage.address}/sdk/example/?app={sdk_id}"
            self._stage.console.print(f"add this browser to it: {page}", highlight=False, soft_wrap=True)
        return Made(app_id, sdk_id, app, credentials.get("firebase_creds", {}).get("project_id", ""))

    async def _have_past(self, apps: list[Made]) -> None:
        self._stage.console.print("some earlier sendings are on their way; their dates are set back afterwards")
        before = await self._reported()
        earlier = await send_earlier(self._api, [app.id for app in apps])
        await self._counted(await self._settled([one.scheduler_id for one in earlier]), before)
        await move_back(self._stage.installation.database, self._account.account_id, earlier)

    async def _send(self) -> Summary:
        before = await self._reported()
        group = {"name": "All demonstration apps", "app_ids": [app.id for app in self._apps], "all_apps": False}
        group_id = (await self._api.call("POST", "/api/b/v2/app/groups", group))["id"]
        filters = {"app_groups_include": [group_id]}
        scheduler_id = await send_now(self._api, "Demonstration", MORNING, filters)
        self._stage.console.print("a push is on its way to the group; failed answers are tried again")
        send_ids = await self._settled([scheduler_id])
        return self._summary(await self._counted(send_ids, before), await self._reported() - before)

    async def _settled(self, scheduler_ids: list[int]) -> list[int]:
        """The sends of the schedulers, once they are complete; then the devices report what they have got."""
        sends = self._stage.installation.services.sends
        send_ids = await settled(sends, self._account.account_id, scheduler_ids)
        await self._phones.look()
        return send_ids

    async def _counted(self, send_ids: list[int], before: Counts) -> Mapping[int, Counts]:
        """Counts by app, once they hold everything that devices have reported, or after some seconds."""
        reported = await self._reported() - before
        for _ in range(COUNTING_LOOKS):
            outcomes = await self._stage.installation.services.statistics.outcomes(self._account.account_id, send_ids)
            counts = {app_id: _counts(found) for app_id, found in outcomes.items()}
            total = sum(counts.values(), Counts())
            if (total.delivered, total.clicked) == (reported.delivered, reported.clicked):
                break
            await asyncio.sleep(LOOK_SECONDS)
        return counts

    async def _reported(self) -> Counts:
        """What the simulated providers and devices have seen so far."""
        seen = await self._stage.simulator.call("GET", "/_sim/counts")
        return Counts(sent=seen["accepted"], delivered=self._phones.delivered, clicked=self._phones.clicked)

    def _summary(self, counts: Mapping[int, Counts], reported: Counts) -> Summary:
        return Summary(
            lines=[
                Line(app.sample.name, app.sample.transport, app.sample.devices, counts.get(app.id, Counts()))
                for app in self._apps
            ],
            reported=reported,
            address=self._stage.address,
            email=self._account.email,
            password=self._account.password or "",
            api_key=self._account.api_key,
        )


def _counts(outcomes: Mapping[str, int]) -> Counts:
    failed = sum(n for outcome, n in outcomes.items() if outcome.startswith("failed"))
    return Counts(outcomes.get("sent", 0), failed, outcomes.get("delivered", 0), outcomes.get("clicked", 0))
