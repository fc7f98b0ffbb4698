"""Apple Push Notification service: provider tokens, certificates, header rules, reasons (providers.md §3).

One port plays both environments: `https://127.0.0.1:PORT` is production, `https://localhost:PORT` the sandbox.
"""

from clarion.simulator.apns.provider import ApnsSimulator

__all__ = ["ApnsSimulator"]
