"""Has uploaded keys read by `keycheck.py` in a limited process, a few at a time."""

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clarion.foundation.errors import InvalidInput, Unavailable

UPLOAD_LIMIT = 64 << 10
"""Characters of one uploaded key or certificate."""
_AT_ONCE = 2
WAITING_LIMIT = 32
"""Uploads that are being read or wait for it; a flood of costly ones must not queue for minutes."""
_SECONDS = 10.0
_SCRIPT = Path(__file__).with_name("keycheck.py")


@dataclass(frozen=True, slots=True)
class ReadKey:
    """A key that is fit for use."""

    fingerprint: str
    """32 hex digits of the SHA-256 of its public half."""


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """A client certificate that is fit for use, as PEM."""

    fingerprint: str
    certificate: str
    private_key: str
    topic: str
    """The app that its subject names; may be empty."""
    environments: tuple[str, ...]
    expires_at: datetime

    def __repr__(self) -> str:
        return f"<ReadCertificate {self.fingerprint}>"


class KeyReader:
    """Reads keys out of process. Every method raises `InvalidInput` that begins with the field's name, and
    `Unavailable` while too many uploads wait.
    """

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def rsa_key(self, text: str, *, field: str) -> ReadKey:
        """An unencrypted RSA key of at least 2048 bits as PEM."""
        return ReadKey((await self._read("rsa", text, password="", field=field))["fingerprint"])

    async def token_key(self, text: str, *, field: str) -> ReadKey:
        """An unencrypted EC key on P-256 as PEM: Apple's .p8 file."""
        return ReadKey((await self._read("p8", text, password="", field=field))["fingerprint"])

    async def certificate(self, text: str, *, password: str, field: str) -> ReadCertificate:
        """A valid certificate and its key: PEM text, or base64 of PKCS#12."""
        found = await self._read("certificate", text, password=password, field=field)
        return ReadCertificate(
            found["fingerprint"],
            found["certificate"],
            found["private_key"],
            found["topic"],
            tuple(found["environments"]),
            datetime.fromisoformat(found["expires_at"]),
        )

    async def _read(self, kind: str, text: str, *, password: str, field: str) -> dict[str, Any]:
        if len(text) + len(password) > UPLOAD_LIMIT or not (text.isascii() and "\0" not in text):
            raise InvalidInput(f"{field} must be ASCII text of at most {UPLOAD_LIMIT} characters")
        order = json.dumps({"kind": kind, "text": text, "password": password}).encode()
        answer = await self._in_turn(order)
        if not answer:
            raise InvalidInput(f"{field} takes too much time or memory to read")
        result: dict[str, Any] = json.loads(answer)
        if "fault" in result:
            raise InvalidInput(f"{field} {result['fault']}")
        return result

    async def _in_turn(self, order: bytes) -> bytes:
        if self._waiting >= WAITING_LIMIT:
            raise Unavailable("too many keys and certificates are being read; try again soon", retry_after=5)
        self._waiting += 1
        try:
            async with self._turns:
                return await _run(order)
        finally:
            self._waiting -= 1


async def _run(order: bytes) -> bytes:
    """The script's output; empty when it did not survive."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(order), _SECONDS)
    except TimeoutError:
        return b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output if process.returncode == 0 else b""
