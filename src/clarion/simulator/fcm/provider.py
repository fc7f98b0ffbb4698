"""The simulated FCM service: projects, bearers, messages."""

import re
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import msgspec

from clarion.simulator.faults import Action
from clarion.simulator.fcm import answers
from clarion.simulator.fcm.accounts import Accounts
from clarion.simulator.fcm.message import Parsed, parse
from clarion.simulator.fcm.scripts import FLAKY_FAILURE, PREFIXES
from clarion.simulator.model import ControlRequest, Judgement, Received, Recipient, Reply
from clarion.simulator.scripts import TokenScripts

TOKEN_PATH = "/token"  # noqa: S105 – a path
SEND_PATH = re.compile(r"/v1/projects/([^/?]+)/messages:send(?:\?.*)?")
PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{4,62}")
FIRST_NAME = 1_500_415_314_455_276
METHOD_NOT_ALLOWED = Reply(405, b"", ())


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/fcm/service-accounts`."""

    project_id: str
    client_email: str | None = None


class TokenScript(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/fcm/tokens`."""

    token: str
    actions: list[Action]


class AccountChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/fcm/revoke` and `/restore`."""

    client_email: str


class ProjectChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/fcm/deny`, `/allow`, `/expire-tokens`."""

    project_id: str = ""


class Lifetime(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/fcm/token-lifetime`."""

    seconds: int


class FcmSimulator:
    """FCM HTTP v1 with its token endpoint, as strict as the real one."""

    name = "fcm"
    fast_reply = answers.accepted("simulator", f"0:{FIRST_NAME}%31bd1c9631bd1c96")

    def __init__(
        self, *, seed: int, clock: Callable[[], float], base_url: Callable[[], str], accounts_file: Path | None = None
    ) -> None:
        self.accounts = Accounts(seed=seed, clock=clock, token_uri=lambda: base_url() + TOKEN_PATH, file=accounts_file)
        self._scripts = TokenScripts(PREFIXES, failure=FLAKY_FAILURE)
        self._denied: set[str] = set()
        self._projects: dict[str, str] = {}
        """Paths seen before and their projects."""
        self._sent = 0

    def on_token(self, token: str, *actions: Action | str) -> None:
        """Script a token: one action (or FCM error code) per message, the last one stays; none = honest again.

        `ValueError` for an unknown error code.
        """
        script = [Action(error=one) if isinstance(one, str) else one for one in actions]
        for action in script:
            if action.error:
                self.error(action.error)
        self._scripts.set(token, script)

    def deny(self, project: str) -> None:
        """Answer every message of the project with 403 PERMISSION_DENIED, as after a disabled API."""
        self._denied.add(project)

    def allow(self, project: str) -> None:
        """Undo `deny`."""
        self._denied.discard(project)

    def claims(self, path: str) -> bool:
        """Whether a request path belongs to FCM or its token endpoint."""
        return path.startswith("/v1/projects/") or path == TOKEN_PATH

    def sends(self, path: str) -> bool:
        """Whether it is the path of messages."""
        return path != TOKEN_PATH

    def judge(self, request: Received) -> Judgement:
        """Answer one request as Google would."""
        if request.head.path == TOKEN_PATH:
            return self._judge_token_call(request)
        project = self._project(request.head.path)
        if project is None or request.head.method != "POST":
            refused = Recipient("", "", "no such method", accepted=False)
            return Judgement("send", answers.UNKNOWN_PATH, recipients=(refused,))
        return self._judge_message(request, project)

    def error(self, name: str) -> Reply:
        """The answer with one of FCM's error codes."""
        return answers.named(name)

    def reset(self) -> None:
        """Forget scripts, denials and counts; accounts and tokens stay."""
        self._scripts.clear()
        self._denied.clear()
        self.accounts.calls.clear()
        self.accounts.issued.clear()

    def control(self, request: ControlRequest) -> Reply:
        """Serve accounts (`service-accounts`, `accounts`, `revoke`, `restore`), `tokens` and the verbs of projects."""
        body = request.body or b"{}"
        match request.verb:
            case "service-accounts":
                new = msgspec.json.decode(body, type=NewAccount)
                return _json(self.accounts.create(new.project_id, new.client_email))
            case "revoke" | "restore":
                change = msgspec.json.decode(body, type=AccountChange)
                act = self.accounts.revoke if request.verb == "revoke" else self.accounts.restore
                return _json({"found": act(change.client_email)})
            case "tokens":
                script = msgspec.json.decode(body, type=TokenScript)
                self.on_token(script.token, *script.actions)
                return _json({})
            case "token-lifetime":
                self.accounts.lifetime = msgspec.json.decode(body, type=Lifetime).seconds
                return _json({})
            case "accounts":
                return _json({"calls": self.accounts.calls, "issued": self.accounts.issued})
            case _:
                return self._control_project(request.verb, msgspec.json.decode(body, type=ProjectChange).project_id)

    def _control_project(self, verb: str, project: str) -> Reply:
        match verb:
            case "deny":
                self.deny(project)
            case "allow":
                self.allow(project)
            case "expire-tokens":
                return _json({"expired": self.accounts.expire_tokens(project)})
            case _:
                return Reply(404, b'{"error":"no such control"}')
        return _json({})

    def _judge_token_call(self, request: Received) -> Judgement:
        if request.head.method != "POST":
            return Judgement("token", METHOD_NOT_ALLOWED)
        if not request.head.fields.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            reply = answers.oauth_error("invalid_request", "The content type must be application/x-www-form-urlencoded")
            return Judgement("token", reply)
        email, outcome, reply = self.accounts.answer(request.body)
        return Judgement("token", reply, recipients=(Recipient(email, "", outcome, accepted=False),))

    def _judge_message(self, request: Received, project: str) -> Judgement:
        parsed = parse(request.body)
        reply = self._refuse_caller(request, project) or parsed.refusal
        if reply is not None:
            recipient = Recipient(parsed.token, parsed.message_id, answers.label(reply), accepted=False)
            return Judgement("send", reply, project, (recipient,))
        return self._accept(project, parsed)

    def _accept(self, project: str, parsed: Parsed) -> Judgement:
        if parsed.validate_only:
            recipient = Recipient(parsed.token, parsed.message_id, "validated", accepted=False)
            return Judgement("send", answers.accepted(project, "fake_message_id"), project, (recipient,))
        self._sent += 1
        name = f"0:{FIRST_NAME + self._sent}%{zlib.crc32(parsed.token.encode()):08x}{self._sent & 0xFFFFFFFF:08x}"
        recipient = Recipient(parsed.token, parsed.message_id, "accepted", accepted=True)
        action = self._scripts.action(parsed.token)
        return Judgement("send", answers.accepted(project, name), project, (recipient,), action)

    def _refuse_caller(self, request: Received, project: str) -> Reply | None:
        scheme, _, token = request.head.fields.get("authorization", "").partition(" ")
        grant = self.accounts.bearer(token) if scheme.lower() == "bearer" else None
        if grant is None:
            return answers.unauthenticated()
        if grant.project == project and project not in self._denied:
            return None
        if not self.accounts.knows_project(project):
            return answers.not_found()
        return answers.permission_denied(f"projects/{project}")

    def _project(self, path: str) -> str | None:
        known = self._projects.get(path)
        if known is not None:
            return known
        found = SEND_PATH.fullmatch(path)
        project = unquote(found[1]) if found else ""
        if not PROJECT.fullmatch(project):
            return None
        if len(self._projects) < 1000:
            self._projects[path] = project
        return project


def _json(content: object) -> Reply:
    return Reply(200, msgspec.json.encode(content))
