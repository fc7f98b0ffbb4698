"""A service account made at run time, shared by the FCM tests of one process."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@cache
def private_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def document(**changes: str) -> dict[str, str]:
    """The fields of an uploaded service-account JSON."""
    pem = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    fields = {
        "type": "service_account",
        "project_id": "acceptance-one",
        "private_key_id": "kid-1",
        "private_key": pem,
        "client_email": "push@acceptance-one.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    }
    return fields | changes
