"""A channel whose requests carry one credential's access token."""

from collections.abc import Callable, Sequence

from clarion.providers.access import AccessToken, Bearer
from clarion.providers.transport import Answer, ChannelOptions, Head, Request, Sink, Transport


class Letterhead:
    """The head of the present access token; everything that renders requests looks here."""

    __slots__ = ("head",)

    def __init__(self) -> None:
        self.head: Head | None = None

    def use(self) -> Head:
        """The present head; `RuntimeError` before the first `ready`."""
        if self.head is None:
            raise RuntimeError("no access token yet: await ready() first")
        return self.head


class BearerChannel:
    """The part of a `contract.Sender` between its requests and the network."""

    def __init__(
        self,
        access: AccessToken,
        *,
        path: str,
        origin: str,
        transport: Transport,
        options: ChannelOptions,
        sink: Sink,
        is_refusal: Callable[[Answer], bool],
    ) -> None:
        """`is_refusal` says whether an answer refuses the access token it was asked with."""
        self.letterhead = Letterhead()
        self._access = access
        self._path = path
        self._sink = sink
        self._is_refusal = is_refusal
        self._channel = transport.open(origin, self._on_answers, options)
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
        self.letterhead.head = Head(self._path, headers)
        self._bearer = bearer
        self._late, self._refused = self._channel.pending, 0

    def submit(self, requests: Sequence[Request]) -> None:
        """See `contract.Sender.submit`. Requests made before the token was renewed get the new one."""
        head = self.letterhead.use()
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
            self._refused += sum(map(self._is_refusal, answers))
        self._sink(answers)

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
