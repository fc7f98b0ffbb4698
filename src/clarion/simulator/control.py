"""The control interface at `/_sim/…`: steers a simulator from another process. Faults do not strike here."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

import msgspec

from clarion.simulator.faults import FaultBook, Rule
from clarion.simulator.journal import Journal
from clarion.simulator.listener import Mode
from clarion.simulator.model import ControlRequest, Provider, Received, Reply
from clarion.simulator.wire.plan import WireSettings

PAGE = 1000
LARGEST_PAGE = 10_000
NO_SUCH_CONTROL = Reply(404, b'{"error":"no such control"}')


class Listening(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/listener`. Seconds are required, since nobody can call a closed port back to life."""

    mode: Mode
    seconds: float


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/release`."""

    label: str


class RuleNumber(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/faults/remove`."""

    id: int


class Controlled(Protocol):
    """What can be steered."""

    journal: Journal
    faults: FaultBook

    @property
    def wire(self) -> WireSettings: ...
    @property
    def open_connections(self) -> int: ...
    def tune(self, settings: WireSettings) -> None: ...
    async def listen(self, mode: Mode, *, seconds: float | None = None) -> None: ...
    def goaway(self) -> None: ...
    def freeze(self) -> None: ...
    def disconnect(self) -> None: ...
    def release(self, label: str) -> int: ...
    def reset(self) -> None: ...


class Control:
    """Answers control calls; JSON in, JSON out, 400 with a text for what it does not understand."""

    def __init__(self, simulator: Controlled, providers: Sequence[Provider]) -> None:
        self._simulator = simulator
        self._providers = {provider.name: provider for provider in providers}
        self._tasks: set[asyncio.Task[None]] = set()
        self._routes: dict[tuple[str, str], Callable[[ControlRequest], object]] = {
            ("GET", "health"): lambda _: {"ok": True},
            ("GET", "counts"): self._counts,
            ("GET", "journal"): self._entries,
            ("GET", "duplicates"): self._duplicates,
            ("GET", "faults"): lambda _: simulator.faults.rules(),
            ("POST", "faults"): self._add_rule,
            ("POST", "faults/remove"): self._remove_rule,
            ("POST", "faults/clear"): lambda _: simulator.faults.clear(),
            ("GET", "wire"): lambda _: simulator.wire,
            ("POST", "wire"): self._tune,
            ("POST", "listener"): self._listen,
            ("POST", "goaway"): lambda _: simulator.goaway(),
            ("POST", "freeze"): lambda _: simulator.freeze(),
            ("POST", "disconnect"): lambda _: simulator.disconnect(),
            ("POST", "release"): self._release,
            ("POST", "reset"): lambda _: simulator.reset(),
        }

    def handle(self, received: Received) -> Reply:
        """Serve one control call."""
        path, _, query = received.head.path.partition("?")
        verb = path.removeprefix("/_sim/")
        request = ControlRequest(verb, received.body, dict(parse_qsl(query)))
        try:
            return self._dispatch(received.head.method, request)
        except (msgspec.DecodeError, ValueError) as error:
            return Reply(400, msgspec.json.encode({"error": str(error)}))

    def _dispatch(self, method: str, request: ControlRequest) -> Reply:
        route = self._routes.get((method, request.verb))
        if route is not None:
            answer = route(request)
            return Reply(200, msgspec.json.encode({} if answer is None else answer))
        name, _, verb = request.verb.partition("/")
        provider = self._providers.get(name)
        if provider is None:
            return NO_SUCH_CONTROL
        return provider.control(ControlRequest(verb, request.body, request.query))

    def _counts(self, request: ControlRequest) -> object:
        journal = self._simulator.journal
        scope = {name: request.query.get(name, "") for name in ("provider", "project")}
        return {
            "entries": len(journal),
            "accepted": journal.accepted,
            "outcomes": journal.counts(**scope),
            "token_calls": journal.counts(**scope, endpoint="token"),
            "connections": len(journal.connections),
            "open_connections": self._simulator.open_connections,
            "max_parallel_streams": journal.max_parallel_streams,
        }

    def _entries(self, request: ControlRequest) -> object:
        after = max(0, int(request.query.get("after", 0)))
        limit = min(max(0, int(request.query.get("limit", PAGE))), LARGEST_PAGE)
        entries = list(self._simulator.journal.entries(after, limit))
        return {"entries": entries, "next": entries[-1].number if entries else after}

    def _duplicates(self, _: ControlRequest) -> object:
        found = self._simulator.journal.duplicates()
        return [{"token": token, "message_id": message, "times": times} for (token, message), times in found.items()]

    def _add_rule(self, request: ControlRequest) -> object:
        return {"id": self._simulator.faults.add(msgspec.json.decode(request.body, type=Rule))}

    def _remove_rule(self, request: ControlRequest) -> object:
        return {"removed": self._simulator.faults.remove(msgspec.json.decode(request.body, type=RuleNumber).id)}

    def _tune(self, request: ControlRequest) -> object:
        changes = msgspec.json.decode(request.body, type=dict[str, object])
        settings = msgspec.convert(msgspec.to_builtins(self._simulator.wire) | changes, WireSettings)
        self._simulator.tune(settings)
        return settings

    def _listen(self, request: ControlRequest) -> None:
        wanted = msgspec.json.decode(request.body, type=Listening)
        change = asyncio.get_running_loop().create_task(self._listen_soon(wanted))
        self._tasks.add(change)
        change.add_done_callback(self._tasks.discard)

    async def _listen_soon(self, wanted: Listening) -> None:
        # The answer to this very call leaves first.
        await asyncio.sleep(0.05)
        await self._simulator.listen(wanted.mode, seconds=wanted.seconds)

    def _release(self, request: ControlRequest) -> object:
        return {"released": self._simulator.release(msgspec.json.decode(request.body, type=Label).label)}
