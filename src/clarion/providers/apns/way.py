"""One environment's way out for one credential: its connections and its provider token."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from clarion.foundation.clock import Clock
from clarion.providers.apns.auth import JwtStore, ProviderToken, TokenSource
from clarion.providers.apns.certificate_file import readable
from clarion.providers.apns.credential import ApnsCredential, ClientCertificate, TokenKey
from clarion.providers.apns.settings import ApnsSettings, Environment
from clarion.providers.contract import CredentialRefused
from clarion.providers.transport import Answer, Channel, Failure, Head, Request, Transport

REPLACE_PAUSE = 1.0
"""Seconds between two replacements of all connections: Apple takes quick reconnecting for an attack."""


_HEADS = 64
"""As many as the transport keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """The headers that the notifications of one push share for a second (providers.md §3.4); told apart by identity."""

    headers: tuple[tuple[str, str], ...]
    replaces: bool = True
    """The notification's UUID is its collapse id, too: a second delivery replaces the first."""

    @property
    def own(self) -> tuple[str, ...]:
        """Headers whose value is the notification's UUID."""
        return ("apns-id", "apns-collapse-id") if self.replaces else ("apns-id",)


@lru_cache(maxsize=256)
def label(*, silent: bool, urgent: bool, collapse_key: str, expires: int) -> Label:
    """The label of such notifications; `expires` in seconds since 1970, 0 = at once or never."""
    announced = "background" if silent else "alert"
    priority = "10" if urgent and not silent else "5"
    headers = (("apns-push-type", announced), ("apns-priority", priority), ("apns-expiration", str(expires)))
    if not collapse_key:
        return Label(headers)
    return Label((*headers, ("apns-collapse-id", collapse_key)), replaces=False)


class Notification(Request):
    """A request for one device, in terms of APNs.

    On its way it is its own tag, so that an answer finds it again; outside it carries its owner's.
    """

    __slots__ = ("elsewhere", "label", "number", "on_trial", "owner", "reconnected", "token", "way")

    # Everything that goes into path and headers is checked where it is made: `Request`'s own checks would cost as much
    # as all the rest of rendering.
    def __init__(  # positional, as it is made for every message
        self, way: "Way", token: bytes, body: bytes, owner: object, uuid: bytes, label: Label
    ) -> None:
        self.head = NO_HEAD
        self.body = body
        self.tag = self.owner = owner
        self.path = None
        self.own = (uuid, uuid) if label.replaces else (uuid,)
        self.resends = 0
        self.way = way
        self.token = token
        self.label = label
        self.elsewhere = False
        """It has been tried in the other environment than the one it was made for."""
        self.on_trial = False
        """That try is under way and counted."""
        self.reconnected = False
        """It has been tried again on a new connection."""
        self.number = 0
        """Of the channel it was last handed to."""

    def unwrap(self) -> None:
        """Carry the owner's tag again."""
        self.tag = self.owner

    def carries(self, token: ProviderToken) -> bool:
        """Whether it was last handed over with this provider token."""
        return ("authorization", f"bearer {token.text}") in self.head.headers


NO_HEAD: Final = Head("/3/device", ())
"""Until a notification is handed over."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all ways of one sender are made of."""

    credential: ApnsCredential
    settings: ApnsSettings
    transport: Transport
    clock: Clock
    store: JwtStore
    sink: Callable[[list[Answer]], None]
    """Takes answers whose tags are notifications."""


class Way:
    """Connections to one environment, all with the same provider token or certificate."""

    def __init__(self, environment: Environment, around: Surroundings) -> None:
        self.environment = environment
        self._around = around
        address = urlsplit(around.settings.url_of(environment))
        self._origin = f"{address.scheme}://{address.netloc}"
        self._prefix = f"{address.path.rstrip('/')}/3/device/".encode()
        identity = around.credential.identity
        self._tokens = (
            TokenSource(identity, environment, store=around.store, clock=around.clock)
            if isinstance(identity, TokenKey)
            else None
        )
        self._token: ProviderToken | None = None
        self._heads: dict[Label, Head] = {}
        """Those in use that carry the present token."""
        self._channel = self._open()
        self._number = 0
        self._replaced_at = float("-inf")
        self._retired: set[Channel] = set()
        """Replaced ones that finish what is under way."""
        self._held: list[Notification] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def _head(self, label: Label) -> Head:
        """The head of notifications with this label."""
        authorization = (("authorization", f"bearer {self._token.text}"),) if self._token else ()
        if len(self._heads) >= _HEADS:
            self._heads.clear()
        constant = (*authorization, ("apns-topic", self._around.credential.topic))
        head = self._heads[label] = Head(self._prefix.decode(), (*constant, *label.headers), own=label.own)
        return head

    def _open(self) -> Channel:
        identity, options = self._around.credential.identity, self._around.settings.channel
        certificate = readable(identity.pem) if isinstance(identity, ClientCertificate) else nullcontext()
        with certificate as path:  # read while the channel is made; not needed afterwards
            return self._around.transport.open(
                self._origin, self._around.sink, replace(options, client_certificate=path)
            )

    async def ready(self) -> None:
        """Have a valid provider token. Raises `CredentialRefused`."""
        if self._tokens is None:
            return
        token = self._tokens.current() or await self._tokens.fetch()
        if token is not self._token:
            self._token, self._heads = token, {}

    def submit(self, notifications: Sequence[Notification]) -> None:
        """Hand over to the network with the token of now; before the first one, as soon as there is one."""
        if self._tokens is not None and self._token is None:
            self._hold(notifications)
            return
        head_of, prefix, number = self._heads.get, self._prefix, self._number
        for one in notifications:
            one.tag = one
            one.head = head_of(one.label) or self._head(one.label)
            one.path = prefix + one.token
            one.number = number
        self._channel.submit(notifications)

    def _hold(self, notifications: Sequence[Notification]) -> None:
        first = not self._held
        self._held += notifications
        if first:
            self._start(self._follow())

    async def _follow(self) -> None:
        """Send what was held once there is a token."""
        detail = ""
        try:
            await self.ready()
        except CredentialRefused as error:
            detail = str(error)
        held, self._held = self._held, []
        if detail:
            self._around.sink([Answer(one, 0, failure=Failure.UNSENT, detail=detail) for one in held])
        elif held:
            self.submit(held)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def age_of_token(self, notification: Notification) -> float | None:
        """Seconds since the token that a notification carried was issued; None when it has been replaced meanwhile."""
        if self._tokens is None or self._token is None or not notification.carries(self._token):
            return None
        return self._tokens.age(self._token).total_seconds()

    def forget_token(self) -> None:
        """Apple calls the present token expired; a young one is kept all the same."""
        if self._tokens is not None and self._token is not None:
            self._tokens.refuse(self._token)

    def reconnect(self, notification: Notification) -> bool:
        """See to it that a notification can go over a new connection; False when that was tried a moment ago.

        All connections are replaced; the old ones finish what is under way.
        """
        if notification.number == self._number:
            now = self._around.clock.monotonic()
            if now - self._replaced_at < REPLACE_PAUSE:
                return False
            self._replaced_at = now
            retired, self._channel = self._channel, self._open()
            self._number += 1
            waiting = retired.withdraw()
            self._start(self._retire(retired))
            self.submit([one for one in waiting if isinstance(one, Notification)])
        return True

    async def _retire(self, channel: Channel) -> None:
        self._retired.add(channel)
        await channel.aclose()
        self._retired.discard(channel)

    def withdraw(self) -> list[Notification]:
        """Take back what has not been written, with the owners' tags."""
        taken = [one for one in self._channel.withdraw() if isinstance(one, Notification)]
        taken += self._held
        self._held = []
        for one in taken:
            one.unwrap()
        return taken

    @property
    def pending(self) -> int:
        """Notifications handed over and not answered."""
        return sum(channel.pending for channel in (self._channel, *self._retired)) + len(self._held)

    async def aclose(self, *, grace: float) -> None:
        """Finish what is in flight and close connections; what still waits for a token is reported as not sent."""
        held, self._held = self._held, []
        if held:
            self._around.sink([Answer(one, 0, failure=Failure.UNSENT, detail="closed") for one in held])
        await asyncio.gather(*(channel.aclose(grace=grace) for channel in (self._channel, *self._retired)))
        await asyncio.gather(*self._tasks)
