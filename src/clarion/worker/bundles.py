"""Bundles: requests that carry one translation to many devices, and how they are put together again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from clarion.features.deliveries.bundles import Member, SavedBundle
from clarion.features.deliveries.model import Attempt, Job, Recipient, WaitingDelivery
from clarion.features.pushes import PushContent
from clarion.foundation.ids import MessageIds
from clarion.providers.bundles import BundlePrepared, BundleSender
from clarion.providers.contract import Verdict
from clarion.providers.transport import Request
from clarion.worker.content import dimensions
from clarion.worker.picking import Pick
from clarion.worker.wording import EXPIRED, Wordings, person

_Part = tuple[Attempt, str]
"""An attempt and its token as it is sent."""


class Bundle:
    """The tag of a bundle: the attempts that its answer settles."""

    __slots__ = ("attempts", "kept", "saved", "tokens")

    def __init__(self, parts: Sequence[_Part], saved: SavedBundle | None, *, kept: bool) -> None:
        self.attempts = [attempt for attempt, _ in parts]
        self.tokens = [token for _, token in parts]
        """Of the attempts, in their order."""
        self.saved = saved
        """What a repetition must consist of; None where the provider knows no keys."""
        self.kept = kept
        """`saved` is in the database already."""


def bundle_of(request: Request) -> Bundle:
    """The tag of a bundle's request."""
    bundle: Bundle = request.tag  # type: ignore[assignment]  # every tag of a bundle lane is one
    return bundle


class Bundler:
    """Renders messages of one send for a provider that takes bundles (`content.Rendering`)."""

    def __init__(self, sender: BundleSender, ids: MessageIds) -> None:
        self._bundling = sender.bundling
        self._ids = ids
        self.wordings = Wordings(sender.prepare)

    def set_moment(self, job: Job, now: datetime) -> None:
        """See `Rendering.set_moment`."""
        self.wordings.set_moment(job, now)

    def render(
        self, job: Job, recipients: Sequence[Recipient], pick: Pick, now: datetime
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """See `Rendering.render`. Devices that get the same words share a bundle."""
        self.set_moment(job, now)
        gathered = _Gathered(self)
        for device_id, token, transport, country, device_lang, platform, token_hash, facts in recipients:
            push = pick(device_id)
            lang = push.language_for(device_lang)
            common = dimensions(job, push.id, lang, country, platform)
            attempt = Attempt(job, common, device_id, token_hash, now)
            gathered.add(attempt, push, _Address(token, transport, facts))
        return gathered.requests(), gathered.refused

    def further(
        self, rows: Sequence[tuple[WaitingDelivery, Attempt]], pushes: Mapping[int, PushContent]
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """See `Rendering.further`. Fresh bundles: for messages whose earlier bundle need not be repeated."""
        gathered = _Gathered(self)
        for row, attempt in rows:
            address = _Address(row.token or "", row.transport or "", row.facts, alone=row.code in self._bundling.alone)
            gathered.add(attempt, pushes[row.push_id], address)
        return gathered.requests(), gathered.refused

    def repeat(
        self, saved: SavedBundle, attempts: Sequence[Attempt], push: PushContent, facts: dict[str, Any] | None
    ) -> Request:
        """The same bundle again, to learn what became of some of its messages; `facts` of a device that was alone."""
        tokens = dict(zip(saved.device_ids, saved.tokens, strict=True))
        bundle = Bundle([(attempt, tokens[attempt.device_id]) for attempt in attempts], saved, kept=True)
        lang, platform = push.language_for(saved.lang), attempts[0].dimensions.platform
        prepared = self.wordings.late(push, lang, saved.transport, platform)
        if facts is not None and len(saved.device_ids) == 1:
            prepared = prepared.personal(person(facts))
        return self._request(bundle, prepared, key=saved.key, tokens=saved.tokens)

    def pack(self, group: "_Group") -> list[Request]:
        """Bundles, none larger than the provider takes, of messages that are the same."""
        prepared, transport, parts = group
        limit = self._bundling.recipients
        requests = []
        for start in range(0, len(parts), limit):
            portion, key = parts[start : start + limit], uuid4()
            saved = _saved(key, portion, transport) if self._bundling.whole else None
            bundle = Bundle(portion, saved, kept=False)
            requests.append(self._request(bundle, prepared, key=key, tokens=bundle.tokens))
        return requests

    def _request(self, bundle: Bundle, prepared: BundlePrepared, *, key: UUID, tokens: Sequence[str]) -> Request:
        job = bundle.attempts[0].job
        msg_id, _ = self._ids.make(self._ids.prefix(job.day, job.send_id, job.app_id), 0)
        request = prepared.bundle(list(dict.fromkeys(tokens)), msg_id, key.hex.encode(), bundle)
        for attempt in bundle.attempts:
            attempt.request = request
        return request


class _Address(NamedTuple):
    """Where a message goes."""

    token: str
    transport: str
    facts: dict[str, Any] | None
    alone: bool = False
    """It must not share a bundle."""


class _Group(NamedTuple):
    """Messages that are the same."""

    prepared: BundlePrepared
    transport: str
    parts: list[_Part]


class _Gathered:
    """Messages by what they have in common, and those that cannot be sent at all."""

    def __init__(self, bundler: Bundler) -> None:
        self._bundler = bundler
        self._groups: dict[tuple[int, int], _Group] = {}
        """By the identity of what is common, and the device where it travels alone (else 0)."""
        self.refused: list[tuple[Attempt, Verdict]] = []

    def add(self, attempt: Attempt, push: PushContent, address: _Address) -> None:
        lang, platform = push.language_for(attempt.lang), attempt.dimensions.platform
        prepared = self._bundler.wordings.of(push, lang, address.transport, platform)
        sent = EXPIRED if prepared is None else prepared.recipient(address.token)
        if prepared is None or isinstance(sent, Verdict):
            self.refused.append((attempt, sent if isinstance(sent, Verdict) else EXPIRED))
            return
        key = (id(prepared), attempt.device_id if address.alone or push.personal else 0)
        if address.facts is not None and push.personal:
            prepared = prepared.personal(person(address.facts))
        group = self._groups.setdefault(key, _Group(prepared, address.transport, []))
        group.parts.append((attempt, sent))

    def requests(self) -> list[Request]:
        return [request for group in self._groups.values() for request in self._bundler.pack(group)]


def _saved(key: UUID, parts: Sequence[_Part], transport: str) -> SavedBundle:
    one = parts[0][0].dimensions
    return SavedBundle(
        key=key,
        day=one.day,
        app_id=one.app_id,
        send_id=one.send_id,
        account_id=one.account_id,
        provider=one.provider,
        push_id=one.push_id,
        lang=one.lang,
        transport=transport,
        device_ids=[attempt.device_id for attempt, _ in parts],
        tokens=[token for _, token in parts],
    )


def open_attempts(job: Job, saved: SavedBundle, members: Sequence[Member], now: datetime) -> list[Attempt]:
    """First attempts of those devices of a kept bundle of which nothing is recorded; they may have got it."""
    return [
        Attempt(
            job,
            dimensions(job, saved.push_id, saved.lang, member.country, member.platform),
            member.device_id,
            member.token_hash,
            now,
            may_be_sent=True,
        )
        for member in members
    ]
