"""Independent HTTP/2 servers as real processes, each echoing the bodies it is sent."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conformance.transport.throwaway_authority import Leaf

HERE = Path(__file__).parent
PATIENCE = 15.0


def _program(name: str, remedy: str) -> str:
    """The path of a program; the test fails, with the remedy, where it is missing."""
    for folder in (None, "/usr/sbin"):
        if found := shutil.which(name, path=folder):
            return found
    pytest.fail(f"{name} is missing; {remedy}")


def nghttpd(port: int, leaf: Leaf) -> list[str]:
    """nghttp2 (C)."""
    program = _program("nghttpd", "install it with: apt-get install nghttp2-server")
    return [program, "--address=127.0.0.1", "--echo-upload", str(port), str(leaf.key), str(leaf.certificate)]


def node(port: int, leaf: Leaf) -> list[str]:
    """Node's http2 module."""
    program = _program("node", "install Node.js, for example with: apt-get install nodejs")
    return [program, str(HERE / "echo_server.mjs"), str(port), str(leaf.key), str(leaf.certificate)]


def granian(port: int, leaf: Leaf) -> list[str]:
    """granian (Rust, hyper)."""
    tls = ["--ssl-certificate", str(leaf.certificate), "--ssl-keyfile", str(leaf.key)]
    place = ["--host", "127.0.0.1", "--port", str(port), "--working-dir", str(HERE)]
    return [sys.executable, "-m", "granian", "--interface", "asginl", "--http", "2", *place, *tls, "echo_app:app"]


def hypercorn(port: int, leaf: Leaf) -> list[str]:
    """hypercorn (Python, h2).

    It ends connections after 1000 requests unless told otherwise, and then drops streams below its own GOAWAY's last
    id unanswered, as its h2 takes nothing after GOAWAY; that loss is the server's, so it is kept out of these runs.
    """
    config = leaf.certificate.with_name("hypercorn.toml")
    config.write_text("keep_alive_max_requests = 1000000\n")
    tls = ["--certfile", str(leaf.certificate), "--keyfile", str(leaf.key), "--config", str(config)]
    return [sys.executable, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", *tls, "echo_app:app"]


SERVERS: dict[str, Callable[[int, Leaf], list[str]]] = {
    "nghttpd": nghttpd,
    "node": node,
    "granian": granian,
    "hypercorn": hypercorn,
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, f"the server ended with {process.returncode}"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.02)
        else:
            return


@contextmanager
def running(name: str, leaf: Leaf, log: Path) -> Iterator[str]:
    """The origin of a server that listens; it is stopped afterwards."""
    port = _free_port()
    command = SERVERS[name](port, leaf)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=HERE, stdout=output, stderr=subprocess.STDOUT)
        try:
            _await_listening(process, port)
            yield f"https://localhost:{port}"
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
