"""Why a send has no delivery for a device. Pure.

Told from what is known now: a device that was changed after its turn is explained as it is, not as it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clarion.features.devices.model import TokenState
from clarion.features.sends.progress import SendState


class Cause(StrEnum):
    """Why there is no delivery."""

    REGISTERED_LATER = "registered_later"
    OTHER_PART = "other_part"
    APP_ARCHIVED = "app_archived"
    APP_NOT_MEANT = "app_not_meant"
    CREDENTIAL_MISSING = "credential_missing"
    CREDENTIAL_PAUSED = "credential_paused"
    DEACTIVATED = "deactivated"
    NO_TOKEN = "no_token"  # noqa: S105 - a word, not a secret
    TOKEN_INVALID = "token_invalid"  # noqa: S105
    TOKEN_SUPERSEDED = "token_superseded"  # noqa: S105
    TOKEN_UNUSABLE = "token_unusable"  # noqa: S105
    NOT_MATCHED = "not_matched"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    EXPIRED = "expired"
    RUNNING = "running"
    CHANGED_SINCE = "changed_since"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A cause and the sentence that tells it."""

    cause: Cause
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a send, a device that has no delivery in it, and what lies between them."""

    now: datetime
    send_state: SendState
    pause_reason: str | None
    cutoff_at: datetime
    expires_at: datetime
    app_planned: bool
    """The send has slices of the device's app."""
    slice_state: str | None
    """Of the slice that covers the device; None when none does."""
    app_archived: bool
    app_meant: bool
    """The scheduler's filter includes the app now."""
    provider: str | None
    """That serves the device's transport; None when the device has told no transport."""
    credential_exists: bool
    credential_pause_reason: str | None
    """Why the credential is paused; None when it is not."""
    registered_at: datetime
    active: bool
    token_state: TokenState
    token_reason: str | None
    in_part: bool
    """The send is for this part of the scheduler's devices: its zones, its sample, or all of them."""
    mismatches: Sequence[str]
    """The parts of the filter that the device does not meet now."""


def explain(facts: Facts) -> Explanation:
    """The first cause that applies, from what holds for good to what may still change."""
    rules: tuple[Callable[[Facts], Explanation | None], ...] = (_never, _part, _app, _device, _filter, _credential)
    return next((found for rule in rules if (found := rule(facts))), None) or _by_slice(facts)


def _never(facts: Facts) -> Explanation | None:
    if facts.registered_at > facts.cutoff_at:
        return Explanation(
            Cause.REGISTERED_LATER, "the device was registered after the send had begun, which takes in no newer ones"
        )
    return None


def _part(facts: Facts) -> Explanation | None:
    if facts.in_part:
        return None
    return Explanation(
        Cause.OTHER_PART,
        "the send is for another part of the scheduler's devices, such as those of other time zones",
    )


def _app(facts: Facts) -> Explanation | None:
    if facts.app_planned:
        return None
    if facts.app_archived:
        return Explanation(Cause.APP_ARCHIVED, "the app is archived, and nothing is sent to archived apps")
    if not facts.app_meant:
        return Explanation(Cause.APP_NOT_MEANT, "the scheduler's filter leaves out the device's app")
    return Explanation(
        Cause.CREDENTIAL_MISSING, "when the send began the app had no credential that it could be sent through"
    )


def _device(facts: Facts) -> Explanation | None:
    if not facts.active:
        return Explanation(Cause.DEACTIVATED, "the device is deactivated: the app logged out or switched pushes off")
    if facts.token_state is TokenState.VALID:
        return None
    cause, text = _TOKENS[facts.token_state]
    return Explanation(cause, f"{text} ({facts.token_reason})" if facts.token_reason else text)


_TOKENS = {
    TokenState.NONE: (Cause.NO_TOKEN, "the device has told no push token"),
    TokenState.INVALID: (Cause.TOKEN_INVALID, "the provider called the device's token dead"),
    TokenState.SUPERSEDED: (Cause.TOKEN_SUPERSEDED, "another device told the same token later and gets its messages"),
    TokenState.UNUSABLE: (Cause.TOKEN_UNUSABLE, "the device's token cannot be used"),
}


def _filter(facts: Facts) -> Explanation | None:
    if not facts.mismatches:
        return None
    parts = " and ".join(facts.mismatches)
    return Explanation(Cause.NOT_MATCHED, f"the device does not match the scheduler's filter: {parts}")


def _credential(facts: Facts) -> Explanation | None:
    if facts.slice_state is not None or facts.provider is None:
        return None
    return Explanation(
        Cause.CREDENTIAL_MISSING,
        f"when the send began the app had no {facts.provider} credential, which the device's token needs",
    )


def _by_slice(facts: Facts) -> Explanation:
    """How far the send has come with this device's share."""
    if facts.send_state is SendState.CANCELLED:
        return Explanation(Cause.CANCELLED, "the sending was cancelled before it reached the device")
    if facts.slice_state == "cancelled":
        return Explanation(Cause.CREDENTIAL_MISSING, "the app lost its credential before the send reached the device")
    if facts.slice_state in {"ready", "leased"}:
        return _held_up(facts)
    return Explanation(
        Cause.CHANGED_SINCE,
        "the device matches now, but did not when the send passed it: its data or token has changed since",
    )


def _held_up(facts: Facts) -> Explanation:
    """Why a share that is still open has not gone out."""
    if facts.send_state is SendState.PAUSED:
        return Explanation(Cause.PAUSED, f"the sending is paused{_because(facts.pause_reason)}")
    if facts.app_archived:
        return Explanation(Cause.APP_ARCHIVED, "the app is archived, and nothing is sent to archived apps")
    if facts.expires_at <= facts.now:
        return Explanation(Cause.EXPIRED, "the send's time to live was over before it reached the device")
    if not facts.credential_exists:
        return Explanation(Cause.CREDENTIAL_MISSING, f"the app has no {facts.provider} credential any more")
    if facts.credential_pause_reason is not None:
        return Explanation(
            Cause.CREDENTIAL_PAUSED, f"the app's credential is paused{_because(facts.credential_pause_reason)}"
        )
    return Explanation(Cause.RUNNING, "the send is still running and has not reached the device yet")


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
