"""What goes on while people look at the demonstration: users do things, new ones come, news go out."""

import asyncio
import random
from collections.abc import Sequence

from clarion.cli.demonstration.client import CallFailed, JsonClient
from clarion.cli.demonstration.phones import Phones
from clarion.cli.demonstration.samples import DEVICES_PER_APP, INTERESTS, SampleApp, new_device, user
from clarion.cli.demonstration.sending import send_now
from clarion.cli.demonstration.texts import NEWS

STEP_SECONDS = 2.0
DEVICE_EVERY, SENDING_EVERY = 10, 40
"""Steps between two new devices, and between two sendings."""
STEPS = 5_400
"""Three hours; after that nothing new happens, so that a forgotten demonstration stays small."""
_CODES = ("reg", "ticket", "favourite", "favourite", "level_up", "dep")


class Living:
    """Keeps an account alive, in some apps by the ids that their SDKs know."""

    def __init__(self, api: JsonClient, simulator: JsonClient, phones: Phones, *, account_id: int) -> None:
        self._api = api
        self._simulator = simulator
        self._phones = phones
        self._account_id = account_id
        self._chance = random.Random()  # noqa: S311 - who does what next is no secret

    async def go_on(self, apps: Sequence[tuple[int, str, SampleApp]]) -> None:
        """Until cancelled, or for about three hours. What fails is left out."""
        for step in range(1, STEPS + 1):
            try:
                await self._step(step, apps)
            except* CallFailed:
                pass  # the next step may do better
            await asyncio.sleep(STEP_SECONDS)

    async def _step(self, step: int, apps: Sequence[tuple[int, str, SampleApp]]) -> None:
        await self._phones.look()
        number = self._chance.randrange(DEVICES_PER_APP)
        await self._tell(user(number), _CODES[step % len(_CODES)])
        if step % DEVICE_EVERY == 0:
            _, sdk_id, app = self._chance.choice(apps)
            fresh = DEVICES_PER_APP + step // DEVICE_EVERY
            await self._phones.register(sdk_id, [await new_device(app, self._simulator, number=fresh)])
        if step % SENDING_EVERY == 0:
            turn = step // SENDING_EVERY
            filters = {
                "app_ids_include": [apps[turn % len(apps)][0]],
                "audiences_include": [self._chance.choice(INTERESTS)],
            }
            await send_now(self._api, f"News, edition {turn}", NEWS, filters)

    async def _tell(self, user_id: str, code: str) -> None:
        await self._api.call("GET", f"/api/postback/?id={user_id}&status={code}_{self._account_id}")
