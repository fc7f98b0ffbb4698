"""The simulated push service: subscriptions, authorization, messages."""

import re
import secrets
from collections.abc import Callable

import msgspec

from clarion.simulator.faults import Action
from clarion.simulator.model import ControlRequest, Judgement, Received, Recipient, Reply
from clarion.simulator.scripts import TokenScripts
from clarion.simulator.webpush import answers
from clarion.simulator.webpush.browser import BODY_LIMIT, Browser, Undecipherable, Waiting, message_id
from clarion.simulator.webpush.vapid import Authorizations, Refused

PATH = "/push/"
LONGEST_TTL = 2_419_200
PREFIXES = {
    "gone": Action(error="GONE"),
    "unknown": Action(error="UNKNOWN"),
    "toolarge": Action(error="TOO_LARGE"),
    "toomany": Action(error="TOO_MANY", retry_after=10),
    "otherkey": Action(error="OTHER_KEY"),
    "forbidden": Action(error="FORBIDDEN"),
    "unauthorized": Action(error="UNAUTHORIZED"),
    "unavailable": Action(error="UNAVAILABLE"),
}
"""First word of a subscription's identity, e.g. `gone-1f3a`."""
FLAKY_FAILURE = Action(error="UNAVAILABLE")
_TTL = re.compile(r"[0-9]{1,10}")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_URGENCIES = frozenset({"very-low", "low", "normal", "high"})


class NewSubscription(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/webpush/subscriptions`."""

    application_server_key: str = ""
    prefix: str = ""


class SubscriptionScript(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/webpush/tokens`."""

    token: str
    actions: list[Action]


class WebPushSimulator:
    """A push service as strict as Mozilla's, and the browsers that subscribe to it."""

    name = "webpush"
    fast_reply = answers.accepted("/m/simulated", 86_400)

    def __init__(self, *, clock: Callable[[], float], base_url: Callable[[], str]) -> None:
        self._base_url = base_url
        self.authorizations = Authorizations(clock=clock, audience=base_url)
        self._scripts = TokenScripts(PREFIXES, failure=FLAKY_FAILURE)
        self._browsers: dict[str, Browser] = {}
        self._sent = 0

    def subscribe(self, application_server_key: str = "", *, prefix: str = "") -> dict[str, object]:
        """A new subscription, as `PushSubscription.toJSON()` tells it; its identity begins with `prefix`.

        Without a key it is bound to the first VAPID key that sends to it.
        """
        identity = f"{prefix}-{secrets.token_hex(16)}" if prefix else secrets.token_hex(16)
        browser = self._browsers[identity] = Browser(identity, server_key=application_server_key)
        endpoint = f"{self._base_url()}{PATH}{identity}"
        return {"endpoint": endpoint, "expirationTime": None, "keys": browser.keys()}

    def waiting(self, identity: str) -> list[Waiting]:
        """What the browser with this identity (or endpoint) will get; `KeyError` for an unknown one."""
        return self._browsers[identity.rpartition("/")[2]].waiting

    def on_token(self, identity: str, *actions: Action | str) -> None:
        """Script a subscription: one action (or error name) per message, the last one stays; none = honest again.

        `ValueError` for an unknown error.
        """
        script = [Action(error=one) if isinstance(one, str) else one for one in actions]
        for action in script:
            if action.error:
                self.error(action.error)
        self._scripts.set(identity.rpartition("/")[2], script)

    def claims(self, path: str) -> bool:
        """Whether a request path belongs to the push service."""
        return path.startswith(PATH)

    def sends(self, path: str) -> bool:
        """Whether it is the path of messages."""
        return path.startswith(PATH)

    def judge(self, request: Received) -> Judgement:
        """Answer one request as a push service would."""
        identity = request.head.path.removeprefix(PATH)
        browser = self._browsers.get(identity)
        if browser is None or request.head.method != "POST":
            return _refused(identity, "UNKNOWN")
        fault = _header_fault(request.head.fields) or self._authorization_fault(browser, request)
        if fault:
            return _refused(identity, fault, project=browser.server_key)
        if len(request.body) > BODY_LIMIT:
            return _refused(identity, "TOO_LARGE", project=browser.server_key)
        try:
            text = browser.decrypt(request.body)
        except Undecipherable:
            return _refused(identity, "BAD_ENCRYPTION", project=browser.server_key)
        return self._judge_message(browser, request, text)

    def _judge_message(self, browser: Browser, request: Received, text: bytes) -> Judgement:
        fields = request.head.fields
        ttl = min(int(fields["ttl"]), LONGEST_TTL)
        action = self._scripts.action(browser.identity)
        if action is None:
            browser.keep(Waiting(text, ttl, fields.get("urgency", "normal"), fields.get("topic", "")))
        self._sent += 1
        reply = answers.accepted(f"{self._base_url()}/m/{self._sent}", ttl)
        recipient = Recipient(browser.identity, message_id(text), "accepted", accepted=True)
        return Judgement("send", reply, browser.server_key, (recipient,), action)

    def _authorization_fault(self, browser: Browser, request: Received) -> str:
        try:
            key = self.authorizations.key_of(request.head.fields.get("authorization", ""))
        except Refused:
            return "UNAUTHORIZED"
        browser.server_key = browser.server_key or key
        return "" if key == browser.server_key else "UNAUTHORIZED"

    def error(self, name: str) -> Reply:
        """The answer for a named error of Mozilla's, Apple's or Google's."""
        return answers.named(name)

    def reset(self) -> None:
        """Forget scripts; subscriptions stay."""
        self._scripts.clear()

    def control(self, request: ControlRequest) -> Reply:
        """Serve `subscriptions` (a new one), `tokens` (scripts) and `waiting` (what a browser will get)."""
        body = request.body or b"{}"
        match request.verb:
            case "subscriptions":
                new = msgspec.json.decode(body, type=NewSubscription)
                made = self.subscribe(new.application_server_key, prefix=new.prefix)
                return Reply(200, msgspec.json.encode(made))
            case "tokens":
                script = msgspec.json.decode(body, type=SubscriptionScript)
                self.on_token(script.token, *script.actions)
                return Reply(200, b"{}")
            case "waiting" if request.query.get("token", "") in self._browsers:
                texts = [message.text.decode() for message in self.waiting(request.query["token"])]
                return Reply(200, msgspec.json.encode(texts))
            case _:
                return Reply(404, b'{"error":"no such control"}')


def _header_fault(fields: dict[str, str]) -> str:
    """The error that the headers deserve; empty = none."""
    if "ttl" not in fields:
        return "MISSING_HEADER"
    if not _TTL.fullmatch(fields["ttl"]):
        return "BAD_TTL"
    if "topic" in fields and not _TOPIC.fullmatch(fields["topic"]):
        return "BAD_TOPIC"
    if fields.get("content-encoding") != "aes128gcm" or "crypto-key" in fields or "encryption" in fields:
        return "BAD_ENCRYPTION"
    if fields.get("urgency", "normal") not in _URGENCIES:
        return "MISSING_HEADER"
    return ""


def _refused(identity: str, error: str, *, project: str = "") -> Judgement:
    return Judgement("send", answers.named(error), project, (Recipient(identity, "", error, accepted=False),))
