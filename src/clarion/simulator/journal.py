"""The journal: every request a provider saw and what became of it, compact enough for millions of entries.

Entries are kept in columns (about 40 bytes each, plus token and message id) and, if a file is given, appended to it
as JSON lines before the answers of the same batch leave. So an answer that a client has seen is in the file,
even if the simulator is killed the moment after.
"""

import asyncio
import hashlib
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One addressee of one request. `time` in seconds since 1970, `digest` is BLAKE2b-64 of the request body."""

    number: int
    time: float
    provider: str
    endpoint: str
    project: str
    token: str
    message_id: str
    status: int
    outcome: str
    accepted: bool
    digest: str
    connection: int


class Kind(NamedTuple):
    """The part of an entry that many entries share."""

    provider: str
    endpoint: str
    project: str
    status: int
    outcome: str
    accepted: bool


@dataclass(slots=True)
class ConnectionNote:
    """One client connection. Streams count as open from their header block until their answer is written."""

    number: int
    http: int
    opened: float
    requests: int = 0
    max_streams: int = 0
    closed: float = 0.0
    certificate: bytes = b""
    """The client's (DER), if it showed one."""


class Journal:
    """What happened, in order. Numbers of entries count from 1 without gaps."""

    def __init__(self, file: Path | None = None) -> None:
        self._encoder = msgspec.json.Encoder()
        self._file: BinaryIO | None = file.open("ab", buffering=0) if file else None
        self._waiters: list[asyncio.Future[None]] = []
        self.connections: list[ConnectionNote] = []
        self.fast_accepted = 0
        """Messages accepted in fast mode, which keeps no entries."""
        self._clear()

    def _clear(self) -> None:
        self._kind_numbers: dict[Kind, int] = {}
        self._kinds: list[Kind] = []
        self._counts: list[int] = []
        self._times = array("d")
        self._digests = array("Q")
        self._connections = array("I")
        self._kind_of = array("I")
        self._starts = array("Q")
        self._token_sizes = array("H")
        self._texts = bytearray()
        self._lines: list[bytes] = []
        self._fresh = False

    def __len__(self) -> int:
        return len(self._times)

    def append(self, kind: Kind, token: str, message_id: str, *, time: float, body: bytes, connection: int) -> None:
        """Add one entry; it is in the file only after the next `commit`."""
        index = self._kind_numbers.get(kind)
        if index is None:
            index = self._kind_numbers[kind] = len(self._kinds)
            self._kinds.append(kind)
            self._counts.append(0)
        self._counts[index] += 1
        text = token.encode("utf-8", "surrogatepass")[:65535]
        digest = hashlib.blake2b(body, digest_size=8).digest()
        self._times.append(time)
        self._digests.append(int.from_bytes(digest, "big"))
        self._connections.append(connection)
        self._kind_of.append(index)
        self._starts.append(len(self._texts))
        self._token_sizes.append(len(text))
        self._texts += text
        self._texts += message_id.encode("utf-8", "surrogatepass")
        self._fresh = True
        if self._file is not None:
            self._lines.append(self._encoder.encode(self._entry(len(self._times) - 1)))

    def commit(self) -> None:
        """Write what was appended to the file, and wake those who wait for entries."""
        if not self._fresh:
            return
        self._fresh = False
        if self._file is not None:
            self._file.write(b"\n".join((*self._lines, b"")))
            self._lines.clear()
        self._wake()

    def count_fast(self, accepted: int) -> None:
        """Count messages of fast mode."""
        self.fast_accepted += accepted
        self._wake()

    def reset(self) -> None:
        """Forget all entries and the streams counted so far; the file is emptied."""
        self._clear()
        for note in self.connections:
            note.max_streams = 0
        self.fast_accepted = 0
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Write what is left and close the file."""
        self.commit()
        if self._file is not None:
            self._file.close()
            self._file = None

    def entries(self, after: int = 0, limit: int | None = None) -> Iterator[Entry]:
        """Entries with numbers above `after`, oldest first."""
        end = len(self) if limit is None else min(len(self), after + limit)
        for index in range(after, end):
            yield self._entry(index)

    async def follow(self, after: int = 0) -> AsyncIterator[Entry]:
        """All entries above `after`, then each new one as it comes; ends only when the caller stops."""
        while True:
            for entry in self.entries(after):
                after = entry.number
                yield entry
            await self.reach(after + 1)

    async def reach(self, number: int) -> None:
        """Wait until there are at least so many entries."""
        await self.until(lambda: len(self) >= number)

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait until a condition on the journal is met; it is looked at after every batch."""
        while not met():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    @property
    def accepted(self) -> int:
        """Messages handed over, repeated ones counted each time."""
        return self.fast_accepted + sum(
            count for kind, count in zip(self._kinds, self._counts, strict=True) if kind.accepted
        )

    def counts(self, provider: str = "", endpoint: str = "send", project: str = "") -> Counter[str]:
        """How often each outcome occurred. Empty text matches everything."""
        found: Counter[str] = Counter()
        for kind, count in zip(self._kinds, self._counts, strict=True):
            if provider in ("", kind.provider) and endpoint in ("", kind.endpoint) and project in ("", kind.project):
                found[kind.outcome] += count
        return found

    def accepted_per_token(self) -> Counter[str]:
        """How many messages each token was handed."""
        return Counter(token for token, _ in self._accepted())

    def accepted_messages(self) -> Counter[tuple[str, str]]:
        """How often each (token, message id) was handed over."""
        return Counter(self._accepted())

    def duplicates(self) -> dict[tuple[str, str], int]:
        """Messages (token, message id) that were handed over more than once, with their number of times."""
        return {message: count for message, count in self.accepted_messages().items() if count > 1}

    @property
    def max_parallel_streams(self) -> int:
        """The most streams that were open at once on one connection."""
        return max((note.max_streams for note in self.connections), default=0)

    def _accepted(self) -> Iterator[tuple[str, str]]:
        wanted = [kind.accepted for kind in self._kinds]
        for index, kind in enumerate(self._kind_of):
            if wanted[kind]:
                yield self._texts_of(index)

    def _texts_of(self, index: int) -> tuple[str, str]:
        start = self._starts[index]
        end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self._texts)
        middle = start + self._token_sizes[index]
        return self._texts[start:middle].decode("utf-8", "replace"), self._texts[middle:end].decode("utf-8", "replace")

    def _entry(self, index: int) -> Entry:
        kind = self._kinds[self._kind_of[index]]
        token, message_id = self._texts_of(index)
        return Entry(
            number=index + 1,
            time=self._times[index],
            provider=kind.provider,
            endpoint=kind.endpoint,
            project=kind.project,
            token=token,
            message_id=message_id,
            status=kind.status,
            outcome=kind.outcome,
            accepted=kind.accepted,
            digest=f"{self._digests[index]:016x}",
            connection=self._connections[index],
        )

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def read_journal(file: Path) -> Iterator[Entry]:
    """The entries of a journal file, also of a killed simulator: an unfinished last line is left out."""
    decoder = msgspec.json.Decoder(Entry)
    with file.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield decoder.decode(line)
