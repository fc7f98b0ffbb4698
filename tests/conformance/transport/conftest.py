"""What the transport's conformance tests share: certificates, a scripted peer, channels that are always closed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.conformance.transport.gathered_answers import Answers
from tests.conformance.transport.scripted_peer import ScriptedPeer
from tests.conformance.transport.throwaway_authority import Authority, Leaf

from clarion.providers.http2 import Http2Channel, Http2Transport
from clarion.providers.transport import ChannelOptions


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Both event loops: their TLS is not the same code."""
    return request.param


@dataclass(frozen=True)
class Certificates:
    """An authority the client trusts, with a good certificate for localhost."""

    authority: Authority
    good: Leaf

    @property
    def options(self) -> ChannelOptions:
        return ChannelOptions(ca_file=str(self.authority.file), connections=1, reconnect_pause=0.05)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("authority")
    authority = Authority(folder)
    return Certificates(authority, authority.leaf("good"))


@pytest.fixture
async def peer(certificates: Certificates) -> AsyncIterator[ScriptedPeer]:
    async with ScriptedPeer(certificates.authority.server_context(certificates.good)) as peer:
        yield peer


@dataclass
class Lab:
    """One engine channel to the scripted peer."""

    peer: ScriptedPeer
    options: ChannelOptions
    answers: Answers
    opened: list[Http2Channel]
    transport: Http2Transport

    def channel(self, **changes: object) -> Http2Channel:
        channel = self.transport.open(self.peer.origin, self.answers, replace(self.options, **changes))  # type: ignore[arg-type]
        self.opened.append(channel)
        return channel


@pytest.fixture
async def lab(peer: ScriptedPeer, certificates: Certificates) -> AsyncIterator[Lab]:
    lab = Lab(peer, certificates.options, Answers(), [], Http2Transport())
    yield lab
    for channel in lab.opened:
        await channel.aclose(grace=0)
