"""The question to APNs: a notification to a token that is wrong on purpose, in the credential's own environment."""

from dataclasses import replace
from urllib.parse import urlsplit

from clarion.foundation.clock import Clock
from clarion.providers.apns.auth import JwtStore, TokenSource
from clarion.providers.apns.certificate_file import readable
from clarion.providers.apns.credential import ApnsCredential, ClientCertificate, read_credential
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.apns.verdicts import read
from clarion.providers.checking import Words, ask_at
from clarion.providers.contract import Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.transport import Answer, Head, Request, Transport

WORDS = Words(
    "Apple", "Apple accepts the key or certificate in this environment; whether the topic is right, only a device shows"
)
_BAD_TOKEN = "0badc0de" * 8
"""Well-formed and nobody's."""
_BODY = b'{"aps":{"alert":"check"}}'


async def probe(
    credential: Credential, *, settings: ApnsSettings, transport: Transport, store: JwtStore, clock: Clock
) -> Verdict:
    """The verdict on the question; a working credential gets BadDeviceToken.

    The provider token is the one that all processes share: a second one would count as an update.
    """
    try:
        usable = read_credential(credential.values)
        authorization = await _authorization(usable, store=store, clock=clock)
        answer = await _ask(usable, authorization, settings=settings, transport=transport)
    except CredentialRefused as error:
        return error.verdict
    except (ValueError, OSError) as error:  # OSError: OpenSSL does not take the certificate
        return Verdict(Outcome.CREDENTIAL, "apns_credential", text=str(error))
    return read(answer, clock.now()).verdict


async def _authorization(usable: ApnsCredential, *, store: JwtStore, clock: Clock) -> tuple[tuple[str, str], ...]:
    if isinstance(usable.identity, ClientCertificate):
        return ()
    token = await TokenSource(usable.identity, usable.environment, store=store, clock=clock).fetch()
    return (("authorization", f"bearer {token.text}"),)


async def _ask(
    usable: ApnsCredential, authorization: tuple[tuple[str, str], ...], *, settings: ApnsSettings, transport: Transport
) -> Answer:
    address = urlsplit(settings.url_of(usable.environment))
    constant = (("apns-topic", usable.topic), ("apns-push-type", "alert"), ("apns-expiration", "0"))
    head = Head(f"{address.path.rstrip('/')}/3/device/{_BAD_TOKEN}", (*authorization, *constant))
    request, origin = Request(head, _BODY, None), f"{address.scheme}://{address.netloc}"
    if not isinstance(usable.identity, ClientCertificate):
        return await ask_at(transport, origin, settings.channel, request)
    with readable(usable.identity.pem) as path:
        return await ask_at(transport, origin, replace(settings.channel, client_certificate=path), request)
