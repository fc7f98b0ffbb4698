"""What the console shows beside finished sendings: groups, events, what repeats, what is planned, what went wrong."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clarion.cli.demonstration.client import JsonClient
from clarion.cli.demonstration.sending import send_now
from clarion.cli.demonstration.texts import NEWS, OPENING, PREMIERE, REMINDER, TIPS, WELCOME

_EVENTS = (("Ticket bought", "ticket"), ("Level up", "level_up"), ("Favourite added", "favourite"))
_AUDIENCE_GROUPS = (("Fans", ["sport", "music"]), ("Best customers", ["premium"]))
_SOON = timedelta(hours=2)


class Plans:
    """Makes plans through the HTTP API, for some apps."""

    def __init__(self, api: JsonClient, app_ids: Sequence[int]) -> None:
        self._api = api
        self._all: Mapping[str, Any] = {"app_ids_include": list(app_ids)}

    async def make(self) -> None:
        """Groups, events, and every type of scheduler."""
        for name, code in _EVENTS:
            await self._api.call("POST", "/api/b/v2/events", {"name": name, "code": code})
        for name, audiences in _AUDIENCE_GROUPS:
            body = {"name": name, "audiences": audiences}
            await self._api.call("POST", "/api/v1/audience-groups", body)
        saved = {
            "name": "Portuguese on Android",
            "filter": {"languages_include": ["pt"], "platforms_include": ["android"]},
        }
        await self._api.call("POST", "/api/v1/filters", saved)
        await self._make_weekly()
        await self._make_auto_pushes()
        await self._make_planned()

    async def _make_weekly(self) -> None:
        weekly = {"type": "weekly", "name": "Tips", "days": [1, 3, 5], "times": ["09:00"], "local_time": True}
        await self._schedule(weekly, TIPS)

    async def _make_auto_pushes(self) -> None:
        welcome = {"type": "conversion", "name": "Welcome", "delay": "0m"}
        await self._schedule(welcome, [WELCOME], event_include="reg")
        later = {"type": "conversion", "name": "Come back and finish", "delay": "1h30m"}
        await self._schedule(later, [REMINDER], event_include="reg", event_exclude="ticket")

    async def _make_planned(self) -> None:
        day = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
        noon = {"type": "onesend", "name": "Premiere at local noon", "date": day, "time": "12:00", "local_time": True}
        await self._schedule(noon, [PREMIERE])
        at = datetime.now(UTC) + _SOON
        soon = {"type": "onesend", "date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "timezone": "+00:00"}
        await self._schedule({**soon, "name": "Tonight on the radio"}, [NEWS], audiences_include=["music"])
        draft = {**noon, "name": "Winter sale", "draft": True}
        await self._schedule(draft, [], audiences_include=["premium"])

    async def _schedule(self, what: Mapping[str, Any], pushes: Sequence[Mapping[str, Any]], **narrower: object) -> None:
        body = {**what, "filter": {**self._all, **narrower}, "pushes": list(pushes)}
        await self._api.call("POST", "/api/v1/schedulers", body)


async def be_refused(api: JsonClient, simulator: JsonClient, app_id: int, *, project: str) -> None:
    """The provider takes the right to send away from the project of an app, which sends all the same."""
    await simulator.call("POST", "/_sim/fcm/deny", {"project_id": project})
    await send_now(api, "Festival: gates open", OPENING, {"app_ids_include": [app_id]})
