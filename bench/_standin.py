"""A process with the provider simulator in fast mode: answers on HTTP/2 with constant frames and counts.

Writes its address and a service account as one line of JSON; answers every line of input with the number of messages
accepted so far. Ends with its standard input.
"""

import asyncio
import json
import sys

import uvloop

from clarion.simulator import Simulator

PROJECT = "bench-project"


async def main() -> None:
    """Serve until the input ends."""
    async with Simulator(fast=True) as simulator:
        account = simulator.service_account(project_id=PROJECT)
        print(json.dumps({"url": simulator.url, "ca_file": simulator.ca_file, "account": account}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(simulator.journal.accepted, flush=True)


if __name__ == "__main__":
    uvloop.run(main())
