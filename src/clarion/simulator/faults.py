"""Scripted misbehaviour: what happens instead of the honest answer, and to which requests.

Everything here can be written as JSON (`POST /_sim/faults`), so that a test steers a simulator in another process.
"""

import random
import time
from collections.abc import Callable
from email.utils import formatdate
from enum import StrEnum
from typing import Literal

import msgspec


class Manner(StrEnum):
    """How an answer leaves, or fails to."""

    ANSWER = "answer"
    TWICE = "twice"
    """The whole answer comes two times."""
    CUT = "cut"
    """Headers and half of the body, then the connection breaks."""
    RAW = "raw"
    """`body` is written to the connection as it is, in place of any framing."""
    RESET = "reset"
    """RST_STREAM with `code`; on HTTP/1.1 the connection is aborted."""
    DROP = "drop"
    """The connection is aborted after the request has been read."""
    DROP_EARLY = "drop_early"
    """The connection is aborted on the header block; the body is never looked at, so no project or token can match."""
    SILENCE = "silence"
    """No answer ever; the connection stays usable."""


SPEAKING = frozenset((Manner.ANSWER, Manner.TWICE, Manner.CUT))


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scripted answer. Without `error` and `status` it is the honest answer in another manner. Times in seconds."""

    manner: Manner = Manner.ANSWER
    error: str = ""
    """An error by the provider's own name, e.g. `UNREGISTERED`."""
    status: int = 0
    headers: dict[str, str] = {}
    body: str = ""
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    """Of `body`; `latin-1` makes any bytes possible."""
    padding: int = 0
    """So many bytes of filler are appended to the body."""
    truncate: bool = False
    """Only the first half of the body is sent, as if it were complete."""
    delay: float = 0.0
    hold: str = ""
    """The answer waits until this label is released."""
    pace: float = 0.0
    """Pause between single bytes of the body."""
    code: int = 0
    """HTTP/2 error code of a reset."""
    interim: int = 0
    """So many 103 answers come first."""
    retry_after: float | None = None
    retry_after_date: bool = False
    """Write Retry-After as an HTTP date."""
    accepted: bool | None = None
    """Whether the message counts as handed over; by default only if an answer with 2xx was meant to leave."""

    def label(self) -> str:
        """How the journal names it."""
        if self.manner is Manner.RESET:
            return f"reset:{self.code}"
        if self.manner is not Manner.ANSWER:
            return str(self.manner)
        return self.error or (str(self.status) if self.status else "slow")

    def extra_headers(self, now: float) -> tuple[tuple[str, str], ...]:
        """Headers that the script adds; a Retry-After date is counted from `now`."""
        headers = tuple(self.headers.items())
        if self.retry_after is None:
            return headers
        if self.retry_after_date:
            return (*headers, ("retry-after", formatdate(now + self.retry_after, usegmt=True)))
        return (*headers, ("retry-after", f"{self.retry_after:g}"))


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action and the requests it applies to. Empty text matches everything."""

    action: Action
    provider: str = ""
    endpoint: str = ""
    project: str = ""
    token_prefix: str = ""
    skip: int = 0
    """So many matching requests are answered honestly first."""
    every: int = 1
    """Then every n-th matching request is hit."""
    times: int | None = None
    """After so many hits the rule is spent."""
    share: float = 1.0
    """Chance of a hit, drawn from the simulator's seed."""
    seconds: float | None = None
    """How long the rule lives."""


class Target(msgspec.Struct, frozen=True):
    """What a rule is compared with."""

    provider: str
    endpoint: str
    project: str
    token: str


class _Active:
    """A rule at work, with its counters."""

    __slots__ = ("ends", "hits", "rule", "seen")

    def __init__(self, rule: Rule, now: float) -> None:
        self.rule = rule
        self.seen = 0
        self.hits = 0
        self.ends = None if rule.seconds is None else now + rule.seconds

    def spent(self, now: float) -> bool:
        times = self.rule.times
        return (times is not None and self.hits >= times) or (self.ends is not None and now >= self.ends)

    def matches(self, target: Target) -> bool:
        rule = self.rule
        return (
            rule.provider in ("", target.provider)
            and rule.endpoint in ("", target.endpoint)
            and rule.project in ("", target.project)
            and target.token.startswith(rule.token_prefix)
        )

    def hit(self, chance: random.Random) -> bool:
        self.seen += 1
        due = self.seen - self.rule.skip
        if due <= 0 or due % self.rule.every or (self.rule.share < 1 and chance.random() >= self.rule.share):
            return False
        self.hits += 1
        return True


ErrorCheck = Callable[[str, str], object]
"""Given a provider and an error's name; raises `ValueError` if there is no such error."""


class FaultBook:
    """The rules in force. The oldest matching rule wins."""

    def __init__(self, seed: int, clock: Callable[[], float] = time.time, *, errors: ErrorCheck | None = None) -> None:
        self._errors = errors
        self._chance = random.Random(seed)  # noqa: S311 – faults are reproducible on purpose
        self._clock = clock
        self._rules: dict[int, _Active] = {}
        self._number = 0
        self.early = False
        """Whether a rule may strike on the header block already."""

    def add(self, rule: Rule | Action) -> int:
        """Put a rule (or an action for every request) into force; the number removes it again.

        `ValueError` if the action names an error that the rule's provider does not have.
        """
        rule = rule if isinstance(rule, Rule) else Rule(action=rule)
        if rule.action.error and self._errors is not None:
            self._errors(rule.provider, rule.action.error)
        self._number += 1
        self._rules[self._number] = _Active(rule, self._clock())
        self._look_early()
        return self._number

    def remove(self, number: int) -> bool:
        """Take a rule out of force; false if it is not (any more)."""
        gone = self._rules.pop(number, None) is not None
        self._look_early()
        return gone

    def clear(self) -> None:
        """Be honest from now on."""
        self._rules.clear()
        self.early = False

    def rules(self) -> dict[int, Rule]:
        """The rules in force by number."""
        return {number: active.rule for number, active in self._rules.items()}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def strike(self, target: Target, *, early: bool = False) -> Action | None:
        """The action for one request, if a rule hits it. `early` asks for the header block only."""
        now = self._clock()
        for number, active in list(self._rules.items()):
            if active.spent(now):
                self.remove(number)
            elif (
                (active.rule.action.manner is Manner.DROP_EARLY) is early
                and active.matches(target)
                and active.hit(self._chance)
            ):
                return active.rule.action
        return None

    def _look_early(self) -> None:
        self.early = any(active.rule.action.manner is Manner.DROP_EARLY for active in self._rules.values())


def unavailable(retry_after: float | None = None, *, date: bool = False) -> Action:
    """503 with or without Retry-After."""
    return Action(status=503, body="upstream overloaded", retry_after=retry_after, retry_after_date=date)


def too_many(retry_after: float | None = None, *, date: bool = False) -> Action:
    """429 with or without Retry-After."""
    return Action(status=429, body="too many requests", retry_after=retry_after, retry_after_date=date)


def html(status: int = 502) -> Action:
    """A proxy's error page."""
    return Action(
        status=status,
        headers={"content-type": "text/html"},
        body=f"<!DOCTYPE html><html><title>{status}</title><body><h1>Error</h1></body></html>",
    )


def oversized(status: int = 500, size: int = 100_000) -> Action:
    """An answer with a body of more than `size` bytes."""
    return Action(status=status, body="x", padding=size)


def wrong_json(status: int = 400) -> Action:
    """Valid JSON of a type nobody expects."""
    return Action(status=status, headers={"content-type": "application/json"}, body='[{"error":7},null]')


def slow(seconds: float) -> Action:
    """The honest answer, late."""
    return Action(delay=seconds)


def reset(code: int) -> Action:
    """RST_STREAM with this HTTP/2 error code; 7 is REFUSED_STREAM."""
    return Action(manner=Manner.RESET, code=code)
