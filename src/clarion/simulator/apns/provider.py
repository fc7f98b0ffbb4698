"""The simulated APNs: who may send on a connection, what a notification must look like, where a device lives."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from clarion.simulator.apns import answers, rules
from clarion.simulator.apns.certificates import Client, as_pkcs12, client_of, issue_client
from clarion.simulator.apns.keys import ENVIRONMENTS, Keys, Refused
from clarion.simulator.apns.rules import Notification
from clarion.simulator.certificate import Identity
from clarion.simulator.faults import Action
from clarion.simulator.model import ControlRequest, Head, Judgement, Received, Recipient, Reply
from clarion.simulator.scripts import TokenScripts

Environment = Literal["production", "sandbox"]
PREFIX_LENGTH = 8
DEAD_DEVICE = "deadbeef"
"""First digits of tokens whose app was removed."""
PREFIXES = {
    DEAD_DEVICE: Action(error="Unregistered"),
    "deadd00d": Action(error="ExpiredToken"),
    "0badc0de": Action(error="BadDeviceToken"),
    "0ddba115": Action(error="DeviceTokenNotForTopic"),
    "00000429": Action(error="TooManyRequests"),
    "00000500": Action(error="InternalServerError"),
    "00000503": Action(error="ServiceUnavailable"),
}
"""First digits of tokens that always meet the same fate."""
SANDBOX_DEVICE = "5a9db0c5"
"""First digits of tokens that are valid in the sandbox only."""


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/apns/keys`."""

    topic: str
    team_id: str = ""
    environment: Environment = "production"


class NewCertificate(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/apns/certificates`."""

    topic: str
    environment: Environment = "production"
    form: Literal["p12", "pem"] = "p12"
    password: str = ""


class TokenScript(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/apns/tokens`."""

    token: str
    actions: list[Action]


class KeyChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/apns/revoke` and `/restore`."""

    key_id: str


class Residence(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/apns/residence`."""

    prefix: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a notification."""

    team_id: str
    key_id: str
    """Empty for a certificate, like the team."""
    topics: tuple[str, ...]
    """What it may send to; empty = every app of the team."""


@dataclass(frozen=True, slots=True)
class Bond:
    """What the first accepted notification fixed for its connection."""

    team_id: str
    key_id: str
    topic: str


class ApnsSimulator:
    """APNs in both environments, as strict as the real one.

    `https://127.0.0.1:PORT` is production, `https://localhost:PORT` the sandbox. `certificate_of` gives the client
    certificate (DER, empty if none) of a connection.
    """

    name = "apns"
    fast_reply = Reply(200, b"", ())

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        authority: Identity,
        certificate_of: Callable[[int], bytes],
        keys_file: Path | None = None,
    ) -> None:
        self.keys = Keys(clock=clock, file=keys_file)
        self._clock = clock
        self._authority = authority
        self._certificate_of = certificate_of
        self._scripts = TokenScripts({}, failure=Action(error="ServiceUnavailable"))
        self._residences: dict[str, str] = {SANDBOX_DEVICE: "sandbox"}
        self._bonds: dict[int, Bond] = {}
        self._clients: dict[bytes, Client] = {}
        self._revoked: set[int] = set()

    # what its users prepare

    def key(
        self,
        *,
        topic: str,
        team_id: str = "",
        environment: Environment = "production",
        environments: tuple[str, ...] = ENVIRONMENTS,
        topics: tuple[str, ...] | None = None,
    ) -> dict[str, str]:
        """The credentials of an app with a fresh token key, as Clarion's API takes them.

        `environments` are those in which the key is valid, `topics` what it covers (by default only `topic`; empty =
        all of the team's apps).
        """
        covered = (topic,) if topics is None else topics
        key, text = self.keys.create(team_id, topics=covered, environments=environments)
        return {
            "topic": topic,
            "environment": environment,
            "team_id": key.team_id,
            "auth_key": text,
            "auth_key_id": key.key_id,
        }

    def certificate(
        self,
        *,
        topic: str,
        environment: Environment = "production",
        environments: tuple[str, ...] | None = None,
        form: Literal["p12", "pem"] = "p12",
        password: str = "",
    ) -> dict[str, str]:
        """The credentials of an app with a fresh client certificate, as Clarion's API takes them.

        `environments` are those that the certificate names (by default only `environment`).
        """
        made = issue_client(self._authority, topic, (environment,) if environments is None else environments)
        text = as_pkcs12(made, self._authority, password) if form == "p12" else made.bundle_pem().decode()
        credentials = {"topic": topic, "environment": environment, "certificate": text}
        return credentials | ({"password": password} if form == "p12" and password else {})

    def revoke_certificate(self, topic: str) -> None:
        """Answer 403 BadCertificate to all certificates of a topic that have been used until now."""
        self._revoked |= {client.serial for client in self._clients.values() if client.topic == topic}

    def on_token(self, token: str, *actions: Action | str) -> None:
        """Script a token: one action (or reason) per notification, the last one stays; none = honest again.

        `ValueError` for an unknown reason.
        """
        script = [Action(error=one) if isinstance(one, str) else one for one in actions]
        for action in script:
            if action.error:
                self.error(action.error)
        self._scripts.set(token, script)

    def residence(self, prefix: str, environment: Environment) -> None:
        """Tokens that begin so (8 hexadecimal digits) are valid in this environment only.

        `ValueError` for a prefix of another length.
        """
        if len(prefix) != PREFIX_LENGTH:
            raise ValueError(f"a prefix has {PREFIX_LENGTH} digits")
        self._residences[prefix] = environment

    # what the simulator asks (model.Provider)

    def claims(self, path: str) -> bool:
        """Whether a request path belongs to APNs."""
        return path.startswith("/3/")

    def sends(self, path: str) -> bool:
        """Every path hands over notifications."""
        return True

    def judge(self, request: Received) -> Judgement:
        """Answer one request as Apple would."""
        head = request.head
        if request.http != 2:
            return Judgement("send", answers.HTTP2_ONLY)
        environment = environment_of(head)
        topic = head.fields.get("apns-topic", "")
        project = topic if environment == "production" else f"{environment}:{topic}"
        token = head.path.rpartition("/")[2]
        message_id = str(rules.content_of(request.body).get("px.msg_id", ""))
        apns_id = head.fields.get("apns-id", "")
        try:
            self._admit(request, environment)
        except Refused as refused:
            reply = answers.refusal(str(refused), self._clock(), apns_id=apns_id)
            recipient = Recipient(token, message_id, str(refused), accepted=False)
            return Judgement("send", reply, project, (recipient,))
        recipient = Recipient(token, message_id, "accepted", accepted=True)
        action = self._scripts.action(token) or PREFIXES.get(token[:PREFIX_LENGTH])
        return Judgement("send", accepted(apns_id, environment), project, (recipient,), action)

    def error(self, name: str) -> Reply:
        """The answer with one of Apple's reasons."""
        return answers.refusal(name, self._clock())

    def reset(self) -> None:
        """Forget scripts, residences and the provider tokens seen; keys and certificates stay valid."""
        self._scripts.clear()
        self._residences = {SANDBOX_DEVICE: "sandbox"}
        self.keys.forget_tokens()

    def control(self, request: ControlRequest) -> Reply:
        """Serve `keys`, `certificates`, `tokens`, `residence`, `revoke` and `restore`."""
        body = request.body or b"{}"
        match request.verb:
            case "keys":
                key = msgspec.json.decode(body, type=NewKey)
                return _json(self.key(topic=key.topic, team_id=key.team_id, environment=key.environment))
            case "certificates":
                new = msgspec.json.decode(body, type=NewCertificate)
                return _json(self.certificate(**msgspec.structs.asdict(new)))
            case "tokens":
                script = msgspec.json.decode(body, type=TokenScript)
                self.on_token(script.token, *script.actions)
            case "residence":
                residence = msgspec.json.decode(body, type=Residence)
                self.residence(residence.prefix, residence.environment)
            case "revoke" | "restore":
                change = msgspec.json.decode(body, type=KeyChange)
                return _json({"found": self.keys.change(change.key_id, revoked=request.verb == "revoke")})
            case _:
                return Reply(404, b'{"error":"no such control"}')
        return _json({})

    # the checks

    def _admit(self, request: Received, environment: str) -> None:
        """Raise `Refused` unless the notification may go to its device."""
        token = rules.check_address(request.head)
        bond = self._bonds.get(request.connection)
        sender = self._identify(request, environment, bond)
        notification = rules.check(request.head, request.body, token)
        self._check_topic(sender, notification, bond)
        home = self._residences.get(token[:PREFIX_LENGTH])
        if home is not None and home != environment:
            raise Refused("BadDeviceToken")
        self._bonds.setdefault(request.connection, Bond(sender.team_id, sender.key_id, notification.topic))

    def _identify(self, request: Received, environment: str, bond: Bond | None) -> Sender:
        certificate = self._certificate_of(request.connection)
        if certificate:
            return self._identify_certificate(certificate, environment)
        key = self.keys.check(request.head.fields.get("authorization", ""), environment)
        if bond is not None and bond.team_id != key.team_id:
            raise Refused("InvalidProviderToken")
        if bond is not None and bond.key_id != key.key_id:
            raise Refused("UnrelatedKeyIdInToken")
        return Sender(key.team_id, key.key_id, key.topics)

    def _identify_certificate(self, certificate: bytes, environment: str) -> Sender:
        client = self._clients.get(certificate)
        if client is None:
            client = self._clients[certificate] = client_of(certificate)
        if client.serial in self._revoked:
            raise Refused("BadCertificate")
        if environment not in client.environments:
            raise Refused("BadCertificateEnvironment")
        return Sender("", "", (client.topic,))

    def _check_topic(self, sender: Sender, notification: Notification, bond: Bond | None) -> None:
        """Besides what the sender may, a connection keeps the topic that it began with."""
        if not sender.key_id and notification.push_type in rules.TOKEN_KEY_ONLY:
            raise Refused("InvalidPushType")
        if sender.topics and notification.topic not in sender.topics:
            raise Refused("TopicDisallowed")
        if bond is not None and bond.topic != notification.topic:
            raise Refused("TopicDisallowed")


def environment_of(head: Head) -> str:
    """Which of Apple's two hosts a request is meant for."""
    return "sandbox" if head.authority.startswith("localhost") else "production"


def accepted(apns_id: str, environment: str) -> Reply:
    """200; the sandbox adds an id for Apple's console."""
    headers = answers.echo(apns_id or str(uuid.uuid4()))
    if environment == "sandbox":
        headers += (("apns-unique-id", str(uuid.uuid4())),)
    return Reply(200, b"", headers)


def _json(content: Any) -> Reply:
    return Reply(200, msgspec.json.encode(content))
