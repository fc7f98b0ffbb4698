"""What the side bar shows: add the line of a new page here."""

from dataclasses import dataclass

from clarion.console.texts import N_
from clarion.features.accounts.roles import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the side bar."""

    path: str
    """Below the console's own address; pages whose address begins with it count as its parts."""
    label: str
    icon: str
    """A name of `icons.txt`."""
    role: Role = Role.VIEWER
    """Whoever may less does not see it."""
    operator: bool = False
    """Only for who runs the installation."""


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under a heading."""

    title: str
    entries: tuple[Entry, ...]


SECTIONS = (
    Section(
        "",
        (Entry("/overview", N_("Overview"), "home"),),
    ),
    Section(
        N_("Messages"),
        (
            Entry("/sendings/new", N_("New sending"), "plus", Role.EDITOR),
            Entry("/sendings", N_("Sendings"), "send"),
            Entry("/pushes", N_("Pushes"), "message"),
        ),
    ),
    Section(
        N_("People"),
        (
            Entry("/devices", N_("Devices"), "devices"),
            Entry("/audiences", N_("Audiences"), "tags"),
            Entry("/audience-groups", N_("Audience groups"), "users-group"),
            Entry("/events", N_("Events"), "activity"),
        ),
    ),
    Section(
        N_("Apps"),
        (
            Entry("/apps", N_("Apps"), "apps"),
            Entry("/app-groups", N_("App groups"), "stack-2"),
        ),
    ),
    Section(
        N_("Numbers"),
        (Entry("/analytics", N_("Analytics"), "chart-line"),),
    ),
    Section(
        N_("Personal and team"),
        (
            Entry("/profile", N_("My profile"), "user"),
            Entry("/team", N_("Team"), "users"),
            Entry("/keys", N_("API keys"), "key", Role.OWNER),
            Entry("/webhooks", N_("Webhooks"), "webhook"),
            Entry("/audit", N_("Audit log"), "history"),
            Entry("/account", N_("Account settings"), "settings"),
        ),
    ),
    Section(
        N_("Operator"),
        (Entry("/system", N_("System"), "server", Role.OWNER, operator=True),),
    ),
)
HOME = "/overview"
"""Where people land after signing in."""


def sections_for(role: Role, *, operator: bool) -> list[Section]:
    """What members of a role see."""

    def sees(entry: Entry) -> bool:
        return role.covers(entry.role) and (operator or not entry.operator)

    seen = [Section(section.title, tuple(filter(sees, section.entries))) for section in SECTIONS]
    return [section for section in seen if section.entries]


def is_current(entry: Entry, path: str) -> bool:
    """Whether a page (its path below the console's address) belongs to an entry."""
    nearest = max(
        (one.path for section in SECTIONS for one in section.entries if _covers(one, path)), key=len, default=""
    )
    return entry.path == nearest


def _covers(entry: Entry, path: str) -> bool:
    return path == entry.path or (entry.path != "/" and path.startswith(f"{entry.path}/"))
