"""One OneSignal app's way out: its channel, and the form of the Authorization header that its key needs."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from clarion.foundation.clock import Clock
from clarion.providers.bundles import BundleVerdict, Bundling, only
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.onesignal.payload import Template, render
from clarion.providers.onesignal.settings import OnesignalSettings
from clarion.providers.onesignal.verdicts import read
from clarion.providers.personal import Gaps, Person, opened
from clarion.providers.transport import Answer, Head, Request, Sink, Transport

_SENDABLE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_MALFORMED = Verdict(Outcome.TOKEN_GUARDED, "MALFORMED_TOKEN", text="the token is not a UUID, as OneSignal's ids are")
_NEW_KEY = "os_v2_"
_WRONG_KEY = frozenset({401, 403})


def schemes(api_key: str) -> tuple[str, ...]:
    """The forms of the Authorization header to try, the likeliest first (providers.md §6.1).

    A key of the old kind is sent raw behind `Basic`; where OneSignal refuses that, behind `Key`.
    """
    return ("Key",) if api_key.startswith(_NEW_KEY) else ("Basic", "Key")


class OnesignalPrepared:
    """One translation rendered for OneSignal (`bundles.BundlePrepared`)."""

    __slots__ = ("_gaps", "_head", "_template")

    def __init__(self, template: Template, head: Head, gaps: Gaps[Template] | None = None) -> None:
        self._template = template
        self._head = head
        self._gaps = gaps

    def personal(self, person: Person) -> "OnesignalPrepared":
        """See `contract.Prepared.personal`."""
        return self if self._gaps is None else OnesignalPrepared(self._gaps.fill(person), self._head)

    def recipient(self, token: str) -> str | Verdict:
        """See `BundlePrepared.recipient`."""
        lowered = token.lower()
        return lowered if _SENDABLE(lowered) else _MALFORMED

    def bundle(self, tokens: Sequence[str], msg_id: bytes, key: bytes, tag: object) -> Request:
        """See `BundlePrepared.bundle`."""
        return Request(self._head, self._template.body(tokens, key, msg_id), tag)

    def request(self, token: str, msg_id: bytes, uuid: bytes, tag: object) -> Request | Verdict:
        """See `contract.Prepared.request`."""
        sent = self.recipient(token)
        return sent if isinstance(sent, Verdict) else self.bundle((sent,), msg_id, uuid, tag)


class OnesignalSender:
    """`bundles.BundleSender` for one OneSignal app."""

    def __init__(
        self, credential: Credential, *, settings: OnesignalSettings, transport: Transport, clock: Clock, sink: Sink
    ) -> None:
        """Raises: CredentialRefused when the credential cannot be used at all."""
        address = urlsplit(settings.url)
        try:
            self._app_id, key = credential.values["app_id"], credential.values["api_key"]
            path = f"{address.path.rstrip('/')}/notifications"
            self._heads = [_head(path, scheme, key) for scheme in schemes(key)]
        except (KeyError, ValueError) as error:
            raise CredentialRefused(Verdict(Outcome.CREDENTIAL, "api_key", text=f"unusable: {error}")) from None
        self.bundling = Bundling(settings.recipients, whole=True)
        self._clock = clock
        self._sink = sink
        self._channel = transport.open(f"{address.scheme}://{address.netloc}", self._on_answers, settings.channel)
        self._closing = False
        self._under_way: dict[int, Request] = {}
        """Requests by the identity of their tags, while the header's form is not certain."""

    async def ready(self) -> None:
        """See `contract.Sender.ready`: the key itself is the access token."""

    def prepare(self, content: Content, *, transport: str, ttl: int) -> OnesignalPrepared:
        """See `contract.Sender.prepare`."""
        del transport
        template, gaps = opened(render(content, app_id=self._app_id, ttl=ttl), content.placeholders)
        return OnesignalPrepared(template, self._heads[0], gaps)

    def submit(self, requests: Sequence[Request]) -> None:
        """See `contract.Sender.submit`."""
        for request in requests:
            request.head = self._heads[0]
        if len(self._heads) > 1:
            self._under_way |= {id(request.tag): request for request in requests}
        self._channel.submit(requests)

    def withdraw(self) -> list[Request]:
        """See `contract.Sender.withdraw`."""
        taken = self._channel.withdraw()
        for request in taken:
            self._under_way.pop(id(request.tag), None)
        return taken

    def _on_answers(self, answers: list[Answer]) -> None:
        final = [answer for answer in answers if not self._try_other_form(answer)]
        if final:
            self._sink(final)

    def _try_other_form(self, answer: Answer) -> bool:
        """Send a request again whose header may have had the wrong form; what is accepted settles the form."""
        request = self._under_way.pop(id(answer.tag), None)
        if request is None or self._closing:
            return False
        if answer.status not in _WRONG_KEY:
            if 200 <= answer.status < 300:
                self._heads = [request.head]
            return False
        if request.head is self._heads[0]:
            if len(self._heads) == 1:
                return False
            self._heads.pop(0)
        request.head = self._heads[0]
        self._channel.submit([request])
        return True

    def verdict(self, answer: Answer) -> Verdict:
        """See `contract.Sender.verdict`."""
        return only(self.verdicts(answer))

    def verdicts(self, answer: Answer) -> BundleVerdict:
        """See `BundleSender.verdicts`."""
        return read(answer, self._clock.now())

    def refresh(self) -> None:
        """See `contract.Sender.refresh`: there is nothing to renew."""

    @property
    def pending(self) -> int:
        """See `contract.Sender.pending`."""
        return self._channel.pending

    async def aclose(self, *, grace: float = 20.0) -> None:
        """See `contract.Sender.aclose`."""
        self._closing = True
        await self._channel.aclose(grace=grace)


def _head(path: str, scheme: str, key: str) -> Head:
    return Head(path, (("authorization", f"{scheme} {key}"), ("content-type", "application/json")))
