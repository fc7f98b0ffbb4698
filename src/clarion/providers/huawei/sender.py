"""One Huawei app's way out: its channel and its access token."""

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from clarion.foundation.clock import Clock
from clarion.providers.access import Http
from clarion.providers.bearer import BearerChannel, Letterhead
from clarion.providers.bundles import BundleVerdict, Bundling, only
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.huawei.auth import PATH, AccessToken, form
from clarion.providers.huawei.payload import Template, render
from clarion.providers.huawei.settings import HuaweiSettings
from clarion.providers.huawei.verdicts import ALONE, read, refuses_token
from clarion.providers.personal import Gaps, Person, opened
from clarion.providers.transport import Answer, Request, Sink, Transport

_SENDABLE = re.compile(r"[A-Za-z0-9_:.=+/~%-]{1,4096}").fullmatch
_MALFORMED = Verdict(
    Outcome.TOKEN_GUARDED, "MALFORMED_TOKEN", text="the token has characters that Huawei's tokens never have"
)


class HuaweiPrepared:
    """One translation rendered for Huawei (`bundles.BundlePrepared`)."""

    __slots__ = ("_gaps", "_letterhead", "_template")

    def __init__(self, template: Template, letterhead: Letterhead, gaps: Gaps[Template] | None = None) -> None:
        self._template = template
        self._letterhead = letterhead
        self._gaps = gaps

    def personal(self, person: Person) -> "HuaweiPrepared":
        """See `contract.Prepared.personal`."""
        return self if self._gaps is None else HuaweiPrepared(self._gaps.fill(person), self._letterhead)

    def recipient(self, token: str) -> str | Verdict:
        """See `BundlePrepared.recipient`."""
        return token if _SENDABLE(token) else _MALFORMED

    def bundle(self, tokens: Sequence[str], msg_id: bytes, key: bytes, tag: object) -> Request:
        """See `BundlePrepared.bundle`. Huawei knows no keys."""
        del key
        return Request(self._letterhead.use(), self._template.body(tokens, msg_id), tag)

    def request(self, token: str, msg_id: bytes, uuid: bytes, tag: object) -> Request | Verdict:
        """See `contract.Prepared.request`."""
        sent = self.recipient(token)
        return sent if isinstance(sent, Verdict) else self.bundle((sent,), msg_id, uuid, tag)


class HuaweiSender:
    """`bundles.BundleSender` for one Huawei app."""

    def __init__(
        self,
        credential: Credential,
        *,
        settings: HuaweiSettings,
        transport: Transport,
        http: Http,
        clock: Clock,
        sink: Sink,
    ) -> None:
        """Raises: CredentialRefused when the credential cannot be used at all."""
        try:
            app_id, secret = credential.values["app_id"], credential.values["app_secret"]
        except KeyError as error:
            raise CredentialRefused(Verdict(Outcome.CREDENTIAL, "app", text=f"{error} is missing")) from None
        address = urlsplit(settings.url)
        self.bundling = Bundling(settings.recipients, alone=ALONE)
        self._clock = clock
        self._way = BearerChannel(
            AccessToken(settings.token_url + PATH, form(app_id, secret), http=http, clock=clock),
            path=f"{address.path.rstrip('/')}/v1/{quote(app_id, safe='')}/messages:send",
            origin=f"{address.scheme}://{address.netloc}",
            transport=transport,
            options=settings.channel,
            sink=sink,
            is_refusal=refuses_token,
        )

    async def ready(self) -> None:
        """See `contract.Sender.ready`."""
        await self._way.ready()

    def prepare(self, content: Content, *, transport: str, ttl: int) -> HuaweiPrepared:
        """See `contract.Sender.prepare`."""
        del transport
        template, gaps = opened(render(content, ttl=ttl), content.placeholders)
        return HuaweiPrepared(template, self._way.letterhead, gaps)

    def submit(self, requests: Sequence[Request]) -> None:
        """See `contract.Sender.submit`."""
        self._way.submit(requests)

    def withdraw(self) -> list[Request]:
        """See `contract.Sender.withdraw`."""
        return self._way.withdraw()

    def verdict(self, answer: Answer) -> Verdict:
        """See `contract.Sender.verdict`."""
        return only(self.verdicts(answer))

    def verdicts(self, answer: Answer) -> BundleVerdict:
        """See `BundleSender.verdicts`."""
        return read(answer, self._clock.now())

    def refresh(self) -> None:
        """See `contract.Sender.refresh`."""
        self._way.refresh()

    @property
    def pending(self) -> int:
        """See `contract.Sender.pending`."""
        return self._way.pending

    async def aclose(self, *, grace: float = 20.0) -> None:
        """See `contract.Sender.aclose`."""
        await self._way.aclose(grace=grace)
