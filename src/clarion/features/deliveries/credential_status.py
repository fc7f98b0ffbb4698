"""How one credential stands: what is kept of it besides its secret. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CredentialStatus:
    """How one credential stands."""

    app_id: int
    provider: str
    label: str
    fingerprint: str
    version: int
    updated_at: datetime
    expires_at: datetime | None
    results: int
    paused_at: datetime | None
    pause_reason: str | None
    probe_at: datetime | None
    guard_tripped_at: datetime | None
    guard_code: str | None
    blocked_until: datetime | None
    """A worker sends nothing before, although the credential is not paused."""
    block_reason: str | None
    """`breaker`, `throttled` or `access_token`."""
    unknown_answers: int
    """Answers to this version that no table explains."""
    unknown_text: str | None
    unknown_at: datetime | None
    archived: bool
    suspects: int
