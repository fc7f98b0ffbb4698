"""What tokens of FCM can say about their own fate, for demos."""

from clarion.simulator.faults import Action

PREFIXES = {
    "unregistered": Action(error="UNREGISTERED"),
    "invalid": Action(error="INVALID_ARGUMENT"),
    "sender": Action(error="SENDER_ID_MISMATCH"),
    "quota": Action(error="QUOTA_EXCEEDED", retry_after=10),
    "unavailable": Action(error="UNAVAILABLE"),
    "internal": Action(error="INTERNAL"),
}
"""First word of a token, e.g. `unregistered-1`, `sender-mismatch-7`."""
FLAKY_FAILURE = Action(error="UNAVAILABLE")
