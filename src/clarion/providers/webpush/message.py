"""One message to one browser: what `Prepared` makes, what is encrypted, what goes to a push service."""

from typing import NamedTuple

from clarion.providers.collapse import web_topic
from clarion.providers.contract import Verdict
from clarion.providers.options import LONGEST_TTL, Options
from clarion.providers.transport import Answer, Head, Request
from clarion.providers.webpush.encryption import Plain
from clarion.providers.webpush.subscription import Subscription

OWN = ("topic",)
"""What differs from message to message in headers."""
_BLANK = Head("/", (), own=OWN)


class Label(NamedTuple):
    """What a push service is told of a message besides its identity."""

    ttl: str
    """Seconds."""
    urgency: str
    topic: str
    """Empty = the message's own UUID."""


def label_of(options: Options, *, ttl: int) -> Label:
    """The label of a push with these options and so many seconds left."""
    seconds = min(max(ttl, 0), LONGEST_TTL)
    key = options.collapse_key
    return Label(str(seconds), "high" if options.urgent else "normal", web_topic(key) if key else "")


class Message(Request):
    """A request whose body and head come late: it is encrypted in a batch, and signed when it leaves."""

    __slots__ = ("label", "origin", "plain", "renewed")

    def __init__(self, subscription: Subscription, text: bytes, label: Label, *, topic: str, tag: object) -> None:
        super().__init__(_BLANK, b"", tag, subscription.path.encode(), ((label.topic or topic).encode(),))
        self.origin = subscription.origin
        self.plain = Plain(subscription.p256dh, subscription.auth, text)
        self.label = label
        self.renewed = False
        """It was refused for its VAPID token once already."""


class Judged(Answer):
    """An answer with its verdict, which depends on what else the same push service answered."""

    __slots__ = ("verdict",)

    def __init__(self, message: Message, verdict: Verdict, *, status: int = 0) -> None:
        super().__init__(message.tag, status)
        self.verdict = verdict
