"""Where messages are encrypted: in a process of its own, in batches.

Encryption takes some 120 µs of processor time a message, and holds the interpreter lock for nearly all of it: in a
thread it would slow the event loop down instead of using another core (docs/adr/0006-web-push-encryption.md).
"""

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog

from clarion.providers.webpush.encryption import Plain

log = structlog.get_logger()

FRAME_LIMIT = 1 << 24
"""Bytes of one batch on its way; far above what a batch can have."""
_IDLE_SECONDS = 60.0
_STOP_SECONDS = 2.0
_FAILURES = (OSError, EOFError, asyncio.IncompleteReadError, msgspec.DecodeError)
_answers = msgspec.msgpack.Decoder(list[bytes])
_encoder = msgspec.msgpack.Encoder()


class SealingFailed(Exception):
    """The encrypting process could not be started, or ended in the middle of its work."""


class Sealer(Protocol):
    """Encrypts batches of messages."""

    async def seal(self, batch: Sequence[Plain]) -> list[bytes]:
        """The bodies in the order of the batch; an empty one where a message cannot be encrypted.

        Raises: SealingFailed; the same batch may be tried again.
        """

    async def aclose(self) -> None:
        """Give everything back; unfinished batches fail."""


class _Child:
    """One encrypting process and the batches under way in it, oldest first."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: deque[asyncio.Future[list[bytes]]] = deque()
        self._reading = asyncio.create_task(self._read())
        self.ended = False

    @classmethod
    async def start(cls) -> "_Child":
        """Start the process. A session of its own: Ctrl-C in a terminal reaches only those who drain."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "clarion.providers.webpush.sealing_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=FRAME_LIMIT,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def busy(self) -> bool:
        """Whether there are batches under way."""
        return bool(self._waiting)

    async def seal(self, batch: Sequence[Plain]) -> list[bytes]:
        content = _encoder.encode(batch)
        answer: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        assert self._process.stdin is not None  # noqa: S101 - narrows the type only
        self._process.stdin.write(len(content).to_bytes(4, "big") + content)
        return await answer

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - narrows the type only
        try:
            while True:
                size = int.from_bytes(await self._process.stdout.readexactly(4), "big")
                bodies = _answers.decode(await self._process.stdout.readexactly(size))
                answer = self._waiting.popleft()
                if not answer.done():
                    answer.set_result(bodies)
        except _FAILURES as error:
            self._end(error)

    def _end(self, error: BaseException) -> None:
        self.ended = True
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(SealingFailed(str(error)))
        self._waiting.clear()

    async def aclose(self) -> None:
        """End the process: it leaves when its input ends."""
        self._reading.cancel()
        self._end(EOFError("closed"))
        assert self._process.stdin is not None  # noqa: S101 - narrows the type only
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


class ProcessSealer:
    """`Sealer` over one process, started with the first batch, ended after a minute without any."""

    def __init__(self, *, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._child: _Child | None = None
        self._starting = asyncio.Lock()
        self._idling: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int | None:
        """The encrypting process of now; None while there is none."""
        return None if self._child is None else self._child.pid

    async def seal(self, batch: Sequence[Plain]) -> list[bytes]:
        """See `Sealer.seal`."""
        child = await self._started()
        try:
            return await child.seal(batch)
        except OSError as error:
            raise SealingFailed(str(error)) from error
        finally:
            self._rest_later()

    async def _started(self) -> _Child:
        async with self._starting:
            if self._child is not None and self._child.ended:
                log.warning("sealing_process_ended")
                self._retire()
            if self._child is None:
                try:
                    self._child = await _Child.start()
                except OSError as error:
                    raise SealingFailed(str(error)) from error
            return self._child

    def _rest_later(self) -> None:
        if self._idling is not None:
            self._idling.cancel()
        self._idling = asyncio.get_running_loop().call_later(self._idle_seconds, self._rest)

    def _rest(self) -> None:
        self._idling = None
        if self._child is not None and not self._child.busy:
            self._retire()

    def _retire(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            task = asyncio.create_task(child.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """See `Sealer.aclose`."""
        if self._idling is not None:
            self._idling.cancel()
        self._retire()
        if self._closing:
            await asyncio.wait(self._closing)
