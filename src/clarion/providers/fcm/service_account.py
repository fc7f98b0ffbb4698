"""A Google service account: the credential that an app uploads for FCM (providers.md §2.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{4,62}").fullmatch
_REQUIRED = ("project_id", "client_email", "private_key", "token_uri")
_SMALLEST_KEY = 2048


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What Clarion uses of the uploaded JSON. Every other address in it is ignored."""

    project_id: str
    client_email: str
    token_uri: str
    private_key_id: str
    key: RSAPrivateKey = field(repr=False)


def _private_key(pem: str, *, checked: bool) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=checked)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("private_key is not an unencrypted PEM key") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _SMALLEST_KEY:
        raise ValueError(f"private_key must be an RSA key of at least {_SMALLEST_KEY} bits")
    return key


def read_service_account(values: Mapping[str, object], *, checked: bool = False) -> ServiceAccount:
    """The service account in the uploaded JSON's fields. `ValueError` names the first field that is unusable.

    With `checked` the key's numbers are not looked into: that takes 40 ms and was done when it was uploaded.
    Whether `token_uri` is allowed is the operator's matter: `FcmSettings.allows`.
    """
    text = {name: value for name, value in values.items() if isinstance(value, str)}
    for name in _REQUIRED:
        if not text.get(name):
            raise ValueError(f"{name} is missing")
    if text.get("type", "service_account") != "service_account":
        raise ValueError("type must be service_account")
    if text.get("universe_domain", "googleapis.com") != "googleapis.com":
        raise ValueError("universe_domain must be googleapis.com")
    if not _PROJECT(text["project_id"]):
        raise ValueError("project_id is not the id of a Google project")
    return ServiceAccount(
        project_id=text["project_id"],
        client_email=text["client_email"],
        token_uri=text["token_uri"],
        private_key_id=text.get("private_key_id", ""),
        key=_private_key(text["private_key"], checked=checked),
    )
