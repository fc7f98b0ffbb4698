"""One message to one browser: what `Prepared` makes, what is encrypted, what goes to a push service."""

from clarion.providers.contract import Verdict
from clarion.providers.transport import Answer, Head, Request
from clarion.providers.webpush.encryption import Plain
from clarion.providers.webpush.subscription import Subscription

_BLANK = Head("/", ())


class Message(Request):
    """A request whose body and head come late: it is encrypted in a batch, and signed when it leaves."""

    __slots__ = ("origin", "plain", "renewed", "ttl")

    def __init__(self, subscription: Subscription, text: bytes, *, ttl: str, topic: str, tag: object) -> None:
        super().__init__(_BLANK, b"", tag, subscription.path, (("topic", topic),))
        self.origin = subscription.origin
        self.plain = Plain(subscription.p256dh, subscription.auth, text)
        self.ttl = ttl
        self.renewed = False
        """It was refused for its VAPID token once already."""


class Judged(Answer):
    """An answer with its verdict, which depends on what else the same push service answered."""

    __slots__ = ("verdict",)

    def __init__(self, message: Message, verdict: Verdict, *, status: int = 0) -> None:
        super().__init__(message.tag, status)
        self.verdict = verdict
