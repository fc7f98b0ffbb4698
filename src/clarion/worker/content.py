"""Which words a device gets: push and translation, rendered once per transport and spliced per device."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from clarion.features.deliveries.model import Attempt, Dimensions, Job, Recipient, WaitingDelivery
from clarion.features.pushes import PushContent
from clarion.foundation.ids import MessageIds
from clarion.providers.contract import Prepared, Sender, Verdict
from clarion.providers.personal import Person
from clarion.providers.transport import Request
from clarion.worker.picking import Pick
from clarion.worker.wording import EXPIRED, Wordings, person

_Kind = tuple[int, str, str, str, str]
"""Push, device language, transport, country and platform: devices of one kind get the same words."""


def dimensions(job: Job, push_id: int, lang: str, country: str, platform: str) -> Dimensions:
    """What the ledger keeps of a message besides its device and outcome."""
    return Dimensions(job.day, job.app_id, job.send_id, job.account_id, push_id, job.provider, lang, country, platform)


class Rendering(Protocol):
    """Makes requests out of content and recipients, for one send and one sender."""

    def set_moment(self, job: Job, now: datetime) -> None:
        """Every attempt carries the time to live that is left, in whole seconds."""

    def render(
        self, job: Job, recipients: Sequence[Recipient], pick: Pick, now: datetime
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """Requests for first attempts, and messages that cannot be sent at all with the reason."""

    def further(
        self, rows: Sequence[tuple[WaitingDelivery, Attempt]], pushes: Mapping[int, PushContent]
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """Requests for further attempts: same identity, same translation, the token of now."""


class _TooLate:
    """`Prepared` for a message that is worthless by now."""

    def request(self, token: str, msg_id: bytes, uuid: bytes, tag: object) -> Verdict:
        """See `Prepared.request`."""
        del token, msg_id, uuid, tag
        return EXPIRED

    def personal(self, person: Person) -> "_TooLate":
        """See `Prepared.personal`."""
        del person
        return self


_TOO_LATE: Final = _TooLate()


class Renderer:
    """Renders messages of one send for one sender (`Rendering`)."""

    def __init__(self, sender: Sender, ids: MessageIds) -> None:
        self._ids = ids
        self._wordings = Wordings(sender.prepare)
        self._known: dict[_Kind, tuple[Prepared, Dimensions]] = {}

    def set_moment(self, job: Job, now: datetime) -> None:
        """See `Rendering.set_moment`."""
        if self._wordings.set_moment(job, now):
            self._known.clear()

    def _learn(self, job: Job, push: PushContent, kind: _Kind) -> tuple[Prepared, Dimensions]:
        """What all devices of one kind share."""
        _, device_lang, transport, country, platform = kind
        lang = push.language_for(device_lang)
        common = dimensions(job, push.id, lang, country, platform)
        found = self._known[kind] = self._wordings.of(push, lang, transport, platform) or _TOO_LATE, common
        return found

    def render(
        self, job: Job, recipients: Sequence[Recipient], pick: Pick, now: datetime
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """Requests for first attempts, and messages that cannot be sent at all with the reason."""
        self.set_moment(job, now)
        prefix = self._ids.prefix(job.day, job.send_id, job.app_id)
        make, known = self._ids.make, self._known
        requests: list[Request] = []
        refused: list[tuple[Attempt, Verdict]] = []
        for device_id, token, transport, country, device_lang, platform, token_hash, facts in recipients:
            push = pick(device_id)
            kind = (push.id, device_lang, transport, country, platform)
            prepared, common = known.get(kind) or self._learn(job, push, kind)
            if facts is not None:
                prepared = prepared.personal(person(facts))
            msg_id, uuid = make(prefix, device_id)
            attempt = Attempt(job, common, device_id, token_hash, now)
            message = prepared.request(token, msg_id, uuid, attempt)
            if isinstance(message, Verdict):
                refused.append((attempt, message))
            else:
                attempt.request = message
                requests.append(message)
        return requests, refused

    def further(
        self, rows: Sequence[tuple[WaitingDelivery, Attempt]], pushes: Mapping[int, PushContent]
    ) -> tuple[list[Request], list[tuple[Attempt, Verdict]]]:
        """See `Rendering.further`."""
        requests: list[Request] = []
        refused: list[tuple[Attempt, Verdict]] = []
        for row, attempt in rows:
            message = self._again(row, attempt, pushes[row.push_id])
            if isinstance(message, Verdict):
                refused.append((attempt, message))
            else:
                requests.append(message)
        return requests, refused

    def _again(self, row: WaitingDelivery, attempt: Attempt, push: PushContent) -> Request | Verdict:
        job, transport = attempt.job, row.transport or ""
        msg_id, uuid = self._ids.make(self._ids.prefix(job.day, job.send_id, job.app_id), attempt.device_id)
        prepared = self._wordings.of(push, push.language_for(attempt.lang), transport, row.platform) or _TOO_LATE
        if row.facts is not None:
            prepared = prepared.personal(person(row.facts))
        message = prepared.request(row.token or "", msg_id, uuid, attempt)
        if isinstance(message, Request):
            attempt.request = message
        return message
