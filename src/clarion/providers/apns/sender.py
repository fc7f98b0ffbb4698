"""One APNs credential's way out: requests for devices, and answers judged in the light of how they were asked.

Some answers are not final: a token may live in the other environment, a connection may be to blame. Those
notifications are tried once more here, and only the second answer is reported.
"""

import asyncio
import struct
from collections.abc import Sequence

from clarion.foundation.clock import Clock
from clarion.providers.apns.auth import KEEP, JwtStore
from clarion.providers.apns.credential import read_credential
from clarion.providers.apns.payload import Fragments, render
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.apns.trials import Admission, Trials
from clarion.providers.apns.verdicts import Remedy, accepted, read, wrong_clock
from clarion.providers.apns.way import Label, Notification, Surroundings, Way, label
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.options import Options
from clarion.providers.personal import Gaps, Person, opened
from clarion.providers.transport import Answer, Request, Sink, Transport

_SHORTEST, _LONGEST = 64, 200
_HEX = b"0123456789abcdef"
"""What device tokens are made of, in pairs (providers.md §3.1)."""
_groups = struct.Struct("8s4s4s4s12s").unpack
"""The parts of a UUID between its hyphens."""
_MALFORMED = Verdict(
    Outcome.TOKEN_GUARDED, "MALFORMED_TOKEN", text="the token is not made of 64 to 200 hexadecimal digits"
)
_BAD_TOKEN = Verdict(
    Outcome.TOKEN_GUARDED, "BadDeviceToken", text="the token is malformed or belongs to neither environment of this app"
)
_UNTRIED = Verdict(Outcome.UNSENT, "BadDeviceToken", text="closed before the other environment was tried")


class Judged(Answer):
    """An answer whose verdict depends on how it was asked."""

    __slots__ = ("verdict",)

    def __init__(self, answer: Answer, verdict: Verdict) -> None:
        super().__init__(answer.tag, answer.status, answer.body, answer.headers, answer.failure, answer.detail)
        self.verdict = verdict


def _label(options: Options, *, expires: int) -> Label:
    return label(silent=options.silent, urgent=options.urgent, collapse_key=options.collapse_key, expires=expires)


class ApnsPrepared:
    """One translation rendered for APNs (`contract.Prepared`)."""

    __slots__ = ("_fragments", "_gaps", "_label", "_way")

    def __init__(self, fragments: Fragments, way: Way, label: Label, gaps: Gaps[Fragments] | None = None) -> None:
        self._fragments = fragments
        self._way = way
        self._label = label
        self._gaps = gaps

    def personal(self, person: Person) -> "ApnsPrepared":
        """See `contract.Prepared.personal`."""
        return self if self._gaps is None else ApnsPrepared(self._gaps.fill(person), self._way, self._label)

    def request(self, token: str, msg_id: bytes, uuid: bytes, tag: object) -> Request | Verdict:
        """See `contract.Prepared.request`."""
        device = token.encode()
        if device.translate(None, _HEX):
            device = device.lower()
        if not _SHORTEST <= len(device) <= _LONGEST or len(device) % 2 or device.translate(None, _HEX):
            return _MALFORMED
        dashed = b"-".join(_groups(uuid))
        head, tail = self._fragments
        return Notification(self._way, device, head + msg_id + tail, tag, dashed, self._label)


class ApnsSender:
    """`contract.Sender` for one token key or certificate with one topic."""

    def __init__(
        self,
        credential: Credential,
        *,
        settings: ApnsSettings,
        transport: Transport,
        store: JwtStore,
        clock: Clock,
        sink: Sink,
    ) -> None:
        """Raises: CredentialRefused when the credential cannot be used at all."""
        try:
            usable = read_credential(credential.values)
            self._around = Surroundings(usable, settings, transport, clock, store, self._on_answers)
            self._home = Way(usable.environment, self._around)
        except (ValueError, OSError) as error:  # OSError: OpenSSL does not take the certificate
            raise CredentialRefused(Verdict(Outcome.CREDENTIAL, "apns_credential", text=str(error))) from None
        self._clock = clock
        self._sink = sink
        self._away: Way | None = None
        self._trials = Trials()
        self._parked: list[tuple[Notification, Answer]] = []
        """Bad tokens with their answers, until tries under way have shown whether the other environment helps."""
        self._may_go_away = usable.serves(usable.environment.other)
        self._refused: set[Way] = set()
        self._closing = False

    def _ways(self) -> tuple[Way, ...]:
        return (self._home,) if self._away is None else (self._home, self._away)

    def _other(self, way: Way) -> Way:
        if way is not self._home:
            return self._home
        if self._away is None:
            self._away = Way(self._home.environment.other, self._around)
        return self._away

    async def ready(self) -> None:
        """See `contract.Sender.ready`."""
        for way in self._ways():
            await way.ready()

    def prepare(self, content: Content, *, transport: str, ttl: int) -> ApnsPrepared:
        """See `contract.Sender.prepare`."""
        _, _, environment = transport.partition(":")
        away = environment == self._home.environment.other and self._may_go_away
        expires = int(self._clock.now().timestamp()) + ttl if ttl > 0 else 0
        fragments, gaps = opened(render(content), content.placeholders)
        way = self._other(self._home) if away else self._home
        return ApnsPrepared(fragments, way, _label(content.options, expires=expires), gaps)

    def submit(self, requests: Sequence[Request]) -> None:
        """See `contract.Sender.submit`."""
        notifications = [request for request in requests if isinstance(request, Notification)]
        if self._away is None:
            self._home.submit(notifications)
            return
        for way in self._ways():
            if mine := [one for one in notifications if one.way is way]:
                way.submit(mine)

    def withdraw(self) -> list[Request]:
        """See `contract.Sender.withdraw`."""
        parked, self._parked = self._parked, []
        taken = [one for way in self._ways() for one in way.withdraw()]
        for one in taken:
            self._end_trial(one, helped=None)
        return [*taken, *(one for one, _ in parked)]

    # answers

    def _on_answers(self, answers: list[Answer]) -> None:
        """Report what is final; try the rest once more."""
        final: list[Answer] = []
        for answer in answers:
            notification: Notification = answer.tag  # type: ignore[assignment]  # every tag of ours is one
            notification.tag = answer.tag = notification.owner
            if answer.status == 200 and not notification.elsewhere:
                # The answer's id is the request's; transports need not decode the headers of a plain 200.
                answer.headers = (("apns-id", notification.own[0].decode()),)
                final.append(answer)
            elif (verdict := self._judge(notification, answer)) is not None:
                final.append(Judged(answer, verdict))
        if self._parked:
            final += self._unpark()
        if final:
            self._sink(final)

    def _judge(self, notification: Notification, answer: Answer) -> Verdict | None:
        """The verdict on one answer; None when the notification is under way once more."""
        if answer.status == 200:
            return self._arrived(notification, answer)
        reading = read(answer, self._clock.now())
        verdict = reading.verdict
        if reading.remedy is Remedy.NEW_CONNECTION and self._reconnect(notification):
            return None
        bad = verdict.outcome in (Outcome.TOKEN_GUARDED, Outcome.CREDENTIAL)
        self._end_trial(notification, helped=False if bad else None)
        if verdict.outcome is Outcome.AUTH:
            verdict = self._expired(notification, verdict)
        if verdict.outcome is Outcome.CREDENTIAL and notification.way is not self._home:
            return self._not_here(notification)
        if reading.remedy is Remedy.OTHER_ENVIRONMENT:
            return self._try_elsewhere(notification, answer, verdict)
        return verdict

    def _arrived(self, notification: Notification, answer: Answer) -> Verdict:
        """Accepted in the other environment than the one it was made for."""
        self._end_trial(notification, helped=True)
        identity, environment = notification.own[0].decode(), notification.way.environment
        return Verdict(Outcome.OK, "OK", provider_id=identity, environment=environment)

    def _reconnect(self, notification: Notification) -> bool:
        if self._closing or notification.reconnected or not notification.way.reconnect(notification):
            return False
        notification.reconnected = True
        notification.way.submit([notification])
        return True

    def _expired(self, notification: Notification, verdict: Verdict) -> Verdict:
        """Renewing helps against a token that is old; one that is young proves a wrong clock."""
        age = notification.way.age_of_token(notification)
        if age is None:
            return verdict  # it carried an earlier token
        if age < KEEP.total_seconds():
            return wrong_clock(verdict.code, self._clock.now(), age=age)
        self._refused.add(notification.way)
        return verdict

    def _not_here(self, notification: Notification) -> Verdict | None:
        """The credential is no good in the other environment: nothing is ever tried there again."""
        self._may_go_away = False
        if notification.elsewhere or self._closing:
            return _BAD_TOKEN
        notification.elsewhere = True
        notification.way = self._home
        self._home.submit([notification])
        return None

    def _try_elsewhere(self, notification: Notification, answer: Answer, verdict: Verdict) -> Verdict | None:
        """A token that is bad here may be good in the other environment."""
        if self._closing:
            return _UNTRIED
        if notification.elsewhere:
            return verdict
        match self._admit(notification):
            case Admission.BEGIN:
                self._begin_trial(notification)
            case Admission.WAIT:
                self._parked.append((notification, answer))
            case Admission.REFUSE:
                return verdict
        return None

    def _admit(self, notification: Notification) -> Admission:
        if notification.way is self._home and not self._may_go_away:
            return Admission.REFUSE
        return self._trials.admit(self._clock.monotonic())

    def _begin_trial(self, notification: Notification) -> None:
        notification.elsewhere = notification.on_trial = True
        notification.way = self._other(notification.way)
        notification.way.submit([notification])

    def _end_trial(self, notification: Notification, *, helped: bool | None) -> None:
        if notification.on_trial:
            notification.on_trial = False
            self._trials.ended(helped=helped)

    def _unpark(self) -> list[Answer]:
        """Try parked tokens as far as that may be; those that will not be tried are answered."""
        parked, self._parked = self._parked, []
        final: list[Answer] = []
        for notification, answer in parked:
            match self._admit(notification):
                case Admission.BEGIN:
                    self._begin_trial(notification)
                case Admission.WAIT:
                    self._parked.append((notification, answer))
                case Admission.REFUSE:
                    final.append(Judged(answer, _BAD_TOKEN))
        return final

    def verdict(self, answer: Answer) -> Verdict:
        """See `contract.Sender.verdict`."""
        if isinstance(answer, Judged):
            return answer.verdict
        return accepted(answer) if answer.status == 200 else read(answer, self._clock.now()).verdict

    def refresh(self) -> None:
        """See `contract.Sender.refresh`. Only a token that was seen to be refused is replaced."""
        refused, self._refused = self._refused, set()
        for way in refused:
            way.forget_token()

    @property
    def pending(self) -> int:
        """See `contract.Sender.pending`."""
        return sum(way.pending for way in self._ways()) + len(self._parked)

    async def aclose(self, *, grace: float = 20.0) -> None:
        """See `contract.Sender.aclose`."""
        self._closing = True
        parked, self._parked = self._parked, []
        if parked:
            self._sink([Judged(answer, _UNTRIED) for _, answer in parked])
        await asyncio.gather(*(way.aclose(grace=grace) for way in self._ways()))
