"""Finding out whether a provider accepts a credential, without sending anything to anybody.

Each provider that can be asked has a `check.py` with the question; every answer but a refusal of the credential itself
proves that it works.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from clarion.providers.contract import CredentialRefused, Outcome, Sender, Verdict
from clarion.providers.transport import Answer, ChannelOptions, Head, Request, Sink, Transport

_ACCEPTED = frozenset({Outcome.OK, Outcome.TOKEN_CERTAIN, Outcome.TOKEN_GUARDED, Outcome.THROTTLED_DEVICE})
"""The provider looked at the recipient: so it had accepted who asks."""
_REFUSED = frozenset({Outcome.CREDENTIAL, Outcome.AUTH})
_NO_HEAD = Head("/", ())
"""Until the sender gives a request the head of its credential."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has shown."""

    ok: bool
    """The provider accepts the credential. False also where it could not be asked; the code tells."""
    code: str
    """`accepted`, the provider's own code of a refusal, or `unavailable` where it could not be asked."""
    message: str


@dataclass(frozen=True, slots=True)
class Words:
    """How a provider is spoken of."""

    provider: str
    accepted: str
    """What its acceptance proves."""


def judge(verdict: Verdict, words: Words) -> Finding:
    """What the verdict on the question says about the credential."""
    if verdict.outcome in _ACCEPTED or (verdict.outcome is Outcome.MESSAGE and verdict.known):
        return Finding(ok=True, code="accepted", message=f"{words.accepted}; nothing was sent")
    said = f"{verdict.code}: {verdict.text}" if verdict.text else verdict.code
    if verdict.outcome in _REFUSED:
        return Finding(ok=False, code=verdict.code, message=f"{words.provider} refuses the credential ({said})")
    return unavailable(words, said)


def unavailable(words: Words, reason: str) -> Finding:
    """The finding when the provider could not be asked."""
    text = f"{words.provider} could not be asked now ({reason}), which says nothing about the credential; try again"
    return Finding(ok=False, code="unavailable", message=text)


async def ask_through(open_way: Callable[[Sink], Sender], body: bytes) -> Verdict:
    """Put one question through a sender of its own; the verdict on its answer."""
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    try:
        sender = open_way(lambda answers: _take(answered, answers))
        try:
            await sender.ready()
            sender.submit([Request(_NO_HEAD, body, answered)])
            return sender.verdict(await answered)
        finally:
            await sender.aclose(grace=0)
    except CredentialRefused as error:
        return error.verdict


async def ask_at(transport: Transport, origin: str, options: ChannelOptions, request: Request) -> Answer:
    """Put one question over a connection of its own; the answer, of whatever kind."""
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    channel = transport.open(origin, lambda answers: _take(answered, answers), options)
    try:
        channel.submit([request])
        return await answered
    finally:
        await channel.aclose(grace=0)


def _take(answered: "asyncio.Future[Answer]", answers: list[Answer]) -> None:
    if not answered.done():
        answered.set_result(answers[0])
