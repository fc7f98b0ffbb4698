"""aioapns with a token key made for the occasion."""

import asyncio
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from aioapns import APNs, NotificationRequest
from aioapns.connection import APNsProductionClientProtocol
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from _peers import CONTENT, Result, Task, mark, measured, take_part

IN_FLIGHT = 200
PAYLOAD = {
    "aps": {"alert": {"title": CONTENT.title, "body": CONTENT.text}, "mutable-content": 1, "sound": "default"},
    "px.msg_id": "739000.1.1.0000000000000000000.0123456789abcdef",
    "px.image": CONTENT.image,
    "px.link": CONTENT.link,
}


def client(task: Task) -> APNs:
    """A client whose notifications go to the stand-in: the library has no setting for the host."""
    address = urlsplit(task["url"])
    APNsProductionClientProtocol.APNS_SERVER = address.hostname or ""
    APNsProductionClientProtocol.APNS_PORT = address.port or 443
    context = ssl.create_default_context(cafile=task["ca_file"])
    context.set_alpn_protocols(["h2"])
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return APNs(key=key.decode(), key_id="A" * 10, team_id="B" * 10, topic="com.example", ssl_context=context)


async def work(apns: APNs, numbers: Iterator[int]) -> None:
    """One notification after the other."""
    for number in numbers:
        answer = await apns.send_notification(NotificationRequest(f"{number:064x}", PAYLOAD))
        assert answer.is_successful, answer.description


async def peer(task: Task) -> Result:
    """Send with so many in flight, over a connection that is open already."""
    apns, count = client(task), task["count"]
    await work(apns, iter([0]))
    numbers, begun = iter(range(count)), mark()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(work(apns, numbers))
    result = measured("aioapns", count, f"{IN_FLIGHT} in flight", begun)
    apns.pool.close()
    return result


if __name__ == "__main__":
    take_part(peer)
