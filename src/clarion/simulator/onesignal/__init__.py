"""OneSignal's create-notification call: both addresses and header forms, partial errors, idempotency, rate limit."""

from clarion.simulator.onesignal.provider import OnesignalSimulator

__all__ = ["OnesignalSimulator"]
