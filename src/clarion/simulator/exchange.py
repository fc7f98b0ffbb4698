"""Decides about every request: who answers it, whether a fault strikes, what the journal says."""

from collections.abc import Callable, Sequence
from urllib.parse import unquote

from clarion.simulator.faults import SPEAKING, Action, FaultBook, Manner, Target
from clarion.simulator.journal import Journal, Kind
from clarion.simulator.model import NOBODY, Head, Judgement, Provider, Received, Recipient, Reply
from clarion.simulator.wire.plan import Plan

NOT_FOUND = Reply(
    404,
    b"<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p><b>404.</b> <ins>That's an error.</ins>",
    (("content-type", "text/html; charset=UTF-8"),),
)
CONTROL_PREFIX = "/_sim/"


class ProviderExchange:
    """The exchange of the simulator: providers behind faults, with a journal; the control interface beside them."""

    def __init__(
        self, providers: Sequence[Provider], faults: FaultBook, journal: Journal, *, clock: Callable[[], float]
    ) -> None:
        self._providers = tuple(providers)
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self.control: Callable[[Received], Reply] = _no_control

    def handle(self, request: Received) -> Plan:
        """Decide about a complete request and append it to the journal."""
        path = request.head.path
        if path.startswith(CONTROL_PREFIX):
            return Plan(self.control(request))
        provider = self._provider(path)
        if provider is None:
            self._note(request, "", Judgement("send", NOT_FOUND), outcome="no such path")
            return Plan(NOT_FOUND)
        judgement = provider.judge(request)
        action = self._action(provider, judgement)
        if action is None:
            _commit(judgement)
            self._note(request, provider.name, judgement)
            return Plan(judgement.reply, accepted=judgement.reply.status < 300)
        return self._misbehave(request, provider, judgement, action)

    def handle_early(self, head: Head, *, connection: int, http: int) -> bool:
        """Whether a fault drops the connection on this header block; it is journalled then."""
        if not self._faults.early or head.path.startswith(CONTROL_PREFIX):
            return False
        name, endpoint = self._place(head.path)
        if self._faults.strike(Target(name, endpoint, "", ""), early=True) is None:
            return False
        self.refuse(head, str(Manner.DROP_EARLY), connection=connection, http=http)
        self._journal.commit()
        return True

    def refuse(self, head: Head, reason: str, *, connection: int, http: int) -> None:
        """Journal a request that was never processed."""
        name, endpoint = self._place(head.path)
        request = Received(head, b"", self._clock(), connection, http)
        self._note(request, name, Judgement(endpoint, Reply(0)), outcome=reason)

    def fast_reply(self, path: str) -> Reply | None:
        """The constant answer of the provider that takes messages at this path."""
        provider = self._provider(path)
        return provider.fast_reply if provider is not None and provider.sends(path) else None

    def _provider(self, path: str) -> Provider | None:
        for provider in self._providers:
            if provider.claims(path):
                return provider
        return None

    def _place(self, path: str) -> tuple[str, str]:
        provider = self._provider(path)
        if provider is None:
            return "", "send"
        return provider.name, "send" if provider.sends(path) else "token"

    def _action(self, provider: Provider, judgement: Judgement) -> Action | None:
        if self._faults:
            token = judgement.recipients[0].token
            target = Target(provider.name, judgement.endpoint, judgement.project, token)
            action = self._faults.strike(target)
            if action is not None:
                return action
        return judgement.action

    def _misbehave(self, request: Received, provider: Provider, judgement: Judgement, action: Action) -> Plan:
        reply = scripted_reply(action, provider, judgement.reply, now=self._clock())
        honest = not action.error and not action.status
        accepted = action.accepted
        if accepted is None:
            accepted = action.manner in SPEAKING and reply.status < 300
        if accepted:
            _commit(judgement)
        kept = honest and action.manner in SPEAKING
        recipients = tuple(
            Recipient(
                one.token,
                one.message_id,
                one.outcome if kept else action.label(),
                accepted=accepted and (one.accepted or not honest),
            )
            for one in judgement.recipients
        )
        said = reply if action.manner in SPEAKING else Reply(0)
        self._note(request, provider.name, Judgement(judgement.endpoint, said, judgement.project, recipients))
        return Plan(
            reply,
            action.manner,
            delay=action.delay,
            hold=action.hold,
            pace=action.pace,
            code=action.code,
            interim=action.interim,
            accepted=accepted and reply.status < 300,
        )

    def _note(self, request: Received, provider: str, judgement: Judgement, *, outcome: str = "") -> None:
        status = judgement.reply.status
        for token, message_id, result, accepted in judgement.recipients or NOBODY:
            kind = Kind(provider, judgement.endpoint, judgement.project, status, outcome or result, accepted)
            self._journal.append(
                kind, token, message_id, time=request.time, body=request.body, connection=request.connection
            )


def scripted_reply(action: Action, provider: Provider, honest: Reply, *, now: float) -> Reply:
    """The reply that an action stands for."""
    if action.error:
        reply = provider.error(action.error)
    elif action.status:
        reply = Reply(action.status, action.body.encode(action.encoding), ())
    else:
        reply = honest if action.manner is not Manner.RAW else Reply(0, action.body.encode(action.encoding), ())
    body = reply.body + b" " * action.padding
    if action.truncate:
        body = body[: len(body) // 2]
    return Reply(reply.status, body, (*reply.headers, *action.extra_headers(now)))


def _commit(judgement: Judgement) -> None:
    if judgement.commit is not None:
        judgement.commit()


def _no_control(_: Received) -> Reply:
    return NOT_FOUND


def path_of(target: str) -> str:
    """The decoded path of a request target, without its query."""
    return unquote(target.partition("?")[0])
