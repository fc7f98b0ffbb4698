"""Use cases of apps and their credentials."""

import json
from collections.abc import Iterable, Mapping, Sequence

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.apps.credentials import Checked, CredentialChecker, new_vapid_pair
from clarion.features.apps.forms import PROVIDERS, Credentials, checked_provider
from clarion.features.apps.model import LIST_LIMIT, App, GroupRef, checked_link
from clarion.foundation.errors import InvalidInput, NotFound
from clarion.foundation.secrets import Keeper
from clarion.providers.contract import Credential

SQL = load(__package__)


class AppService:
    """Apps of an account. An id of another account behaves like one that never existed: `NotFound`."""

    def __init__(self, *, database: Database, keeper: Keeper, token_uri_allow: Iterable[str] = ()) -> None:
        self._database = database
        self._keeper = keeper
        self._checker = CredentialChecker(token_uri_allow=token_uri_allow)

    async def create(self, caller: Caller, *, name: str, link: str | None, credentials: Credentials) -> int:
        """A new active app with a VAPID pair of its own; its id.

        `InvalidInput` when a name is missing, or the credentials of `push_provider` are missing or unusable.
        """
        title, address = checked_name(name), checked_link(link or "")
        main = checked_provider(credentials.push_provider)
        forms = credentials.given(main)
        if main not in forms:
            raise InvalidInput(f"{main}_creds is required when push_provider is {main}")
        checked = [await self._checker.check(form) for form in forms.values()]
        vapid = new_vapid_pair()

        async def work(connection: Connection) -> int:
            app_id: int = await SQL.create.fetchval(
                connection,
                account_id=caller.account_id,
                push_provider=main,
                name=title,
                link=address,
                vapid_public=vapid.values["public_key"],
            )
            await self._store(connection, caller.account_id, app_id=app_id, credentials=[vapid, *checked])
            await audit(connection, caller, action="app.create", target=f"app:{app_id}", detail=_shown(checked))
            return app_id

        return await self._database.run(work)

    async def list(self, account_id: int, *, archived: bool) -> list[App]:
        """The archived or the active apps in the order of their creation, at most 10 000."""
        async with self._database.acquire() as connection:
            rows = await SQL.apps.fetch(
                connection, account_id=account_id, app_id=None, archived=archived, limit=LIST_LIMIT
            )
        return [_app(row, account_id) for row in rows]

    async def get(self, account_id: int, app_id: int) -> App:
        """One app, archived or not."""
        async with self._database.acquire() as connection:
            row = await SQL.apps.fetchrow(connection, account_id=account_id, app_id=app_id, archived=None, limit=1)
        if row is None:
            raise _not_found()
        return _app(row, account_id)

    async def update(self, caller: Caller, app_id: int, *, name: str | None, link: str | None) -> None:
        """Change base data; None leaves a field as it is."""
        if name is None and link is None:
            raise InvalidInput("name is required")

        async def work(connection: Connection) -> None:
            app = await _locked(connection, caller, app_id=app_id)
            await SQL.update.execute(
                connection,
                account_id=caller.account_id,
                app_id=app_id,
                name=app["name"] if name is None else checked_name(name),
                link=app["link"] if link is None else checked_link(link),
            )
            await audit(connection, caller, action="app.update", target=f"app:{app_id}")

        await self._database.run(work)

    async def set_archived(self, caller: Caller, app_id: int, *, archived: bool) -> None:
        """Stop sending to the app or go on; repeating is fine. Devices keep registering."""

        async def work(connection: Connection) -> None:
            app = await _locked(connection, caller, app_id=app_id)
            if app["archived"] == archived:
                return
            await SQL.set_archived.execute(connection, account_id=caller.account_id, app_id=app_id, archived=archived)
            action = "app.archive" if archived else "app.unarchive"
            await audit(connection, caller, action=action, target=f"app:{app_id}")

        await self._database.run(work)

    async def delete(self, caller: Caller, app_id: int) -> None:
        """The app leaves all groups and schedulers, loses its credentials, and its devices get nothing any more."""

        async def work(connection: Connection) -> None:
            await _locked(connection, caller, app_id=app_id)
            scope = {"account_id": caller.account_id, "app_id": app_id}
            for statement in (SQL.leave_groups, SQL.drop_app_from_filters, SQL.delete_credentials, SQL.delete):
                await statement.execute(connection, **scope)
            await audit(connection, caller, action="app.delete", target=f"app:{app_id}")

        await self._database.run(work)

    async def set_credentials(self, caller: Caller, app_id: int, credentials: Credentials) -> None:
        """Replace credentials, name another main provider, or both. Credentials of other providers stay.

        `InvalidInput` when a credential is unusable, or the named provider has none.
        """
        present = (await self.get(caller.account_id, app_id)).push_provider
        main = present if credentials.push_provider is None else checked_provider(credentials.push_provider)
        forms = credentials.given(main)
        if not forms and credentials.push_provider is None:
            raise InvalidInput("push_provider is required")
        checked = [await self._checker.check(form) for form in forms.values()]

        async def work(connection: Connection) -> None:
            await _locked(connection, caller, app_id=app_id)
            await self._store(connection, caller.account_id, app_id=app_id, credentials=checked)
            scope = {"account_id": caller.account_id, "app_id": app_id}
            if not await SQL.has_credential.fetchval(connection, provider=PROVIDERS[main], **scope):
                raise InvalidInput(f"{main}_creds is required when push_provider is {main}")
            await SQL.set_provider.execute(connection, push_provider=main, **scope)
            detail = {"push_provider": main, **_shown(checked)}
            await audit(connection, caller, action="app.credentials", target=f"app:{app_id}", detail=detail)

        await self._database.run(work)

    async def vapid(self, account_id: int, app_id: int) -> str:
        """The app's public VAPID key as browsers want it: base64url, 87 characters."""
        async with self._database.acquire() as connection:
            key: str | None = await SQL.vapid.fetchval(connection, account_id=account_id, app_id=app_id)
        if key is None:
            raise _not_found()
        return key

    async def credential(self, app_id: int, provider: str, within: Connection | None = None) -> Credential | None:
        """For dispatch: the opened credential of an app, with values as `credentials.py` lists them; None if none."""
        async with self._database.joined(within) as connection:
            row = await SQL.credential.fetchrow(connection, app_id=app_id, provider=provider)
        if row is None:
            return None
        opened = self._keeper.open(row["sealed"], _context(row["account_id"], app_id, provider=provider))
        return Credential(
            app_id=app_id,
            account_id=row["account_id"],
            provider=provider,
            version=row["version"],
            fingerprint=row["fingerprint"],
            values=json.loads(opened),
        )

    async def providers_of(
        self, account_id: int, app_ids: Sequence[int], within: Connection | None = None
    ) -> Mapping[int, Sequence[str]]:
        """For each app that has credentials: their providers (`fcm`, `apns`, `webpush`, `onesignal`, `huawei`)."""
        async with self._database.joined(within) as connection:
            rows = await SQL.providers_of.fetch(connection, account_id=account_id, app_ids=app_ids)
        return {row["app_id"]: row["providers"] for row in rows}

    async def _store(
        self, connection: Connection, account_id: int, *, app_id: int, credentials: Iterable[Checked]
    ) -> None:
        for credential in credentials:
            context = _context(account_id, app_id, provider=credential.provider)
            await SQL.put_credential.execute(
                connection,
                app_id=app_id,
                provider=credential.provider,
                account_id=account_id,
                sealed=self._keeper.seal(json.dumps(credential.values), context),
                fingerprint=credential.fingerprint,
                label=credential.label,
                expires_at=credential.expires_at,
            )


async def _locked(connection: Connection, caller: Caller, *, app_id: int) -> Record:
    row = await SQL.lock.fetchrow(connection, account_id=caller.account_id, app_id=app_id)
    if row is None:
        raise _not_found()
    return row


def _context(account_id: int, app_id: int, *, provider: str) -> str:
    """What a sealed credential is bound to: moved to another row it does not open."""
    return f"app credential:{account_id}:{app_id}:{provider}"


def _shown(credentials: Iterable[Checked]) -> dict[str, str]:
    return {credential.provider: credential.fingerprint for credential in credentials}


def _app(row: Record, account_id: int) -> App:
    providers = set(row["providers"])
    return App(
        id=row["id"],
        pushexpress_id=f"{row['id']}-{account_id}",
        push_provider=row["push_provider"],
        name=row["name"],
        link=row["link"],
        groups=[GroupRef(group["id"], group["name"]) for group in row["groups"]],
        has_firebase_creds="fcm" in providers,
        has_apns_creds="apns" in providers,
        has_onesignal_creds="onesignal" in providers,
        has_huawei_creds="huawei" in providers,
        archived=row["archived"],
    )


def _not_found() -> NotFound:
    return NotFound("not found: the app does not exist")
