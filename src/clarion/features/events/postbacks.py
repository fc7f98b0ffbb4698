"""What an account demands of its postbacks, and what they set off (sdk-api.md §7, reliability.md DV-10).

Postbacks have no other protection than that their caller knows an external id. An account may ask for more: a
signature, known networks, answers that tell nothing; and it may keep them from starting auto-pushes.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote

import msgspec

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.foundation.errors import Conflict, InvalidInput
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "postbacks.sql")

NETWORK_LIMIT = 100
SIGNATURE = "signature"
"""The query parameter that holds the signature; it must be the last one."""
PATH = "/api/postback/"

_PREFIX = "pbsec_"
Network = Annotated[str, msgspec.Meta(max_length=64)]


class PostbackOptions(msgspec.Struct, frozen=True):
    """What an account demands of its postbacks."""

    signature_required: bool = False
    """Only postbacks signed with the account's secret count."""
    networks: list[Network] = []
    """Addresses and networks (`203.0.113.0/24`) that postbacks may come from; none = from everywhere."""
    quiet: bool = False
    """Every well-formed postback is answered alike, whether it counts or not."""
    starts_auto_push: bool = True
    """Postbacks fire auto-pushes; otherwise they are only recorded."""


@dataclass(frozen=True, slots=True)
class Demands:
    """An account's options with what is needed to check them."""

    options: PostbackOptions = field(default_factory=PostbackOptions)
    secret: str | None = None

    def refuse(self, query: str, address: str) -> str | None:
        """Why a postback does not count; None when it does. `address` is an IP address or network of the caller."""
        if self.options.networks and not _among(address, self.options.networks):
            return "postbacks are not accepted from this address"
        if self.options.signature_required and not self._signed(query):
            return "the signature is missing or wrong"
        return None

    def _signed(self, query: str) -> bool:
        text, found, told = query.rpartition(f"&{SIGNATURE}=")
        return bool(found and self.secret) and hmac.compare_digest(sign(self.secret or "", text), told.lower())


class PostbackService:
    """Postback options of accounts."""

    def __init__(self, *, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def get(self, account_id: int) -> tuple[PostbackOptions, bool]:
        """The options, and whether there is a secret."""
        async with self._database.acquire() as connection:
            row = await SQL.get.fetchrow(connection, account_id=account_id)
        if row is None:
            return PostbackOptions(), False
        return _options(row), row["sealed_secret"] is not None

    async def demands(self, account_id: int) -> Demands:
        """The same for whoever checks a postback; nothing is demanded for accounts that do not exist."""
        async with self._database.acquire() as connection:
            row = await SQL.get.fetchrow(connection, account_id=account_id)
        if row is None:
            return Demands()
        sealed = row["sealed_secret"]
        secret = self._keeper.open(sealed, _context(account_id)).decode() if sealed else None
        return Demands(_options(row), secret)

    async def put(self, caller: Caller, options: PostbackOptions) -> None:
        """Replace the options. `InvalidInput` for a malformed network; `Conflict` if signatures are required without a
        secret.
        """
        networks = _checked(options.networks)

        async def work(connection: Connection) -> None:
            await SQL.ensure.execute(connection, account_id=caller.account_id)
            held = await SQL.lock.fetchval(connection, account_id=caller.account_id)
            if options.signature_required and not held:
                raise Conflict("make a secret before signatures are required")
            await SQL.put.execute(
                connection,
                account_id=caller.account_id,
                signature_required=options.signature_required,
                networks=networks,
                quiet=options.quiet,
                starts_auto_push=options.starts_auto_push,
            )
            await audit(
                connection,
                caller,
                action="postback.options",
                target=f"account:{caller.account_id}",
                detail=msgspec.to_builtins(options),
            )

        await self._database.run(work)

    async def make_secret(self, caller: Caller) -> str:
        """A new secret, shown only now; the one before it is void at once (everywhere within seconds)."""
        secret = _PREFIX + secrets.token_urlsafe(32)

        async def work(connection: Connection) -> None:
            await SQL.ensure.execute(connection, account_id=caller.account_id)
            sealed = self._keeper.seal(secret, _context(caller.account_id))
            await SQL.set_secret.execute(connection, account_id=caller.account_id, sealed=sealed)
            await audit(connection, caller, action="postback.secret", target=f"account:{caller.account_id}")

        await self._database.run(work)
        return secret


def sign(secret: str, query: str) -> str:
    """The signature of a postback's query, without its last parameter: hex HMAC-SHA256."""
    return hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()


def postback_url(base_url: str, code: str, account_id: int) -> str:
    """The address that tells one event of an account; `{id}` stands for the external id."""
    return f"{base_url.rstrip('/')}{PATH}?id={{id}}&status={quote(code)}_{account_id}"


def _checked(networks: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    if len(networks) > NETWORK_LIMIT:
        raise InvalidInput(f"networks has more than {NETWORK_LIMIT} entries")
    try:
        return [ipaddress.ip_network(text) for text in networks]
    except ValueError:
        raise InvalidInput("networks has an entry that is no IP address or network") from None


def _among(address: str, networks: Sequence[str]) -> bool:
    try:
        own = ipaddress.ip_network(address)
    except ValueError:
        return False
    return any(own.version == other.version and own.subnet_of(other) for other in map(ipaddress.ip_network, networks))  # type: ignore[arg-type]


def _options(row: Record) -> PostbackOptions:
    networks = [str(network) for network in row["networks"]]
    return PostbackOptions(row["signature_required"], networks, row["quiet"], row["starts_auto_push"])


def _context(account_id: int) -> str:
    return f"postback:{account_id}"
