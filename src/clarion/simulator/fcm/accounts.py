"""Service accounts and the token endpoint: signed assertions in, access tokens out (RFC 7523 as Google does it)."""

import binascii
import random
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from clarion.simulator.encoding import decode_base64url
from clarion.simulator.fcm import answers
from clarion.simulator.model import Reply

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
SCOPES = frozenset(
    ("https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform")
)
CLOCK_SKEW = 300
LONGEST_ASSERTION = 3600
TOKEN_LIMIT = 100_000
TIMEFRAME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


class Account(msgspec.Struct):
    """A service account as Google knows it: the public half. `public_key` is PEM."""

    email: str
    project: str
    key_id: str
    public_key: str
    revoked: bool = False


class AccessToken(NamedTuple):
    """What a bearer stands for."""

    email: str
    project: str
    expires: float


class Refused(Exception):
    """The token endpoint says no."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.reply = answers.oauth_error(code, description)


class JwtHeader(msgspec.Struct):
    """The header of an assertion."""

    alg: str = ""
    typ: str = ""
    kid: str = ""


class Claims(msgspec.Struct):
    """The claims of an assertion."""

    iss: str = ""
    scope: str = ""
    aud: str = ""
    iat: int | float = 0
    exp: int | float = 0


class Accounts:
    """All service accounts of the simulator, their access tokens, and counts of token calls."""

    def __init__(
        self, *, seed: int, clock: Callable[[], float], token_uri: Callable[[], str], file: Path | None = None
    ) -> None:
        self._file = file
        self._clock = clock
        self._token_uri = token_uri
        self._random = random.Random(seed)  # noqa: S311 – the tokens guard nothing
        self._accounts = load_accounts(file) if file else {}
        self._tokens: dict[str, AccessToken] = {}
        self.lifetime = 3600
        """Seconds that access tokens live; applies to those issued from now on."""
        self.expires_in_as_text = False
        """Answer `expires_in` as a string of digits, as some endpoints do."""
        self.calls: Counter[str] = Counter()
        """Token calls per client e-mail, refused ones included."""
        self.issued: Counter[str] = Counter()
        """Access tokens per client e-mail."""

    def create(self, project: str, email: str | None = None, *, key: rsa.RSAPrivateKey | None = None) -> dict[str, str]:
        """Make a service account, by default with a fresh RSA key; an e-mail that exists gets it in place of its own.

        Returns the JSON document that Firebase's console would let its owner download.
        """
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        email = email or f"sim-{secrets.token_hex(4)}@{project}.iam.gserviceaccount.com"
        account = Account(email, project, secrets.token_hex(20), public_pem(key))
        self._accounts[email] = account
        self._save()
        return self._document(account, key)

    def revoke(self, email: str) -> bool:
        """Delete the account at Google: assertions and access tokens are refused. False if there is none."""
        account = self._accounts.get(email)
        if account is None:
            return False
        account.revoked = True
        self._save()
        return True

    def restore(self, email: str) -> bool:
        """Undo `revoke`."""
        account = self._accounts.get(email)
        if account is None:
            return False
        account.revoked = False
        self._save()
        return True

    def expire_tokens(self, project: str = "") -> int:
        """Let all access tokens (of a project) expire now; how many that were."""
        gone = [token for token, grant in self._tokens.items() if project in ("", grant.project)]
        for token in gone:
            del self._tokens[token]
        return len(gone)

    def knows_project(self, project: str) -> bool:
        """Whether some service account, also a revoked one, belongs to the project."""
        return any(account.project == project for account in self._accounts.values())

    def bearer(self, token: str) -> AccessToken | None:
        """What a bearer token stands for; `None` if it is unknown, expired or of a revoked account."""
        grant = self._tokens.get(token)
        if grant is None or grant.expires <= self._clock() or self._accounts[grant.email].revoked:
            return None
        return grant

    def answer(self, form: bytes) -> tuple[str, str, Reply]:
        """Serve the token endpoint: client e-mail as far as it can be told, outcome, reply."""
        email = ""
        try:
            assertion = self._assertion(form)
            header, claims, signed, signature = split_assertion(assertion)
            email = claims.iss
            self.calls[email] += 1
            account = self._check(header, claims)
            verify_signature(account, signed, signature)
        except Refused as refused:
            return email, str(refused), refused.reply
        return email, "token", self._issue(account)

    def _assertion(self, form: bytes) -> str:
        fields = parse_qs(form.decode("latin-1"), max_num_fields=20)
        grant_type = fields.get("grant_type", [""])[0]
        if grant_type != GRANT_TYPE:
            raise Refused("unsupported_grant_type", f"Invalid grant_type: {grant_type}")
        if "assertion" not in fields:
            raise Refused("invalid_request", "Missing required parameter: assertion")
        return fields["assertion"][0]

    def _check(self, header: JwtHeader, claims: Claims) -> Account:
        if header.alg != "RS256":
            raise Refused("invalid_grant", "Invalid JWT: Only RS256 signatures are accepted.")
        account = self._accounts.get(claims.iss)
        if account is None or account.revoked:
            raise Refused("invalid_grant", "Invalid grant: account not found")
        if header.kid and header.kid != account.key_id:
            raise Refused("invalid_grant", "Invalid JWT Signature.")
        if claims.aud not in (GOOGLE_AUDIENCE, self._token_uri()):
            raise Refused("invalid_grant", "Invalid JWT: Failed audience check.")
        if not claims.scope or not SCOPES.issuperset(claims.scope.split()):
            raise Refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        self._check_times(claims)
        return account

    def _check_times(self, claims: Claims) -> None:
        now = self._clock()
        life = claims.exp - claims.iat
        if claims.iat > now + CLOCK_SKEW or claims.exp < now - CLOCK_SKEW or not 0 < life <= LONGEST_ASSERTION:
            raise Refused("invalid_grant", TIMEFRAME)

    def _issue(self, account: Account) -> Reply:
        self._tidy()
        token = f"ya29.sim-{self._random.randbytes(60).hex()}"
        self._tokens[token] = AccessToken(account.email, account.project, self._clock() + self.lifetime)
        self.issued[account.email] += 1
        expires: int | str = str(self.lifetime) if self.expires_in_as_text else self.lifetime
        content = {"access_token": token, "expires_in": expires, "token_type": "Bearer"}
        return Reply(200, msgspec.json.encode(content))

    def _tidy(self) -> None:
        if len(self._tokens) >= TOKEN_LIMIT:
            now = self._clock()
            self._tokens = {token: grant for token, grant in self._tokens.items() if grant.expires > now}

    def _save(self) -> None:
        if self._file is not None:
            self._file.write_bytes(msgspec.json.encode(list(self._accounts.values())))

    def _document(self, account: Account, key: rsa.RSAPrivateKey) -> dict[str, str]:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": account.project,
            "private_key_id": account.key_id,
            "private_key": pem.decode(),
            "client_email": account.email,
            "client_id": str(self._random.randrange(10**20, 10**21)),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self._token_uri(),
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{account.email}",
            "universe_domain": "googleapis.com",
        }


def load_accounts(file: Path) -> dict[str, Account]:
    """The accounts of an earlier start, by e-mail."""
    if not file.exists():
        return {}
    return {account.email: account for account in msgspec.json.decode(file.read_bytes(), type=list[Account])}


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """The public half of a key."""
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def split_assertion(assertion: str) -> tuple[JwtHeader, Claims, bytes, bytes]:
    """Header, claims, signed part and signature of a compact JWT; `Refused` if it is none."""
    parts = assertion.split(".")
    if len(parts) != 3:
        raise Refused("invalid_grant", "Bad Request: the assertion is not a JWT")
    try:
        header, claims, signature = (decode_base64url(part) for part in parts)
        return (
            msgspec.json.decode(header, type=JwtHeader),
            msgspec.json.decode(claims, type=Claims),
            f"{parts[0]}.{parts[1]}".encode(),
            signature,
        )
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Refused("invalid_grant", "Bad Request: the assertion cannot be decoded") from error


def verify_signature(account: Account, signed: bytes, signature: bytes) -> None:
    """RS256; `Refused` if the key is another one."""
    key = serialization.load_pem_public_key(account.public_key.encode())
    assert isinstance(key, rsa.RSAPublicKey)  # noqa: S101 – narrows the type only
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Refused("invalid_grant", "Invalid JWT Signature.") from error
