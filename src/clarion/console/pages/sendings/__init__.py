"""Sendings: what was sent, is being sent and will be sent, and what became of it."""

from clarion.console.pages.sendings import detail, listing, recipients

ROUTES = [*listing.ROUTES, *detail.ROUTES, *recipients.ROUTES]
