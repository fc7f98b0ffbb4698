"""Large changes in steps."""

import pytest

from clarion.db import in_steps

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("counts", [[0], [3], [10, 0], [10, 10, 9]])
async def test_steps_are_repeated_until_one_has_less_to_do(counts: list[int]) -> None:
    left = list(counts)

    async def step() -> int:
        return left.pop(0)

    assert await in_steps(step, full=10) == sum(counts)
    assert left == []
