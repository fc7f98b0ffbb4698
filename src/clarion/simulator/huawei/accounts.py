"""Apps of Huawei and the token endpoint: app id and secret in, access tokens out."""

import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from clarion.simulator.huawei import answers
from clarion.simulator.model import Reply


class Accounts:
    """All apps of the simulator, their access tokens, and counts of token calls."""

    def __init__(self, *, clock: Callable[[], float], file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._secrets = _load(file)
        self._tokens: dict[str, tuple[str, float]] = {}
        self.lifetime = 3600
        """Seconds that access tokens live; applies to those issued from now on."""
        self.calls: Counter[str] = Counter()
        """Token calls per app, refused ones included."""

    def create(self) -> dict[str, str]:
        """A new app's credential; its secret has characters that a form must encode."""
        app_id = str(100_000_000 + secrets.randbelow(900_000_000))
        self._secrets[app_id] = f"{secrets.token_hex(14)}+/{secrets.token_hex(14)}=="
        if self._file is not None:
            self._file.write_bytes(msgspec.json.encode(self._secrets))
        return {"app_id": app_id, "app_secret": self._secrets[app_id]}

    def change_secret(self, app_id: str) -> None:
        """Give the app another secret: its old one, and all its access tokens, are refused."""
        self._secrets[app_id] = secrets.token_hex(32)
        self.expire_tokens(app_id)

    def expire_tokens(self, app_id: str = "") -> int:
        """Let all access tokens (of an app) expire now; how many that were."""
        gone = [token for token, (owner, _) in self._tokens.items() if app_id in ("", owner)]
        for token in gone:
            del self._tokens[token]
        return len(gone)

    def knows(self, app_id: str) -> bool:
        """Whether there is such an app."""
        return app_id in self._secrets

    def refusal(self, app_id: str, authorization: str) -> Reply | None:
        """The answer to a bearer that may not send for an app; None if it may."""
        scheme, _, token = authorization.partition(" ")
        owner, expires = self._tokens.get(token, ("", 0.0))
        if scheme.lower() != "bearer" or not token:
            return answers.named("80200001")
        if not owner or expires <= self._clock():
            return answers.named("80200003")
        return None if owner == app_id else answers.named("80300002")

    def answer(self, form: bytes) -> tuple[str, str, Reply]:
        """Serve the token endpoint: app as far as it can be told, outcome, reply."""
        fields = {name: values[0] for name, values in parse_qs(form.decode("latin-1"), max_num_fields=20).items()}
        app_id = fields.get("client_id", "")
        self.calls[app_id] += 1
        if fields.get("grant_type") != "client_credentials":
            return app_id, "1101", answers.token_refused(400, 1101, 20001, "invalid request")
        if app_id not in self._secrets or fields.get("client_secret") != self._secrets[app_id]:
            return app_id, "1203", answers.token_refused(400, 1203, 12303, "invalid client secret")
        token = f"CgB6e3x9/{secrets.token_hex(24)}+{secrets.token_hex(8)}"
        self._tokens[token] = (app_id, self._clock() + self.lifetime)
        content = {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}
        # Huawei escapes slashes, which is plain JSON.
        return app_id, "token", Reply(200, msgspec.json.encode(content).replace(b"/", b"\\/"))


def _load(file: Path | None) -> dict[str, str]:
    if file is None or not file.exists():
        return {}
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str])
