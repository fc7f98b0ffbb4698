"""Scripted outcomes of single tokens: registered by a test, or named by the token itself in demos."""

import re
from collections.abc import Mapping, Sequence

from clarion.simulator.faults import Action

FLAKY = re.compile(r"flaky([0-9]{1,3})")
"""`flaky2-…` fails two times, then succeeds."""
COUNTED_TOKENS = 100_000


class TokenScripts:
    """What happens to messages for single tokens.

    `prefixes` name the fate of tokens by their first word, up to a hyphen; `failure` is what flaky tokens meet.
    """

    def __init__(self, prefixes: Mapping[str, Action], *, failure: Action) -> None:
        self._prefixes = prefixes
        self._failure = failure
        self._scripts: dict[str, tuple[Action, ...]] = {}
        self._seen: dict[str, int] = {}

    def set(self, token: str, actions: Sequence[Action]) -> None:
        """The n-th message to the token meets the n-th action, later ones the last. No actions: honest again."""
        self._seen.pop(token, None)
        if actions:
            self._scripts[token] = tuple(actions)
        else:
            self._scripts.pop(token, None)

    def clear(self) -> None:
        """Forget all scripts and counts."""
        self._scripts.clear()
        self._seen.clear()

    def action(self, token: str) -> Action | None:
        """What happens to this message; each call counts as one."""
        script = self._scripts.get(token) if self._scripts else None
        if script is not None:
            return script[min(self._count(token), len(script) - 1)]
        word, dash, _ = token.partition("-")
        if not dash:
            return None
        flaky = FLAKY.fullmatch(word)
        if flaky is not None:
            return self._failure if self._count(token) < int(flaky[1]) else None
        return self._prefixes.get(word)

    def _count(self, token: str) -> int:
        before = self._seen.get(token, 0)
        if before or len(self._seen) < COUNTED_TOKENS:
            self._seen[token] = before + 1
        return before
