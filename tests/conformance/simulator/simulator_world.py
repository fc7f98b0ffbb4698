"""How these tests talk to a simulator: signed assertions, messages, and a bare HTTP/2 client that shows every frame."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import hpack
import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

from clarion.simulator import Simulator

PROJECT = "acceptance-one"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass
class Answered:
    """What came back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    heads: int = 0
    ended: bool = False

    @property
    def status(self) -> int:
        return int(self.headers[":status"])


class Peer:
    """A bare HTTP/2 client: sends what it is told, keeps every frame, obeys nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, authority: str) -> None:
        self.frames: list[Frame] = []
        self.answers: dict[int, Answered] = {}
        self._reader = reader
        self._writer = writer
        self._authority = authority
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()

    @classmethod
    async def connect(cls, url: str, ca_file: str, settings: dict[int, int] | None = None) -> "Peer":
        context = ssl.create_default_context(cafile=ca_file)
        context.set_alpn_protocols(["h2"])
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        peer = cls(reader, writer, authority=parts.netloc)
        peer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0, settings=settings or {}).serialize())
        await peer.until(lambda: peer.of(SettingsFrame))
        peer.write(SettingsFrame(0, flags=["ACK"]).serialize())
        return peer

    def write(self, raw: bytes) -> None:
        self._writer.write(raw)

    def block(self, path: str, bearer: str = "", *, indexed: bool = True) -> bytes:
        headers = [(":method", "POST"), (":scheme", "https"), (":authority", self._authority), (":path", path)]
        headers += [("authorization", f"Bearer {bearer}"), ("content-type", "application/json")]
        return self._encoder.encode([(name, value, not indexed) for name, value in headers])

    def request(self, stream: int, bearer: str, body: dict[str, object], *, project: str = PROJECT) -> bytes:
        block = self.block(f"/v1/projects/{project}/messages:send", bearer)
        head = HeadersFrame(stream, block, flags=["END_HEADERS"])
        return head.serialize() + DataFrame(stream, json.dumps(body).encode(), flags=["END_STREAM"]).serialize()

    def of(self, kind: type[Frame]) -> list[Frame]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def resets(self) -> dict[int, int]:
        return {frame.stream_id: frame.error_code for frame in self.of(RstStreamFrame)}

    def goaways(self) -> list[tuple[int, int, bytes]]:
        return [(frame.last_stream_id, frame.error_code, frame.additional_data) for frame in self.of(GoAwayFrame)]

    def ended(self) -> set[int]:
        return {stream for stream, answer in self.answers.items() if answer.ended}

    async def until(self, met: Callable[[], object], *, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not met():
                await self._take()

    async def until_closed(self) -> None:
        """Read until the server closes; raises `TimeoutError` if it does not."""
        async with asyncio.timeout(10):
            try:
                while True:
                    await self._take()
            except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                return

    async def text(self, end: bytes) -> bytes:
        """What comes outside of frames, up to `end`."""
        async with asyncio.timeout(10):
            return await self._reader.readuntil(end)

    async def _take(self) -> None:
        frame, length = Frame.parse_frame_header(memoryview(await self._reader.readexactly(9)))
        frame.parse_body(memoryview(await self._reader.readexactly(length)))
        self.frames.append(frame)
        answer = self.answers.setdefault(frame.stream_id, Answered())
        if isinstance(frame, HeadersFrame):
            answer.headers |= dict(self._decoder.decode(frame.data))
            answer.heads += 1
        elif isinstance(frame, DataFrame):
            answer.body += frame.data
        answer.ended = answer.ended or "END_STREAM" in frame.flags

    async def close(self) -> None:
        self._writer.close()


def sign(document: dict[str, str], header: dict[str, object] | None = None, **claims: object) -> str:
    """An assertion as Google's library writes it, with some claims changed."""
    now = int(time.time())
    content = {
        "iss": document["client_email"],
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now,
        "exp": now + 3600,
    } | claims
    head = {"alg": "RS256", "typ": "JWT", "kid": document["private_key_id"]} | (header or {})
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(content).encode())}"
    key = serialization.load_pem_private_key(document["private_key"].encode(), None)
    return f"{signed}.{encode(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class World:
    """A simulator with one project, and ways to talk to it."""

    sim: Simulator
    http: httpx.AsyncClient
    document: dict[str, str]
    bearer: str
    connect: Callable[..., Awaitable[Peer]]

    async def send(self, message: object, *, project: str = PROJECT, bearer: str | None = None) -> httpx.Response:
        bearer = self.bearer if bearer is None else bearer
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return await self.http.post(f"/v1/projects/{project}/messages:send", json=message, headers=headers)

    async def send_to(self, token: str) -> httpx.Response:
        return await self.send({"message": {"token": token, "data": {"px.msg_id": f"m-{token}"}}})

    async def assertion(self, **claims: object) -> httpx.Response:
        return await self.http.post("/token", data={"grant_type": GRANT, "assertion": sign(self.document, **claims)})
