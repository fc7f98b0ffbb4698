"""A new app, and the credentials of an app: uploaded as downloaded, checked at the provider, paused and guarded."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.pages.apps.transports import TITLES, TRANSPORTS, Transport, read_credentials
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.accounts.roles import Role
from clarion.features.apps.service import AppService
from clarion.features.deliveries.checking import CheckService
from clarion.features.deliveries.credentials import CredentialService
from clarion.foundation.errors import InvalidInput, NotFound

Apps = NamedDependency[AppService]
Credentials = NamedDependency[CredentialService]


@get("/apps/new", role=Role.OWNER)
async def choose_transport(visit: CurrentVisit) -> Response[str]:
    """First step of a new app: through whom it sends."""
    return visit.page("apps/choose.html", app=None, transports=TRANSPORTS.values())


@get("/apps/new/{transport:str}", role=Role.OWNER)
async def new_page(transport: FromPath[str], visit: CurrentVisit) -> Response[str]:
    """Second step: its name and credentials."""
    return _form_page(visit, _known(transport), Form(), app=None)


@post("/apps/new/{transport:str}", role=Role.OWNER, status_code=200)
async def create(transport: FromPath[str], visit: CurrentVisit, apps: Apps) -> Response[str]:
    """Make the app."""
    chosen, form = _known(transport), await visit.form()
    name, link = form.text("name", limit=200), form.text("link", limit=2000, required=False)
    credentials = await read_credentials(form, chosen)
    if credentials is not None and not form.faulty:
        try:
            app_id = await apps.create(visit.caller, name=name, link=link, credentials=credentials)
            return await visit.go(f"/apps/{app_id}", N_("The app is ready. Connect it with one of the snippets below."))
        except InvalidInput as error:
            form.refuse_all(error)
    return _form_page(visit, chosen, form, app=None, status=422)


@get("/apps/{app_id:int}/credentials/{transport:str}", role=Role.OWNER)
async def replace_page(
    app_id: FromPath[int], transport: FromPath[str], visit: CurrentVisit, apps: Apps
) -> Response[str]:
    """Add or replace the credentials for one transport."""
    return _form_page(visit, _known(transport), Form(), app=await apps.get(visit.account_id, app_id))


@post("/apps/{app_id:int}/credentials/{transport:str}", role=Role.OWNER, status_code=200)
async def replace(app_id: FromPath[int], transport: FromPath[str], visit: CurrentVisit, apps: Apps) -> Response[str]:
    """Store them; the main transport stays what it is unless it is the same."""
    chosen, app, form = _known(transport), await apps.get(visit.account_id, app_id), await visit.form()
    credentials = await read_credentials(form, chosen)
    if credentials is not None:
        try:
            await apps.set_credentials(visit.caller, app_id, credentials)
            return await visit.go(f"/apps/{app_id}", N_("The credentials are saved and used from now on."))
        except InvalidInput as error:
            form.refuse_all(error)
    return _form_page(visit, chosen, form, app=app, status=422)


@post("/apps/{app_id:int}/check/{provider:str}", status_code=200)
async def check(
    app_id: FromPath[int], provider: FromPath[str], visit: CurrentVisit, checks: NamedDependency[CheckService]
) -> Response[str]:
    """Ask the provider whether it accepts the credentials; sends nothing."""
    found = await checks.check(visit.caller, app_id, provider=_provider(provider))
    if found.finding.ok:
        return await visit.go(f"/apps/{app_id}", N_("The provider accepts these credentials."))
    text = N_("The provider answers: %(answer)s")
    return await visit.go(f"/apps/{app_id}", text, kind="danger", answer=found.finding.message)


@post("/apps/{app_id:int}/resume/{provider:str}", status_code=200)
async def resume(
    app_id: FromPath[int], provider: FromPath[str], visit: CurrentVisit, credentials: Credentials
) -> Response[str]:
    """Use paused credentials again."""
    await credentials.resume(visit.caller, app_id, provider=_provider(provider))
    return await visit.go(f"/apps/{app_id}", N_("Sending goes on."))


@post("/apps/{app_id:int}/suspects/{provider:str}", status_code=200)
async def decide_suspects(
    app_id: FromPath[int], provider: FromPath[str], visit: CurrentVisit, credentials: Credentials
) -> Response[str]:
    """Whether the tokens that the guard holds back are dead or good."""
    form = await visit.form()
    decide = credentials.confirm_suspects if form.value("verdict") == "dead" else credentials.dismiss_suspects
    count = await decide(visit.caller, app_id, provider=_provider(provider))
    text = N_("%(count)s tokens are decided, and the guard begins anew.")
    return await visit.go(f"/apps/{app_id}", text, count=visit.fmt.number(count))


def _form_page(
    visit: CurrentVisit, transport: Transport, form: Form, *, app: object, status: int = 200
) -> Response[str]:
    return visit.page("apps/credentials.html", app=app, transport=transport, form=form, status=status)


def _known(transport: str) -> Transport:
    if transport not in TRANSPORTS:
        raise NotFound("there is no such transport")
    return TRANSPORTS[transport]


def _provider(name: str) -> str:
    if name not in TITLES:
        raise NotFound("the app does not exist or has no credential for this provider")
    return name


ROUTES = [choose_transport, new_page, create, replace_page, replace, check, resume, decide_suspects]
