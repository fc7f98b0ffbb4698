"""TLS for outgoing connections: contexts, the connection attempt, and its errors in one form."""

import asyncio
import ssl
from contextlib import suppress

from clarion.providers.http2.connection import Connection
from clarion.providers.resolving import Resolve, public_addresses
from clarion.providers.transport import ChannelOptions

_SHUTDOWN_TIMEOUT = 1.0
_ADDRESSES = 2
"""Of a host that are tried in one attempt."""


class DialError(Exception):
    """No connection came about. Says why, for people: `connect: ...` or `tls: ...`."""


def tls_context(options: ChannelOptions) -> ssl.SSLContext:
    """Verification is always on; the CA file adds to the system's certificates.

    Raises:
        OSError: A file cannot be read or holds no usable PEM (`ssl.SSLError` is one).
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    if options.ca_file:
        context.load_verify_locations(cafile=options.ca_file)
    if options.client_certificate:
        context.load_cert_chain(options.client_certificate)
    return context


async def dial_public(
    connection: Connection, host: str, port: int, *, context: ssl.SSLContext, within: float, resolve: Resolve
) -> None:
    """As `dial`, but only to the public internet (`transport.ChannelOptions.public_only`).

    Raises:
        DialError: With the same text whatever prevented the connection.
    """
    try:
        async with asyncio.timeout(within):
            *others, last = (await public_addresses(host, port, resolve=resolve))[:_ADDRESSES]
            for address in others:
                with suppress(DialError):
                    return await dial(connection, host, port, context=context, within=within / 2, address=address)
            await dial(connection, host, port, context=context, within=within, address=last)
    except (OSError, DialError) as error:  # TimeoutError is an OSError
        raise DialError("connect: no connection") from error


async def dial(
    connection: Connection,
    host: str,
    port: int,
    *,
    context: ssl.SSLContext,
    within: float,
    address: str | None = None,
) -> None:
    """Connect, shake hands and greet. The name is resolved anew each time, unless its address is given.

    Raises:
        DialError: Not `within` seconds, refused, not trusted, or no HTTP/2.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            await loop.create_connection(
                lambda: connection,
                address or host,
                port,
                ssl=context,
                server_hostname=host,
                ssl_shutdown_timeout=_SHUTDOWN_TIMEOUT,
            )
    except ssl.CertificateError as error:
        raise DialError(f"tls: {error.verify_message or error}") from error
    except ssl.SSLError as error:
        raise DialError(f"tls: {error.reason or error}") from error
    except TimeoutError as error:
        raise DialError("connect: timeout") from error
    except (OSError, ValueError) as error:  # ValueError: a name that DNS or TLS cannot express
        raise DialError(f"connect: {error}") from error
    if not connection.speaks_http2:
        raise DialError("tls: the peer does not offer HTTP/2 (ALPN h2)")
