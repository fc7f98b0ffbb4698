"""The whole management API over a real database, with two accounts."""

from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tests.integration.api.management_client import Api

from clarion.api.app import create_app
from clarion.api.front import Front
from clarion.bootstrap import build_services
from clarion.db import Database
from clarion.db.readiness import check_ready
from clarion.foundation.secrets import Keeper
from clarion.services import Services
from clarion.settings import Settings


@pytest.fixture
def settings() -> Settings:
    """The operator's settings; tests override this fixture."""
    return Settings()


@pytest.fixture
def services(settings: Settings, database: Database, keeper: Keeper) -> Services:
    """All feature services on this test's database."""
    return build_services(settings, database=database, keeper=keeper)


@pytest.fixture
def application(services: Services, settings: Settings, database: Database) -> Front:
    """The ASGI object."""
    readiness = partial(check_ready, database)
    return create_app(services, settings, readiness=readiness, registry=CollectorRegistry())


@pytest.fixture
async def http(application: Front) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://clarion.test") as client:
        yield client


@pytest.fixture
async def api(http: httpx.AsyncClient, services: Services) -> Api:
    """The account whose objects a test works on."""
    created = await services.accounts.create(email="owner@example.com", name="Owner")
    return Api(http, created.account_id, created.api_key)


@pytest.fixture
async def stranger(http: httpx.AsyncClient, services: Services) -> Api:
    """Another account of the installation."""
    created = await services.accounts.create(email="stranger@example.com", name="Stranger")
    return Api(http, created.account_id, created.api_key)
