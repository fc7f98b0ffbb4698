"""The simulated Huawei service: apps, bearers, messages to many tokens."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from clarion.simulator.faults import Action
from clarion.simulator.huawei import answers
from clarion.simulator.huawei.accounts import Accounts
from clarion.simulator.huawei.message import Parsed, parse
from clarion.simulator.model import ControlRequest, Judgement, Received, Recipient, Reply
from clarion.simulator.scripts import TokenScripts

TOKEN_PATH = "/oauth2/v3/token"  # noqa: S105 - a path
SEND_PATH = re.compile(r"/v1/([A-Za-z0-9]+)/messages:send")
ILLEGAL = "ILLEGAL_TOKEN"
"""The error of a script that concerns one token; every other one concerns the whole request."""
PREFIXES = {
    "illegal": Action(error=ILLEGAL),
    "foreign": Action(error="80300017"),
    "internal": Action(error="81000001"),
}
"""First word of a token, e.g. `illegal-1f3a`."""
FLAKY_FAILURE = Action(error="81000001")


class TokenScript(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/huawei/tokens`."""

    token: str
    actions: list[Action]


class HuaweiSimulator:
    """Push Kit v1 with its token endpoint, as strict as the real one."""

    name = "huawei"
    fast_reply = answers.coded("80000000", "Success")

    def __init__(self, *, clock: Callable[[], float], file: Path | None = None) -> None:
        self.accounts = Accounts(clock=clock, file=file)
        self._scripts = TokenScripts(PREFIXES, failure=FLAKY_FAILURE)
        self.code_as_number = False
        """Tell codes as numbers."""
        self.readable = True
        """False: reports of partial failures are cut short."""
        self.repeated = 0
        """Tokens that stood more than once in one list: each of them gets the message so many times."""

    def app(self) -> dict[str, str]:
        """A new app's credential."""
        return self.accounts.create()

    def on_token(self, token: str, *actions: Action | str) -> None:
        """Script a token: one action (or error name) per request that names it, the last one stays; none = honest.

        `ILLEGAL_TOKEN` makes it a partial failure, everything else befalls the whole request.

        `ValueError` for an unknown error.
        """
        script = [Action(error=one) if isinstance(one, str) else one for one in actions]
        for action in script:
            if action.error:
                self.error(action.error)
        self._scripts.set(token, script)

    def claims(self, path: str) -> bool:
        """Whether a request path belongs to Huawei."""
        return path == TOKEN_PATH or SEND_PATH.fullmatch(path) is not None

    def sends(self, path: str) -> bool:
        """Whether it is the path of messages."""
        return path != TOKEN_PATH

    def error(self, name: str) -> Reply:
        """The answer with one of Huawei's codes, or a status without a code."""
        return answers.named("80300007") if name == ILLEGAL else answers.named(name)

    def reset(self) -> None:
        """Forget scripts and counts; apps and access tokens stay."""
        self._scripts.clear()
        self.accounts.calls.clear()
        self.code_as_number, self.readable, self.repeated = False, True, 0

    def control(self, request: ControlRequest) -> Reply:
        """Serve `apps` (a new one), `tokens` (scripts) and `expire-tokens`."""
        match request.verb:
            case "apps":
                return _json(self.app())
            case "tokens":
                script = msgspec.json.decode(request.body, type=TokenScript)
                self.on_token(script.token, *script.actions)
                return _json({})
            case "expire-tokens":
                return _json({"expired": self.accounts.expire_tokens()})
            case _:
                return Reply(404, b'{"error":"no such control"}')

    def judge(self, request: Received) -> Judgement:
        """Answer one request as Huawei would."""
        if request.head.path == TOKEN_PATH:
            app_id, outcome, reply = self.accounts.answer(request.body)
            return Judgement("token", reply, app_id, (Recipient(app_id, "", outcome, accepted=False),))
        found = SEND_PATH.fullmatch(request.head.path)
        app_id = found[1] if found else ""
        parsed = parse(request.body)
        refusal = self._refusal(request, app_id, parsed)
        if refusal is not None:
            return Judgement("send", refusal, app_id, _all(parsed, f"refused:{refusal.status}"))
        return self._send(app_id, parsed)

    def _refusal(self, request: Received, app_id: str, parsed: Parsed) -> Reply | None:
        if request.head.method != "POST" or not self.accounts.knows(app_id):
            return answers.named("NOT_FOUND")
        refusal = self.accounts.refusal(app_id, request.head.fields.get("authorization", ""))
        return refusal or (answers.named(parsed.fault) if parsed.fault else None)

    def _send(self, app_id: str, parsed: Parsed) -> Judgement:
        if parsed.validate_only:
            return Judgement("send", self._reply(parsed, []), app_id, _all(parsed, "validated"))
        self.repeated += len(parsed.tokens) - len(set(parsed.tokens))
        fates = {token: self._scripts.action(token) for token in dict.fromkeys(parsed.tokens)}
        illegal = [token for token, action in fates.items() if action is not None and action.error == ILLEGAL]
        whole = next((action for action in fates.values() if action is not None and action.error != ILLEGAL), None)
        dead = set(illegal)
        recipients = tuple(
            Recipient(token, parsed.message_id, ILLEGAL if token in dead else "accepted", accepted=token not in dead)
            for token in parsed.tokens
        )
        return Judgement("send", self._reply(parsed, illegal), app_id, recipients, whole)

    def _reply(self, parsed: Parsed, illegal: list[str]) -> Reply:
        if not illegal:
            return answers.coded("80000000", "Success", as_number=self.code_as_number)
        sent = len(set(parsed.tokens)) - len(illegal)
        if not sent:
            return answers.named("80300007")
        return answers.partly(sent, illegal, as_number=self.code_as_number, readable=self.readable)


def _all(parsed: Parsed, outcome: str) -> tuple[Recipient, ...]:
    return tuple(Recipient(token, parsed.message_id, outcome, accepted=False) for token in parsed.tokens or [""])


def _json(content: object) -> Reply:
    return Reply(200, msgspec.json.encode(content))
