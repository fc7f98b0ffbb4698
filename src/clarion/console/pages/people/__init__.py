"""Who people are: audiences, their groups, saved filters, and events with their postbacks."""

from clarion.console.pages.people import audiences, events, filters, groups, postbacks

ROUTES = [*audiences.ROUTES, *filters.ROUTES, *groups.ROUTES, *events.ROUTES, *postbacks.ROUTES]
