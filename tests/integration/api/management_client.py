"""A client of the management API inside the test's process, and material to upload."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ONESIGNAL = {"app_id": "0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f", "api_key": "k-9"}


@dataclass(frozen=True)
class Api:
    """Calls under `/api/b/v2` with one account's key."""

    http: httpx.AsyncClient
    account_id: int
    key: str

    async def call(self, method: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        """One call; `json` None sends no body."""
        headers = {"authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        target = path if path.startswith("/api/") else f"/api/b/v2{path}"
        return await self.http.request(method, target, json=json, headers=headers, **options)

    async def ok(self, method: str, path: str, json: Any = None, *, status: int = 200) -> Any:
        """One call that must be answered with this status; its body."""
        answer = await self.call(method, path, json)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, json: Any = None, *, status: int = 400) -> str:
        """One call that must be refused with this status; its error text."""
        answer = await self.call(method, path, json)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        body = answer.json()
        assert set(body) == {"error", "req_id"}
        assert answer.headers["x-request-id"] == body["req_id"]
        text: str = body["error"]
        return text

    async def new_app(self, name: str = "Weather PT") -> int:
        """An app that needs no key reader."""
        body = {"push_provider": "onesignal", "name": name, "onesignal_creds": ONESIGNAL}
        created: int = (await self.ok("POST", "/apps", body, status=201))["id"]
        return created

    async def new_group(self, *app_ids: int, name: str = "Iberia", all_apps: bool = False) -> int:
        """An app group."""
        body = {"app_ids": list(app_ids), "name": name, "all_apps": all_apps}
        created: int = (await self.ok("POST", "/app/groups", body, status=201))["id"]
        return created

    async def new_event(self, code: str = "level_up") -> int:
        """A custom event."""
        created: int = (await self.ok("POST", "/events", {"name": code, "code": code}, status=201))["id"]
        return created


def pem(key: Any) -> str:
    """A private key as unencrypted PKCS#8 PEM."""
    encoded: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded.decode()


@functools.cache
def rsa_pem(bits: int = 2048) -> str:
    """An RSA key; one per size and test run."""
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=bits))


@functools.cache
def ec_pem(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> str:
    """An EC key; one per curve and test run."""
    return pem(ec.generate_private_key(curve()))


def service_account(**changes: str) -> dict[str, str]:
    """A service account as Firebase hands it out."""
    return {
        "type": "service_account",
        "project_id": "weather-pt",
        "private_key_id": "0123456789abcdef",
        "private_key": rsa_pem(),
        "client_email": "push@weather-pt.iam.gserviceaccount.com",
        "client_id": "1234567890",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/push",
        "universe_domain": "googleapis.com",
        **changes,
    }


def token_key(**changes: str) -> dict[str, str]:
    """An APNs token credential."""
    return {
        "topic": "com.example.weather",
        "team_id": "ABCDE12345",
        "auth_key": ec_pem(),
        "auth_key_id": "KEYID12345",
        **changes,
    }


def without(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The document without one key."""
    return {key: value for key, value in document.items() if key != name}
