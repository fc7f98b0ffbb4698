"""Page-based pagination (management-api.md §8): `page` from 1, `per_page` up to 1000, offsets below 10 000."""

from dataclasses import dataclass

import msgspec

from clarion.foundation.errors import InvalidInput

PER_PAGE = 50
PER_PAGE_LIMIT = 1000
OFFSET_LIMIT = 10_000


class Pagination(msgspec.Struct, frozen=True):
    """Where a page stands in the whole."""

    page: int
    per_page: int
    total_pages: int
    total_count: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page that may be asked for."""

    page: int
    per_page: int

    @property
    def offset(self) -> int:
        """Records before this page."""
        return (self.page - 1) * self.per_page

    def of(self, total: int) -> Pagination:
        """The answer's `pagination` when there are `total` records; an empty list has one page."""
        return Pagination(self.page, self.per_page, max(1, -(-total // self.per_page)), total)


def requested_page(page: int | None, per_page: int | None) -> Page:
    """Check what was asked for; `InvalidInput` for numbers outside the limits."""
    number = 1 if page is None else page
    size = PER_PAGE if per_page is None else per_page
    if number < 1:
        raise InvalidInput("page must be 1 or more")
    if not 1 <= size <= PER_PAGE_LIMIT:
        raise InvalidInput(f"per_page must be from 1 to {PER_PAGE_LIMIT}")
    if (number - 1) * size >= OFFSET_LIMIT:
        raise InvalidInput(f"page reaches beyond the first {OFFSET_LIMIT} records")
    return Page(number, size)
