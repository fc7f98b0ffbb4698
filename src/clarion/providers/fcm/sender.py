"""One FCM credential's way out: its channel, its access token, and the head that all its requests share."""

import string
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from clarion.foundation.clock import Clock
from clarion.providers.access import Bearer, Http
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.fcm.auth import AccessToken
from clarion.providers.fcm.payload import Template, render
from clarion.providers.fcm.service_account import ServiceAccount, read_service_account
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.fcm.verdicts import accepted, read
from clarion.providers.personal import Gaps, Person, opened
from clarion.providers.transport import Answer, Head, Request, Sink, Transport

_LONGEST_TOKEN = 4096
_TOKEN_BYTES = (string.ascii_letters + string.digits + "_:.=%-").encode()
"""What FCM tokens are made of (providers.md §2.3)."""
_MALFORMED = Verdict(
    Outcome.TOKEN_GUARDED, "MALFORMED_TOKEN", text="the token has characters that FCM tokens never have"
)


class _Letterhead:
    """The head of the present access token; everything that renders requests looks here."""

    __slots__ = ("head",)

    def __init__(self) -> None:
        self.head: Head | None = None

    def use(self) -> Head:
        """The present head; `RuntimeError` before the first `ready`."""
        if self.head is None:
            raise RuntimeError("no access token yet: await ready() first")
        return self.head


class FcmPrepared:
    """One translation rendered for FCM (`contract.Prepared`)."""

    __slots__ = ("_gaps", "_letterhead", "_template")

    def __init__(self, template: Template, letterhead: _Letterhead, gaps: Gaps[Template] | None = None) -> None:
        self._template = template
        self._letterhead = letterhead
        self._gaps = gaps

    def personal(self, person: Person) -> "FcmPrepared":
        """See `contract.Prepared.personal`."""
        return self if self._gaps is None else FcmPrepared(self._gaps.fill(person), self._letterhead)

    def request(self, token: str, msg_id: bytes, uuid: bytes, tag: object) -> Request | Verdict:
        """See `contract.Prepared.request`."""
        data = token.encode()
        if not data or len(data) > _LONGEST_TOKEN or data.translate(None, _TOKEN_BYTES):
            return _MALFORMED
        return Request(self._letterhead.use(), self._template.body(data, msg_id, uuid), tag)


def _usable_account(credential: Credential, settings: FcmSettings) -> ServiceAccount:
    try:
        account = read_service_account(credential.values, checked=True)
        if not settings.allows(account.token_uri):
            raise ValueError("token_uri is not an address of Google's")
    except ValueError as error:
        refusal = Verdict(Outcome.CREDENTIAL, "service_account", text=str(error))
        raise CredentialRefused(refusal) from None
    return account


class FcmSender:
    """`contract.Sender` for one service account."""

    def __init__(
        self,
        credential: Credential,
        *,
        settings: FcmSettings,
        transport: Transport,
        http: Http,
        clock: Clock,
        sink: Sink,
    ) -> None:
        """Raises: CredentialRefused when the service account cannot be used at all."""
        account = _usable_account(credential, settings)
        address = urlsplit(settings.url)
        self._path = f"{address.path.rstrip('/')}/v1/projects/{quote(account.project_id, safe='')}/messages:send"
        self._target = settings.target
        self._clock = clock
        self._sink = sink
        self._access = AccessToken(account, http=http, clock=clock)
        self._channel = transport.open(f"{address.scheme}://{address.netloc}", self._on_answers, settings.channel)
        self._letterhead = _Letterhead()
        self._bearer: Bearer | None = None
        self._late = self._refused = 0

    async def ready(self) -> None:
        """See `contract.Sender.ready`."""
        bearer = self._access.current() or await self._access.fetch()
        if bearer is not self._bearer:
            self._adopt(bearer)

    def _adopt(self, bearer: Bearer) -> None:
        """From now on every request carries this token; those under way still carry an earlier one."""
        headers = (("authorization", bearer.authorization), ("content-type", "application/json"))
        self._letterhead.head = Head(self._path, headers)
        self._bearer = bearer
        self._late, self._refused = self._channel.pending, 0

    def prepare(self, content: Content, *, transport: str, ttl: int) -> FcmPrepared:
        """See `contract.Sender.prepare`."""
        template = render(content, transport=transport, ttl=ttl, target=self._target)
        template, gaps = opened(template, content.placeholders)
        return FcmPrepared(template, self._letterhead, gaps)

    def submit(self, requests: Sequence[Request]) -> None:
        """See `contract.Sender.submit`. Requests made before the token was renewed get the new one."""
        head = self._letterhead.use()
        for request in requests:
            request.head = head
        if self._late and not self._channel.pending:
            self._late = 0
        self._channel.submit(requests)

    def withdraw(self) -> list[Request]:
        """See `contract.Sender.withdraw`."""
        return self._channel.withdraw()

    def _on_answers(self, answers: list[Answer]) -> None:
        if self._late:
            self._refused += sum(answer.status == 401 for answer in answers)
        self._sink(answers)

    def verdict(self, answer: Answer) -> Verdict:
        """See `contract.Sender.verdict`."""
        if answer.status == 200:
            return accepted(answer)
        return read(answer, self._clock.now())

    def refresh(self) -> None:
        """See `contract.Sender.refresh`.

        Refusals that can all belong to requests sent with an earlier token say nothing about the present one.
        """
        if self._bearer is not None and (not self._late or self._refused > self._late):
            self._access.forget(self._bearer)

    @property
    def pending(self) -> int:
        """See `contract.Sender.pending`."""
        return self._channel.pending

    async def aclose(self, *, grace: float = 20.0) -> None:
        """See `contract.Sender.aclose`."""
        await self._channel.aclose(grace=grace)
        await self._access.aclose()
