"""Tokens and sessions that change hands.

A push token is served on one active device of an app, its newest owner: taking it silences the owner before it, in the
same transaction (reliability.md DV-12). A session (installation token + external id) belongs to one device: a device
that takes another's session leaves it its own, and deactivates it (sdk-api.md Q3). Processes queue for tokens; the
unique indexes `device_token_owner` and `device_session` guard both, and the loser of a race starts again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clarion.db import Connection, load
from clarion.db.statements import Record
from clarion.features import triggers
from clarion.features.devices.model import SUPERSEDED_REASON, DeviceKey, Token, TokenState

SQL = load(__package__)


class Identity(NamedTuple):
    """What a device is found and reached by."""

    key: DeviceKey
    ext_id: str
    active: bool
    token_hash: bytes | None
    token_state: int


class Claim(NamedTuple):
    """What a device says that it is found and reached by. None = not told."""

    key: DeviceKey
    ext_id: str | None
    token: Token | None
    token_hash: bytes | None


def changes_session(claim: Claim, identity: Identity) -> bool:
    """Whether the device asks for another external id."""
    return claim.ext_id is not None and claim.ext_id != identity.ext_id


def changes_token(claim: Claim, identity: Identity) -> bool:
    """Whether the token told, or what we think of it, differs from what is stored.

    A token that the provider called invalid stays so; a superseded one is taken back by an active device.
    """
    if claim.token is None:
        return False
    if claim.token_hash != identity.token_hash:
        return True
    if identity.token_state == TokenState.INVALID:
        return False
    if identity.token_state == TokenState.SUPERSEDED and not identity.active:
        return False
    return claim.token.state != identity.token_state


async def lock(within: Connection, keys: Iterable[DeviceKey]) -> dict[DeviceKey, Identity]:
    """Lock the devices that exist, in one order for all processes."""
    app_ids, ids = _columns(sorted(set(keys)))
    rows = await SQL.lock.fetch(within, app_ids=app_ids, ids=ids)
    return {identity.key: identity for identity in map(_identity, rows)}


async def read(within: Connection, keys: Sequence[DeviceKey]) -> tuple[dict[DeviceKey, Identity], set[DeviceKey]]:
    """The devices that exist, as they are now, and those of them that somebody wrote in the last seconds."""
    app_ids, ids = _columns(keys)
    rows = await SQL.read_identities.fetch(within, app_ids=app_ids, ids=ids)
    identities = {identity.key: identity for identity in map(_identity, rows)}
    return identities, {DeviceKey(row["app_id"], row["id"]) for row in rows if row["fresh"]}


async def apply(within: Connection, claims: Sequence[Claim]) -> None:
    """Make the claims true, one per device; of two devices that claim one token the later claim wins."""
    await _queue_for_tokens(within, ((claim.key.app_id, claim.token_hash) for claim in claims))
    held = await lock(within, (claim.key for claim in claims))
    present = [claim for claim in claims if claim.key in held]
    await _take_tokens(within, [claim for claim in present if changes_token(claim, held[claim.key])], held)
    for claim in present:
        if changes_session(claim, held[claim.key]):
            await _take_session(within, claim)


async def silence_others(within: Connection, owners: Iterable[Identity]) -> None:
    """Make these devices the only owners of the tokens they have."""
    rows = [(*owner.key, owner.token_hash) for owner in owners if owner.token_hash]
    if rows:
        app_ids, ids, hashes = zip(*rows, strict=True)
        await SQL.supersede.execute(within, app_ids=app_ids, ids=ids, hashes=hashes, reason=SUPERSEDED_REASON)


async def _queue_for_tokens(within: Connection, tokens: Iterable[tuple[int, bytes | None]]) -> None:
    """Wait, without holding any row, for others that give the same tokens to other devices."""
    keys = {app_id ^ int.from_bytes(hashed[:8], "big", signed=True) for app_id, hashed in tokens if hashed}
    if keys:
        await SQL.queue_for_tokens.execute(within, keys=sorted(keys))


async def _take_tokens(within: Connection, claims: Sequence[Claim], held: Mapping[DeviceKey, Identity]) -> None:
    if not claims:
        return
    owners = {
        (claim.key.app_id, claim.token_hash): claim.key
        for claim in claims
        if claim.token and claim.token.state == TokenState.VALID and held[claim.key].active
    }
    keys = set(owners.values())
    winners = [claim for claim in claims if claim.key in keys]
    await silence_others(within, (held[claim.key]._replace(token_hash=claim.token_hash) for claim in winners))
    rows = [_token_row(claim, owners, held[claim.key]) for claim in claims if claim.token]
    app_ids, ids, tokens, hashes, states, reasons = zip(*rows, strict=True)
    await SQL.set_tokens.execute(
        within, app_ids=app_ids, ids=ids, tokens=tokens, hashes=hashes, states=states, reasons=reasons
    )
    await triggers.wake(within, keys)


def _token_row(
    claim: Claim, owners: Mapping[tuple[int, bytes | None], DeviceKey], identity: Identity
) -> tuple[int, int, str, bytes | None, int, str | None]:
    token = claim.token or Token("")
    state, reason = token.state, token.reason
    lost = owners.get((claim.key.app_id, claim.token_hash), claim.key) != claim.key
    if lost and identity.active and state == TokenState.VALID:
        state, reason = TokenState.SUPERSEDED, SUPERSEDED_REASON
    return (*claim.key, token.text, claim.token_hash, int(state), reason)


async def _take_session(within: Connection, claim: Claim) -> None:
    """Give a device its new external id; a rival that has the session gets the one left behind."""
    app_id, device_id = claim.key
    now = await SQL.read_session.fetchrow(within, app_id=app_id, device_id=device_id)
    if now is None:
        return
    rival = await SQL.find_session_rival.fetchval(
        within, app_id=app_id, hash=now["ic_token_hash"], ext_id=claim.ext_id, device_id=device_id
    )
    if rival is not None:
        await SQL.set_ext_id.execute(within, app_id=app_id, device_id=device_id, ext_id=f"\x01{device_id}")
        await SQL.retire.execute(within, app_id=app_id, device_id=rival, ext_id=now["ext_id"])
    await SQL.set_ext_id.execute(within, app_id=app_id, device_id=device_id, ext_id=claim.ext_id)


def _identity(row: Record) -> Identity:
    key = DeviceKey(row["app_id"], row["id"])
    return Identity(key, row["ext_id"], row["active"], row["token_hash"], row["token_state"])


def _columns(keys: Sequence[DeviceKey]) -> tuple[Sequence[int], Sequence[int]]:
    return [key.app_id for key in keys], [key.device_id for key in keys]
