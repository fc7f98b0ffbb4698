"""Making and changing sendings: what, who, when, by which rules; looked at before it goes."""

from clarion.console.pages.planning import changing, making, parts, testing

ROUTES = [*making.ROUTES, *changing.ROUTES, *parts.ROUTES, *testing.ROUTES]
