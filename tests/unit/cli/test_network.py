"""The listening address."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from clarion.cli import network
from clarion.cli.network import is_free, reserved_port, wait_until_ready
from clarion.foundation.errors import ConfigurationError

HOST = "127.0.0.1"


@pytest.fixture
def listening() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


def test_port_zero_takes_a_free_one_that_web_processes_can_share() -> None:
    with reserved_port(HOST, 0) as port, socket.socket() as web:
        web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        web.bind((HOST, port))
        web.listen()
        with socket.create_connection((HOST, port), timeout=5) as client:
            assert web.accept()[1] == client.getsockname()


def test_an_address_in_use_is_refused_with_what_to_do(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "RETRY_SECONDS", 0.2)
    with pytest.raises(ConfigurationError, match=rf"{listening}.*--port"), reserved_port(HOST, listening):
        pass


def test_a_port_that_others_share_is_in_use_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "RETRY_SECONDS", 0.2)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(ConfigurationError), reserved_port(HOST, other.getsockname()[1]):
            pass


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no-such-host"), reserved_port("no-such-host.invalid", 0):
        pass


def test_free_or_not(listening: int) -> None:
    assert not is_free(HOST, listening)
    with reserved_port(HOST, 0) as port:
        pass
    assert is_free(HOST, port)


@pytest.mark.anyio
async def test_ready_is_only_the_answer_200() -> None:
    answers = [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n\r\n"]

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    async with server, asyncio.timeout(10):
        await wait_until_ready(HOST, server.sockets[0].getsockname()[1])
    assert answers == []
