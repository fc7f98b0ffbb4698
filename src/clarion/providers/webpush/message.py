"""One message to one browser: what `Prepared` makes, what is encrypted, what goes to a push service."""

from dataclasses import dataclass
from functools import lru_cache

from clarion.providers.collapse import web_topic
from clarion.providers.contract import Verdict
from clarion.providers.options import LONGEST_TTL, Options
from clarion.providers.transport import Answer, Head, Request
from clarion.providers.webpush.encryption import Plain
from clarion.providers.webpush.subscription import Subscription

OWN = ("topic",)
"""What differs from message to message in headers."""
_BLANK = Head("/", (), own=OWN)


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What a push service is told of a message besides its identity; told apart by identity."""

    ttl: str
    """Seconds."""
    urgency: str
    topic: bytes
    """Empty = the message's own UUID."""


def label_of(options: Options, *, ttl: int) -> Label:
    """The label of a push with these options and so many seconds left."""
    key = options.collapse_key
    return _label(min(max(ttl, 0), LONGEST_TTL), urgent=options.urgent, topic=web_topic(key).encode() if key else b"")


@lru_cache(maxsize=256)
def _label(ttl: int, *, urgent: bool, topic: bytes) -> Label:
    """Equal labels are one object, so that their messages share heads."""
    return Label(str(ttl), "high" if urgent else "normal", topic)


class Message(Request):
    """A request whose body and head come late: it is encrypted in a batch, and signed when it leaves.

    On its way it is its own tag, so that an answer finds it again; outside it carries its owner's.
    """

    __slots__ = ("label", "origin", "owner", "plain", "renewed")

    # The path was checked with its subscription, topics are of our own making: `Request` would check them again.
    def __init__(self, subscription: Subscription, text: bytes, label: Label, *, topic: bytes, tag: object) -> None:
        self.head = _BLANK
        self.body = b""
        self.tag = self.owner = tag
        self.path = subscription.path.encode()
        self.own = (label.topic or topic,)
        self.resends = 0
        self.origin = subscription.origin
        self.plain = Plain(subscription.p256dh, subscription.auth, text)
        self.label = label
        self.renewed = False
        """It was refused for its VAPID token once already."""


class Judged(Answer):
    """An answer with its verdict, which depends on what else the same push service answered."""

    __slots__ = ("verdict",)

    def __init__(self, message: Message, verdict: Verdict, *, status: int = 0) -> None:
        super().__init__(message.owner, status)
        self.verdict = verdict
