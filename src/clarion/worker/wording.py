"""Translations rendered for the moment: kept while the time to live in whole seconds stays the same."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from clarion.features.deliveries.decide import Decision
from clarion.features.deliveries.model import Job, Reason, State
from clarion.features.pushes import PushContent
from clarion.providers.contract import Content, Outcome, Prepared, Verdict
from clarion.providers.personal import Person

EXPIRED = Verdict(Outcome.TRANSIENT, "expired")
"""The message is worthless by now and not sent."""
_FAMILIES = {"android": "android", "browser": "web", "web": "web"} | dict.fromkeys(
    ("ios", "ipados", "macos", "tvos", "watchos", "visionos"), "ios"
)
_TRANSPORT_FAMILIES = {"fcm.data": "android", "apns": "ios", "webpush": "web", "huawei": "android"}

P = TypeVar("P", bound=Prepared)


def family(platform: str, transport: str) -> str:
    """`android`, `ios` or `web`; empty where nothing tells."""
    provider, _, _ = transport.partition(":")
    return _FAMILIES.get(platform.lower(), "") or _TRANSPORT_FAMILIES.get(provider, "")


def person(facts: dict[str, Any]) -> Person:
    """What was read of a device for placeholders."""
    return Person(**facts)


def refusal(verdict: Verdict) -> Decision:
    """What becomes of a message that cannot be sent at all."""
    if verdict is EXPIRED:
        return Decision(State.FAILED, Reason.EXPIRED, counted=False)
    return Decision(State.FAILED, Reason.TOKEN)


class Wordings(Generic[P]):
    """The rendered translations of one send for one sender."""

    def __init__(self, prepare: Callable[..., P]) -> None:
        """`prepare` as in `contract.Sender`."""
        self._prepare = prepare
        self._moment: tuple[Job, datetime] | None = None
        self._seconds = -1
        self._kept: dict[tuple[int, str, str, str], P | None] = {}

    def set_moment(self, job: Job, now: datetime) -> bool:
        """From now on as of `now`; whether that changes what was rendered before."""
        self._moment = job, now
        seconds = int((job.expires_at - now).total_seconds())
        changed = seconds != self._seconds
        if changed:
            self._seconds = seconds
            self._kept.clear()
        return changed

    def of(self, push: PushContent, lang: str, transport: str, platform: str) -> P | None:
        """A translation with the time to live that is left; None when it is too late to send it."""
        content = push.translations[lang]
        kind = family(platform, transport) if content.has_links else ""
        key = (push.id, lang, transport, kind)
        if key not in self._kept:
            self._kept[key] = self._rendered(push, content.on(kind), transport)
        return self._kept[key]

    def _rendered(self, push: PushContent, content: Content, transport: str) -> P | None:
        if self._moment is None:
            raise RuntimeError("set_moment comes first")
        job, now = self._moment
        left = push.seconds_left(job.cutoff_at, job.expires_at, now)
        return None if left is None else self._prepare(content, transport=transport, ttl=left)

    def late(self, push: PushContent, lang: str, transport: str, platform: str) -> P:
        """The same whatever the time: what is too late must be delivered at once or never."""
        found = self.of(push, lang, transport, platform)
        if found is not None:
            return found
        content = push.translations[lang].on(family(platform, transport))
        return self._prepare(content, transport=transport, ttl=0)
