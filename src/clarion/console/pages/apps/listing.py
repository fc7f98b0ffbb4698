"""The list of apps, and one app: base data, devices, credentials, what developers paste."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.pages.apps.snippets import snippets
from clarion.console.pages.apps.transports import TITLES, TRANSPORTS
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.accounts.roles import Role
from clarion.features.apps.model import App
from clarion.features.apps.service import AppService
from clarion.features.audiences import AudienceService, Filter
from clarion.features.deliveries.alerts import Alert, alerts
from clarion.features.deliveries.credential_status import CredentialStatus
from clarion.features.deliveries.credentials import CredentialService
from clarion.foundation.errors import InvalidInput
from clarion.settings import Settings

PER_PAGE = 50
Apps = NamedDependency[AppService]
Credentials = NamedDependency[CredentialService]


@dataclass(frozen=True, slots=True)
class Shown:
    """A credential with what its owner should know."""

    status: CredentialStatus
    title: str
    alerts: Sequence[Alert]


@get("/apps")
async def app_list(visit: CurrentVisit, apps: Apps, credentials: Credentials) -> Response[str]:
    """Apps by name, active or archived, found by a part of their name or by their id."""
    archived = visit.query("archived") == "1"
    found = [app for app in await apps.list(visit.account_id, archived=archived) if _matches(app, visit.query("q"))]
    number = visit.page_number()
    begin = (number - 1) * PER_PAGE
    return visit.page(
        "apps/list.html",
        apps=sorted(found, key=lambda app: (app.name.casefold(), app.id))[begin : begin + PER_PAGE],
        more=len(found) > begin + PER_PAGE,
        archived=archived,
        number=number,
        shown=_by_app(await credentials.list(visit.account_id)),
    )


@get("/apps/{app_id:int}")
async def app_page(
    app_id: FromPath[int],
    visit: CurrentVisit,
    apps: Apps,
    credentials: Credentials,
    audiences: NamedDependency[AudienceService],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """One app."""
    app = await apps.get(visit.account_id, app_id)
    reach = None
    if not app.archived:
        reach = await audiences.estimate(visit.account_id, Filter(app_ids_include=[app_id]))
    return visit.page(
        "apps/app.html",
        app=app,
        reach=reach,
        credentials=_by_app(await credentials.list(visit.account_id)).get(app_id, []),
        vapid=await apps.vapid(visit.account_id, app_id),
        snippets=snippets(settings.base_url, app.pushexpress_id),
        transports=TRANSPORTS.values(),
    )


@get("/apps/{app_id:int}/edit")
async def edit_page(app_id: FromPath[int], visit: CurrentVisit, apps: Apps) -> Response[str]:
    """Base data, to change."""
    app = await apps.get(visit.account_id, app_id)
    return visit.page("apps/edit.html", app=app, form=Form.of(name=app.name, link=app.link))


@post("/apps/{app_id:int}/edit", status_code=200)
async def edit(app_id: FromPath[int], visit: CurrentVisit, apps: Apps) -> Response[str]:
    """Change base data."""
    app = await apps.get(visit.account_id, app_id)
    form = await visit.form()
    name, link = form.text("name", limit=200), form.text("link", limit=2000, required=False)
    if not form.faulty:
        try:
            await apps.update(visit.caller, app_id, name=name, link=link)
            return await visit.go(f"/apps/{app_id}", N_("The changes are saved."))
        except InvalidInput as error:
            form.refuse_all(error)
    return visit.page("apps/edit.html", app=app, form=form, status=422)


@post("/apps/{app_id:int}/archive", status_code=200)
async def archive(app_id: FromPath[int], visit: CurrentVisit, apps: Apps) -> Response[str]:
    """Stop sending to the app."""
    await apps.set_archived(visit.caller, app_id, archived=True)
    return await visit.go(f"/apps/{app_id}", N_("The app is archived. Nothing is sent to its devices."))


@post("/apps/{app_id:int}/restore", status_code=200)
async def restore(app_id: FromPath[int], visit: CurrentVisit, apps: Apps) -> Response[str]:
    """Send to the app again."""
    await apps.set_archived(visit.caller, app_id, archived=False)
    return await visit.go(f"/apps/{app_id}", N_("The app is active again."))


@post("/apps/{app_id:int}/delete", role=Role.OWNER, status_code=200)
async def delete(app_id: FromPath[int], visit: CurrentVisit, apps: Apps) -> Response[str]:
    """Delete the app."""
    await apps.delete(visit.caller, app_id)
    return await visit.go("/apps", N_("The app is deleted."))


def _matches(app: App, wanted: str) -> bool:
    text = wanted.strip().casefold()
    return not text or text in app.name.casefold() or text in (str(app.id), app.pushexpress_id)


def _by_app(statuses: Sequence[CredentialStatus]) -> dict[int, list[Shown]]:
    now, found = datetime.now(UTC), dict[int, list[Shown]]()
    for status in statuses:
        shown = Shown(status, TITLES[status.provider], alerts(status, now))
        found.setdefault(status.app_id, []).append(shown)
    return found


ROUTES = [app_list, app_page, edit_page, edit, archive, restore, delete]
