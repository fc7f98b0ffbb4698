"""One app's way to browsers: content becomes messages, messages are encrypted in batches and go to their push services.

There is no credential but the app's own VAPID pair, so there is nothing to fetch before sending.
"""

import asyncio
import binascii
from collections import defaultdict
from collections.abc import Iterable, Sequence

from clarion.foundation.clock import Clock
from clarion.foundation.errors import InvalidInput
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Refusal, Verdict
from clarion.providers.personal import Gaps, Person, opened
from clarion.providers.transport import Answer, Request, Sink, Transport
from clarion.providers.webpush.encryption import PLAINTEXT_LIMIT
from clarion.providers.webpush.message import Judged, Label, Message, label_of
from clarion.providers.webpush.origin import Origin
from clarion.providers.webpush.payload import Template, render
from clarion.providers.webpush.sealing import Sealer, SealingFailed
from clarion.providers.webpush.settings import WebPushSettings
from clarion.providers.webpush.subscription import read_subscription
from clarion.providers.webpush.vapid import VapidKey, VapidToken
from clarion.providers.webpush.verdicts import MALFORMED, TOO_LARGE, Standing, read, resting

BATCH = 128
"""Messages encrypted at once: some 15 ms of work, so that the first are on their way while the next are encrypted."""
_LOOK_SECONDS = 0.25
_CROWDED_PAUSE = 15.0
_SEALING_PAUSE = 5.0


class WebPushPrepared:
    """One translation rendered for browsers (`contract.Prepared`)."""

    __slots__ = ("_gaps", "_hosts", "_label", "_template")

    def __init__(
        self, template: Template, label: Label, hosts: Sequence[str], gaps: Gaps[Template] | None = None
    ) -> None:
        self._template = template
        self._label = label
        self._hosts = tuple(hosts)
        self._gaps = gaps

    def personal(self, person: Person) -> "WebPushPrepared":
        """See `contract.Prepared.personal`."""
        return self if self._gaps is None else WebPushPrepared(self._gaps.fill(person), self._label, self._hosts)

    def request(self, token: str, msg_id: bytes, uuid: bytes, tag: object) -> Request | Verdict:
        """See `contract.Prepared.request`."""
        text = self._template.text(msg_id)
        if len(text) > PLAINTEXT_LIMIT:
            return TOO_LARGE
        try:
            subscription = read_subscription(token, self._hosts)
        except (ValueError, InvalidInput):
            return MALFORMED
        if subscription.fault is not None:
            return Verdict(Outcome.TOKEN_GUARDED, "endpoint_refused", text=subscription.fault)
        return Message(subscription, text, self._label, topic=uuid, tag=tag)


class _Batch:
    """Messages that are being encrypted; empty when they were taken back meanwhile."""

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages


class WebPushSender:
    """`contract.Sender` for one app's VAPID pair."""

    def __init__(
        self,
        credential: Credential,
        *,
        settings: WebPushSettings,
        transport: Transport,
        sealer: Sealer,
        clock: Clock,
        sink: Sink,
    ) -> None:
        """Raises: CredentialRefused when the VAPID pair cannot be used at all."""
        self._key = _usable_key(credential)
        self._settings = settings
        self._transport = transport
        self._sealer = sealer
        self._clock = clock
        self._sink = sink
        self._origins: dict[str, Origin] = {}
        self._sealing: dict[asyncio.Task[None], _Batch] = {}
        self._closings: set[asyncio.Task[None]] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._pending = 0
        self._share = 1.0
        self._closed = False

    async def ready(self) -> None:
        """See `contract.Sender.ready`: tokens are signed here, one per push service, when they are needed."""

    def prepare(self, content: Content, *, transport: str, ttl: int) -> WebPushPrepared:
        """See `contract.Sender.prepare`."""
        del transport
        template, gaps = opened(render(content), content.placeholders)
        return WebPushPrepared(template, label_of(content.options, ttl=ttl), self._settings.hosts, gaps)

    def submit(self, requests: Sequence[Request]) -> None:
        """See `contract.Sender.submit`. Messages are encrypted on the way, unless they were already."""
        if self._closed:
            raise RuntimeError("the sender is closed")
        self._pending += len(requests)
        messages = [request for request in requests if isinstance(request, Message)]
        self._hand_over([message for message in messages if message.body])
        plain = self._admitted([message for message in messages if not message.body])
        for start in range(0, len(plain), BATCH):
            batch = _Batch(plain[start : start + BATCH])
            self._sealing[asyncio.create_task(self._seal(batch))] = batch
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _admitted(self, messages: Sequence[Message]) -> list[Message]:
        """Those whose push service takes anything now; the others are not worth their encryption."""
        admitted: list[Message] = []
        for origin, group in _by_origin(messages).items():
            way = self._origins.get(origin)
            fault = way.fault() if way is not None else None
            if fault is None:
                admitted += group
            else:
                self._hold_back(group, fault)
        return admitted

    async def _seal(self, batch: _Batch) -> None:
        task = asyncio.current_task()
        try:
            bodies = await self._sealed(batch)
        finally:
            if task is not None:
                self._sealing.pop(task, None)
        messages, batch.messages = batch.messages, []
        if not messages:
            return
        if not bodies:
            self._hold_back(messages, resting(_SEALING_PAUSE))
            return
        for message, body in zip(messages, bodies, strict=True):
            message.body = body
        self._answer([Judged(message, MALFORMED) for message in messages if not message.body])
        self._hand_over([message for message in messages if message.body])

    async def _sealed(self, batch: _Batch) -> list[bytes]:
        """The bodies; none when the encrypting process fails twice."""
        plain = [message.plain for message in batch.messages]
        for _ in range(2):
            try:
                return await self._sealer.seal(plain)
            except SealingFailed:
                continue
        return []

    def _hand_over(self, messages: Sequence[Message]) -> None:
        for origin, group in _by_origin(messages).items():
            way = self._way(origin)
            if way is None:
                self._hold_back(group, resting(_CROWDED_PAUSE))
                continue
            room, otherwise = way.room(len(group))
            if room:
                way.hand_over(group[:room])
            if otherwise is not None:
                self._hold_back(group[room:], otherwise)

    def _way(self, origin: str) -> Origin | None:
        """The way to a push service; None while too many others are in use."""
        way = self._origins.get(origin)
        if way is None and (len(self._origins) < self._settings.most_origins or self._make_room()):
            way = self._origins[origin] = Origin(
                origin,
                token=VapidToken(self._key, origin, subject=self._settings.contact),
                settings=self._settings,
                transport=self._transport,
                clock=self._clock,
                judged=self._answer,
            )
            way.set_share(self._share)
        return way

    def set_share(self, share: float) -> None:
        """See `contract.ManyServices.set_share`."""
        self._share = share
        for way in self._origins.values():
            way.set_share(share)

    def refusals(self) -> list[Refusal]:
        """See `contract.ManyServices.refusals`."""
        found = [Refusal(origin.removeprefix("https://"), way.refused_for()) for origin, way in self._origins.items()]
        return [one for one in found if one.seconds > 0]

    def _make_room(self) -> bool:
        """Close the way that has been idle for longest."""
        idle = [name for name, way in self._origins.items() if not way.pending]
        if not idle:
            return False
        way = self._origins.pop(min(idle, key=lambda name: self._origins[name].idle_since()))
        task = asyncio.create_task(way.aclose(grace=0.0))
        self._closings.add(task)
        task.add_done_callback(self._closings.discard)
        return True

    def _hold_back(self, messages: Sequence[Message], verdict: Verdict) -> None:
        """Answer messages that are not sent now; after this call, for the caller is still handing over."""
        answers = [Judged(message, verdict) for message in messages]
        asyncio.get_running_loop().call_soon(self._answer, answers)

    def _answer(self, answers: Sequence[Answer]) -> None:
        if answers:
            self._pending -= len(answers)
            self._sink(list(answers))

    def _look(self) -> None:
        self._looking = None
        for way in list(self._origins.values()):
            way.look()
        if self._pending and not self._closed:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def withdraw(self) -> list[Request]:
        """See `contract.Sender.withdraw`."""
        taken: list[Request] = []
        for batch in self._sealing.values():
            messages, batch.messages = batch.messages, []
            taken += messages
        for way in self._origins.values():
            taken += way.withdraw()
        self._pending -= len(taken)
        return taken

    def verdict(self, answer: Answer) -> Verdict:
        """See `contract.Sender.verdict`."""
        return answer.verdict if isinstance(answer, Judged) else read(answer, self._clock.now(), Standing())

    def refresh(self) -> None:
        """See `contract.Sender.refresh`: the push services that refused their token get another one."""
        for way in self._origins.values():
            way.renew()

    @property
    def pending(self) -> int:
        """See `contract.Sender.pending`."""
        return self._pending

    async def aclose(self, *, grace: float = 20.0) -> None:
        """See `contract.Sender.aclose`."""
        if self._sealing:
            await asyncio.wait(self._sealing, timeout=grace)
        self._closed = True
        for task in list(self._sealing):
            task.cancel()
        await asyncio.gather(*(way.aclose(grace=grace) for way in self._origins.values()), *self._closings)
        if self._looking is not None:
            self._looking.cancel()


def _by_origin(messages: Iterable[Message]) -> dict[str, list[Message]]:
    groups: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        groups[message.origin].append(message)
    return groups


def _usable_key(credential: Credential) -> VapidKey:
    try:
        return VapidKey(credential.values["public_key"], credential.values["private_key"])
    except (KeyError, ValueError, binascii.Error) as error:
        refusal = Verdict(Outcome.CREDENTIAL, "vapid_pair", text=str(error))
        raise CredentialRefused(refusal) from None
