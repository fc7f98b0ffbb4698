"""The pages: one module per area, each with its `ROUTES`."""

from clarion.console.pages import (
    account,
    analytics,
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
    system,
    team,
    webhooks,
    welcome,
)

ROUTES = [
    *sign_in.ROUTES,
    *welcome.ROUTES,
    *overview.ROUTES,
    *analytics.ROUTES,
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
    *system.ROUTES,
]
"""Every route below the console's address."""
