"""A simulator per test, and a project with a bearer on it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.conformance.simulator.simulator_world import GRANT, PROJECT, Peer, World, sign

from clarion.simulator import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture(params=["HTTP/2", "HTTP/1.1"])
async def http(sim: Simulator, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    context = ssl.create_default_context(cafile=sim.ca_file)
    second = request.param == "HTTP/2"
    async with httpx.AsyncClient(base_url=sim.url, verify=context, http2=second, http1=not second) as client:
        yield client


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def world(sim: Simulator, http: httpx.AsyncClient, key: rsa.RSAPrivateKey) -> AsyncIterator[World]:
    document = sim.service_account(project_id=PROJECT, key=key)
    answer = await http.post("/token", data={"grant_type": GRANT, "assertion": sign(document)})
    async with AsyncExitStack() as stack:

        async def connect(settings: dict[int, int] | None = None) -> Peer:
            peer = await Peer.connect(sim.url, sim.ca_file, settings)
            stack.push_async_callback(peer.close)
            return peer

        yield World(sim, http, document, answer.json()["access_token"], connect)
