"""The pages: one module per area, each with its `ROUTES`."""

from clarion.console.pages import apps, profile, sign_in, welcome

ROUTES = [*sign_in.ROUTES, *welcome.ROUTES, *profile.ROUTES, *apps.ROUTES]
"""Every route below the console's address."""
