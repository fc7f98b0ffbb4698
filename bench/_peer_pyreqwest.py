"""A bare loop of pyreqwest: tasks that each send one message after the other, HTTP/2 by prior knowledge."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from pyreqwest.client import Client, ClientBuilder

from _peers import CONTENT, TTL, Result, Task, mark, measured, take_part, token
from clarion.providers.fcm.payload import DATA_ONLY, Template, render

SETTINGS = ((1, 100), (1, 200), (2, 200), (4, 400))
"""(connections, messages in flight) to choose from."""
TRIAL = 4000
BEARER = "Bearer ya29.bench-" + "x" * 120


class BareLoop:
    """Everything that is constant over a run."""

    def __init__(self, task: Task) -> None:
        self._url = f"{task['url']}/v1/projects/{task['project']}/messages:send"
        self._ca = Path(task["ca_file"]).read_bytes()
        self._template = render(CONTENT, transport=DATA_ONLY, ttl=TTL)

    async def send(self, count: int, setting: tuple[int, int]) -> Result:
        """Send so many messages."""
        connections, in_flight = setting
        clients = [self._client() for _ in range(connections)]
        numbers = iter(range(count))
        begun = mark()
        async with asyncio.TaskGroup() as tasks:
            for number in range(in_flight):
                tasks.create_task(self._work(clients[number % connections], numbers))
        result = measured("bare loop of pyreqwest", count, f"{connections} conn., {in_flight} in flight", begun)
        for client in clients:
            await client.close()
        return result

    async def _work(self, client: Client, numbers: Iterator[int]) -> None:
        template, url = self._template, self._url
        for number in numbers:
            response = await client.post(url).body_bytes(message(template, number)).build().send()
            assert response.status == 200, response.status

    def _client(self) -> Client:
        headers = {"authorization": BEARER, "content-type": "application/json"}
        builder = ClientBuilder().http2_prior_knowledge().default_headers(headers).no_proxy()
        return builder.add_root_certificate_pem(self._ca).build()


def message(template: Template, number: int) -> bytes:
    """A body of the same size as Clarion's."""
    return template.body(token(number).encode(), b"739000.1.1.%019d.0123456789abcdef" % number, b"0" * 32)


async def peer(task: Task) -> Result:
    """Try all settings briefly, then run with the fastest."""
    loop = BareLoop(task)
    trials = {setting: (await loop.send(TRIAL, setting)).per_second for setting in SETTINGS}
    return await loop.send(task["count"], max(trials, key=lambda setting: trials[setting]))


if __name__ == "__main__":
    take_part(peer)
