"""A sink that tests can wait on."""

import asyncio
from collections import Counter

from clarion.providers.transport import Answer, Head, Request

HEAD = Head("/v1/messages:send", (("authorization", "Bearer secret"), ("content-type", "application/json")))


class Answers:
    """Collects what a transport reports; each answer exactly once per tag, or the test fails."""

    def __init__(self) -> None:
        self.all: list[Answer] = []
        self.by_tag: dict[object, Answer] = {}
        self.batches = 0
        self._changed = asyncio.Event()

    def __call__(self, answers: list[Answer]) -> None:
        self.batches += 1
        for answer in answers:
            assert bool(answer.status) != bool(answer.failure), "an answer has either a status or a failure"
            assert answer.tag not in self.by_tag, f"{answer.tag} answered twice"
            self.by_tag[answer.tag] = answer
            self.all.append(answer)
        self._changed.set()

    async def count(self, count: int, *, within: float = 10.0) -> list[Answer]:
        """Wait until `count` answers are there, and no more."""
        async with asyncio.timeout(within):
            while len(self.all) < count:
                self._changed.clear()
                await self._changed.wait()
        assert len(self.all) == count
        return self.all

    async def one(self) -> Answer:
        return (await self.count(1))[0]

    def statuses(self) -> Counter[int | str]:
        """How often each status, or failure, was reported."""
        return Counter(answer.status or f"{answer.failure}: {answer.detail}" for answer in self.all)


def requests(count: int, *, first: int = 0, head: Head = HEAD, body: bytes = b'{"message":%d}') -> list[Request]:
    return [Request(head, body.replace(b"%d", b"%d" % n), n) for n in range(first, first + count)]
