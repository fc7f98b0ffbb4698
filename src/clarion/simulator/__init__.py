"""The provider simulator: stands in for push providers in tests, demos and benchmarks.

One TLS port speaks HTTP/2 and HTTP/1.1 for all providers. It is as strict as they are, keeps a journal of every
request, and misbehaves on demand. Each provider has its own folder and implements `model.Provider`.
"""

from clarion.simulator.faults import Action, Manner, Rule
from clarion.simulator.journal import Entry, Journal, read_journal
from clarion.simulator.listener import Mode
from clarion.simulator.server import Simulator, SimulatorAddress, serve
from clarion.simulator.wire.plan import WireSettings

__all__ = [
    "Action",
    "Entry",
    "Journal",
    "Manner",
    "Mode",
    "Rule",
    "Simulator",
    "SimulatorAddress",
    "WireSettings",
    "read_journal",
    "serve",
]
