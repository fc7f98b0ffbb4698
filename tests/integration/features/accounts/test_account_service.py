"""Accounts on a real database."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from clarion.db import Database
from clarion.features.accounts import AccountService, Caller
from clarion.foundation.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthorized

pytestmark = pytest.mark.anyio


@dataclass
class ManualClock:
    """Stands still until it is moved."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def accounts(database: Database, clock: ManualClock) -> AccountService:
    return AccountService(database=database, clock=clock)


async def test_a_new_account_has_a_key_a_password_and_the_system_events(
    accounts: AccountService, database: Database
) -> None:
    created = await accounts.create(email="a@example.com", name="A")
    assert (await accounts.authenticate(created.api_key)).account_id == created.account_id
    assert created.password is not None
    assert (await accounts.sign_in("A@example.com", created.password)).account_id == created.account_id
    async with database.acquire() as connection:
        rows = await connection.fetch("select code, bit, type from event_definition order by bit")
    assert [tuple(row) for row in rows] == [("install", 0, "SYSTEM"), ("reg", 1, "SYSTEM"), ("dep", 2, "SYSTEM")]


async def test_no_secret_of_an_account_is_stored_or_shown(accounts: AccountService, database: Database) -> None:
    created = await accounts.create(email="a@example.com", name="A")
    async with database.acquire() as connection:
        texts = [
            *(row["t"] for row in await connection.fetch("select k::text as t from api_key k")),
            *(row["t"] for row in await connection.fetch("select m::text as t from member m")),
            *(row["t"] for row in await connection.fetch("select a::text as t from audit_entry a")),
            repr(created),
        ]
    secret = created.api_key.split("_")[2]
    assert created.password is not None
    for text in texts:
        assert secret not in text
        assert secret.encode().hex() not in text
        assert created.password not in text
    assert any("$argon2id$v=19$m=19456,t=2,p=1$" in text for text in texts)


async def test_a_given_password_is_not_repeated(accounts: AccountService) -> None:
    created = await accounts.create(email="a@example.com", name="A", password="twelve chars")
    assert created.password is None
    assert await accounts.sign_in("a@example.com", "twelve chars")


async def test_an_address_has_one_account(accounts: AccountService) -> None:
    await accounts.create(email="a@example.com", name="A")
    with pytest.raises(Conflict):
        await accounts.create(email="A@EXAMPLE.com", name="B")
    assert [(account.email, account.name) for account in await accounts.list()] == [("a@example.com", "A")]


@pytest.mark.parametrize("change", [{"email": "nobody"}, {"password": "short"}, {"name": "a\nb"}])
async def test_a_refused_account_leaves_nothing(accounts: AccountService, change: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        await accounts.create(**{"email": "a@example.com", "name": "A", **change})
    assert await accounts.list() == []


async def test_a_rotated_key_voids_the_old_one_within_5_seconds(accounts: AccountService, clock: ManualClock) -> None:
    created = await accounts.create(email="a@example.com", name="A")
    await accounts.authenticate(created.api_key)
    rotated = await accounts.rotate_key("A@example.com")
    assert (await accounts.authenticate(rotated.api_key)).account_id == created.account_id
    clock.seconds += 5
    with pytest.raises(Unauthorized):
        await accounts.authenticate(created.api_key)
    assert await accounts.authenticate(rotated.api_key)
    with pytest.raises(NotFound):
        await accounts.rotate_key("b@example.com")


async def test_a_known_public_id_with_another_secret_is_refused(accounts: AccountService) -> None:
    created = await accounts.create(email="a@example.com", name="A")
    await accounts.authenticate(created.api_key)
    wrong = created.api_key[:-1] + ("0" if created.api_key[-1] != "0" else "1")
    with pytest.raises(Unauthorized):
        await accounts.authenticate(wrong)


async def test_a_suspended_account_is_forbidden_within_5_seconds(
    accounts: AccountService, clock: ManualClock, database: Database
) -> None:
    created = await accounts.create(email="a@example.com", name="A", password="twelve chars")
    await accounts.authenticate(created.api_key)
    async with database.acquire() as connection:
        await connection.execute("update account set suspended_at = now()")
    clock.seconds += 5
    with pytest.raises(Forbidden):
        await accounts.authenticate(created.api_key)
    with pytest.raises(Forbidden):
        await accounts.sign_in("a@example.com", "twelve chars")


async def test_a_wrong_password_and_an_unknown_address_look_alike(accounts: AccountService) -> None:
    await accounts.create(email="a@example.com", name="A")
    for email in ("a@example.com", "b@example.com"):
        with pytest.raises(Unauthorized, match="e-mail address or password is wrong"):
            await accounts.sign_in(email, "not the password")


async def test_the_last_use_of_a_key_is_noted(accounts: AccountService, database: Database) -> None:
    created = await accounts.create(email="a@example.com", name="A")
    caller = await accounts.authenticate(created.api_key)
    assert caller == Caller(created.account_id, f"key:{created.api_key.split('_')[1]}")
    async with database.acquire() as connection:
        assert await connection.fetchval("select last_used_at is not null from api_key")


async def test_creation_and_rotation_are_audited_once_each(accounts: AccountService, database: Database) -> None:
    await accounts.create(email="a@example.com", name="A")
    await accounts.rotate_key("a@example.com")
    async with database.acquire() as connection:
        rows = await connection.fetch("select actor, action from audit_entry order by id")
    assert [tuple(row) for row in rows] == [("operator", "account.create"), ("operator", "key.rotate")]
