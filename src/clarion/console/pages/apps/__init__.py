"""Apps, their credentials, and app groups."""

from clarion.console.pages.apps import credentials, groups, listing

ROUTES = [*listing.ROUTES, *credentials.ROUTES, *groups.ROUTES]
