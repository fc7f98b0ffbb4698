"""From an uploaded form to a credential that is fit for use.

What is stored is `Checked.values`, by provider:

    fcm        project_id, private_key_id, private_key (PEM), client_email, client_id, token_uri, type
    apns       topic, environment (production | sandbox), and either team_id, auth_key (PEM), auth_key_id
               or certificate (PEM, leaf first), private_key (PEM)
    webpush    public_key, private_key (base64url without padding: 65 and 32 bytes)
    onesignal  app_id, api_key
    huawei     app_id, app_secret
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarion.features.apps.forms import (
    ApnsForm,
    FirebaseForm,
    Form,
    HuaweiForm,
    OnesignalForm,
    check_apns,
    check_certificate_topic,
    check_firebase,
    check_huawei,
    check_onesignal,
)
from clarion.features.apps.keyreader import KeyReader
from clarion.foundation.errors import InvalidInput
from clarion.providers.fcm.settings import GOOGLE_TOKEN_URIS


@dataclass(frozen=True, slots=True)
class Checked:
    """A credential that passed all checks."""

    provider: str
    values: dict[str, str]
    fingerprint: str
    label: str
    """What is safe to show: project id, topic or app id."""
    expires_at: datetime | None = None
    """When a certificate runs out; None for keys, which do not."""

    def __repr__(self) -> str:
        return f"<Checked {self.provider} {self.label}>"


class CredentialChecker:
    """Checks uploads. `token_uri_allow` are the operator's additions to Google's token addresses."""

    def __init__(self, *, token_uri_allow: Iterable[str] = ()) -> None:
        self._token_uris = GOOGLE_TOKEN_URIS | frozenset(token_uri_allow)
        self._keys = KeyReader()

    async def check(self, form: Form) -> Checked:
        """The credential of a form; `InvalidInput` names the field and its fault."""
        match form:
            case FirebaseForm():
                return await self._firebase(form)
            case ApnsForm():
                return await self._apns(form)
            case OnesignalForm():
                return _onesignal(form)
            case HuaweiForm():
                return _huawei(form)

    async def _firebase(self, form: FirebaseForm) -> Checked:
        check_firebase(form, token_uris=self._token_uris)
        key = await self._keys.rsa_key(form.private_key, field="firebase_creds.private_key")
        values = {
            "type": form.type,
            "project_id": form.project_id,
            "private_key_id": form.private_key_id,
            "private_key": form.private_key,
            "client_email": form.client_email,
            "client_id": form.client_id,
            "token_uri": form.token_uri,
        }
        return Checked("fcm", values, key.fingerprint, form.project_id)

    async def _apns(self, form: ApnsForm) -> Checked:
        environment = check_apns(form)
        if form.certificate:
            return await self._apns_certificate(form, environment)
        key = await self._keys.token_key(form.token_key, field="apns_creds.auth_key")
        values = {
            "topic": form.topic,
            "environment": environment,
            "team_id": form.team_id,
            "auth_key": form.token_key,
            "auth_key_id": form.token_key_id,
        }
        return Checked("apns", values, key.fingerprint, form.topic)

    async def _apns_certificate(self, form: ApnsForm, environment: str) -> Checked:
        found = await self._keys.certificate(form.certificate, password=form.password, field="apns_creds.certificate")
        if environment not in found.environments:
            raise InvalidInput(
                f"apns_creds.certificate is one for {' and '.join(found.environments)}, "
                f"but apns_creds.environment says {environment}"
            )
        topic = form.topic or found.topic
        check_certificate_topic(topic, found.topic)
        values = {
            "topic": topic,
            "environment": environment,
            "certificate": found.certificate,
            "private_key": found.private_key,
        }
        return Checked("apns", values, found.fingerprint, topic, found.expires_at)


def new_vapid_pair() -> Checked:
    """A fresh P-256 pair for web push; every app has one for life, since browsers subscribe to its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = _text(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    private = _text(key.private_numbers().private_value.to_bytes(32, "big"))
    return Checked("webpush", {"public_key": public, "private_key": private}, _fingerprint(public), "VAPID")


def _onesignal(form: OnesignalForm) -> Checked:
    check_onesignal(form)
    values = {"app_id": form.app_id.lower(), "api_key": form.api_key}
    return Checked("onesignal", values, _fingerprint(form.app_id, form.api_key), form.app_id.lower())


def _huawei(form: HuaweiForm) -> Checked:
    check_huawei(form)
    values = {"app_id": form.app_id, "app_secret": form.app_secret}
    return Checked("huawei", values, _fingerprint(form.app_id, form.app_secret), form.app_id)


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
