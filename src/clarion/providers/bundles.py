"""Providers that take many recipients in one request: what they give beyond `contract.Sender`.

Such a request is called a bundle. It carries one message identity for all its recipients, and its answer speaks of all
of them: one verdict in common, and others for those that the provider names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from clarion.providers.contract import Content, Prepared, Sender, Verdict
from clarion.providers.personal import Person
from clarion.providers.transport import Answer, Request


@dataclass(frozen=True, slots=True)
class Bundling:
    """How a provider takes bundles."""

    recipients: int
    """At most so many in one request."""
    whole: bool = False
    """The provider answers a bundle that it has seen, by its key, with its first result and sends nothing twice. So a
    bundle is kept until it is settled and repeated whole under its key; rates count requests, not recipients."""
    alone: frozenset[str] = frozenset()
    """Verdict codes after which a recipient travels in a request of its own."""


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """What the answer to a bundle means for each of its recipients."""

    common: Verdict
    named: Mapping[str, Verdict] = field(default_factory=dict)
    """Verdicts on the tokens that the provider names, in the form in which they were sent."""

    def of(self, token: str) -> Verdict:
        """The verdict on one recipient."""
        return self.named.get(token, self.common)


class BundlePrepared(Prepared, Protocol):
    """One translation rendered for many recipients at once; personal words allow one recipient only."""

    def personal(self, person: Person) -> "BundlePrepared":
        """See `Prepared.personal`."""

    def recipient(self, token: str) -> str | Verdict:
        """The token as it is sent, or the verdict when it cannot be sent at all."""

    def bundle(self, tokens: Sequence[str], msg_id: bytes, key: bytes, tag: object) -> Request:
        """The request for tokens as `recipient` gave them, each at most once. `key` is 32 hex digits; `tag` comes back
        with the answer."""


class BundleSender(Sender, Protocol):
    """A `Sender` whose requests carry many recipients; as a plain `Sender` it sends bundles of one."""

    @property
    def bundling(self) -> Bundling:
        """How the provider takes bundles."""

    def prepare(self, content: Content, *, transport: str, ttl: int) -> BundlePrepared:
        """See `Sender.prepare`."""

    def verdicts(self, answer: Answer) -> BundleVerdict:
        """Read the answer to a bundle. Pure."""


def only(verdict: BundleVerdict) -> Verdict:
    """The verdict on the recipient of a bundle of one."""
    return next(iter(verdict.named.values()), verdict.common)
