"""What postbacks must show to count: a signature, a known address; and what they are answered."""

from litestar import Response, get, post
from litestar.di import NamedDependency

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.events.postbacks import PostbackOptions, PostbackService
from clarion.foundation.errors import Conflict, InvalidInput

Postbacks = NamedDependency[PostbackService]
_TEXT = 8_000


@get("/events/protection")
async def protection_page(visit: CurrentVisit, postbacks: Postbacks) -> Response[str]:
    """What is demanded now."""
    options, has_secret = await postbacks.get(visit.account_id)
    return _page(visit, _filled(options), has_secret=has_secret)


@post("/events/protection", status_code=200)
async def protect(visit: CurrentVisit, postbacks: Postbacks) -> Response[str]:
    """Demand something else."""
    form = await visit.form()
    options = PostbackOptions(
        signature_required=form.flag("signature_required"),
        networks=form.text("networks", limit=_TEXT, required=False).split(),
        quiet=form.flag("quiet"),
        starts_auto_push=form.flag("starts_auto_push"),
    )
    if not form.faulty:
        try:
            await postbacks.put(visit.caller, options)
            return await visit.go("/events/protection", N_("The protection is saved. It is in force within seconds."))
        except (InvalidInput, Conflict) as error:
            form.refuse_all(error)
    _, has_secret = await postbacks.get(visit.account_id)
    return _page(visit, form, has_secret=has_secret)


@post("/events/protection/secret", role=Role.OWNER, status_code=200)
async def make_secret(visit: CurrentVisit, postbacks: Postbacks) -> Response[str]:
    """A new secret, shown this once."""
    secret = await postbacks.make_secret(visit.caller)
    options, has_secret = await postbacks.get(visit.account_id)
    return _page(visit, _filled(options), has_secret=has_secret, secret=secret)


def _filled(options: PostbackOptions) -> Form:
    ticked = ("signature_required", "quiet", "starts_auto_push")
    flags = {name: ["1"] for name in ticked if getattr(options, name)}
    return Form.of(networks="\n".join(options.networks), **flags)


def _page(visit: Visit, form: Form, *, has_secret: bool, secret: str | None = None) -> Response[str]:
    return visit.page(
        "people/protection.html",
        form=form,
        has_secret=has_secret,
        secret=secret,
        status=422 if form.faulty else 200,
    )


ROUTES = [protection_page, protect, make_secret]
