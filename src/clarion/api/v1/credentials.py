"""Credentials as dispatch finds them, and what their owner can do when they are paused or guarded."""

from datetime import UTC, datetime

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.features.deliveries.alerts import Alert, alerts
from clarion.features.deliveries.checking import CheckService
from clarion.features.deliveries.credential_status import CredentialStatus
from clarion.features.deliveries.credentials import CredentialService
from clarion.foundation.errors import NotFound
from clarion.providers.registry import TRANSPORTS

Credentials = NamedDependency[CredentialService]
PROVIDERS = frozenset(TRANSPORTS.values())


class Pause(msgspec.Struct, frozen=True):
    """Nothing is sent with a paused credential."""

    since: datetime
    reason: str
    next_probe_at: datetime | None
    """When one message tries whether the provider accepts the credential again."""


class Guard(msgspec.Struct, frozen=True):
    """The mass guard: token drops are held back because one code hits suspiciously many devices."""

    tripped_at: datetime | None
    """Null while the guard is at rest."""
    code: str | None
    suspects: int
    """Tokens in use that a provider called dead; confirm or dismiss them."""


class Block(msgspec.Struct, frozen=True):
    """Sending rests for a while, although the credential is in use: nothing is lost, and it goes on by itself."""

    until: datetime
    reason: str
    """`breaker`: most requests fail; `throttled`: the provider asked to slow down; `access_token`: its token endpoint
    gives none; `retry_budget`: repetitions wait, first attempts go on; `push_service` and a host: that push service
    refuses the app's messages, others go on."""


class Unknown(msgspec.Struct, frozen=True):
    """Answers to this version that Clarion has no rule for; they never invalidate a token."""

    answers: int
    last_text: str | None
    last_at: datetime | None


class CredentialView(msgspec.Struct, frozen=True):
    """One credential. Secrets are never answered."""

    app_id: int
    app_archived: bool
    provider: str
    label: str
    """What is safe to show: a project id, topic or app id."""
    fingerprint: str
    version: int
    """Grows with every replacement."""
    updated_at: datetime
    expires_at: datetime | None
    """When a certificate runs out; null for keys, which do not."""
    results: int
    """Provider answers to this version."""
    paused: Pause | None
    guard: Guard
    blocked: Block | None
    unknown: Unknown
    alerts: list[Alert]
    """What you should know or do, the most urgent first; empty when all is well."""


class Check(msgspec.Struct, frozen=True):
    """What a provider says of a credential."""

    ok: bool
    """The provider accepts it. False also where it could not be asked, which says nothing about the credential."""
    code: str
    """`accepted`, the provider's own code of a refusal, or `unavailable` where it could not be asked."""
    message: str
    checked_at: datetime


class Suspects(msgspec.Struct, frozen=True):
    """How many tokens were suspects."""

    tokens: int


@get("/credentials", summary="List credentials", tags=["credentials"])
async def list_credentials(caller: CurrentCaller, credentials: Credentials) -> list[CredentialView]:
    """Of every app, by app and provider, with what hinders them and what to do about it."""
    now = datetime.now(UTC)
    return [_view(status, now) for status in await credentials.list(caller.account_id)]


@post(
    "/apps/{app_id:str}/credentials/{provider:str}/check",
    status_code=200,
    summary="Check a credential at its provider",
    tags=["credentials"],
)
async def check_credential(
    app_id: PathId, provider: FromPath[str], caller: CurrentCaller, checks: NamedDependency[CheckService]
) -> Check:
    """Asks the provider, within 10 seconds, whether it accepts the credential. Nothing is sent to any device.

    Nothing changes either: a paused credential stays paused. For 10 seconds the same finding is given again.
    """
    found = await checks.check(caller, app_id, provider=_known(provider))
    return Check(found.finding.ok, found.finding.code, found.finding.message, found.checked_at)


@post(
    "/apps/{app_id:str}/credentials/{provider:str}/resume",
    status_code=204,
    summary="Resume a paused credential",
    tags=["credentials"],
)
async def resume_credential(
    app_id: PathId, provider: FromPath[str], caller: CurrentCaller, credentials: Credentials
) -> None:
    """Sending goes on at once; repeating is fine."""
    await credentials.resume(caller, app_id, provider=_known(provider))


@post(
    "/apps/{app_id:str}/credentials/{provider:str}/suspects/confirm",
    status_code=200,
    summary="Confirm suspect tokens",
    tags=["credentials"],
)
async def confirm_suspects(
    app_id: PathId, provider: FromPath[str], caller: CurrentCaller, credentials: Credentials
) -> Suspects:
    """The provider is right: these tokens are not used any more. The guard begins anew; repeating is fine."""
    return Suspects(await credentials.confirm_suspects(caller, app_id, provider=_known(provider)))


@post(
    "/apps/{app_id:str}/credentials/{provider:str}/suspects/dismiss",
    status_code=200,
    summary="Dismiss suspicions",
    tags=["credentials"],
)
async def dismiss_suspects(
    app_id: PathId, provider: FromPath[str], caller: CurrentCaller, credentials: Credentials
) -> Suspects:
    """The credential was wrong, the tokens are good and stay in use. The guard begins anew; repeating is fine."""
    return Suspects(await credentials.dismiss_suspects(caller, app_id, provider=_known(provider)))


def _known(provider: str) -> str:
    if provider not in PROVIDERS:
        raise NotFound("the app does not exist or has no credential for this provider")
    return provider


def _view(status: CredentialStatus, now: datetime) -> CredentialView:
    since, until = status.paused_at, status.blocked_until
    return CredentialView(
        app_id=status.app_id,
        app_archived=status.archived,
        provider=status.provider,
        label=status.label,
        fingerprint=status.fingerprint,
        version=status.version,
        updated_at=status.updated_at,
        expires_at=status.expires_at,
        results=status.results,
        paused=Pause(since, status.pause_reason or "", status.probe_at) if since else None,
        guard=Guard(status.guard_tripped_at, status.guard_code, status.suspects),
        blocked=Block(until, status.block_reason or "") if until and until > now else None,
        unknown=Unknown(status.unknown_answers, status.unknown_text, status.unknown_at),
        alerts=alerts(status, now),
    )
