"""Large changes in steps, so that none of them holds many rows for long."""

from collections.abc import Awaitable, Callable


async def in_steps(step: Callable[[], Awaitable[int]], *, full: int) -> int:
    """Repeat `step`, which changes up to `full` rows and tells how many, until it has less to do; how many it were.

    A stop half-way loses nothing: whoever begins again goes on with the rest.
    """
    total = changed = await step()
    while changed == full:
        changed = await step()
        total += changed
    return total
