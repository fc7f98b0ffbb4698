"""The account's settings: its name and zone, and the rules that hold for all of its messages."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.members import AccountSettings, MemberService, zone_names
from clarion.features.accounts.model import NAME_LIMIT
from clarion.features.accounts.roles import Role
from clarion.features.rules.limits import LONGEST_HOURS, By, Cap, Gap, Then
from clarion.features.rules.model import Rules
from clarion.features.rules.quiet import Day, QuietHours
from clarion.features.rules.service import RuleService
from clarion.foundation.errors import InvalidInput

DAYS = {
    Day.MON: N_("Monday"),
    Day.TUE: N_("Tuesday"),
    Day.WED: N_("Wednesday"),
    Day.THU: N_("Thursday"),
    Day.FRI: N_("Friday"),
    Day.SAT: N_("Saturday"),
    Day.SUN: N_("Sunday"),
}
THEN = {Then.DEFER: N_("wait until it may go"), Then.SKIP: N_("leave it out")}
BY = {By.DEVICE: N_("device"), By.USER: N_("person (external user id)")}


@get("/account")
async def account(
    visit: CurrentVisit, members: NamedDependency[MemberService], rules: NamedDependency[RuleService]
) -> Response[str]:
    """Both forms."""
    return await _page(visit, members, rules)


@post("/account", role=Role.OWNER, status_code=200)
async def save(
    visit: CurrentVisit, members: NamedDependency[MemberService], rules: NamedDependency[RuleService]
) -> Response[str]:
    """Change name and zone."""
    form = await visit.form()
    name = form.text("name", limit=NAME_LIMIT)
    zone = form.choice("default_zone", zone_names())
    if form.faulty:
        return await _page(visit, members, rules, about=form)
    await members.save_settings(visit.caller, AccountSettings(name, zone))
    return await visit.go("/account", N_("The account is saved."))


@post("/account/rules", status_code=200)
async def save_rules(
    visit: CurrentVisit, members: NamedDependency[MemberService], rules: NamedDependency[RuleService]
) -> Response[str]:
    """Change quiet hours, cap and gap; other rules stay."""
    form = await visit.form()
    present = await rules.of_account(visit.account_id)
    wanted = _read(form, present)
    if not form.faulty:
        try:
            await rules.set_account(visit.caller, wanted)
        except InvalidInput as error:
            form.refuse_all(error)
        else:
            return await visit.go("/account", N_("The rules are saved. Running sendings follow them at once."))
    return await _page(visit, members, rules, limits=form)


def _read(form: Form, present: Rules) -> Rules:
    """The rules as the form says; caps beyond the first, pace and times are kept."""
    changes: dict[str, Any] = {"quiet_hours": msgspec.UNSET, "gap": None, "caps": list(present.caps[1:])}
    if form.flag("quiet"):
        days = [Day(day) for day in form.values("days") if day in list(Day)]
        changes["quiet_hours"] = QuietHours(
            form.text("from", limit=5), form.text("to", limit=5), None if len(days) == len(Day) else days
        )
    if form.flag("capped"):
        most = form.number("max", low=1, high=1000)
        hours = form.number("hours", low=1, high=LONGEST_HOURS)
        changes["caps"].insert(0, Cap(most, hours, _by(form, "cap_by"), _then(form, "cap_then")))
    if form.flag("gapped"):
        changes["gap"] = Gap(
            form.number("minutes", low=1, high=LONGEST_HOURS * 60), _by(form, "gap_by"), _then(form, "gap_then")
        )
    return msgspec.structs.replace(present, **changes)


def _by(form: Form, name: str) -> By:
    return By(form.value(name)) if form.value(name) in list(By) else By.DEVICE


def _then(form: Form, name: str) -> Then:
    return Then(form.value(name)) if form.value(name) in list(Then) else Then.DEFER


def _shown(rules: Rules) -> Form:
    """The rules as a form."""
    quiet = rules.quiet_hours if isinstance(rules.quiet_hours, QuietHours) else None
    cap, gap = rules.caps[0] if rules.caps else None, rules.gap
    return Form.of(
        quiet=quiet and "1",
        **{"from": quiet.begins if quiet else "22:00", "to": quiet.ends if quiet else "08:00"},
        days=list(quiet.days or Day) if quiet else list(Day),
        capped=cap and "1",
        max=cap.max if cap else 3,
        hours=cap.hours if cap else 24,
        cap_by=cap.by if cap else By.DEVICE,
        cap_then=cap.then if cap else Then.DEFER,
        gapped=gap and "1",
        minutes=gap.minutes if gap else 60,
        gap_by=gap.by if gap else By.DEVICE,
        gap_then=gap.then if gap else Then.DEFER,
    )


async def _page(visit: Visit, members: MemberService, rules: RuleService, **forms: Form) -> Response[str]:
    """The page; `forms` (about, limits) are those that were sent and have faults."""
    settings, present = await members.settings(visit.account_id), await rules.of_account(visit.account_id)
    about = Form.of(name=settings.name, default_zone=settings.default_zone)
    known: dict[str, Any] = {"about": about, "limits": _shown(present)}
    return visit.page(
        "account/account.html",
        status=422 if forms else 200,
        zones=[(name, name.replace("_", " ")) for name in zone_names()],
        days=DAYS,
        then_words=[(then, visit.text(text)) for then, text in THEN.items()],
        by_words=[(by, visit.text(text)) for by, text in BY.items()],
        more_caps=len(present.caps) > 1,
        **(known | forms),
    )


ROUTES = [account, save, save_rules]
