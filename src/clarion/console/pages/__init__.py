"""The pages: one module per area, each with its `ROUTES`."""

from clarion.console.pages import (
    account,
    apps,
    audit,
    devices,
    keys,
    overview,
    people,
    planning,
    profile,
    pushes,
    sendings,
    sign_in,
    team,
    webhooks,
    welcome,
)

ROUTES = [
    *sign_in.ROUTES,
    *welcome.ROUTES,
    *overview.ROUTES,
    *profile.ROUTES,
    *keys.ROUTES,
    *team.ROUTES,
    *account.ROUTES,
    *audit.ROUTES,
    *webhooks.ROUTES,
    *planning.ROUTES,
    *pushes.ROUTES,
    *sendings.ROUTES,
    *devices.ROUTES,
    *people.ROUTES,
    *apps.ROUTES,
]
"""Every route below the console's address."""
