"""Triggers: auto-push messages that wait for their moment. Owns table `trigger`.

A trigger is armed in the transaction that stores the event it answers, and goes in the transaction that turns it into a
delivery: a kill at any moment neither loses nor doubles one.
"""

from clarion.features.triggers.store import (
    PATIENCE,
    Claimed,
    Key,
    arm,
    arm_installs,
    claim,
    let_wait,
    remove,
    waiting,
    wake,
)

__all__ = ["PATIENCE", "Claimed", "Key", "arm", "arm_installs", "claim", "let_wait", "remove", "waiting", "wake"]
