"""The pages: one module per area, each with its `ROUTES`."""

from clarion.console.pages import profile, sign_in

ROUTES = [*sign_in.ROUTES, *profile.ROUTES]
"""Every route below the console's address."""
