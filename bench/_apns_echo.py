"""A process that plays APNs for a client that insists on seeing its `apns-id` again: granian, HTTP/2 over TLS.

Makes a certificate for 127.0.0.1 in the folder named on the command line, and writes port and CA file as one line of
JSON once it listens. Ends with its standard input.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from clarion.simulator.certificate import issue_server, make_authority


async def echo(
    scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[[dict[str, Any]], Any]
) -> None:
    """200 with the request's `apns-id`."""
    while (await receive()).get("more_body"):
        pass
    found = [(name, value) for name, value in scope["headers"] if name == b"apns-id"]
    await send({"type": "http.response.start", "status": 200, "headers": found})
    await send({"type": "http.response.body", "body": b""})


def write_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """CA file, certificate and key."""
    authority = make_authority()
    leaf = issue_server(authority)
    ca, certificate, key = (folder / name for name in ("apns-ca.pem", "apns.pem", "apns.key"))
    ca.write_bytes(authority.certificate_pem())
    certificate.write_bytes(leaf.certificate_pem())
    key.touch(mode=0o600)
    key.write_bytes(leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ca, certificate, key


async def listening(port: int) -> None:
    """Return when the port accepts connections."""
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def main() -> None:
    """Serve until the input ends."""
    ca, certificate, key = write_certificates(Path(sys.argv[1]))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(
        echo,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http2,
        websockets=False,
        log_level=LogLevels.error,
        ssl_cert=certificate,
        ssl_key=key,
    )
    serving = asyncio.create_task(server.serve())
    await listening(port)
    print(json.dumps({"port": port, "ca_file": str(ca)}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.stop()  # type: ignore[no-untyped-call]
    await serving


if __name__ == "__main__":
    uvloop.run(main())
