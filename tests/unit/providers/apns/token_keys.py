"""Keys made at run time, shared by the APNs tests of one process."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clarion.providers.apns.credential import TokenKey


@cache
def private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def token_key(**changes: str) -> TokenKey:
    fields = {"team_id": "TEAM567890", "key_id": "KEY4567890"} | changes
    return TokenKey(fields["team_id"], fields["key_id"], private_key())


def values(**changes: str) -> dict[str, str]:
    """The stored fields of a token key's credential."""
    fields = {
        "topic": "com.example.weather",
        "environment": "production",
        "team_id": "TEAM567890",
        "auth_key_id": "KEY4567890",
        "auth_key": pem_of(private_key()),
    }
    return fields | changes
