"""A worker process that dies at once when it renders a message for the token in its environment's `DIES_OF`."""

import asyncio
import os
from collections.abc import Sequence

from tests.integration.worker.worker_process import main

from clarion.worker.content import Renderer

_render = Renderer.render


def _dying(self: Renderer, job: object, recipients: Sequence[tuple[object, ...]], *rest: object) -> object:
    if any(recipient[1] == os.environ["DIES_OF"] for recipient in recipients):
        os.abort()
    return _render(self, job, recipients, *rest)  # type: ignore[arg-type]  # as it was called


Renderer.render = _dying  # type: ignore[method-assign, assignment]  # the fail-point

if __name__ == "__main__":
    asyncio.run(main())
