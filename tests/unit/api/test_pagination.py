"""Pages and their limits (management-api.md §8)."""

import pytest

from clarion.api.pagination import Pagination, requested_page
from clarion.foundation.errors import InvalidInput


def test_the_defaults_are_the_first_50() -> None:
    page = requested_page(None, None)
    assert (page.page, page.per_page, page.offset) == (1, 50, 0)


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (50, 1), (51, 2), (10_000, 200)])
def test_the_last_page_may_be_short(total: int, pages: int) -> None:
    assert requested_page(1, 50).of(total) == Pagination(1, 50, pages, total)


@pytest.mark.parametrize(("page", "per_page"), [(0, 1), (-1, 1), (1, 0), (1, 1001), (11, 1000), (10_001, 1)])
def test_a_page_beyond_the_limits_is_refused(page: int, per_page: int) -> None:
    with pytest.raises(InvalidInput):
        requested_page(page, per_page)


@pytest.mark.parametrize(("page", "per_page"), [(10, 1000), (10_000, 1), (200, 50)])
def test_a_page_at_the_limits_is_allowed(page: int, per_page: int) -> None:
    assert requested_page(page, per_page).offset < 10_000
