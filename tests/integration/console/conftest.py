"""The console over a real database, and visitors of every role."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from litestar import Litestar
from prometheus_client import CollectorRegistry

from clarion.api.front import Front
from clarion.api.metrics import RequestMetrics
from clarion.bootstrap import build_services
from clarion.console.app import Console, console_app
from clarion.console.tokens import form_token
from clarion.db import Database
from clarion.features.accounts import Member
from clarion.features.accounts.sessions import Browser
from clarion.foundation.secrets import Keeper
from clarion.services import Services
from clarion.settings import Settings

ORIGIN = "http://clarion.test"
PASSWORD = "correct horse battery"
HERE = Browser("192.0.2.1", "a test")


@dataclass(frozen=True)
class Visitor:
    """A browser; paths are below `/console`."""

    http: httpx.AsyncClient
    member: Member | None = None

    @property
    def cookie(self) -> str:
        """What names the session."""
        return self.http.cookies.get("clarion", "")

    def hold(self, cookie: str) -> None:
        """Take a cookie from elsewhere."""
        self.http.cookies.set("clarion", cookie, domain="clarion.test", path="/")

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Open a page; redirects are not followed."""
        return await self.http.get(f"/console{path}", **options)

    async def post(self, path: str, fields: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        """Send a form of our own page. `fields` may hold lists."""
        data = {"form_token": form_token(self.cookie), **(fields or {})}
        headers = {"origin": ORIGIN, **options.pop("headers", {})}
        return await self.http.post(f"/console{path}", data=data, headers=headers, **options)

    async def page(self, path: str, *, status: int = 200) -> str:
        """The HTML of a page that must be answered with this status."""
        answer = await self.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.text

    async def done(self, path: str, fields: dict[str, Any] | None = None) -> str:
        """Send a form that must be accepted; where the browser is led (below `/console`)."""
        answer = await self.post(path, fields)
        assert answer.status_code == 303, (path, answer.status_code, answer.text)
        return answer.headers["location"].removeprefix("/console")


@pytest.fixture
def settings() -> Settings:
    """The operator's settings; tests override this fixture."""
    return Settings()


@pytest.fixture
def services(settings: Settings, database: Database, keeper: Keeper) -> Services:
    """All feature services on this test's database."""
    return build_services(settings, database=database, keeper=keeper)


@pytest.fixture
def console(services: Services, settings: Settings) -> Console:
    """The console's own ASGI object."""
    return console_app(services, settings)


@pytest.fixture
def application(console: Console) -> Front:
    """The console as it is reached, without the other interfaces."""
    metrics = RequestMetrics(CollectorRegistry())
    return Front(management=Litestar(openapi_config=None), device=console, console=console, metrics=metrics)


NewVisitor = Callable[..., Awaitable[Visitor]]


@pytest.fixture
async def visitors(application: Front, services: Services) -> AsyncIterator[NewVisitor]:
    """Opens browsers: `await visitors()` is nobody's, `await visitors(member)` is signed in."""
    opened: list[httpx.AsyncClient] = []

    async def new(member: Member | None = None) -> Visitor:
        transport = httpx.ASGITransport(application, raise_app_exceptions=True)
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
        opened.append(client)
        nobody = secrets.token_urlsafe(8)  # what the first page that somebody opens puts into the cookie
        Visitor(client).hold(await services.sessions.begin(member, HERE, confirmed=True) if member else nobody)
        return Visitor(client, member)

    yield new
    for client in opened:
        await client.aclose()


@pytest.fixture
async def anonymous(visitors: NewVisitor) -> Visitor:
    """Nobody."""
    return await visitors()


@pytest.fixture
async def owner(visitors: NewVisitor, services: Services) -> Visitor:
    """The owner of the account that a test works on."""
    return await visitors(await new_owner(services, "owner@example.com"))


@pytest.fixture
async def stranger(visitors: NewVisitor, services: Services) -> Visitor:
    """The owner of another account."""
    return await visitors(await new_owner(services, "stranger@example.com"))


@pytest.fixture
async def editor(visitors: NewVisitor, owner: Visitor, database: Database) -> Visitor:
    """An editor of the owner's account."""
    return await visitors(await new_member(database, owner, "editor"))


@pytest.fixture
async def viewer(visitors: NewVisitor, owner: Visitor, database: Database) -> Visitor:
    """A viewer of the owner's account."""
    return await visitors(await new_member(database, owner, "viewer"))


async def new_owner(services: Services, email: str) -> Member:
    """A new account's owner, with the password `PASSWORD`."""
    await services.accounts.create(email=email, name=email.partition("@")[0].title(), password=PASSWORD)
    return await services.accounts.sign_in(email, PASSWORD)


async def new_member(database: Database, owner: Visitor, role: str) -> Member:
    """Another member of the owner's account; without a password."""
    assert owner.member is not None
    account_id, email = owner.member.account_id, f"{role}@example.com"
    async with database.acquire() as connection:
        member_id = await connection.fetchval(
            "insert into member (account_id, email, password_hash, role) values ($1, $2, '!', $3) returning id",
            account_id,
            email,
            role,
        )
    return Member(member_id, account_id, email, role)
