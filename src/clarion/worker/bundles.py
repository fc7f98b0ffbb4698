"""Bundles: requests that carry one translation to many devices, and how they are put together again."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from clarion.features.deliveries.bundles import Member, SavedBundle
from clarion.features.deliveries.model import Attempt, Job, Recipient, WaitingDelivery
from clarion.features.pushes import PushContent
from clarion.foundation.ids import MessageIds
from clarion.providers.bundles import BundlePrepared, BundleSender
from clarion.providers.contract import Verdict
from clarion.providers.transport import Request
from clarion.worker.content import dimensions

_Kind = tuple[int, str, str, int]
"""Push, language, transport, and the device where it travels alone (else 0)."""
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
        self._sender = sender
        self._bundling = sender.bundling
        self._ids = ids
        self._ttl = -1
        self._prepared: dict[tuple[int, str, str], BundlePrepared] = {}

    def set_moment(self, expires_at: datetime, now: datetime) -> None:
        """See `Rendering.set_moment`."""
        ttl = max(0, int((expires_at - now).total_seconds()))
        if ttl != self._ttl:
            self._ttl = ttl
            self._prepared.clear()

    def _fragments(self, push: PushContent, lang: str, transport: str) -> BundlePrepared:
        key = (push.id, lang, transport)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._sender.prepare(push.translations[lang], transport=transport, ttl=self._ttl)
            self._prepared[key] = prepared
        return prepared

    def render(
        self, job: Job, recipients: Sequence[Recipient], pushes: Sequence[PushContent], now: datetime
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """See `Rendering.render`. Devices that get the same words share a bundle."""
        self.set_moment(job.expires_at, now)
        gathered = _Gathered(self)
        for device_id, token, transport, country, device_lang, platform, token_hash in recipients:
            push = random.choice(pushes)  # noqa: S311 - a fair share, not a secret
            lang = push.language_for(device_lang)
            common = dimensions(job, push.id, lang, country, platform)
            attempt = Attempt(job, common, device_id, token_hash, now)
            gathered.add(attempt, token, self._fragments(push, lang, transport), (push.id, lang, transport, 0))
        return gathered.requests(), gathered.refused

    def further(
        self, rows: Sequence[tuple[WaitingDelivery, Attempt]], pushes: Mapping[int, PushContent]
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """See `Rendering.further`. Fresh bundles: for messages whose earlier bundle need not be repeated."""
        gathered = _Gathered(self)
        for row, attempt in rows:
            push, transport = pushes[row.push_id], row.transport or ""
            lang = push.language_for(attempt.lang)
            alone = attempt.device_id if row.code in self._bundling.alone else 0
            kind = (push.id, lang, transport, alone)
            gathered.add(attempt, row.token or "", self._fragments(push, lang, transport), kind)
        return gathered.requests(), gathered.refused

    def repeat(self, saved: SavedBundle, attempts: Sequence[Attempt], push: PushContent) -> Request:
        """The same bundle again, to learn what became of some of its messages."""
        tokens = dict(zip(saved.device_ids, saved.tokens, strict=True))
        bundle = Bundle([(attempt, tokens[attempt.device_id]) for attempt in attempts], saved, kept=True)
        prepared = self._fragments(push, push.language_for(saved.lang), saved.transport)
        return self._request(bundle, prepared, key=saved.key, tokens=saved.tokens)

    def pack(self, parts: Sequence[_Part], kind: _Kind) -> list[Request]:
        """Bundles, none larger than the provider takes, of parts of one kind."""
        push_id, lang, transport, _ = kind
        prepared, limit = self._prepared[push_id, lang, transport], self._bundling.recipients
        requests = []
        for start in range(0, len(parts), limit):
            group, key = parts[start : start + limit], uuid4()
            saved = _saved(key, group, transport) if self._bundling.whole else None
            bundle = Bundle(group, saved, kept=False)
            requests.append(self._request(bundle, prepared, key=key, tokens=bundle.tokens))
        return requests

    def _request(self, bundle: Bundle, prepared: BundlePrepared, *, key: UUID, tokens: Sequence[str]) -> Request:
        job = bundle.attempts[0].job
        msg_id, _ = self._ids.make(self._ids.prefix(job.day, job.send_id, job.app_id), 0)
        request = prepared.bundle(list(dict.fromkeys(tokens)), msg_id, key.hex.encode(), bundle)
        for attempt in bundle.attempts:
            attempt.request = request
        return request


class _Gathered:
    """Messages by what they have in common, and those that cannot be sent at all."""

    def __init__(self, bundler: Bundler) -> None:
        self._bundler = bundler
        self._parts: defaultdict[_Kind, list[_Part]] = defaultdict(list)
        self.refused: list[tuple[Attempt, Verdict]] = []

    def add(self, attempt: Attempt, token: str, prepared: BundlePrepared, kind: _Kind) -> None:
        sent = prepared.recipient(token)
        if isinstance(sent, Verdict):
            self.refused.append((attempt, sent))
        else:
            self._parts[kind].append((attempt, sent))

    def requests(self) -> list[Request]:
        return [request for kind, parts in self._parts.items() for request in self._bundler.pack(parts, kind)]


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
