"""What the wire has to do for one request, and what it asks of the rest of the simulator."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from clarion.simulator.faults import Manner
from clarion.simulator.journal import ConnectionNote, Journal
from clarion.simulator.model import Head, Received, Reply


class Plan(msgspec.Struct, frozen=True):
    """A reply and the way it leaves. Times in seconds."""

    reply: Reply
    manner: Manner = Manner.ANSWER
    delay: float = 0.0
    hold: str = ""
    pace: float = 0.0
    code: int = 0
    interim: int = 0
    accepted: bool = False
    """Whether the request was accepted (it ends the one-stream phase of `streams_until_accepted`)."""


class WireSettings(msgspec.Struct, forbid_unknown_fields=True):
    """How connections behave as such. Changed while running; `Simulator.tune` tells open connections."""

    max_streams: int = 100
    """SETTINGS_MAX_CONCURRENT_STREAMS; streams above it are refused once the client knows the limit."""
    streams_until_accepted: int | None = None
    """A smaller limit until the first accepted request of a connection."""
    header_table_size: int = 4096
    body_limit: int = 1 << 20
    """Longer request bodies are answered with 413."""
    goaway_every: int = 0
    """Each connection says GOAWAY at its n-th request and refuses later ones; 0 = never."""
    goaway_unanswered: int = 10
    """So many requests before it are answered only after the GOAWAY."""
    goaway_linger: float = 0.02
    """How long after, in seconds."""
    goaway_code: int = 0
    goaway_debug: str = ""
    goaway_warning: bool = False
    """Announce with last stream id 2^31-1 first, as graceful servers do."""
    ping_ack: bool = True
    silent_after: int = 0
    """After so many requests a connection is half-open: it reads and writes nothing any more; 0 = never."""


class Exchange(Protocol):
    """Turns requests into plans. Journals them; the wire commits the journal before an answer leaves."""

    def handle(self, request: Received) -> Plan:
        """Decide about a complete request."""

    def handle_early(self, head: Head, *, connection: int, http: int) -> bool:
        """Whether the connection shall be dropped on this header block."""

    def refuse(self, head: Head, reason: str, *, connection: int, http: int) -> None:
        """Note a request that the wire itself did not process."""

    def fast_reply(self, path: str) -> Reply | None:
        """The constant answer of fast mode, if the path hands over messages."""


class Connection(Protocol):
    """What the simulator may do to an open connection."""

    note: ConnectionNote

    def settings_changed(self) -> None:
        """Tell the client about new settings."""

    def goaway(self) -> None:
        """Leave gracefully now."""

    def freeze(self) -> None:
        """Read and write nothing any more."""

    def abort(self) -> None:
        """Break the connection."""


@dataclass(slots=True)
class Hub:
    """What all connections of one simulator share."""

    exchange: Exchange
    journal: Journal
    clock: Callable[[], float]
    fast: bool = False
    settings: WireSettings = field(default_factory=WireSettings)
    live: set[Connection] = field(default_factory=set)
    heads: dict[bytes, Head] = field(default_factory=dict)
    """Header blocks that need no decoder state."""
    held: dict[str, list[Callable[[], None]]] = field(default_factory=dict)

    def opened(self, connection: Connection, http: int) -> ConnectionNote:
        """Register a connection."""
        note = ConnectionNote(number=len(self.journal.connections) + 1, http=http, opened=self.clock())
        self.journal.connections.append(note)
        self.live.add(connection)
        return note

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        connection.note.closed = self.clock()
        self.live.discard(connection)

    def later(self, plan: Plan, act: Callable[[], None]) -> None:
        """Do something at the time that the plan names."""
        if plan.hold:
            self.held.setdefault(plan.hold, []).append(act)
        else:
            asyncio.get_running_loop().call_later(plan.delay, act)

    def release(self, label: str) -> int:
        """Let held answers go; how many there were."""
        acts = self.held.pop(label, [])
        for act in acts:
            act()
        return len(acts)
