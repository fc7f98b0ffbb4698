"""Pushes: the content that sendings carry, and the composer that writes it."""

from clarion.console.pages.pushes import composing, listing

ROUTES = [*listing.ROUTES, *composing.ROUTES]
