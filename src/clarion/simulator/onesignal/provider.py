"""The simulated OneSignal service: apps, keys, notifications."""

import secrets
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from clarion.simulator.faults import Action
from clarion.simulator.model import ControlRequest, Judgement, Received, Recipient, Reply
from clarion.simulator.onesignal import answers
from clarion.simulator.onesignal.answers import Shape
from clarion.simulator.onesignal.message import Parsed, parse
from clarion.simulator.scripts import TokenScripts

PATHS = frozenset({"/notifications", "/api/v1/notifications"})
INVALID = "INVALID_ID"
"""The error of a script that concerns one recipient; every other one concerns the whole request."""
_NOBODY = "00000000-0000-0000-0000-000000000000"
GONE_USER = "deaddead"
"""First group of the subscription id of a user who is gone."""
PREFIXES = {GONE_USER: Action(error=INVALID), _NOBODY[:8]: Action(error=INVALID)}
FLAKY_FAILURE = Action(error="UNAVAILABLE")
Scheme = Literal["key", "basic"]


class App(msgspec.Struct):
    """An app of OneSignal, its key, and the form of the Authorization header that it takes."""

    app_id: str
    api_key: str
    scheme: Scheme


class NewApp(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/onesignal/apps`."""

    old: bool = False
    scheme: Scheme | None = None


class TokenScript(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/onesignal/tokens`."""

    token: str
    actions: list[Action]


class OnesignalSimulator:
    """OneSignal's REST API, as strict as the real one."""

    name = "onesignal"
    fast_reply = answers.accepted(_NOBODY)

    def __init__(self, *, clock: Callable[[], float], file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._apps = _load(file)
        self._scripts = TokenScripts(PREFIXES, failure=FLAKY_FAILURE)
        self._results: dict[tuple[str, str], Reply] = {}
        """First results by app and idempotency key."""
        self._seconds: Counter[int] = Counter()
        self.shape: Shape = "object"
        """How partial errors come."""
        self.rate_limit: int | None = None
        """Requests that are served in one second."""
        self.replayed = 0
        """Requests that were answered with an earlier result."""

    def app(self, *, old: bool = False, scheme: Scheme | None = None) -> dict[str, str]:
        """A new app's credential. An `old` key takes the header form `basic`, a new one `key`, unless `scheme` says."""
        key = secrets.token_urlsafe(36) if old else f"os_v2_app_{secrets.token_hex(32)}"
        app = App(str(uuid.uuid4()), key, scheme or ("basic" if old else "key"))
        self._apps[app.app_id] = app
        if self._file is not None:
            self._file.write_bytes(msgspec.json.encode(list(self._apps.values())))
        return {"app_id": app.app_id, "api_key": app.api_key}

    def on_token(self, token: str, *actions: Action | str) -> None:
        """Script a subscription: one action (or error name) per request that names it, the last stays; none = honest.

        `INVALID_ID` makes it a partial error, everything else befalls the whole request.

        `ValueError` for an unknown error.
        """
        script = [Action(error=one) if isinstance(one, str) else one for one in actions]
        for action in script:
            if action.error:
                self.error(action.error)
        self._scripts.set(token, script)

    def claims(self, path: str) -> bool:
        """Whether a request path belongs to OneSignal."""
        return path.partition("?")[0] in PATHS

    def sends(self, path: str) -> bool:
        """Whether it is the path of notifications."""
        return self.claims(path)

    def error(self, name: str) -> Reply:
        """The answer for a named error."""
        return answers.accepted(_NOBODY, [_NOBODY]) if name == INVALID else answers.named(name)

    def reset(self) -> None:
        """Forget scripts, limits and results; apps stay."""
        self._scripts.clear()
        self._results.clear()
        self._seconds.clear()
        self.shape, self.rate_limit, self.replayed = "object", None, 0

    def control(self, request: ControlRequest) -> Reply:
        """Serve `apps` (a new one) and `tokens` (scripts)."""
        body = request.body or b"{}"
        match request.verb:
            case "apps":
                new = msgspec.json.decode(body, type=NewApp)
                return Reply(200, msgspec.json.encode(self.app(old=new.old, scheme=new.scheme)))
            case "tokens":
                script = msgspec.json.decode(body, type=TokenScript)
                self.on_token(script.token, *script.actions)
                return Reply(200, b"{}")
            case _:
                return Reply(404, b'{"error":"no such control"}')

    def judge(self, request: Received) -> Judgement:
        """Answer one request as OneSignal would."""
        parsed = parse(request.body)
        reply = self._refusal(request, parsed)
        if reply is not None:
            return _judgement(parsed, reply, outcome=f"refused:{reply.status}")
        known = self._results.get((parsed.app_id, parsed.key)) if parsed.key else None
        if known is not None:
            self.replayed += 1
            again = known._replace(headers=(*known.headers, ("idempotent-replayed", "true")))
            return _judgement(parsed, again, outcome="replayed")
        return self._send(parsed)

    def _refusal(self, request: Received, parsed: Parsed) -> Reply | None:
        if request.head.method != "POST":
            return Reply(404, b"")
        app = self._apps.get(parsed.app_id)
        if app is None:
            return answers.named("NOT_FOUND" if parsed.app_id else "APP_ID")
        scheme, _, key = request.head.fields.get("authorization", "").partition(" ")
        if key != app.api_key or scheme.lower() != app.scheme:
            return answers.named("ACCESS_DENIED")
        if self._too_fast():
            limited = answers.named("RATE_LIMIT")
            return limited._replace(headers=(*limited.headers, ("retry-after", "1")))
        return answers.refused(400, parsed.fault) if parsed.fault else None

    def _too_fast(self) -> bool:
        second = int(self._clock())
        self._seconds[second] += 1
        return self.rate_limit is not None and self._seconds[second] > self.rate_limit

    def _send(self, parsed: Parsed) -> Judgement:
        fates = [(token, self._scripts.action(token)) for token in parsed.tokens]
        invalid = [token for token, action in fates if action is not None and action.error == INVALID]
        whole = next((action for _, action in fates if action is not None and action.error != INVALID), None)
        if len(invalid) == len(fates):
            reply = answers.nothing_sent(answers.NOT_SUBSCRIBED)
        else:
            reply = answers.accepted(str(uuid.uuid4()), invalid, shape=self.shape)
        dead = set(invalid)
        recipients = tuple(
            Recipient(token, parsed.message_id, INVALID if token in dead else "accepted", accepted=token not in dead)
            for token in parsed.tokens
        )
        commit = partial(self._remember, parsed, reply)
        return Judgement("send", reply, parsed.app_id, recipients, whole, commit)

    def _remember(self, parsed: Parsed, reply: Reply) -> None:
        if parsed.key:
            self._results[parsed.app_id, parsed.key] = reply


def _judgement(parsed: Parsed, reply: Reply, *, outcome: str) -> Judgement:
    recipients = tuple(Recipient(token, parsed.message_id, outcome, accepted=False) for token in parsed.tokens or [""])
    return Judgement("send", reply, parsed.app_id, recipients)


def _load(file: Path | None) -> dict[str, App]:
    if file is None or not file.exists():
        return {}
    return {app.app_id: app for app in msgspec.json.decode(file.read_bytes(), type=list[App])}
