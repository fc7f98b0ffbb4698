"""API keys: made, replaced and revoked by owners; the key itself is shown once."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.keys import KeyScope, KeyService
from clarion.features.accounts.model import NAME_LIMIT
from clarion.features.accounts.roles import Role
from clarion.foundation.errors import Conflict, InvalidInput


@get("/keys", role=Role.OWNER)
async def keys_page(visit: CurrentVisit, keys: NamedDependency[KeyService]) -> Response[str]:
    """The keys that work."""
    return await _page(visit, keys, form=Form.of(scope="write"))


@post("/keys", role=Role.OWNER, status_code=200)
async def create(visit: CurrentVisit, keys: NamedDependency[KeyService]) -> Response[str]:
    """A new key."""
    form = await visit.form()
    name = form.text("name", limit=NAME_LIMIT)
    scope = form.choice("scope", [str(scope) for scope in KeyScope])
    if not form.faulty:
        try:
            made = await keys.create(visit.caller, name=name, scope=KeyScope(scope))
        except (InvalidInput, Conflict) as error:
            form.refuse_all(error)
        else:
            return await _page(visit, keys, form=Form.of(scope="write"), made=made.text)
    return await _page(visit, keys, form=form)


@post("/keys/{key_id:int}/rotate", role=Role.OWNER, status_code=200)
async def rotate(key_id: FromPath[int], visit: CurrentVisit, keys: NamedDependency[KeyService]) -> Response[str]:
    """A new key in place of one."""
    made = await keys.rotate(visit.caller, key_id)
    return await _page(visit, keys, form=Form.of(scope="write"), made=made.text)


@post("/keys/{key_id:int}/revoke", role=Role.OWNER, status_code=200)
async def revoke(key_id: FromPath[int], visit: CurrentVisit, keys: NamedDependency[KeyService]) -> Response[str]:
    """End a key."""
    await keys.revoke(visit.caller, key_id)
    return await visit.go("/keys", N_("The key is revoked. It stops working within 5 seconds."))


async def _page(visit: Visit, keys: KeyService, *, form: Form, made: str | None = None) -> Response[str]:
    """The list; `made` is a new key, which is shown this once."""
    found = await keys.list(visit.account_id)
    return visit.page("keys/keys.html", keys=found, form=form, made=made, status=422 if form.faulty else 200)


ROUTES = [keys_page, create, rotate, revoke]
